import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file system of its own at a directory that exists (`needs(context, 'mounts')`). Permission
 * bits do not hold for root, and real disks are never full when a test wants it.
 */
export class Disk implements Disposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** An empty one of that size. */
  static small(path: string, megabytes: number): Disk {
    mount('-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'none', path);
    return new Disk(path);
  }

  /** What is at `path`, where nobody can write; a disk with an error looks like this. */
  static readOnly(path: string): Disk {
    mount('--bind', path, path);
    mount('-o', 'remount,ro,bind', path);
    return new Disk(path);
  }

  /** Takes all the room that is left. */
  fill(): void {
    for (const size of [1 << 16, 1 << 12]) {
      try {
        for (;;) writeFileSync(this.#ballast, Buffer.alloc(size), { flag: 'a' });
      } catch {
        // Full for pieces of this size.
      }
    }
  }

  /** Gives back what `fill` took. */
  relieve(): void {
    writeFileSync(this.#ballast, '');
  }

  /** Whoever still has a file open keeps it; the directory below is back at once. */
  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.path], { stdio: 'pipe' });
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' });
}
