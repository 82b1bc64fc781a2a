import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrorCode, toVriftError, VriftError } from '../../base/errors.js';

/** No start takes this long. */
const OLD_MS = 60_000;

/** A detached node has no terminal: what kept it from starting stands here until it is read. */
export function reportFile(run: string, attempt: string): string {
  return join(run, `start.${attempt}`);
}

/** Removes what nobody has read: its starter was killed. */
export function removeOldReports(run: string): void {
  for (const name of readdirSync(run).filter((name) => name.startsWith('start.'))) {
    const file = join(run, name);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > OLD_MS) rmSync(file, { force: true });
  }
}

export function writeReport(file: string, failure: unknown): void {
  const { code, message } = toVriftError(failure);
  const draft = `${file}.new`;
  writeFileSync(draft, JSON.stringify({ code, message }), { mode: 0o600 });
  renameSync(draft, file);
}

/** The failure that a node reported, or undefined; the report is gone afterwards. */
export function takeReport(file: string): VriftError | undefined {
  try {
    const { code, message } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    rmSync(file, { force: true });
    if (isErrorCode(code) && typeof message === 'string') return new VriftError(code, message);
  } catch {
    // It reported nothing, or was killed while it did.
  }
  return undefined;
}
