import fc from 'fast-check';
import { expect, it } from 'vitest';

/** `npm run fuzz -- --minutes N` sets these; without, a few hundred inputs of a new seed. */
export const runs = Number(process.env.VRIFT_FUZZ_RUNS ?? 300);
export const seed = Number(process.env.VRIFT_SEED ?? Date.now() % 1_000_000_000);

/** No input within its bounds may take longer: a node answers others meanwhile. */
const MOST_MS = 1_500;

interface FuzzOptions {
  /** Inputs that are slow to check get a share of the runs. */
  share?: number;
  /** Inputs that were wrong once, or are as bad as they can be; tried first. */
  examples?: unknown[];
}

/** A sentence that has to hold for every input, each within its time. */
export function always<T>(
  sentence: string,
  inputs: fc.Arbitrary<T>,
  holds: (input: T) => void | Promise<void>,
  { share = 1, examples = [] }: FuzzOptions = {},
): void {
  it(sentence, { timeout: 60_000 + runs * 100 }, async () => {
    const timed = async (input: T) => {
      const began = performance.now();
      await holds(input);
      expect(performance.now() - began).toBeLessThan(MOST_MS);
    };
    for (const example of examples) await timed(example as T);
    const numRuns = Math.max(10, Math.round(runs * share));
    const report = (details: fc.RunDetails<[T]>) => {
      if (!details.failed) return;
      const input = String(fc.stringify(details.counterexample)).slice(0, 2_000);
      const cause = details.errorInstance;
      throw new Error(`seed ${seed}, runs ${numRuns}: ${cause}\n${input}`, { cause });
    };
    await fc.assert(fc.asyncProperty(inputs, timed), {
      seed,
      numRuns,
      asyncReporter: async (d) => report(d),
    });
  });
}

const INTERESTING = [0, 1, 0x0a, 0x20, 0x22, 0x2f, 0x5b, 0x7b, 0x7f, 0x80, 0xff];

const edit = fc.record({
  kind: fc.constantFrom('set', 'flip', 'cut', 'repeat', 'insert', 'swap', 'number'),
  at: fc.nat(),
  length: fc.oneof(fc.nat({ max: 16 }), fc.nat({ max: 400 })),
  byte: fc.oneof(fc.constantFrom(...INTERESTING), fc.nat({ max: 255 })),
  bytes: fc.uint8Array({ maxLength: 24 }),
});

/** Sound inputs with some bytes wrong, missing, doubled or swapped; sometimes anything at all. */
export function mutated(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const edited = fc.tuple(fc.nat(), fc.array(edit, { maxLength: 6 })).map(([which, edits]) => {
    let bytes = Buffer.from(samples[which % samples.length]!);
    for (const one of edits) bytes = apply(bytes, one);
    return bytes;
  });
  const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof({ weight: 9, arbitrary: edited }, { weight: 1, arbitrary: anything });
}

type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

function apply(bytes: Buffer, { kind, at, length, byte, bytes: fresh }: Edit): Buffer<ArrayBuffer> {
  const place = bytes.length === 0 ? 0 : at % bytes.length;
  const head = bytes.subarray(0, place);
  const part = bytes.subarray(place, place + length);
  const tail = bytes.subarray(place + length);
  if (kind === 'cut') return Buffer.concat([head, tail]);
  if (kind === 'repeat') return Buffer.concat([head, part, part, part, tail]);
  if (kind === 'insert') return Buffer.concat([head, fresh, bytes.subarray(place)]);
  if (kind === 'swap') return Buffer.concat([part, head, tail]);
  if (kind === 'number') {
    const huge = ['-1', '0', '99999999999999999999', '1e308', '4294967295'][at % 5]!;
    return Buffer.from(bytes.toString('latin1').replace(/\d+/, huge), 'latin1');
  }
  const changed = Buffer.from(bytes);
  if (changed.length > 0) changed[place] = kind === 'set' ? byte : changed[place]! ^ (byte || 1);
  return changed;
}

/** Values like these with members gone, added, of another kind, too many, or nested. */
export function mutatedJson(samples: readonly unknown[]): fc.Arbitrary<unknown> {
  const other = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(null, -1, 1e308, '', 'x'.repeat(5_000), '\ud800', '../x', [], {}, [[]]),
    fc.constant(Array.from({ length: 70_000 }, () => 0)),
    fc.constant(JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`)),
  );
  const steps = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
  const deed = fc.constantFrom('replace', 'remove', 'add', 'double');
  const change = fc.record({ steps, deed, other });
  const input = fc.tuple(fc.nat(), fc.array(change, { maxLength: 3 }));
  return input.map(([which, changes]) => {
    const root = { value: structuredClone(samples[which % samples.length]) };
    for (const one of changes) alter(root, one.steps, one.deed, structuredClone(one.other));
    // As it would arrive.
    return JSON.parse(JSON.stringify(root.value) ?? 'null') as unknown;
  });
}

function alter(root: object, steps: number[], deed: string, other: unknown): void {
  let parent = root as Record<string, unknown>;
  let key = 'value';
  for (const step of steps) {
    const value = parent[key];
    if (value === null || typeof value !== 'object') break;
    const keys = Object.keys(value).slice(0, 50);
    if (keys.length === 0) break;
    parent = value as Record<string, unknown>;
    key = keys[step % keys.length]!;
  }
  if (deed === 'replace') parent[key] = other;
  else if (deed === 'remove') delete parent[key];
  else if (deed === 'add') parent[`${key}x`] = other;
  else {
    const list: unknown = parent[key];
    if (Array.isArray(list)) parent[key] = [...list, ...list];
  }
}

/** The one kind of failure that a parser may have. */
export function failsOnlyWith<T>(codes: readonly string[], call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    expect(codes).toContain((error as { code?: string }).code);
    return undefined;
  }
}
