import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { lineOf, statementsOf } from '../../src/daemon/config/statements.js';

const places = (toml: string) => {
  parse(toml);
  return statementsOf(toml).map(({ path, line }) => `${path.join('/')} ${line}`);
};

describe('the statements of a TOML text', () => {
  it('stand where they are written', () => {
    const toml = [
      '# a comment = [',
      'top = 1 # = "',
      'multi = """',
      'x = 1 \\""" still',
      '[not.a.table]"""',
      "lit = '''",
      "a'''''",
      'list = [ # [',
      '  1,',
      '  "]",',
      ']',
      '',
      '[ a . "b.c" ] # here',
      '"k=\\"1" = { x = "}", y = [1] }',
      "'lit=' . z = 'its'",
      '[[arr]]',
      'v = 1979-05-27T07:32:00Z',
    ].join('\r\n');
    expect(places(toml)).toEqual([
      'top 2',
      'multi 3',
      'lit 6',
      'list 8',
      'a/b.c 13',
      'a/b.c/k="1 14',
      'a/b.c/lit=/z 15',
      'arr 16',
      'arr/v 17',
    ]);
  });

  it('find a key inside an inline table by the line of the table', () => {
    const toml = '\nl2_cache = { enabled = true }\n[mesh.x]\ny = 1';
    const statements = statementsOf(toml);
    expect(lineOf(statements, ['l2_cache', 'enabled'])).toBe(2);
    expect(lineOf(statements, ['mesh'])).toBe(3);
  });

  it('cover the whole text, each key once, whatever the keys and values are', () => {
    const leaf = fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.array(fc.string()));
    const tables = fc.dictionary(
      fc.string({ minLength: 1 }),
      fc.dictionary(fc.string({ minLength: 1 }), leaf),
    );
    fc.assert(
      fc.property(tables, (value) => {
        const toml = stringify(value);
        const statements = statementsOf(toml);
        for (const statement of statements.filter(({ kind }) => kind === 'pair')) {
          const [table = '', key = ''] = statement.path;
          const text = toml.slice(statement.valueStart, statement.valueEnd);
          expect(parse(`v = ${text}`).v).toEqual(parse(toml)[table]?.[key as never]);
          expect(toml.slice(0, statement.start).split('\n').length).toBe(statement.line);
        }
        const pairs = Object.values(value).flatMap((members) => Object.keys(members));
        expect(statements.filter(({ kind }) => kind === 'pair').length).toBe(pairs.length);
      }),
    );
  });
});
