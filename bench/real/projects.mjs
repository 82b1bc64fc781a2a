import { NATIVE } from './native.mjs';

/**
 * What `npm run bench:real` builds when nothing is named. Each is a crate of the registry with the
 * Cargo.lock that its author shipped, or a workspace assembled from several crates of one family.
 *
 * - `what`: why it stands here
 * - `edit`: the source file that step 8 appends an item to
 * - `members`: published crates that become members of one workspace, below `crates/`; the first
 *   is what the project is called after
 * - `outside`: crates that stand beside the checkout and are named by path
 * - `pins`: versions of what the Cargo.lock of the first member leaves open
 * - `uses`: a program written here, for libraries with C inside: lines of `[dependencies]`, and of
 *   `[build-dependencies]` under `builds`; `files` are its sources, with a test
 * - `skipTests`: names that `cargo test` is told to skip, since they fail now and then by themselves
 */
export const PROJECTS = [
  { name: 'hexyl', version: '0.16.0', what: 'small', edit: 'src/lib.rs' },
  { name: 'hyperfine', version: '1.20.0', what: 'a CLI with tests', edit: 'src/main.rs' },
  { name: 'fd-find', version: '10.5.0', what: 'a CLI with tests, jemalloc', edit: 'src/main.rs' },
  {
    name: 'ripgrep',
    version: '15.2.0',
    what: 'a workspace of nine members and a crate outside it',
    edit: 'crates/grep-printer/src/lib.rs',
    members: [
      'ripgrep@15.2.0',
      'grep@0.4.1',
      'grep-cli@0.1.12',
      'grep-matcher@0.1.9',
      'grep-printer@0.3.1',
      'grep-regex@0.1.14',
      'grep-searcher@0.1.17',
      'globset@0.4.19',
      'ignore@0.4.29',
    ],
    outside: ['termcolor@1.4.1'],
    pins: [
      'arbitrary@1.5.0',
      'crossbeam-channel@0.5.17',
      'derive_arbitrary@1.5.0',
      'glob@0.3.4',
      'regex@1.13.0',
      'syn@3.0.10',
    ],
  },
  { name: 'just', version: '1.59.0', what: 'many derives and attributes', edit: 'src/lib.rs' },
  { name: 'ada-url', version: '4.0.0', what: 'C++ inside', edit: 'src/lib.rs' },
  { name: 'dufs', version: '0.47.0', what: 'async: tokio, hyper, rustls', edit: 'src/main.rs' },
  { name: 'bat', version: '0.26.1', what: 'large, much C: libgit2, oniguruma', edit: 'src/lib.rs' },
  ...NATIVE,
];

/**
 * The projects of the list that are named, as `NAME` or `NAME@VERSION`; all when none is. A crate
 * that is not in the list is taken as it is published, its `src/lib.rs` or `src/main.rs` edited.
 *
 * @throws Error for a name without a version that the list does not have
 */
export function projectsNamed(names) {
  if (names.length === 0) return PROJECTS;
  return names.map((text) => {
    const [name, version] = text.split('@');
    const listed = PROJECTS.find((project) => project.name === name);
    if (listed !== undefined && [undefined, listed.version].includes(version)) return listed;
    if (version === undefined) {
      const known = PROJECTS.map((project) => project.name).join(', ');
      throw new Error(`${name} is not in the list (${known}); name any other as NAME@VERSION`);
    }
    return { name, version, what: '', edit: undefined };
  });
}
