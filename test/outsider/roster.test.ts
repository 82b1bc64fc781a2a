import { afterAll, expect, it } from 'vitest';
import { signStatement } from '../../src/identity/envelope.js';
import { hashId } from '../../src/identity/ids.js';
import { encodeBlocks } from '../../src/wire/blocks.js';
import { until } from '../harness/programs.js';
import { foundMesh, newNode } from '../identity/support.js';
import { helloOf, startRogue } from '../mesh/support.js';
import { HELLO, outside, ROGUE_PORT, said } from './support.js';

const config = `peers = ["10.77.0.3:${ROGUE_PORT}"]\ndiscovery = false\n`;

/** What Mallory says that the mesh consists of. */
let told: Buffer[] = [];
let pulled = 0;
let end = async () => {};

/** Who belongs to a mesh is what its admins said, whoever passes it on, and whenever. */
outside(
  'statements that a member makes up or digs out',
  (at) => {
    afterAll(() => end());
    const members = async () => {
      const all = await at.office.alice.vriftJson<{ node: string; revoked: boolean }[]>([
        'mesh',
        'members',
      ]);
      return all.filter(({ revoked }) => !revoked).map(({ node }) => node);
    };

    /** Alice hears this of Mallory. */
    async function tell(statements: Buffer[]): Promise<void> {
      const { office } = at;
      await office.alice.stop();
      told = statements;
      pulled = 0;
      office.port = (await office.alice.start()).port!;
      await until('Alice pulls', () => pulled > 0, 20_000);
    }

    /** Nobody is a member by it who was none. */
    async function addsNobody(statements: Buffer[], puppet: { key: { nodeId: string } }) {
      const before = await members();
      await tell(statements);
      await at.office.unharmed(async () => {
        // A merge follows within the same hello.
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(await members()).toEqual(before);
      });
      expect(await members()).not.toContain(puppet.key.nodeId);
    }

    it('that an admin signed add whom they say, whoever passes them on', async () => {
      const { founder } = at.office;
      const real = await newNode();
      const { membership } = founder;
      const claim = { type: 'add', node: real.key.nodeId, role: 'member', name: 'real' } as const;
      const { bytes } = signStatement(founder.key, membership.meshId, claim);
      await tell([...membership.statements(), bytes]);
      await until('the new member', async () => (await members()).includes(real.key.nodeId));
    }, 60_000);

    it('by a member that is no admin add nobody', async () => {
      const { mallory, founder } = at.office;
      const puppet = await newNode();
      const node = puppet.key.nodeId;
      const claim = { type: 'add', node, role: 'admin', name: 'puppet' } as const;
      const { bytes } = signStatement(mallory.key, mallory.membership.meshId, claim);
      await addsNobody([...founder.membership.statements(), bytes], puppet);
    }, 60_000);

    it('by an admin that was shut out, of before, add nobody', async () => {
      const { exAdmin, founder } = at.office;
      const puppet = await newNode();
      // It knows of no revoke, and signs as it would have then.
      exAdmin.membership.add(puppet.key.spki, 'admin', 'puppet');
      expect(exAdmin.membership.isMember(puppet.key.nodeId)).toBe(true);
      const own = exAdmin.membership.statements();
      await addsNobody([...founder.membership.statements(), ...own], puppet);
      await addsNobody(own, puppet);
    }, 60_000);

    it('of another mesh, or with a byte changed, add nobody', async () => {
      const cellar = await foundMesh('cellar');
      const puppet = await newNode();
      cellar.membership.add(puppet.key.spki, 'admin', 'puppet');
      const real = at.office.founder.membership.statements();
      await addsNobody([...real, ...cellar.membership.statements()], puppet);
      const text = real[0]!.toString('utf8');
      const changed = Buffer.from(text.replace(/[A-Za-z0-9]{8}/, 'AAAAAAAA'));
      await addsNobody([...real, changed], puppet);
    }, 60_000);

    it('leave those out whom they leave out, and nobody else', async () => {
      const { mallory, founder } = at.office;
      await addsNobody([], await newNode());
      expect(await members()).toContain(mallory.key.nodeId);
      expect(await members()).toContain(founder.key.nodeId);
      expect(await said(at.office.dial(mallory.key), HELLO)).toContain('200 OK');
      expect(await said(at.office.dial(at.office.exAdmin.key), HELLO)).toBe('');
    }, 60_000);
  },
  {
    config,
    before: async (office) => {
      const { mallory } = office;
      const address = await startRogue(
        mallory,
        (request, response) => {
          if (request.url === '/v1/hello') {
            const roster = hashId(Buffer.concat(told));
            response.end(JSON.stringify({ ...helloOf(mallory), roster }));
          } else if (request.url === '/v1/roster') {
            pulled += 1;
            response.end(encodeBlocks(told));
          } else return false;
          return true;
        },
        (close) => {
          end = close;
        },
      );
      await office.serveAsOutsider(address);
    },
  },
);
