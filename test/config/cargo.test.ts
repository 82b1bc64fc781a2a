import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { addWrapper, removeWrapper } from '../../src/daemon/config/cargo.js';

const FILE = '/home/ann/.cargo/config.toml';
const WRAPPER = '/opt/vrift/bin/vrift-rustc';
const LINE = `rustc-wrapper = "${WRAPPER}"`;
const add = (text: string) => addWrapper(text, WRAPPER, FILE);

describe("cargo's configuration", () => {
  const texts: [string, string, string][] = [
    ['nothing', '', `[build] # vrift init\n${LINE}\n`],
    ['another table', '[net]\nretry = 3\n', `[net]\nretry = 3\n\n[build] # vrift init\n${LINE}\n`],
    [
      'a build table',
      '[build] # mine\njobs = 4 # few\n',
      `[build] # mine\n${LINE}\njobs = 4 # few\n`,
    ],
    ['a build table below', '[build.x]\n[build]\n', `[build.x]\n[build]\n${LINE}\n`],
    ['dotted keys', 'build.jobs = 4\n[net]\n', `build.jobs = 4\nbuild.${LINE}\n[net]\n`],
    ['Windows line ends', '[net]\r\n', `[net]\r\n\r\n[build] # vrift init\r\n${LINE}\r\n`],
  ];
  it.each(texts)('gets one line, and loses it again: %s', (_, before, after) => {
    expect(add(before)).toEqual({ text: after, before: null, after: WRAPPER });
    expect(add(after)).toEqual({ text: after, before: WRAPPER, after: WRAPPER });
    expect(removeWrapper(after, FILE)).toEqual({ text: before, before: WRAPPER, after: null });
  });

  it('gets a last line that was not ended ended', () => {
    const { text } = add('[net]\nretry = 3');
    expect(text).toBe(`[net]\nretry = 3\n\n[build] # vrift init\n${LINE}\n`);
    expect(add('[build]').text).toBe(`[build]\n${LINE}\n`);
  });

  it('moves on from another vrift', () => {
    const text = "[build]\nrustc-wrapper = '/old/bin/vrift-rustc' # mine\njobs = 1\n";
    expect(add(text)).toEqual({
      text: `[build]\nrustc-wrapper = "${WRAPPER}" # mine\njobs = 1\n`,
      before: '/old/bin/vrift-rustc',
      after: WRAPPER,
    });
  });

  it('keeps what was added to the table since', () => {
    const text = `[build] # vrift init\n${LINE}\njobs = 4\n`;
    expect(removeWrapper(text, FILE).text).toBe('[build] # vrift init\njobs = 4\n');
    expect(removeWrapper('[net]\n', FILE)).toEqual({ text: '[net]\n', before: null, after: null });
  });

  it.each([
    ['[build]\nrustc-wrapper = "sccache"\n', 'sets build.rustc-wrapper to "sccache"'],
    ['build = { jobs = 1 }\n', 'in a way that vrift does not edit'],
    ['[build\n', `${FILE}:1: not valid TOML`],
  ])('is left alone where it says something else: %j', (text, message) => {
    expect(() => add(text)).toThrow(
      expect.objectContaining({
        code: 'VRIFT_CARGO_CONFIG',
        message: expect.stringContaining(message),
      }),
    );
  });

  it('comes back byte for byte, whatever else it holds', () => {
    const key = fc.constantFrom('jobs', 'target', 'a b', '"', 'rustflags', 'x.y');
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()));
    const table = fc.constantFrom('build', 'net', 'target.x', 'alias');
    const config = fc.dictionary(table, fc.dictionary(key, leaf, { minKeys: 1 }));
    fc.assert(
      fc.property(config, (value) => {
        const text = `${stringify(value)}\n`;
        expect(removeWrapper(add(text).text, FILE).text).toBe(text);
      }),
    );
  });
});
