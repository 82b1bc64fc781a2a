import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHasher } from '../../src/store/hashing.js';
import { Developer, formMesh } from '../harness/developer.js';
import { installCopy } from '../harness/install.js';
import { isSound, small } from './alone.js';
import { builds } from './builds.js';
import { Project } from './support.js';

/**
 * Puts a lie into every result before the node vouches for it: keys, digests and signature fit,
 * so that nothing but the receiver's own plan can tell.
 */
const LIAR: readonly [string, string] = [
  'const reader = {\n    candidates: (unitKey) => store.candidates(unitKey)',
  `const { readFileSync } = await import('node:fs');
const { canonicalJson } = await import('../../base/canonical.js');
const lie = (told) => {
    const text = readFileSync(join(start.identityDir, '..', 'lie.js'), 'utf8');
    new Function('told', text)(told);
    told.result.manifest = hasher.hash(canonicalJson(told.manifest));
    told.result.resultKey = resultKeyOf(told.result.unitKey, told.result.manifest, hasher);
    return told;
};
const reader = {
    candidates: (unitKey) => store.candidates(unitKey).map(lie)`,
];

const NOWHERE = `'${'7'.repeat(64)}'`;
const FIRST = 'const output = told.result.outputs.find(({ size }) => size > 0);';
const evil = (role: string) =>
  `${FIRST} told.result.outputs.push({ ...output, role: ${JSON.stringify(role)} });`;

/** Alice lies, Bob builds what she has. */
describe('a peer whose answer is a lie is a miss, the reason is counted, nothing is written', () => {
  let alice: Developer;
  let bob: Developer;
  let copy: string;
  let hers: Project;
  let tries = 0;

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'vrift-liar-'));
    const bin = await installCopy(copy, { 'daemon/mesh/worker.js': LIAR });
    alice = await Developer.create('alice', { workspace: 'bound', bin });
    bob = await Developer.create('bob', { workspace: 'bound' });
    await tell('');
    await formMesh('lies', alice, bob);
    hers = await new Project(alice, join(alice.root, 'src/lies')).write(small('truth'));
    await builds(hers, ['build'], { compiled: 2 });
  });

  afterAll(async () => {
    await alice?.dispose();
    await bob?.dispose();
    if (copy !== undefined) await rm(copy, { recursive: true, force: true });
  });

  const tell = (lie: string) => writeFile(join(alice.vriftHome, 'lie.js'), lie);

  /** Bob with an empty store, and without a grudge against Alice. */
  async function meetsAgain(): Promise<Project> {
    await bob.vrift(['gc', '--all']);
    await bob.stop();
    await bob.start();
    await bob.meets(alice);
    return new Project(bob, join(bob.root, `his${++tries}`)).write(small('truth'));
  }

  /** Everything of Bob's but what his build and his node may write. */
  async function outside(): Promise<string[]> {
    const all = await readdir(bob.root, { recursive: true });
    return all.filter((name) => !/^(v|his\d+\/app\/target)(\/|$)/.test(name)).sort();
  }

  it('while she says the truth, Bob takes it', async () => {
    await tell('');
    const his = await meetsAgain();
    await builds(his, ['build'], { peer: 2 });
    expect(await his.output()).toBe('truth');
  });

  const FAULTS: Record<string, string> = {
    'outputs outside of the output directory (../)': evil('dwo:/../../../../escaped.dwo'),
    'an output at an absolute path': evil('dwo:/tmp/escaped.dwo'),
    'an output of a kind that does not exist': evil('script'),
    'an output that the call does not make': evil('cdylib'),
    'an object beside the output that the call does not make': evil('dwo:.escaped.dwo'),
    'less than the call makes': 'told.result.outputs.splice(0, 1);',
    'two outputs of one kind': `${FIRST} told.result.outputs.push({ ...output });`,
    'five thousand outputs': `${FIRST}
      for (let n = 0; n < 5000; n += 1) told.result.outputs.push({ ...output, role: \`dwo:.\${n}.dwo\` });`,
    "a result for another unit's key": `told.result.unitKey = ${NOWHERE};`,
    'a blob longer than announced': `${FIRST} output.size -= 1;`,
    'a blob far shorter than announced': `${FIRST} output.size = 15e9;`,
  };
  for (const [name, lie] of Object.entries(FAULTS)) {
    it(name, async () => {
      await tell(lie);
      const his = await meetsAgain();
      const before = await outside();
      const { counted } = await builds(his, ['build'], { compiled: 2 });
      expect(await his.output()).toBe('truth');
      expect(counted.errors.VRIFT_PEER_INVALID).toBeGreaterThan(0);
      expect((await bob.vrift(['stats'])).stdout).toContain('VRIFT_PEER_INVALID');
      expect((await bob.vrift(['log'])).stdout).toContain('VRIFT_PEER_INVALID');
      const his2 = (path: string) => !path.startsWith(`his${tries}/app/Cargo.lock`);
      expect((await outside()).filter(his2)).toEqual(before);
      await isSound(bob);
    });
  }

  /** Bob builds, and takes nothing of hers, although every digest in the manifest may be right. */
  async function isAMiss(his: Project): Promise<void> {
    await bob.run('mkfifo', [join(his.dir, 'pipe')]);
    const { counted } = await builds(his, ['build'], { compiled: 2 }, { timeoutMs: 20_000 });
    expect(await his.output()).toBe('truth');
    expect(counted.hits.peer).toBe(0);
    await isSound(bob);
  }

  const ABSENT_OR_ODD: Record<string, string> = {
    'files that do not exist': './nothing.rs',
    'files outside of any root': '../../../../../../etc/hostname',
    'what blocks whoever reads it': './pipe',
  };
  for (const [name, path] of Object.entries(ABSENT_OR_ODD)) {
    it(`a manifest naming ${name} is a miss like any other`, async () => {
      await tell(`told.manifest.inputs.push([${JSON.stringify(path)}, ${NOWHERE}]);`);
      await isAMiss(await meetsAgain());
    });
  }

  // Were those looked at, a hit or a miss would tell her what Bob's other files hold.
  const PRIVATE: Record<string, (file: string) => string> = {
    'at an absolute path': (file) => file,
    'below the home directory': () => '/vr/home/private.txt',
    'above the workspace': () => '/vr/ws/../private.txt',
    'above what linkers read': (file) => `/usr/lib/../..${file}`,
  };
  for (const [name, path] of Object.entries(PRIVATE)) {
    it(`a manifest naming a private file ${name} is a miss, whether she guesses right or not`, async () => {
      const his = await meetsAgain();
      const digest = (await openHasher()).hash('private');
      const files = [join(his.parent, 'private.txt'), join(bob.home, 'private.txt')];
      for (const file of files) await writeFile(file, 'private');
      await tell(`told.manifest.inputs.push(${JSON.stringify([path(files[0]!), digest])});`);
      await isAMiss(his);
    });
  }

  it('a manifest naming a private place that is to be absent is a miss as well', async () => {
    const his = await meetsAgain();
    await tell(`told.manifest.absent.push(${JSON.stringify(join(his.parent, 'not-there'))});`);
    await isAMiss(his);
  });
});
