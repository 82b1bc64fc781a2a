import { appendFile, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PHASES, rebuilt, runCargo, unitOf } from './cargo.mjs';

const MARKER = 'VRIFT_BENCH_EDIT';
/** Harmless in any edition and under any lint, and in the bytes of what is compiled. */
const ITEM = `
#[doc(hidden)]
#[allow(dead_code)]
#[used]
pub static ${MARKER}: [u8; 24] = *b"edited by the benchmark.";
`;

/**
 * Appends an item to a source file, builds, takes it back and builds again, first without vrift,
 * then with it on top of what was restored.
 *
 * @returns figures of both builds with vrift, and differences from plain cargo
 */
export async function editAndRevert({ project, office, bareTarget, bare, phases }) {
  const { bob } = office;
  const file = project.edit === undefined ? mainSource(bare) : join(bob.checkout, project.edit);
  const restored = await office.putAside(bob.checkout, 'restored');
  await office.bringBack(bareTarget, bob.checkout);
  const plain = await edited(bob, file, { vrift: false });
  await office.putBack(bob.checkout, bareTarget);
  await office.bringBack(restored, bob.checkout);
  const cached = await edited(bob, file, { vrift: true });
  const again = { revert: cached.revert };
  if (phases.tests !== undefined) again.tests = await runCargo(bob, bob.checkout, phases.tests);

  const differences = [];
  const same = (what, left, right) => {
    if (left.join() === right.join()) return;
    const text = `${left.join(', ') || 'nothing'} instead of ${right.join(', ') || 'nothing'}`;
    differences.push({ path: what, what: text });
  };
  same('rebuilt after the edit', rebuilt(cached.edit), rebuilt(plain.edit));
  same('rebuilt after the revert', rebuilt(cached.revert), rebuilt(plain.revert));
  same('changed by the edit', cached.marked, plain.marked);
  if (plain.marked.length === 0) differences.push({ path: file, what: 'the edit changes nothing' });
  same('changed after the revert', cached.stillMarked, []);
  for (const [step, { why }] of Object.entries(again)) {
    const compiled = why.filter(({ outcome }) => outcome !== 'hit');
    same(
      `compiled after the revert (${step})`,
      compiled.map(({ unit, from }) => `${unit}: ${from}`),
      [],
    );
  }
  const steps = { edit: stepOf(cached.edit), revert: stepOf(cached.revert) };
  return { steps: { ...steps, bare: { ms: Math.round(plain.edit.ms) } }, differences };
}

const stepOf = ({ ms, stats }) => ({ ms: Math.round(ms), stats });

/** Where the last unit starts that is compiled from a path: the package itself. */
function mainSource({ build }) {
  return build.artifacts.findLast(({ package_id }) => package_id.startsWith('path+')).target
    .src_path;
}

async function edited(person, file, options) {
  const before = await readFile(file);
  const build = () => runCargo(person, person.checkout, PHASES.build, options);
  await appendFile(file, ITEM);
  const edit = await build();
  const marked = await marksIn(edit);
  await writeFile(file, before);
  const later = new Date(Date.now() + 1);
  await utimes(file, later, later);
  const revert = await build();
  return { edit, revert, marked, stillMarked: await marksIn(revert) };
}

/** Units with an output that holds the item. */
async function marksIn({ artifacts }) {
  const units = [];
  for (const artifact of artifacts) {
    const files = await Promise.all(artifact.filenames.map((path) => readFile(path)));
    if (files.some((bytes) => bytes.includes(MARKER))) units.push(unitOf(artifact));
  }
  return units.sort();
}
