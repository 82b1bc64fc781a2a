import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { PeerInfo, StatusInfo } from '../../src/wire/control.js';
import { type Files, manifest, type Project, pairOfDevelopers } from '../traps/support.js';

const pair = pairOfDevelopers();

const CRATES = 6;
/** A node knows the order of a build when that has paused for half a second. */
const NOTED_MS = 1_500;

/** A program of six libraries in a row; what each says is `words[n]`. */
function chain(words: readonly string[]): Files {
  const files: Record<string, string> = {
    'app/Cargo.toml': `[workspace]\nmembers = ["*"]\nexclude = ["target"]\nresolver = "2"\n`,
    'app/app/Cargo.toml': `${manifest('app')}[dependencies]\nl${CRATES - 1} = { path = "../l${CRATES - 1}" }\n`,
    'app/app/src/main.rs': `fn main() { print!("{}", l${CRATES - 1}::say()); }\n`,
  };
  for (let n = 0; n < CRATES; n += 1) {
    const needs = n === 0 ? '' : `[dependencies]\nl${n - 1} = { path = "../l${n - 1}" }\n`;
    const before = n === 0 ? 'String::new()' : `l${n - 1}::say()`;
    files[`app/l${n}/Cargo.toml`] = `${manifest(`l${n}`)}${needs}`;
    files[`app/l${n}/src/lib.rs`] =
      `pub fn say() -> String { format!("{}{}", ${before}, ${JSON.stringify(words[n])}) }\n`;
  }
  return files;
}

const status = ({ developer }: Project) => developer.vriftJson<StatusInfo>(['status']);

async function connected({ developer }: Project): Promise<void> {
  const states = async () => {
    const peers = await developer.vriftJson<PeerInfo[]>(['peers']);
    return peers.map(({ state }) => state);
  };
  await expect.poll(states, { timeout: 20_000 }).toContain('connected');
}

/** Polls what nobody tells: results arrive while nothing asks for them. */
async function resultsReach(project: Project, count: number): Promise<void> {
  await expect
    .poll(async () => (await status(project)).store.results, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(count);
}

describe("what a colleague's build used next", () => {
  it('is left alone where it does not fit', async () => {
    const { alice, bob } = await pair.both(chain(['1', '2', '3', '4', '5', '6']));
    await alice.cargo(['build']);
    await bob.write({ 'app/l3/src/lib.rs': 'pub fn say() -> String { l2::say() + "X" }\n' });
    const counted = await bob.count(['build']);
    expect(counted).toMatchObject({ compiled: 4, hits: { peer: 3 }, errors: {} });
    expect(await bob.output()).toBe('123X56');
  });

  it('crosses the network once, whoever asks first', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const files: Record<string, string> = {
      'app/Cargo.toml': `[workspace]\nmembers = ["*"]\nexclude = ["target"]\nresolver = "2"\n`,
    };
    for (const [index, name] of names.entries()) {
      // A megabyte or two that no other crate has: nothing is there by the time the next is asked for.
      const text = Array.from({ length: 40_000 }, (_, n) => (n * 7919 + index) ** 2).join(' ');
      files[`app/${name}/Cargo.toml`] = manifest(name);
      files[`app/${name}/data.txt`] = text.repeat(3);
      files[`app/${name}/src/lib.rs`] =
        'pub static DATA: &[u8] = include_bytes!("../data.txt");\n#[used]\nstatic KEPT: &[u8] = DATA;\n';
    }
    const { alice, bob } = await pair.both(files);
    await alice.cargo(['build']);
    await sleep(NOTED_MS);
    const before = (await status(bob)).store.bytes;
    const { hits, bytes } = await bob.count(['build', '--jobs', '4']);
    expect(hits).toMatchObject({ peer: names.length });
    const kept = (await status(bob)).store.bytes - before;
    expect(kept).toBeGreaterThan(names.length << 20);
    expect(bytes.peerIn).toBeLessThan(1.02 * kept);
  });

  it('is there before it is asked for, also when the colleague has left', async () => {
    const { alice, bob } = await pair.both(chain(['a', 'b', 'c', 'd', 'e', 'f']));
    await alice.cargo(['build']);
    await sleep(NOTED_MS);
    const before = (await status(bob)).store.results;
    const first = await bob.count(['build', '-p', 'l0']);
    expect(first.hits).toMatchObject({ peer: 1 });
    await resultsReach(bob, before + CRATES + 1);

    await pair.alice.stop();
    const rest = await bob.count(['build']);
    expect(rest).toMatchObject({ compiled: 0, hits: { peer: CRATES, disk: 0 } });
    expect(await bob.output()).toBe('abcdef');
    // Once used it is one's own.
    await bob.clean();
    expect((await bob.count(['build'])).hits).toMatchObject({ disk: CRATES + 1, peer: 0 });
    await pair.alice.start();
    await connected(bob);
  });
});
