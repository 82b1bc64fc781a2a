import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { meet } from '../edit/contestants.mjs';
import { edit } from './projects.mjs';
import { Rival } from './rival.mjs';

/** In this order; not everyone takes every step. */
export const STEPS = [
  'cold',
  'warm',
  'warm again',
  'edit leaf',
  'edit root',
  'revert',
  'other checkout',
  'other home',
  'LAN',
  'LAN again',
];

/** Command lines are all that replay knows, and nobody restores for bare. */
const LEFT_OUT = {
  bare: ['warm', 'warm again', 'other checkout', 'other home', 'LAN', 'LAN again'],
  replay: ['edit leaf', 'edit root', 'revert', 'other checkout', 'other home', 'LAN', 'LAN again'],
  kache: ['LAN', 'LAN again'],
  mbx: ['LAN', 'LAN again'],
  sccache: ['LAN', 'LAN again'],
  vrift: [],
};

/**
 * All tools, each alone with its own homes and store, in an order of chance that begins and ends
 * with bare cargo: the machine's own drift.
 *
 * @returns tool → step → `{ ms, cpuMs, peakBytes }`; `drift` of bare from the first to the last
 */
export async function playRound(project, names, root, options) {
  const order = shuffled(names.filter((name) => name !== 'bare'));
  const results = {};
  results.bare = await play('bare', project, join(root, 'bare'), options);
  for (const name of order) results[name] = await play(name, project, join(root, name), options);
  const last = await play('bare', project, join(root, 'bare-2'), { ...options, only: ['cold'] });
  results.drift = last.cold.ms / results.bare.cold.ms;
  return results;
}

async function play(name, project, root, { say, only, ...options }) {
  await mkdir(root, { recursive: true });
  const rival = new Rival(name, root, options);
  const times = {};
  try {
    await rival.moveIn(project);
    await rival.start();
    for (const step of STEPS) {
      if (LEFT_OUT[name].includes(step) || only?.includes(step) === false) continue;
      const measured = await take(step, rival, project);
      if (measured === undefined) continue;
      times[step] = measured;
      say(`${project.name}: ${name}, ${step}: ${(measured.ms / 1000).toFixed(2)} s`);
    }
    return times;
  } finally {
    await rival.stop();
  }
}

async function take(step, rival, { edits }) {
  switch (step) {
    case 'cold':
    case 'warm':
    case 'warm again':
      return rival.build('here');
    case 'edit leaf':
    case 'edit root': {
      const file = edits[step.slice('edit '.length)];
      if (file === undefined) return undefined;
      await edit(rival.pathIn('here', file), step);
      return rival.build('here', { keep: true });
    }
    case 'revert': {
      const files = Object.values(edits);
      if (files.length === 0) return undefined;
      for (const file of files) await edit(rival.pathIn('here', file), undefined);
      return rival.build('here', { keep: true });
    }
    case 'other checkout':
      return rival.build('checkout');
    case 'other home':
      return rival.build('home');
    case 'LAN': {
      // The second home becomes another machine, with a node and an empty store of its own.
      await rival.people.second.start();
      rival.joined = true;
      await meet(rival.people.first, rival.people.second);
      return rival.build('home');
    }
    case 'LAN again':
      return rival.build('home');
    default:
      throw new Error(`no step ${step}`);
  }
}

function shuffled(list) {
  const rest = [...list];
  const order = [];
  while (rest.length > 0) order.push(...rest.splice(Math.floor(Math.random() * rest.length), 1));
  return order;
}
