#!/usr/bin/env node
// npm run bench:observe [-- --rounds N]: what it costs a compile, and the run of a build script,
// to be observed. The same command with and without the observer in turn, who goes first changes;
// the outputs have to be the same bytes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../bin/build.mjs';
import { inRoot } from '../../bin/lib/project.mjs';
import { median, ratio } from '../hit/numbers.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const rounds = Math.max(5, Number(values.rounds));

await build();
const observer = inRoot('bin', 'vrift-observer.so');
const scratch = mkdtempSync(join(tmpdir(), 'vrift-observe-'));
try {
  for (const subject of [macroUser(), linked(), script()]) measure(subject);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function measure({ name, command, output }) {
  const log = join(scratch, 'log');
  const seen = { LD_PRELOAD: observer, VRIFT_OBSERVED: log };
  const ways = [
    ['plain', {}],
    ['observed', seen],
  ];
  const times = [];
  const digests = new Set();
  for (let round = 0; round < rounds; round += 1) {
    const time = {};
    for (const [way, env] of round % 2 === 0 ? ways : ways.toReversed()) {
      writeFileSync(log, '');
      const startedMs = performance.now();
      run(command, env);
      time[way] = performance.now() - startedMs;
      digests.add(createHash('sha256').update(readFileSync(output)).digest('hex'));
    }
    times.push(time);
  }
  const kb = Math.round(statSync(log).size / 1000);
  const both = ways.map(([way]) => `${way} ${median(times.map((t) => t[way])).toFixed(0)} ms`);
  const same = digests.size === 1 ? 'same output' : 'OUTPUTS DIFFER';
  const over = ratio(times, 'observed', 'plain').toFixed(3);
  console.log(`${name}: ${both.join(', ')}: ${over} ×, ${kb} kB of records, ${same}`);
  if (digests.size > 1) process.exitCode = 1;
}

/** A crate that derives three hundred times, with a macro that looks at files itself. */
function macroUser() {
  const macro = write(
    'mac.rs',
    `extern crate proc_macro;
    #[proc_macro]
    pub fn make(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
      let _ = std::fs::metadata(std::env::var("VR_UNSET").unwrap_or("Cargo.toml".into()));
      format!("pub fn f{input}(n: u64) -> u64 {{ (0..n).map(|i| i ^ {input}).sum() }}").parse().unwrap()
    }\n`,
  );
  run(['rustc', '--crate-type', 'proc-macro', macro, '--out-dir', scratch], {});
  const calls = Array.from({ length: 300 }, (_, n) => `mac::make!(${n});\n`).join('');
  const user = write('user.rs', calls);
  const output = join(scratch, 'libuser.rlib');
  const extern = `mac=${join(scratch, 'libmac.so')}`;
  const command = ['rustc', '--crate-type', 'lib', '-g', '--extern', extern, user, '-o', output];
  return { name: 'a crate with 300 macro calls', command, output };
}

/** A small program: almost all of it is the linker. */
function linked() {
  const source = write('app.rs', 'fn main() { println!("{:?}", std::env::args()); }\n');
  const output = join(scratch, 'app');
  return { name: 'a program', command: ['rustc', '-g', source, '-o', output], output };
}

/** What a script with C inside does: twenty compiler calls and an archive. */
function script() {
  for (let n = 0; n < 20; n += 1) {
    write(`c${n}.c`, `#include <stdio.h>\n#include <stdlib.h>\nint f${n}(void) { return ${n}; }\n`);
  }
  const output = join(scratch, 'libc.a');
  const text = `cd "$1" && for f in c*.c; do cc -O2 -c "$f"; done && rm -f libc.a && ar rcD libc.a c*.o`;
  return { name: 'twenty C files', command: ['sh', '-ec', text, 'sh', scratch], output };
}

function write(name, text) {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

function run([program, ...args], env) {
  const options = { env: { ...process.env, ...env }, encoding: 'utf8', cwd: scratch };
  const { status, stderr, error } = spawnSync(program, args, options);
  if (status !== 0) throw new Error(`${program} fails: ${error?.message ?? stderr}`);
}
