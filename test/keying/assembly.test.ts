import { expect, it } from 'vitest';
import { mayReadByAssembler, readsByAssembler } from '../../src/keying/assembly.js';

it.each([
  ['payload: .incbin "data.bin"'],
  ['.INCBIN "data.bin"'],
  ['.include "data.s"'],
  ['.include"data.s"'],
  ['.Include\t \t"data.s"'],
  ['".include \\"data.s\\""'],
  ['".include\\t\\"data.s\\""'],
  ['".include \\\n  \\"data.s\\""'],
  ['concat!(".include ", "\\"data.s\\"")'],
  ['.include /* it */ "data.s"'],
  // A string of metadata that ends there.
  ['\x09.include \xc1\x02\\"\xc1'],
])('the assembler reads a file: %j', (text) => {
  expect(readsByAssembler(text)).toBe(true);
  expect(mayReadByAssembler(Buffer.from(text, 'latin1'))).toBe(true);
});

it.each([
  ['build.include("src")'],
  ['`.include` adds a directory'],
  ['list.include_deleted "x"'],
  ['include!("data.rs")'],
  ['include_str!("boot.s")'],
])('it reads none: %j', (text) => {
  expect(readsByAssembler(text)).toBe(false);
  expect(mayReadByAssembler(Buffer.from(text, 'latin1'))).toBe(false);
});
