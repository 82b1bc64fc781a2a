/**
 * `-Z NAME[=VALUE]` whose whole effect shows in the outputs or in the messages: part of the key.
 * None of them reads or writes a file of its own, asks about this machine or hides bytes from the
 * search for paths. Every other one bypasses.
 */
export const KEYED_UNSTABLE: ReadonlySet<string> = new Set([
  'allow-features',
  'branch-protection',
  'cf-protection',
  'crate-attr',
  'emit-stack-sizes',
  'export-executable-symbols',
  'fmt-debug',
  'function-sections',
  'hint-mostly-unused',
  'inline-mir',
  'location-detail',
  'macro-backtrace',
  'mir-opt-level',
  'next-solver',
  'on-broken-pipe',
  'panic-abort-tests',
  'plt',
  'polonius',
  'sanitizer',
  'sanitizer-cfi-canonical-jump-tables',
  'sanitizer-cfi-generalize-pointers',
  'sanitizer-cfi-normalize-integers',
  'sanitizer-memory-track-origins',
  'sanitizer-recover',
  'share-generics',
  'stack-protector',
  // A number of threads; in the key, because nobody promises the same output for all of them.
  'threads',
  'tls-model',
  'trap-unreachable',
  'ub-checks',
  'unstable-options',
]);

/** Kinds of `--json` that make a compiler without a word to say speak: in the key. */
export const REPORTS: readonly string[] = [
  'future-incompat',
  'unused-externs',
  'unused-externs-silent',
];
