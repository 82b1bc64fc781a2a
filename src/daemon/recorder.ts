import type { Recorder } from '../pipeline/ports.js';
import type { Log } from './lifecycle/log.js';
import type { Stats } from './lifecycle/stats.js';

/** Every ending of a call: counted, and one line in the log. */
export function openRecorder(stats: Stats, log: Log): Recorder {
  return {
    outcome(outcome) {
      switch (outcome.kind) {
        case 'hit': {
          stats.hit(outcome.from, outcome.ms, outcome.savedMs);
          if (outcome.from === 'peer') stats.addBytes('peerIn', outcome.bytes);
          const from =
            outcome.peer === undefined ? outcome.from : `peer=${outcome.peer.slice(0, 8)}`;
          const size = inKb(outcome.bytes);
          log.info('hit', outcome.key.slice(0, 8), outcome.unit, from, size, inMs(outcome.ms));
          return;
        }
        case 'miss':
          stats.miss();
          stats.compiled();
          log.info(
            'miss',
            outcome.key.slice(0, 8),
            outcome.unit,
            `(${outcome.why})`,
            outcome.stored,
            `exit=${outcome.code ?? 'signal'}`,
            inMs(outcome.ms),
          );
          return;
        case 'bypass':
          stats.bypass(outcome.reason);
          stats.compiled();
          log.info('bypass', '-', outcome.unit, outcome.reason, outcome.detail);
          return;
        case 'probe':
          stats.probe();
          return;
        default:
          outcome satisfies never;
      }
    },
    script(outcome) {
      stats.script(outcome);
      const unit = `build script of ${outcome.name}`;
      if (outcome.kind === 'ran')
        log.info('script', unit, `(${outcome.why})`, outcome.recorded, inMs(outcome.ms));
      else {
        if (outcome.from === 'peer') stats.addBytes('peerIn', outcome.bytes);
        log.info('replay', unit, outcome.from, inMs(outcome.ms));
      }
    },
    localOnly(reason, unit) {
      stats.localOnly(reason);
      log.debug('local', unit, reason);
    },
    error(code, message) {
      stats.error(code);
      log.warn('error', code, message);
    },
    refused(reason, unit) {
      stats.refused(reason);
      log.info('refused', unit, reason);
    },
    checked: (ending, what) => stats.checked(ending, what),
    adopted(unit, unitKey, peer = '', bytes) {
      stats.addBytes('peerIn', bytes);
      log.info('adopt', unitKey.slice(0, 8), unit, `peer=${peer.slice(0, 8)}`, inKb(bytes));
    },
    cameAhead: (bytes) => stats.addBytes('peerIn', bytes),
    late(unit) {
      stats.late();
      log.info('late', unit);
    },
    stored: (bytes) => stats.addBytes('stored', bytes),
  };
}

function inKb(bytes: number): string {
  return `${Math.ceil(bytes / 1000)}kB`;
}

function inMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)}ms`;
}
