import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { posix } from 'node:path';

/**
 * How servers read requests that have fallen for the shapes of shapes.test.ts: `length` believes the
 * first length, `chunks` whatever looks like chunks, and both take the path for one of a file.
 */
export type Naivety = 'length' | 'chunks';

const ok = (body: string) =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

export function naiveServer(naivety: Naivety): Server {
  return createServer((socket: Socket) => {
    let held = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      held += chunk.toString('latin1');
      for (let taken = take(held, naivety); taken !== undefined; taken = take(held, naivety)) {
        held = held.slice(taken.length);
        socket.write(ok(content(taken.path)));
      }
    });
  });
}

/** The first whole request, as it understands it. */
function take(bytes: string, naivety: Naivety): { length: number; path: string } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.slice(0, end).replace(/\r?\n[ \t]+/g, ' ');
  const [, path = '/'] = head.split(' ', 2);
  const body = end + 4;
  const length = Number.parseInt(/^content-length\s*:\s*\+?(\d+)/im.exec(head)?.[1] ?? '', 10);
  const isChunked = /^transfer-encoding\s*:.*chunked/im.test(head);
  if (isChunked && (naivety === 'chunks' || Number.isNaN(length))) {
    const last = /(^|\n)0\r?\n\r?\n/.exec(bytes.slice(body));
    return last === null ? undefined : { length: body + last.index + last[0].length, path };
  }
  return { length: body + (Number.isNaN(length) ? 0 : length), path };
}

function content(path: string): string {
  const file = posix.join('/srv', decodeURIComponent(path.replace(/^\/v1\/blob/, '')));
  try {
    return file.endsWith('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : path;
  } catch {
    return path;
  }
}
