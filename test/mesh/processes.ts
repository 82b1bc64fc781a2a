import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inject, onTestFinished } from 'vitest';
import type { MeshConfig } from '../../src/mesh/config.js';
import type { MeshEvent } from '../../src/mesh/events.js';
import type { MeshState } from '../../src/mesh/node.js';
import type { PeerInfo } from '../../src/wire/control.js';
import type { LanHost } from '../harness/netns.js';
import { until } from '../harness/programs.js';
import { inProject } from '../harness/project.js';

type State = MeshState & {
  peers: (Pick<PeerInfo, 'state' | 'via' | 'address'> & { id: string })[];
};

/** A node in a process of its own, on this machine or on a host of a test LAN. */
export class NodeProcess {
  readonly child: ChildProcess;
  readonly events: MeshEvent[] = [];
  state: State | undefined;
  errors = '';

  constructor(dir: string, config: Partial<MeshConfig>, host?: LanHost) {
    const buildError = inject('buildError');
    if (buildError !== null) throw new Error(`npm run build fails:\n${buildError}`);
    const options = { dir, config: { nodeName: 'test', peers: [], mdns: true, ...config } };
    const script = inProject('test/mesh/fixtures/node.mjs');
    const args = [script, inProject('dist'), JSON.stringify(options)];
    this.child = host ? host.spawn('node', args) : spawn('node', args);
    createInterface(this.child.stdout!).on('line', (line) => {
      const said = JSON.parse(line) as { event: MeshEvent } | State;
      if ('event' in said) this.events.push(said.event);
      else this.state = said;
    });
    this.child.stderr!.on('data', (text: Buffer) => {
      this.errors += text.toString();
    });
    onTestFinished(() => void this.child.kill('SIGKILL'));
  }

  /** Waits until it is connected with so many peers. */
  async connected(count: number, timeoutMs = 10_000): Promise<State> {
    const what = () => {
      if (this.child.exitCode !== null) throw new Error(`the node ended: ${this.errors}`);
      return this.state?.mesh?.connected === count ? this.state : undefined;
    };
    return until(`${count} connected peers of ${this.child.pid}`, what, timeoutMs).catch(
      (error) => {
        throw new Error(`${error.message}\n${JSON.stringify([this.state, this.events], null, 1)}`);
      },
    );
  }
}
