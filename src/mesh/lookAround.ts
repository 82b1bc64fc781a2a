import type { NodeKey } from '../identity/nodeKey.js';
import type { MeshConfig } from './config.js';
import { openDiscoveries } from './discovery/all.js';
import { type About, askAbout } from './transport/askAbout.js';

/** A mesh that was seen, and where its admins listen. */
export interface SeenMesh {
  id: string;
  name: string;
  doors: { host: string; port: number; node: string }[];
}

export interface Surroundings {
  meshes: SeenMesh[];
  /** Places that announced a vrift node, answering or not. */
  places: number;
}

/** Without any node in sight for so long, there is none. */
const LOOK_MS = 3_000;
/** Once one has answered: the time that others get. */
const OTHERS_MS = 1_500;
const ANSWER_MS = 2_000;
/** A flood of announcements makes a newcomer dial no more. */
const MAX_PLACES = 64;

/**
 * Which meshes can be joined here. Nothing of it is believed: that a mesh is the one it says
 * shows when its welcome comes.
 */
export async function lookAround(options: {
  key: NodeKey;
  config: Pick<MeshConfig, 'peers' | 'mdns' | 'interfaces'>;
  signal: AbortSignal;
  onProblem(message: string): void;
}): Promise<Surroundings> {
  const { key, config, signal, onProblem } = options;
  const asked = new Map<string, Promise<void>>();
  const meshes = new Map<string, SeenMesh>();
  let answered: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    answered = resolve;
  });
  let own = 0;
  const meet = async (host: string, port: number): Promise<void> => {
    const about = await askAbout({ host, port, key, timeoutMs: ANSWER_MS, signal });
    if (about?.nodeId === key.nodeId) own += 1;
    if (about === undefined || about.nodeId === key.nodeId) return;
    note(meshes, about, { host, port });
    answered();
  };
  const discoveries = openDiscoveries(config, { port: null, secret: Buffer.alloc(0), onProblem });
  for (const discovery of discoveries) {
    discovery.start(({ addresses, port }) => {
      for (const host of addresses) {
        const place = `${host} ${port}`;
        if (asked.has(place) || asked.size >= MAX_PLACES) continue;
        asked.set(place, meet(host, port));
      }
    });
  }
  try {
    await Promise.race([pause(LOOK_MS, signal), first.then(() => pause(OTHERS_MS, signal))]);
    signal.throwIfAborted();
    await Promise.all(asked.values());
    signal.throwIfAborted();
  } finally {
    await Promise.all(discoveries.map((discovery) => discovery.close()));
  }
  return { meshes: [...meshes.values()], places: asked.size - own };
}

/** One node may be seen at several of its addresses: the first that answered is the nearest. */
function note(
  meshes: Map<string, SeenMesh>,
  about: About,
  { host, port }: { host: string; port: number },
): void {
  // Who gives a mesh another name makes an entry of his own with it.
  const entry = `${about.mesh} ${about.name}`;
  const seen = meshes.get(entry) ?? { id: about.mesh, name: about.name, doors: [] };
  meshes.set(entry, seen);
  if (about.admin && !seen.doors.some(({ node }) => node === about.nodeId)) {
    seen.doors.push({ host, port, node: about.nodeId });
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
