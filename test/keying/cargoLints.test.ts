import { expect, it } from 'vitest';
import { argsNameCargoLint, namesCargoLint } from '../../src/keying/cargoLints.js';

it.each([
  ['#![warn(clippy::cargo)]'],
  ['#![allow(clippy :: cargo)]'],
  ['#![warn(clippy::/* all */r#cargo)]'],
  ['#![warn(clippy // these\n  ::cargo)]'],
  ['#![cfg_attr(strict, deny(clippy::multiple_crate_versions))]'],
  ['--warn=clippy::cargo'],
  ['-Wclippy::cargo-common-metadata'],
  ['crate-attr=warn(clippy::wildcard_dependencies)'],
])('a lint about the package: %j', (text) => {
  expect(namesCargoLint(text)).toBe(true);
});

it.each([
  ['#![warn(clippy::pedantic)] // cargo clippy'],
  ['clippy::cargo_culting'],
  ['//! Run `cargo clippy`, then `cargo test`.'],
])('none: %j', (text) => {
  expect(namesCargoLint(text)).toBe(false);
});

it('is found among the arguments of cargo-clippy', () => {
  const between = '__CLIPPY_HACKERY__';
  expect(argsNameCargoLint(['-W', 'clippy::cargo', ''].join(between))).toBe(true);
  expect(argsNameCargoLint(['-W', 'clippy::pedantic', ''].join(between))).toBe(false);
});

it('takes no time between a thousand comments', () => {
  const text = `clippy ${'// a /* b */ c\n'.repeat(1_000)}${'/* d // e */ '.repeat(1_000)}`;
  const started = performance.now();
  expect(namesCargoLint(text)).toBe(false);
  expect(performance.now() - started).toBeLessThan(500);
});
