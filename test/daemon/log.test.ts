import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogOptions, openLog } from '../../src/daemon/lifecycle/log.js';
import { homePaths } from '../../src/wire/home.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'vrift-log-'));
  mkdirSync(homePaths(home).logDir);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const now = () => new Date('2026-01-02T03:04:05.678Z');
const text = () => readFileSync(homePaths(home).log, 'utf8');
const open = (level: Parameters<typeof openLog>[1], options: LogOptions = {}) =>
  openLog(home, level, { now, ...options });

describe('the log', () => {
  it('has one line per event, columns first', () => {
    const log = open('info');
    log.info('hit', '3f9a1c02', 'peer=attic', '412kB', '18ms');
    log.debug('hit', 'not at this level');
    log.close();
    expect(text()).toBe('2026-01-02T03:04:05.678Z info  hit    3f9a1c02 peer=attic 412kB 18ms\n');
  });

  it('writes warnings at once, with what came before them', () => {
    const log = open('debug');
    log.debug('first');
    log.warn('second', new Error('why'));
    expect(text().split('\n')[0]).toMatch(/debug first/);
    expect(text()).toMatch(/warn {2}second Error: why \| at /);
  });

  it('obeys nothing that a peer or a project put into a name', () => {
    const log = open('info');
    log.warn('peer', 'a\u001b[2Jb\nforged line\u202e\u0085\u2028');
    expect(text().split('\n').length).toBe(2);
    expect(text()).toContain('a\ufffd[2Jb | forged line\ufffd\ufffd\ufffd');
  });

  it('keeps three older files', () => {
    const log = open('info', { maxBytes: 200 });
    for (let line = 0; line < 40; line += 1) log.warn('line', line, 'x'.repeat(60));
    const names = ['node.log.1', 'node.log.2', 'node.log.3'];
    expect(readdirSync(homePaths(home).logDir).filter((name) => name !== 'node.log')).toEqual(
      names,
    );
    for (const name of names) expect(statSync(join(home, 'log', name)).size).toBeLessThan(400);
  });

  it('goes on when its directory is gone, and comes back with it', () => {
    const log = open('info');
    rmSync(homePaths(home).logDir, { recursive: true });
    log.warn('lost');
    mkdirSync(homePaths(home).logDir);
    log.warn('found');
    expect(text()).toMatch(/found/);
  });
});
