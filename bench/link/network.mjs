import { execFileSync } from 'node:child_process';

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
/** What a switch lets through at once. */
const BURST_BYTES = 256 * 1024;

/** Two hosts at the ends of a cable. Linux, and the right to make network namespaces. */
export class Cable {
  #names = ['a', 'b'].map((end) => `vrift-link-${process.pid}-${end}`);

  constructor() {
    const [a, b] = this.#names;
    try {
      for (const name of this.#names) ip('netns', 'add', name);
      ip('-n', a, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b);
      for (const [at, name] of this.#names.entries()) {
        ip('-n', name, 'address', 'add', `10.78.0.${at + 1}/24`, 'dev', 'eth0');
        for (const device of ['lo', 'eth0']) ip('-n', name, 'link', 'set', device, 'up');
      }
    } catch (error) {
      this.cut();
      const why = error.stderr?.toString().trim() || error.message;
      throw new Error(`no network namespaces here (Linux, as root): ${why}`, { cause: error });
    }
  }

  /** Command lines that run at one of the ends. */
  get ends() {
    return this.#names.map((name) => ['ip', 'netns', 'exec', name]);
  }

  /** Both ways; undefined: as fast as it goes. */
  setSpeed(mbits) {
    for (const name of this.#names) {
      const tc = (...args) =>
        execFileSync('tc', ['-n', name, 'qdisc', ...args, 'dev', 'eth0', 'root']);
      try {
        tc('del');
      } catch {
        // There was none.
      }
      if (mbits === undefined) continue;
      const shape = ['rate', `${mbits}mbit`, 'burst', String(BURST_BYTES), 'latency', '50ms'];
      execFileSync('tc', ['-n', name, 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', ...shape]);
    }
  }

  cut() {
    for (const name of this.#names) {
      try {
        ip('netns', 'delete', name);
      } catch {
        // It was not made.
      }
    }
  }
}
