import type { BypassReason, PlannedOutput, RustcPlan } from '../plan.js';

interface Names {
  exe: string;
  dynamic: [prefix: string, suffix: string];
  /** Whether the linker is driven as `cc`, so that `-Wl,--dependency-file` reaches an ELF linker. */
  gnu: boolean;
}

const ELF: Names = { exe: '', dynamic: ['lib', '.so'], gnu: true };

/** By the end of the target triple. A system that is not here caches libraries only. */
const SYSTEMS: readonly [pattern: RegExp, names: Names][] = [
  [/-linux-(gnu|musl)/, ELF],
  [/-(freebsd|netbsd|openbsd)$/, ELF],
  [/-apple-/, { exe: '', dynamic: ['lib', '.dylib'], gnu: false }],
  [/^wasm32-/, { exe: '.wasm', dynamic: ['', '.wasm'], gnu: false }],
];

/**
 * The files that the call will write, by role: a consumer trusts these names and nobody else's.
 *
 * @param triple the target, or the host where the call names none
 */
export function outputsOf(
  plan: RustcPlan,
  triple: string,
): { outputs: PlannedOutput[] } | { reason: BypassReason; detail: string } {
  const names = SYSTEMS.find(([pattern]) => pattern.test(triple))?.[1];
  const stem = `${plan.crateName}${plan.extraFilename}`;
  const outputs: PlannedOutput[] = [];
  const put = (
    role: PlannedOutput['role'],
    emit: PlannedOutput['emit'],
    file: string,
    executable = false,
  ) => {
    const spelt = plan.speltOutDir === undefined ? file : `${plan.speltOutDir}/${file}`;
    outputs.push({ role, emit, executable, path: `${plan.outDir}/${file}`, spelt });
  };

  if (plan.links && (names === undefined || !names.gnu || !isCcFlavor(plan.linker))) {
    return { reason: 'linker flavor', detail: plan.linker ?? triple };
  }
  if (plan.emit.metadata !== undefined) put('rmeta', 'metadata', `lib${stem}.rmeta`);
  if (plan.emit.link !== undefined) {
    for (const type of plan.test ? ['bin'] : plan.crateTypes) {
      if (type === 'rlib') put('rlib', 'link', `lib${stem}.rlib`);
      else if (names === undefined) return { reason: 'target output names', detail: triple };
      else if (type === 'staticlib') put('staticlib', 'link', `lib${stem}.a`);
      else if (type === 'bin') put('bin', 'link', `${stem}${names.exe}`, true);
      else if (type === 'dylib' || type === 'cdylib' || type === 'proc-macro') {
        put(type, 'link', `${names.dynamic[0]}${stem}${names.dynamic[1]}`, true);
      } else return { reason: 'crate type', detail: type };
    }
    if (plan.links && plan.splitDebuginfo === 'packed' && plan.debuginfo) {
      const linked = outputs.filter(({ executable }) => executable);
      if (linked.length > 1) return { reason: 'crate type', detail: 'several packed outputs' };
      for (const { path } of linked)
        put('dwp', 'link', `${path.slice(plan.outDir.length + 1)}.dwp`);
    }
  }
  put('dep-info', 'dep-info', `${stem}.d`);
  return rename(plan, outputs);
}

/** `--emit=metadata=PATH` names the file itself. */
function rename(
  plan: RustcPlan,
  outputs: PlannedOutput[],
): { outputs: PlannedOutput[] } | { reason: BypassReason; detail: string } {
  for (const [kind, path] of Object.entries(plan.emit)) {
    if (path === null || path === undefined) continue;
    const named = outputs.filter((output) => output.emit === kind);
    if (named.length !== 1) return { reason: 'emit kind', detail: `${kind}=${path}` };
    Object.assign(named[0]!, { path, spelt: path });
  }
  const paths = new Set(outputs.map((output) => output.path));
  if (paths.size !== outputs.length) return { reason: 'crate type', detail: 'outputs collide' };
  return { outputs };
}

/** rustc takes the linker's flavor from its name: only `cc`-like drivers understand `-Wl,`. */
function isCcFlavor(linker: string | undefined): boolean {
  if (linker === undefined) return true;
  const stem = (linker.split('/').at(-1) ?? '').replace(/-\d+(\.\d+)*$/, '');
  return /(^|-)(cc|gcc|clang|g\+\+|c\+\+|clang\+\+)$/.test(stem);
}
