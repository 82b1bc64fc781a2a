import { existsSync, readFileSync } from 'node:fs';
import { cpus, hostname, machine, release, version } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Digest, Hasher } from '../../base/digest.js';
import type { Environment } from '../../keying/ports.js';
import type { ToolsPort } from '../../pipeline/ports.js';
import { Linkers } from './linker.js';
import { PrefixMaps } from './prefixMaps.js';
import { findProgram } from './run.js';
import { Toolchains } from './toolchain.js';

export interface ToolsOptions {
  hasher: Hasher;
  digest(path: string): Digest | undefined;
  digestAsync(path: string): Promise<Digest | undefined>;
  monotonic(): number;
}

/** Compilers, linkers and the machine, as far as they decide what a compile makes. */
export function openTools(options: ToolsOptions): ToolsPort {
  const { hasher, digest } = options;
  const toolchains = new Toolchains({ ...options, digest: options.digestAsync });
  const linkers = new Linkers({ hasher, digest });
  const prefixMaps = new PrefixMaps(digest);
  const targets = new Map<string, string>();
  let cpu: string | undefined;
  return {
    toolchain: (compiler, target, cwd, env) => toolchains.identify(compiler, target, cwd, env),
    linker: (plan, cwd, env) => linkers.identify(plan, cwd, env),
    prefixMaps: (cwd, env) => prefixMaps.of(cwd, env),
    clippy: (driver, cwd, env) => clippyDigest(driver, cwd, env, options),
    cpu: () => {
      cpu ??= hasher.hash(cpuText());
      return cpu;
    },
    host: () => [hostname(), release(), version(), machine()].join(' '),
    targetDir: (outDir, env) => {
      const known = targets.get(outDir);
      if (known !== undefined) return known;
      const found = targetDirOf(outDir, env);
      if (targets.size > 10_000) targets.clear();
      targets.set(outDir, found);
      return found;
    },
  };
}

/** cargo tags the top of each target and build directory; its inner layout is its own affair. */
function targetDirOf(outDir: string, env: Environment): string {
  for (let dir = outDir; dirname(dir) !== dir; dir = dirname(dir)) {
    if (existsSync(join(dir, 'CACHEDIR.TAG'))) return dir;
  }
  const named = env.get('CARGO_TARGET_DIR');
  return named !== undefined && outDir.startsWith(`${named}/`) ? named : outDir;
}

const CLIPPY_FILES = ['clippy.toml', '.clippy.toml'];

/** clippy-driver by content, with what it reads of environment and configuration. */
function clippyDigest(
  driver: string,
  cwd: string,
  env: Environment,
  { hasher, digest }: ToolsOptions,
): Digest | undefined {
  const program = findProgram(driver, cwd, env);
  if (program === undefined) return undefined;
  const lines = [digest(program) ?? 'missing'];
  for (const name of ['CLIPPY_ARGS', 'CARGO_PRIMARY_PACKAGE', 'CLIPPY_DISABLE_DOCS_LINKS']) {
    lines.push(`${name}=${env.get(name) ?? ''}`);
  }
  const manifest = env.get('CARGO_MANIFEST_PATH');
  const content = manifest === undefined ? undefined : digest(resolve(cwd, manifest));
  lines.push(`manifest ${content ?? 'none'}`);
  const start = resolve(cwd, env.get('CLIPPY_CONF_DIR') ?? env.get('CARGO_MANIFEST_DIR') ?? '.');
  for (let dir = start; ; dir = dirname(dir)) {
    for (const name of CLIPPY_FILES) {
      const found = digest(join(dir, name));
      if (found !== undefined) lines.push(`${name} ${found}`);
    }
    if (dirname(dir) === dir) break;
  }
  return hasher.hash(lines.join('\n'));
}

/** Model and features of the first processor: what `target-cpu=native` resolves to. */
function cpuText(): string {
  try {
    const first = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')[0] ?? '';
    return first
      .split('\n')
      .filter((line) => /^(vendor_id|cpu family|model|stepping|flags|Features|CPU)/.test(line))
      .join('\n');
  } catch {
    return cpus()[0]?.model ?? 'unknown';
  }
}
