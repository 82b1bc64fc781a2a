export const STEPS = ['first', 'second', 'third', 'revert'];
/** Who only shows what the first edit after a restore is measured by. */
const FIRST_ONLY = ['emptied', 'whole'];

/**
 * Plays all rounds at all places of a project.
 *
 * @returns per place and round: contestant → step → milliseconds
 */
export async function playRounds(project, all, rounds) {
  const args = project.workspace.buildArgs;
  const cold = {};
  for (const contestant of Object.values(all)) {
    cold[contestant.name] = (await contestant.build(args)).ms;
  }
  const places = {};
  for (const [name, place] of Object.entries(project.places)) {
    places[name] = [];
    for (let round = 0; round < rounds; round += 1) {
      places[name].push(await playRound({ all, args, name, place, round }));
    }
  }
  return { project: project.name, lines: project.lines, cold, places };
}

/** Every step for everyone before the next step; who goes first changes each time. */
async function playRound({ all, args, name, place, round }) {
  const { here, restored, emptied } = all;
  await restored.moveAway();
  const times = { restore: await restored.build(args) };
  await emptied.moveAway('debug/incremental');
  await all.here.person.vrift(['stats', '--reset']);
  await all.restored.person.vrift(['stats', '--reset']);
  for (const [index, step] of STEPS.entries()) {
    const order = rotate(Object.values(all), round + index);
    for (const contestant of order) {
      if (index > 0 && FIRST_ONLY.includes(contestant.name)) continue;
      const text = step === 'revert' ? undefined : `${name} ${round} ${step}`;
      await contestant.edit(place, text);
      times[contestant.name] ??= {};
      times[contestant.name][step] = await contestant.build(args);
    }
    if (index === 0) times.compiled = (await restored.person.vrift(['stats'])).compiled;
    if (step === 'revert') times.hits = (await here.person.vrift(['stats'])).hits.disk;
  }
  return times;
}

function rotate(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
