import type { Chance } from './chance.js';
import {
  CFGS,
  type Crate,
  generateScript,
  generateSetting,
  generateWorkspace,
  needed,
  type Setting,
  someFeatures,
  VARIABLES,
  type Workspace,
} from './model.js';

/** One checkout of one developer. */
export interface Site {
  workspace: Workspace;
  /** The other branch. */
  branch: Workspace;
  /** Earlier states of this branch, latest last. */
  past: Workspace[];
  setting: Setting;
  /** Which of the places where this developer may have the checkout. */
  place: number;
  /** Which of the two target directories: below the checkout, or elsewhere. */
  target: number;
}

export interface World {
  sites: [alice: Site, bob: Site];
  active: 0 | 1;
}

/** What has to happen on disk beside writing the sources. */
export type DiskWork = 'clean' | 'touch' | 'check first';

export interface Step {
  /** The names of the edits. */
  does: string[];
  disk: Set<DiskWork>;
}

export function generateWorld(chance: Chance): World {
  const workspace = generateWorkspace(chance);
  const site = (): Site => ({
    workspace: structuredClone(workspace),
    branch: structuredClone(workspace),
    past: [],
    setting: generateSetting(),
    place: 0,
    target: 0,
  });
  return { sites: [site(), site()], active: 0 };
}

/** Changes the world at random. A step that ended in a failing build is mended first. */
export function takeStep(world: World, chance: Chance): Step {
  const step: Step = { does: [], disk: new Set() };
  mend(world, step);
  const many = chance.once(4) ? 2 + chance.below(2) : 1;
  while (step.does.length < many) takeEdit(world, chance, step);
  return step;
}

function mend(world: World, step: Step): void {
  const site = world.sites[world.active];
  for (const crate of site.workspace.crates) {
    if (crate.broken === null) continue;
    crate.broken = null;
    step.does.push(`mend ${crate.name}`);
  }
  if (!site.setting.denyWarnings) return;
  site.setting.denyWarnings = false;
  step.does.push('allow warnings');
}

type Scope = { world: World; site: Site; chance: Chance; step: Step };

/** Returns what it did, or null when the world does not offer it. */
type Edit = (scope: Scope) => string | null;

function takeEdit(world: World, chance: Chance, step: Step): void {
  const site = world.sites[world.active];
  const before = structuredClone(site.workspace);
  const done = chance.pick(EDITS)({ world, site, chance, step });
  if (done === null) return;
  step.does.push(done);
  const broken = before.crates.some((crate) => crate.broken !== null);
  if (broken || isSame(before, site.workspace) || done === 'undo') return;
  site.past = [...site.past.slice(-9), before];
}

