import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Digest } from '../base/digest.js';
import { BROTLI, PACK_HEADER, PACKED_HEADER, type Packing, Unframer } from '../wire/packed.js';
import { PeerFault } from './fault.js';

/** Where the bytes of a blob go; `written` is where a next holder continues. */
export interface Sink {
  readonly digest: Digest;
  readonly size: number;
  readonly written: number;
  /** @throws PeerFault when that is more than was announced */
  write(chunk: Uint8Array): void;
}

/** Why a holder gave nothing though it did no wrong. */
export class HolderAbsent extends Error {}

/**
 * Streams the part of a blob that `sink` lacks.
 *
 * @throws PeerFault when the peer announces or sends another number of bytes; any other error is
 *   the network's or (from `sink.write`) the disk's
 */
export function download(
  dispatcher: Dispatcher,
  path: string,
  sink: Sink,
  options: {
    stallMs: number;
    signal: AbortSignal;
    packing?: Packing;
    /** Told of the content as it is taken. */
    came?: (bytes: number) => void;
  },
): Promise<void> {
  const { stallMs, signal, packing, came } = options;
  const from = sink.written;
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let refusal: HolderAbsent | undefined;
    let frames: Unframer | undefined;
    /** Why nothing is taken any more: another holder may be writing into the sink by now. */
    let stopped: Error | undefined;
    const stop = (error: Error): void => {
      stopped ??= error;
      finish();
      reject(error);
      controller?.abort(error);
    };
    const take = (content: Buffer): void => {
      sink.write(content);
      came?.(content.length);
    };
    const stalled = () => stop(new Error(`no bytes for ${stallMs} ms`));
    const timer = setTimeout(stalled, stallMs);
    const cancelled = () => stop(new Error('cancelled', { cause: signal.reason }));
    signal.addEventListener('abort', cancelled);
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancelled);
    }
    if (signal.aborted) {
      cancelled();
      return;
    }

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        // The connection came up only now, too late.
        if (stopped) started.abort(stopped);
      },
      onResponseStart(_controller, status, headers) {
        if (stopped) return;
        refusal = refusalOf(status);
        const isPacked = packing !== undefined && headers[PACKED_HEADER] === BROTLI;
        const problem = refusal ? undefined : problemOf(status, headers, { from, sink, isPacked });
        if (problem) stop(problem);
        else if (isPacked && !refusal) frames = new Unframer(sink.size - from);
      },
      onResponseData(_controller, chunk) {
        // The few bytes of a refusal are read to the end, which saves the connection.
        if (refusal || stopped) return;
        timer.refresh();
        try {
          if (frames === undefined) take(chunk);
          else {
            const problem = frames.push(chunk, take);
            if (problem !== undefined) stop(new PeerFault(`blob ${sink.digest}: ${problem}`));
          }
        } catch (error) {
          stop(error as Error);
        }
      },
      onResponseEnd() {
        if (stopped) return;
        finish();
        if (refusal) reject(refusal);
        else if (frames?.isOpen) reject(new PeerFault(`blob ${sink.digest}: ends within a frame`));
        else if (sink.written === sink.size) resolve();
        else reject(new PeerFault(`blob ${sink.digest}: ends after ${sink.written} bytes`));
      },
      onResponseError(_controller, error) {
        finish();
        reject(error);
      },
    };
    const headers = {
      ...(from > 0 && { range: `bytes=${from}-` }),
      ...(packing && { [PACK_HEADER]: packing }),
    };
    dispatcher.dispatch({ method: 'GET', path, headers }, handler);
  });
}

function refusalOf(status: number): HolderAbsent | undefined {
  if (status === 404) return new HolderAbsent('the peer does not have the blob');
  return status === 503 ? new HolderAbsent('the peer is busy') : undefined;
}

function problemOf(
  status: number,
  headers: IncomingHttpHeaders,
  { from, sink: { size }, isPacked }: { from: number; sink: Sink; isPacked: boolean },
): PeerFault | undefined {
  if (status !== (from === 0 ? 200 : 206)) return new PeerFault(`blob: status ${status}`);
  if (!isPacked && headers['content-length'] !== String(size - from)) {
    return new PeerFault(`blob: ${headers['content-length']} of ${size - from} bytes announced`);
  }
  if (from > 0 && headers['content-range'] !== `bytes ${from}-${size - 1}/${size}`) {
    return new PeerFault(`blob: range ${headers['content-range']} for ${from}-`);
  }
  return undefined;
}
