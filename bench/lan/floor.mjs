// A holder and a taker, two processes of Node that do nothing but move files over TLS: run by main.mjs,
// which sends each its files.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync, writevSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';

/** No certificates: what a record costs is the same. */
const SECRET = {
  ciphers: 'PSK-AES256-GCM-SHA384',
  maxVersion: 'TLSv1.2',
  pskCallback: () => ({ psk: Buffer.alloc(32, 7), identity: 'bench' }),
  checkServerIdentity: () => undefined,
};
/** As much as a node hashes and writes at once. */
const PIECE_BYTES = 256 * 1024;

/** @returns paths and sizes of all files */
export async function filesBelow(dir) {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
  return Promise.all(paths.map(async (path) => ({ path, size: (await stat(path)).size })));
}

/**
 * @param scratch where the taker writes; removed
 * @returns wall time from the connection to the last byte, and processor time of both ends
 */
export async function transfer(files, scratch) {
  await mkdir(scratch);
  const program = fileURLToPath(import.meta.url);
  const holder = fork(program, ['hold']);
  const taker = fork(program, ['take']);
  try {
    holder.send({ files });
    const [{ port }] = await once(holder, 'message');
    taker.send({ files, port, scratch });
    const [[sent], [taken]] = await Promise.all([once(holder, 'message'), once(taker, 'message')]);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return { ms: taken.ms, bytes, sendsMs: sent.cpuMs, takesMs: taken.cpuMs };
  } finally {
    for (const child of [holder, taker]) child.kill();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function hold({ files }) {
  const server = createServer(SECRET);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send({ port: server.address().port });
  const [socket] = await once(server, 'secureConnection');
  // Who has it all goes away.
  socket.on('error', () => {});
  const before = process.cpuUsage();
  for (const { path } of files) {
    for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
      if (!socket.write(piece)) await once(socket, 'drain');
    }
  }
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  process.send({ cpuMs: cpuMs(before) });
}

async function take({ files, port, scratch }) {
  const { blake3, Blake3Hasher } = await import('@napi-rs/blake-hash');
  blake3('');
  const socket = connect({ ...SECRET, host: '127.0.0.1', port });
  await once(socket, 'secureConnect');
  const before = process.cpuUsage();
  const startedMs = performance.now();
  const chunks = socket[Symbol.asyncIterator]();
  let rest = Buffer.alloc(0);
  for (const [number, { size }] of files.entries()) {
    const fd = openSync(join(scratch, String(number)), 'wx');
    const hasher = new Blake3Hasher();
    let held = [];
    let heldBytes = 0;
    const flush = () => {
      for (const piece of held) hasher.update(piece);
      if (held.length > 0) writevSync(fd, held);
      held = [];
      heldBytes = 0;
    };
    for (let left = size; left > 0; ) {
      if (rest.length === 0) rest = (await chunks.next()).value;
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      held.push(piece);
      heldBytes += piece.length;
      if (heldBytes >= PIECE_BYTES) flush();
    }
    flush();
    hasher.digest('hex');
    closeSync(fd);
  }
  process.send({ ms: performance.now() - startedMs, cpuMs: cpuMs(before) });
  socket.destroy();
}

function cpuMs(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const ROLES = { hold, take };
const role = ROLES[process.argv[2]];
if (process.argv[1] === fileURLToPath(import.meta.url) && role !== undefined) {
  const [job] = await once(process, 'message');
  await role(job);
}