export const isSame = (one: unknown, two: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(two);

/** A change of one crate that the program needs. */
function inCrate(change: (crate: Crate, scope: Scope) => string | null): Edit {
  return (scope) => {
    const crate = scope.chance.pick([...needed(scope.site.workspace)]);
    const done = change(crate, scope);
    return done === null ? null : `${done} of ${crate.name}`;
  };
}

/** A content that may also be absent. */
const toggled = (value: number | null, chance: Chance): number | null =>
  value === null ? chance.value() : chance.once(3) ? null : chance.other(value);

const CRATE_EDITS: Edit[] = [
  ...(['constant', 'inlined', 'generic', 'exported', 'macroText', 'version'] as const).map((key) =>
    inCrate((crate, { chance }) => {
      crate[key] = chance.other(crate[key]);
      return `${key} ${crate[key]}`;
    }),
  ),
  ...(['note', 'bytes', 'warns'] as const).map((key) =>
    inCrate((crate, { chance }) => {
      crate[key] = toggled(crate[key], chance);
      return `${key} ${crate[key]}`;
    }),
  ),
  ...(['optionalEnv', 'requiredEnv', 'tellsPlace', 'tellsFile'] as const).map((key) =>
    inCrate((crate) => {
      crate[key] = !crate[key];
      return `${key} ${crate[key]}`;
    }),
  ),
  inCrate((crate, { chance }) => {
    const module = chance.pick(crate.modules);
    module.body = chance.other(module.body);
    return `module ${module.name}=${module.body}`;
  }),
  inCrate((crate) => {
    const [one, two] = crate.modules;
    if (one === undefined || two === undefined) return null;
    [one.body, two.body] = [two.body, one.body];
    return 'swapped modules';
  }),
  inCrate((crate, { chance }) => {
    const module = chance.pick(crate.modules);
    module.form = module.form === 'file' ? 'directory' : 'file';
    return `module ${module.name} as ${module.form}`;
  }),
  inCrate((crate, { chance }) => {
    if (crate.modules.length > 1) {
      crate.modules.pop();
      return 'one module fewer';
    }
    crate.modules.push({ name: 'm1', form: 'file', body: chance.value() });
    return 'one module more';
  }),
  inCrate((crate, { chance }) => {
    if (crate.deps.length === 0) return null;
    const dep = chance.pick(crate.deps);
    dep.features = someFeatures(chance);
    return `features [${dep.features}] of ${dep.on} for the sake`;
  }),
  inCrate((crate, { chance, site }) => {
    if (crate.deps.length > 1) return `no more dependency on ${crate.deps.pop()!.on}`;
    const { crates } = site.workspace;
    const earlier = crates.slice(0, crates.indexOf(crate));
    const possible = earlier.filter((other) => crate.deps.every((dep) => dep.on !== other.name));
    if (possible.length === 0) return null;
    const on = chance.pick(possible).name;
    crate.deps.push({ on, features: someFeatures(chance) });
    return `dependency on ${on}`;
  }),
  inCrate((crate) => {
    if (crate.kind === 'app') return null;
    crate.place = crate.place === 'member' ? 'outside' : 'member';
    return `being ${crate.place}`;
  }),
  inCrate((crate, { chance, step }) => {
    crate.broken = chance.pick(['type', 'module twice'] as const);
    // Cargo does not look for new files: without it the compiler would not be called.
    if (crate.broken === 'module twice') step.disk.add('touch');
    return `break (${crate.broken})`;
  }),
];

/** A change of one build script, or of what it reads. */
const SCRIPT_EDITS: Edit[] = [
  ...(['constant', 'data', 'cfg', 'says'] as const).map((key) =>
    inScript((script, chance) => {
      script[key] = chance.other(script[key]);
      return `script ${key} ${script[key]}`;
    }),
  ),
  ...(['readsEnv', 'tellsOutDir'] as const).map((key) =>
    inScript((script) => {
      script[key] = !script[key];
      return `script ${key} ${script[key]}`;
    }),
  ),
  ...(['body', 'header'] as const).flatMap((key) =>
    [1, 2].map(() =>
      inScript(({ c }, chance) => {
        if (c === null) return null;
        c[key] = chance.other(c[key]);
        return `C ${key} ${c[key]}`;
      }),
    ),
  ),
  inScript((script, chance) => {
    const dep = script.deps.at(-1);
    if (dep === undefined) return null;
    dep.features = someFeatures(chance);
    return `script's features [${dep.features}] of ${dep.on} for the sake`;
  }),
  inCrate((crate, { chance, site }) => {
    if (crate.kind === 'macro' || !chance.once(2)) return null;
    if (crate.script !== null) {
      crate.script = null;
      return 'no more script';
    }
    const { crates } = site.workspace;
    crate.script = generateScript(crates.slice(0, crates.indexOf(crate)), chance);
    return 'script';
  }),
];

function inScript(
  change: (script: NonNullable<Crate['script']>, chance: Chance) => string | null,
): Edit {
  return ({ site, chance }) => {
    const scripted = [...needed(site.workspace)].filter((crate) => crate.script !== null);
    if (scripted.length === 0) return null;
    const crate = chance.pick(scripted);
    const done = change(crate.script!, chance);
    return done === null ? null : `${done} of ${crate.name}`;
  };
}

const SETTING_EDITS: Edit[] = [
  ...VARIABLES.map(
    (name): Edit =>
      ({ site, chance }) => {
        const { env } = site.setting;
        env[name] = name === 'VR_REQUIRED' ? chance.other(env[name]!) : toggled(env[name], chance);
        return `${name}=${env[name] ?? 'unset'}`;
      },
  ),
  ({ site, chance }) => {
    site.setting.cfgs = CFGS.filter(() => chance.once(2));
    return `cfgs [${site.setting.cfgs}]`;
  },
  ({ site, chance }) => {
    site.setting.incremental = chance.pick(['0', '1', null]);
    return `CARGO_INCREMENTAL=${site.setting.incremental ?? 'unset'}`;
  },
  ({ site }) => {
    site.setting.release = !site.setting.release;
    return site.setting.release ? '--release' : 'without --release';
  },
  ({ site, chance }) => {
    const key = chance.pick(['devOpt', 'releaseOpt'] as const);
    site.workspace[key] = 1 - site.workspace[key];
    return `${key} ${site.workspace[key]}`;
  },
  ({ site }) => {
    site.workspace.debug = site.workspace.debug === 0 ? 1 : 0;
    return `debug ${site.workspace.debug}`;
  },
  ({ site }) => {
    site.setting.denyWarnings = true;
    return 'deny warnings';
  },
];

const undo: Edit = ({ site }) => {
  const before = site.past.pop();
  if (before === undefined) return null;
  site.workspace = before;
  return 'undo';
};

const CHECKOUT_EDITS: Edit[] = [
  undo,
  undo,
  undo,
  ({ site }) => {
    [site.workspace, site.branch] = [site.branch, whole(site.workspace)];
    site.past = [];
    return 'switch branches';
  },
  ({ world, site }) => {
    const other = world.sites[1 - world.active]!;
    site.workspace = whole(other.workspace);
    return 'pull';
  },
  ({ step }) => {
    step.disk.add('clean');
    return 'clean';
  },
  ({ step }) => {
    step.disk.add('touch');
    return 'touch every file';
  },
  ({ step }) => {
    step.disk.add('check first');
    return 'check first';
  },
  ({ site }) => {
    site.target = 1 - site.target;
    return `target directory ${site.target}`;
  },
  ({ site }) => {
    site.place = 1 - site.place;
    return `move to place ${site.place}`;
  },
  ({ world, step }) => {
    world.active = world.active === 0 ? 1 : 0;
    mend(world, step);
    return `go to ${world.active === 0 ? 'Alice' : 'Bob'}`;
  },
  ({ world, step }) => {
    const from = world.sites[world.active];
    world.active = world.active === 0 ? 1 : 0;
    mend(world, step);
    const site = world.sites[world.active];
    site.workspace = whole(from.workspace);
    site.setting = structuredClone(from.setting);
    site.setting.denyWarnings = false;
    return `go to ${world.active === 0 ? 'Alice' : 'Bob'}, who pulls`;
  },
];

/** A copy that compiles: nobody commits what does not. */
function whole(workspace: Workspace): Workspace {
  const copy = structuredClone(workspace);
  for (const crate of copy.crates) crate.broken = null;
  return copy;
}

const times = (weight: number, edits: readonly Edit[]): Edit[] =>
  Array.from({ length: weight }, () => edits).flat();

/** Going back weighs most: only what was there before can come from a cache, right or wrong. */
const EDITS: Edit[] = [
  ...CRATE_EDITS,
  ...times(2, SCRIPT_EDITS),
  ...SETTING_EDITS,
  ...times(4, CHECKOUT_EDITS),
];

/** For messages: which crates there are, and what each depends on. */
export function describe(workspace: Workspace): string {
  const words = workspace.crates.map((crate) => {
    const scripted = crate.script?.deps.map((dep) => `script:${dep.on}`) ?? [];
    const deps = [...crate.deps.map((dep) => dep.on), ...scripted];
    const marks = `${crate.script ? '+script' : ''}${crate.script?.c ? '+c' : ''}`;
    return `${crate.name}${marks}(${deps.join(' ')})`;
  });
  return words.join(' ');
}
