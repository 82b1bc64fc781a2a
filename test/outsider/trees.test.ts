import { mkdir, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../mesh/support.js';
import { isSound } from '../traps/alone.js';
import { manifest } from '../traps/support.js';
import { outside, ROGUE_PORT } from './support.js';
import { HONEST, Turned } from './turned.js';

const config = `peers = ["10.77.0.3:${ROGUE_PORT}"]\ndiscovery = false\n`;
/** A program that prints what its build script wrote. */
const files = {
  'app/Cargo.toml': manifest('app', '[workspace]\n'),
  'app/build.rs': `fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/gen.rs"), "pub const WORD: &str = \\"truth\\";").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
}
`,
  'app/src/main.rs':
    'include!(concat!(env!("OUT_DIR"), "/gen.rs"));\nfn main() { println!("{WORD}"); }\n',
};

/** From the script's directory to Alice's: `hers1/app/target/debug/build/app-0123456789abcdef/out`. */
const UP = '../'.repeat(7);

/** A tree as docs/protocol.md says, whatever its header holds. */
function treeOf(header: object[], content = 'owned'): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from('vrift-tree 1\n'), length, text, Buffer.from(content)]);
}
const file = (path: string, mode = 0o644) => {
  return { path, mode, kind: 'file', at: 0, size: 5, text: false };
};

let mallory: Turned;
outside(
  'what a member that turned gives for a build script’s run',
  () => {
    beforeEach(() => {
      mallory.turn = HONEST();
    });
    afterAll(() => mallory?.[Symbol.asyncDispose]());

    async function build() {
      const { alice } = mallory.office;
      const hers = await mallory.project();
      await alice.vrift(['stats', '--reset']);
      await hers.cargo(['build'], { timeoutMs: 30_000 });
      expect(await hers.output()).toBe('truth');
      return { hers, scripts: (await alice.stats()).scripts };
    }

    it('is put in place while she is honest', async () => {
      const { scripts } = await build();
      expect(scripts.replayed.peer).toBe(1);
    });

    it('puts nothing outside of it, by a link in the way, a name, or an absolute path', async () => {
      const { alice } = mallory.office;
      const outsideOf = join(alice.home, 'precious');
      await mkdir(outsideOf);
      const trees = [
        treeOf([{ path: 'x', mode: 0o777, kind: 'link', target: outsideOf }, file('x/owned')]),
        treeOf([file('x/owned'), { path: 'x', mode: 0o777, kind: 'link', target: outsideOf }]),
        treeOf([file(`${UP}${relative(alice.root, outsideOf)}/owned`)]),
        treeOf([file(`/${outsideOf}/owned`)]),
        treeOf([file('gen.rs', 0o4755)]),
      ];
      for (const tree of trees) {
        const digest = digestOf(tree);
        mallory.turn.own.set(digest, tree);
        mallory.turn.find = (found) =>
          found.map((list) =>
            list.map((one) =>
              one.result.outputs[0]?.role === 'tree'
                ? mallory.vouched(one, ({ result }) => {
                    result.outputs = [
                      { role: 'tree', executable: false, digest, size: tree.length },
                    ];
                  })
                : one,
            ),
          );
        const { scripts } = await build();
        expect(mallory.asked).toContain(`/v1/blob/${digest}`);
        expect([scripts.ran, scripts.replayed.peer]).toEqual([1, 0]);
        expect(await readdir(outsideOf)).toEqual([]);
        await isSound(alice);
      }
    }, 120_000);
  },
  {
    config,
    before: async (office) => {
      mallory = await Turned.open(office, files);
    },
  },
);
