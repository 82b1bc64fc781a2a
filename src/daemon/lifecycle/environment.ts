/** What a node needs of the machine and the user it runs for. */
const ALLOWED: ReadonlySet<string> = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'TZ',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'RUSTUP_HOME',
]);

/** One build's wishes, which the launcher sends with each call. */
const CALLERS_OWN: ReadonlySet<string> = new Set([
  'VRIFT_DISABLE',
  'VRIFT_READONLY',
  'VRIFT_RECACHE',
  'VRIFT_TRACE',
  'VRIFT_VERIFY',
]);

/**
 * Whether cargo gave this environment to a program of some project: a `[env]` table of that
 * project's `.cargo/config.toml` may stand in it.
 */
export function isOfProject(env: NodeJS.ProcessEnv): boolean {
  return env.CARGO_MANIFEST_DIR !== undefined || env.CARGO_PKG_NAME !== undefined;
}

/**
 * The environment of a node that somebody's build happens to start: nothing that would change
 * other people's builds, and nothing that Node or the dynamic linker would obey. Below cargo no
 * settings either: those may be a clone's.
 */
export function nodeEnvironment(env: NodeJS.ProcessEnv, home: string): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = {};
  const settles = !isOfProject(env);
  for (const [name, value] of Object.entries(env)) {
    const own = settles && name.startsWith('VRIFT_') && !CALLERS_OWN.has(name);
    if (own || name.startsWith('LC_') || ALLOWED.has(name)) kept[name] = value;
  }
  return { ...kept, VRIFT_HOME: home };
}
