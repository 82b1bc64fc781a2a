import { type RootFacts, type Roots, rootsOf } from '../../src/keying/roots.js';
import { openHasher } from '../../src/store/hashing.js';

export const hasher = await openHasher();

const files = {
  digest: () => undefined,
  exists: () => false,
  read: () => undefined,
  list: () => undefined,
  realpath: (path: string) => path,
};

export function rootsFor(facts: Partial<RootFacts> = {}): Roots {
  return rootsOf(
    {
      workspace: '/home/alice/src/ws',
      targetDir: '/home/alice/src/ws/target',
      cargoHome: '/home/alice/.cargo',
      sysroot: '/opt/rust',
      commit: 'abc123',
      outDir: undefined,
      packageId: 'app-0.1.0',
      outside: [],
      home: '/home/alice',
      keepTarget: false,
      ...facts,
    },
    files,
  );
}
