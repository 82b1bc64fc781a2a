/**
 * Whether a text names clippy's lints about a package, which ask `cargo metadata`: README, licence,
 * Cargo.lock and the manifests of all dependencies decide what they say. Allowed, or warned about, is
 * all the same here.
 */
export function namesCargoLint(text: string): boolean {
  return GROUP.test(text) || LINT.test(text);
}

/** How cargo-clippy keeps its arguments apart in `CLIPPY_ARGS`. */
const BETWEEN = /__CLIPPY_HACKERY__/g;

/** The same of the variable `CLIPPY_ARGS`. */
export function argsNameCargoLint(clippyArgs: string): boolean {
  return namesCargoLint(clippyArgs.replace(BETWEEN, '\n'));
}

/** What may stand between the parts of a path; in one way only, or a long comment would take for ever. */
const GAP = String.raw`(?:\s|//[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*`;
const GROUP = new RegExp(`clippy${GAP}::${GAP}(?:r#)?cargo(?![A-Za-z0-9_])`);

/** Flags take `-` for `_`. */
const LINT =
  /cargo[-_]common[-_]metadata|multiple[-_]crate[-_]versions|negative[-_]feature[-_]names|redundant[-_]feature[-_]names|wildcard[-_]dependencies/;
