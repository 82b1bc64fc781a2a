import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stats } from '../../src/daemon/lifecycle/stats.js';

let directory: string;
let fallbacks: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vrift-stats-'));
  fallbacks = join(directory, 'fallbacks');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('stats', () => {
  it('count a unit once, however it ended', () => {
    const stats = new Stats(fallbacks);
    stats.hit('disk', 0.4, 900);
    stats.hit('peer', 18, 300);
    stats.hit('peer', 20, -5);
    stats.miss();
    stats.compiled();
    stats.bypass('unknown flag');
    stats.compiled();
    stats.probe();
    stats.localOnly('foreign dependency');
    stats.late();
    for (const reason of ['policy', 'policy', 'recall'] as const) stats.refused(reason);
    stats.script({ kind: 'ran', name: 'a', why: 'new', recorded: 'network', ms: 3 });
    stats.script({ kind: 'replayed', name: 'b', from: 'peer', ms: 1, savedMs: 100, bytes: 5 });
    for (const ending of ['same', 'differs', 'skipped'] as const) stats.checked(ending);
    stats.error('VRIFT_STORE_FULL');
    stats.addBytes('peerIn', 412_000);
    expect(stats.snapshot()).toEqual({
      units: 5,
      hits: { disk: 1, peer: 2, remote: 0 },
      misses: 1,
      compiled: 2,
      probes: 1,
      bypassed: { 'unknown flag': 1 },
      localOnly: { 'foreign dependency': 1 },
      checks: { done: 2, differed: 1, skipped: 1 },
      scripts: {
        ran: 1,
        replayed: { disk: 0, peer: 1 },
        refused: { network: 1 },
        checks: { done: 0, differed: 0, skipped: 0 },
      },
      refused: { policy: 2, recall: 1 },
      late: 1,
      errors: { VRIFT_STORE_FULL: 1 },
      bytes: { peerIn: 412_000, peerOut: 0, remoteIn: 0, remoteOut: 0, stored: 0 },
      savedMs: 1300,
      latencyMs: { hitDisk: { p50: 0.4, p95: 0.4 }, hitPeer: { p50: 18, p95: 20 } },
    });
  });

  it('start from zero after a reset, and hand out copies', () => {
    const stats = new Stats(fallbacks);
    const before = stats.snapshot();
    stats.miss();
    stats.bypass('x');
    stats.reset();
    expect(stats.snapshot()).toEqual(before);
    stats.snapshot().hits.disk = 7;
    expect(stats.snapshot().hits.disk).toBe(0);
  });

  it('give percentiles of the latest durations', () => {
    const stats = new Stats(fallbacks);
    for (let ms = 1; ms <= 100; ms += 1) stats.hit('disk', ms, 0);
    expect(stats.snapshot().latencyMs.hitDisk).toEqual({ p50: 50, p95: 95 });
    for (let hit = 0; hit < 5000; hit += 1) stats.hit('disk', 2, 0);
    expect(stats.snapshot().latencyMs.hitDisk).toEqual({ p50: 2, p95: 2 });
  });

  it('count what launchers left from before the start, each line once', () => {
    writeFileSync(fallbacks, 'no-node\nhung\nspawn\n\nsomething new\nlong-path\nunsafe-dir\n');
    const stats = new Stats(fallbacks);
    const errors = {
      VRIFT_NODE_ABSENT: 1,
      VRIFT_NODE_TIMEOUT: 1,
      VRIFT_TOOLCHAIN_UNKNOWN: 1,
      VRIFT_SOCKET_PATH_TOO_LONG: 1,
      VRIFT_HOME_UNUSABLE: 1,
    };
    expect(stats.snapshot().errors).toEqual(errors);
    appendFileSync(fallbacks, 'resto');
    expect(stats.snapshot().errors).toEqual(errors);
    appendFileSync(fallbacks, 're\n');
    expect(stats.snapshot().errors).toEqual({ ...errors, VRIFT_RESTORE_FAILED: 1 });
  });

  it('make room for launchers, which stop writing into a long list', () => {
    writeFileSync(fallbacks, 'no-node\n'.repeat(8000));
    const stats = new Stats(fallbacks);
    expect(stats.snapshot().errors).toEqual({ VRIFT_NODE_ABSENT: 8000 });
    expect(statSync(fallbacks).size).toBe(0);
    appendFileSync(fallbacks, 'died\n');
    expect(stats.snapshot().errors).toEqual({ VRIFT_NODE_ABSENT: 8001 });
  });
});
