import { canonicalJson } from '../base/canonical.js';
import type { Digest } from '../base/digest.js';
import type { Environment } from '../keying/ports.js';
import { RUSTC_READS } from '../keying/unitKey.js';
import { hasRawBytes } from '../wire/bytes.js';
import type { CallFrame } from '../wire/launcher.js';
import { environmentOf } from './caller.js';
import type { Channel, PipelinePorts } from './ports.js';

/** What a compiler answered to a question. */
export interface Answered {
  stdout: string;
  stderr: string;
}

/** What hangs on the compiler, its flags and what it reads of the environment, and on no file. */
const KINDS = new Set([
  'cfg',
  'crate-name',
  'file-names',
  'split-debuginfo',
  'supported-crate-types',
  'sysroot',
  'target-libdir',
]);

/**
 * What hangs on more: the processor of this machine, files with arguments, targets or backends, other
 * toolchains; and what makes outputs.
 */
const UNKNOWN =
  /native|^@|^\+|\.json$|^--sysroot|codegen-backend|^-L|^-o|^--out-dir|^--emit|^--extern/;

const MAX_CHARS = 256 * 1024;

/**
 * Answers cargo's questions to a compiler: in each new target directory it asks the same ones, and
 * waits for two processes of rustc. Anything but those questions runs the compiler.
 */
export async function answerProbe(
  frame: CallFrame,
  channel: Channel,
  ports: PipelinePorts,
  isMet: (compiler: string, cwd: string) => boolean,
): Promise<void> {
  const rules = ports.rules(frame.cwd, frame.cwd);
  const [compiler = '', ...words] = frame.argv;
  const mayAnswer = typeof rules !== 'string' && rules.enabled && isKnownQuestion(words, frame);
  if (!mayAnswer || !/(^|\/)rustc$/.test(compiler)) return channel.send({ act: 'pass' });
  // One that was not met yet may be installed by its first question: that is the caller's to wait for.
  const key = isMet(compiler, frame.cwd) ? await keyOf(frame, ports) : undefined;
  const isToAsk = key === undefined || frame.env.includes('VRIFT_RECACHE=1');
  const known = isToAsk ? undefined : ports.probes.get(key);
  if (known !== undefined) {
    channel.send({ act: 'hit', ops: [], ...known });
    await channel.next();
    return;
  }
  const { argv } = frame;
  channel.send({ act: 'run', argv, unmap: [], stat: [], mkdirs: [], ackMs: 0 });
  const report = await channel.next();
  if (report?.kind !== 'ran' || report.code !== 0 || report.truncated) return;
  const { stdout, stderr } = report;
  if (hasRawBytes(stdout) || hasRawBytes(stderr)) return;
  if (stdout.length + stderr.length > MAX_CHARS) return;
  const place = await keyOf(frame, ports);
  // A compiler that was put in place meanwhile may not be the one that answered.
  if (place === undefined || (key !== undefined && key !== place)) return;
  ports.probes.put(place, { stdout, stderr });
}

async function keyOf(frame: CallFrame, ports: PipelinePorts): Promise<Digest | undefined> {
  const [compiler = '', ...words] = frame.argv;
  const env = environmentOf(frame.env);
  if (typeof env === 'string' || env.has('RUSTC_LOG') || env.has('RUST_TARGET_PATH')) {
    return undefined;
  }
  const target = argumentOf('--target', words);
  const toolchain = await ports.tools.toolchain(compiler, target, frame.cwd, env);
  if (toolchain === undefined) return undefined;
  const { id, sysroot } = toolchain;
  const place = ports.disk.realpath(sysroot);
  const parts = { probe: 1, id, sysroot, place, compiler, words, env: readOf(env) };
  return ports.hasher.hash(canonicalJson(parts));
}

function isKnownQuestion(words: readonly string[], { readsNothing }: CallFrame): boolean {
  if (words.length === 1 && words[0] === '-vV') return true;
  if (readsNothing !== true || !words.includes('-')) return false;
  if (words.some((word) => UNKNOWN.test(word))) return false;
  const kinds = words.flatMap((word, at) => {
    if (word === '--print') return [words[at + 1] ?? ''];
    return word.startsWith('--print=') ? [word.slice('--print='.length)] : [];
  });
  return kinds.length > 0 && kinds.every((kind) => KINDS.has(kind));
}

function argumentOf(flag: string, words: readonly string[]): string | undefined {
  const at = words.indexOf(flag);
  if (at >= 0) return words[at + 1];
  return words.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1);
}

function readOf(env: Environment): [string, string][] {
  return RUSTC_READS.flatMap((name): [string, string][] => {
    const value = env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
}
