import type { Command } from 'commander';
import type { PeerInfo } from '../../wire/control.js';
import { addCommand, answerWith, type Cli } from '../command.js';
import { type Column, table } from '../table.js';
import { bytesText, durationText, shortId } from '../words.js';

export function addPeers(program: Command, cli: Cli): void {
  addCommand(
    program,
    'peers',
    'who is here, what they hold, what they gave me',
    'vrift peers',
  ).action((flags: { json?: boolean }) =>
    answerWith(cli, flags, async () => {
      const peers = (await cli.node.ask('peers')) as PeerInfo[];
      const text = peers.length === 0 ? 'no peers' : table(columns(Date.now()), peers);
      return { json: peers, text };
    }),
  );
}

function columns(now: number): Column<PeerInfo>[] {
  return [
    { title: 'name', value: ({ name }) => name },
    { title: 'node', value: ({ node }) => shortId(node) },
    { title: 'address', value: ({ address }) => address },
    { title: 'state', value: ({ state }) => state },
    { title: 'via', value: ({ via }) => via },
    { title: 'rtt', right: true, value: ({ rttMs }) => rttText(rttMs) },
    { title: 'results', right: true, value: ({ results }) => String(results ?? '-') },
    { title: 'hits', right: true, value: ({ hits }) => String(hits) },
    { title: 'given to me', right: true, value: ({ bytesIn }) => bytesText(bytesIn) },
    { title: 'taken from me', right: true, value: ({ bytesOut }) => bytesText(bytesOut) },
    { title: 'seen', right: true, value: ({ lastSeen }) => seenText(lastSeen, now) },
  ];
}

function rttText(rttMs: number | null): string {
  if (rttMs === null) return '-';
  return rttMs < 10 ? `${rttMs.toFixed(1)} ms` : durationText(rttMs);
}

function seenText(lastSeen: number | null, now: number): string {
  if (lastSeen === null) return 'never';
  return now - lastSeen < 5000 ? 'now' : `${durationText(now - lastSeen)} ago`;
}
