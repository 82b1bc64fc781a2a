/**
 * What a flag does to the key. `key`: its words, mapped, are part of the unit key. `path`: the
 * same, its value being one path. `drop`: it changes where or how things are written, never what.
 * `input`, `output` and `name`: read by the plan and keyed there. `bypass`: not cached, counted.
 * `probe`: the call asks a question and makes nothing.
 */
export type Effect = 'key' | 'drop' | 'input' | 'output' | 'name' | 'bypass' | 'probe';

export interface FlagRule {
  effect: Effect;
  takesValue: boolean;
  /** Counted when the effect is `bypass`. */
  reason?: 'unknown flag' | 'output file option' | 'target specification file' | 'save temps';
}

const key: FlagRule = { effect: 'key', takesValue: true };
const bare: FlagRule = { effect: 'key', takesValue: false };
const drop: FlagRule = { effect: 'drop', takesValue: true };
const input: FlagRule = { effect: 'input', takesValue: true };
const output: FlagRule = { effect: 'output', takesValue: true };
const name: FlagRule = { effect: 'name', takesValue: true };
const probe: FlagRule = { effect: 'probe', takesValue: false };

/** rustc 1.80–1.97. A flag that is not here bypasses: a wrong miss costs less than a wrong hit. */
export const FLAGS: Readonly<Record<string, FlagRule>> = {
  '--cfg': key,
  '--check-cfg': key,
  '--edition': key,
  '--cap-lints': key,
  '-A': key,
  '--allow': key,
  '-W': key,
  '--warn': key,
  '--force-warn': key,
  '-D': key,
  '--deny': key,
  '-F': key,
  '--forbid': key,
  '-O': bare,
  '-g': bare,
  '--test': { effect: 'name', takesValue: false },
  '--remap-path-prefix': key,
  '--crate-name': name,
  '--crate-type': name,
  '--target': name,
  '--emit': output,
  '--out-dir': output,
  '-o': { effect: 'bypass', takesValue: true, reason: 'output file option' },
  '--extern': input,
  '-L': input,
  '-l': input,
  '--error-format': drop,
  '--json': drop,
  '--color': drop,
  '--diagnostic-width': drop,
  '-v': { effect: 'drop', takesValue: false },
  '--verbose': { effect: 'drop', takesValue: false },
  '--sysroot': { effect: 'bypass', takesValue: true, reason: 'unknown flag' },
  '-V': probe,
  '-vV': probe,
  '--version': probe,
  '-h': probe,
  '--help': probe,
  '--print': { effect: 'probe', takesValue: true },
  '--explain': { effect: 'probe', takesValue: true },
  // Which ones, and what they do: unstable.ts.
  '-Z': { effect: 'key', takesValue: true },
};

export interface CodegenRule {
  effect: 'key' | 'name' | 'bypass';
  reason?: 'profiling data' | 'save temps' | 'linker flavor' | 'unknown flag';
}

const ckey: CodegenRule = { effect: 'key' };
const cname: CodegenRule = { effect: 'name' };

/** `-C NAME[=VALUE]`. */
export const CODEGEN: Readonly<Record<string, CodegenRule>> = {
  'code-model': ckey,
  'codegen-units': ckey,
  'collapse-macro-debuginfo': ckey,
  'control-flow-guard': ckey,
  'debug-assertions': ckey,
  debuginfo: ckey,
  'default-linker-libraries': ckey,
  'dwarf-version': ckey,
  'embed-bitcode': ckey,
  'extra-filename': cname,
  'force-frame-pointers': ckey,
  'force-unwind-tables': ckey,
  incremental: cname,
  'inline-threshold': ckey,
  'instrument-coverage': ckey,
  'jump-tables': ckey,
  'link-arg': ckey,
  'link-args': ckey,
  'link-dead-code': ckey,
  'link-self-contained': ckey,
  linker: { effect: 'name' },
  'linker-flavor': { effect: 'bypass', reason: 'linker flavor' },
  'linker-plugin-lto': ckey,
  'llvm-args': ckey,
  lto: ckey,
  metadata: cname,
  'no-prepopulate-passes': ckey,
  'no-redzone': ckey,
  'no-vectorize-loops': ckey,
  'no-vectorize-slp': ckey,
  'opt-level': ckey,
  'overflow-checks': ckey,
  panic: ckey,
  passes: ckey,
  'prefer-dynamic': ckey,
  'profile-generate': { effect: 'bypass', reason: 'profiling data' },
  'profile-use': { effect: 'bypass', reason: 'profiling data' },
  'relocation-model': ckey,
  'relro-level': ckey,
  remark: ckey,
  rpath: ckey,
  'save-temps': { effect: 'bypass', reason: 'save temps' },
  'soft-float': ckey,
  'split-debuginfo': ckey,
  strip: ckey,
  'symbol-mangling-version': ckey,
  'target-cpu': ckey,
  'target-feature': ckey,
};
