import { describe, expect, it } from 'vitest';
import { manifest, pairOfDevelopers } from './support.js';

const pair = pairOfDevelopers();

describe('a path that is baked in', () => {
  it('env!("CARGO_MANIFEST_DIR") in a library: Bob\'s program prints Bob\'s path', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n[workspace]\n`,
      'app/src/main.rs': 'fn main() { println!("{}", lib::here()); }\n',
      'app/lib/Cargo.toml': manifest('lib'),
      'app/lib/src/lib.rs': 'pub fn here() -> &\'static str { env!("CARGO_MANIFEST_DIR") }\n',
    });
    await alice.cargo(['build']);
    expect(await alice.output()).toBe(`${alice.dir}/lib`);
    const counted = await bob.count(['build']);
    expect(await bob.output()).toBe(`${bob.dir}/lib`);
    expect(counted.compiled).toBe(2);

    await bob.clean();
    expect(await bob.count(['build'])).toMatchObject({ compiled: 0, hits: { disk: 2 } });
    expect(await bob.output()).toBe(`${bob.dir}/lib`);
  });

  it('env! folded into a number, where no string survives', async () => {
    const { alice, bob } = await pair.both({
      'app/Cargo.toml': `${manifest('app')}[dependencies]\nlib = { path = "lib" }\n[workspace]\n`,
      'app/src/main.rs': 'fn main() { println!("{}", lib::HASH); }\n',
      'app/lib/Cargo.toml': manifest('lib'),
      'app/lib/src/lib.rs': `
        const fn hash(text: &str) -> u64 {
          let bytes = text.as_bytes();
          let (mut h, mut i) = (0xcbf29ce484222325u64, 0);
          while i < bytes.len() { h = (h ^ bytes[i] as u64).wrapping_mul(0x100000001b3); i += 1; }
          h
        }
        pub const HASH: u64 = hash(env!("CARGO_MANIFEST_DIR"));
      `,
    });
    const expected = (dir: string) => {
      let h = 0xcbf29ce484222325n;
      for (const byte of Buffer.from(`${dir}/lib`)) {
        h = ((h ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
      }
      return String(h);
    };
    await alice.cargo(['build']);
    expect(await alice.output()).toBe(expected(alice.dir));
    await bob.cargo(['build']);
    expect(await bob.output()).toBe(expected(bob.dir));
  });
});
