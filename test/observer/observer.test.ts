import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseObserved, type Sighting } from '../../src/wire/observed.js';
import { needs } from '../harness/needs.js';
import { type Finished, runProgram } from '../harness/programs.js';
import { inProject } from '../harness/project.js';

const LIBRARY = inProject('bin', 'vrift-observer.so');

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'vrift-observer-'));
  await writeFile(join(scratch, 'there.txt'), 'text\n');
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

let logs = 0;

interface Seen extends Finished {
  sightings: Sighting[];
}

/** Runs a program under the observer, and without: nothing but the log may differ. */
async function observed(
  argv: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv = {},
): Promise<Seen> {
  const [program, ...args] = argv;
  const base = { PATH: process.env.PATH, ...env };
  const log = join(scratch, `log-${++logs}`);
  await writeFile(log, '');
  const options = { cwd: scratch, allowFailure: true };
  const preload = env.LD_PRELOAD === undefined ? LIBRARY : `${LIBRARY}:${env.LD_PRELOAD}`;
  const watched = { ...base, LD_PRELOAD: preload, VRIFT_OBSERVED: log };
  const plain = await runProgram(program, args, { ...options, env: base });
  const seen = await runProgram(program, args, { ...options, env: watched });
  expect(seen).toEqual(plain);
  return { ...seen, sightings: parseObserved(await readFile(log))! };
}

async function compiled(name: string, source: string, ...flags: string[]): Promise<string> {
  const program = join(scratch, name);
  await writeFile(`${program}.c`, source);
  await runProgram('cc', ['-O1', '-o', program, `${program}.c`, ...flags], { cwd: scratch });
  return program;
}

const texts = ({ sightings }: Seen, kind: string) =>
  sightings.filter((sighting) => sighting.kind === kind).map(({ text }) => text);

describe.runIf(process.platform === 'linux')('the observer', () => {
  it('sees files, directories, missing paths and variables, and keeps errno', async (context) => {
    needs(context, 'cc');
    const program = await compiled(
      'looks',
      `#define _GNU_SOURCE
      #include <dirent.h>
      #include <errno.h>
      #include <fcntl.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <sys/stat.h>
      #include <unistd.h>
      int main(void) {
        int fd = open("there.txt", O_RDONLY);
        errno = 0;
        int gone = open("gone.txt", O_RDONLY);
        printf("%d %d %d\\n", fd, gone, errno);
        errno = 7;
        getenv("VR_ASKED");
        printf("%d\\n", errno);
        struct statx buffer;
        int strange = statx(0, NULL, 0, STATX_ALL, NULL);
        printf("%d %d\\n", strange, errno);
        printf("%d\\n", statx(AT_FDCWD, "there.txt", 0, STATX_ALL, &buffer));
        printf("%d %d\\n", access("never", F_OK), errno);
        DIR *directory = opendir(".");
        printf("%d\\n", directory != NULL);
        printf("%s %s\\n", getenv("LD_PRELOAD") ? "mine" : "none",
               getenv("VRIFT_OBSERVED") ? "mine" : "none");
        FILE *file = fopen("written.txt", "w");
        fclose(file);
        return 3;
      }`,
    );
    const seen = await observed([program]);
    expect(seen.code).toBe(3);
    expect(texts(seen, 'r')).toContain(`${scratch}/there.txt`);
    expect(texts(seen, 'n')).toEqual(
      expect.arrayContaining([`${scratch}/gone.txt`, `${scratch}/never`]),
    );
    expect(texts(seen, 's')).toContain(`${scratch}/there.txt`);
    expect(texts(seen, 'd')).toContain(`${scratch}/.`);
    expect(texts(seen, 'w')).toContain(`${scratch}/written.txt`);
    expect(texts(seen, 'e')).toContain('VR_ASKED');
    expect(texts(seen, 'X')).toEqual([program]);
  });

  it('follows fork, vfork, spawn, exec with an empty environment, shells and threads', async (context) => {
    needs(context, 'cc');
    const program = await compiled(
      'starts',
      `#define _GNU_SOURCE
      #include <pthread.h>
      #include <spawn.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <sys/wait.h>
      #include <unistd.h>
      static char *none[] = {NULL};
      static char *const cat[] = {"cat", "there.txt", NULL};
      static void *look(void *name) {
        for (int at = 0; at < 200; at++) access(name, F_OK);
        return NULL;
      }
      int main(void) {
        setvbuf(stdout, NULL, _IONBF, 0);
        if (fork() == 0) { execve("/bin/cat", cat, none); _exit(1); }
        wait(NULL);
        if (vfork() == 0) { execve("/bin/cat", cat, none); _exit(1); }
        wait(NULL);
        pid_t pid;
        posix_spawnp(&pid, "cat", NULL, NULL, cat, none);
        wait(NULL);
        system("cat there.txt");
        pthread_t threads[8];
        for (int at = 0; at < 8; at++) pthread_create(&threads[at], NULL, look, "in-a-thread");
        for (int at = 0; at < 8; at++) pthread_join(threads[at], NULL);
        return 0;
      }`,
      '-pthread',
    );
    const seen = await observed([program]);
    expect(seen.stdout).toBe('text\n'.repeat(4));
    const cats = new Set(
      seen.sightings.filter(({ text }) => text === `${scratch}/there.txt`).map(({ pid }) => pid),
    );
    expect(cats.size).toBe(4);
    expect(
      texts(seen, 'n').filter((text) => text === `${scratch}/in-a-thread`).length,
    ).toBeGreaterThan(0);
  });

  it('leaves a static program alone, says so, and sees what that one starts no more', async (context) => {
    needs(context, 'cc');
    const quiet = await compiled(
      'static',
      '#include <stdio.h>\nextern char **environ;\nint main(void) { int n = 0; for (char **e = environ; *e; e++) n++; printf("%d\\n", n > 0); }\n',
      '-static',
    );
    const seen = await observed(['sh', '-c', `exec ${quiet}`]);
    expect(seen.stdout).toBe('1\n');
    expect(texts(seen, 'b')).toEqual([quiet]);
  });

  it('comes before what the user preloads, and that still works', async (context) => {
    needs(context, 'cc');
    const source =
      '#include <sys/types.h>\nuid_t getuid(void) { return 4711; }\nuid_t geteuid(void) { return 4711; }\n';
    const library = await compiled('mine.so', source, '-shared', '-fPIC');
    const seen = await observed(['sh', '-c', 'id -u'], { LD_PRELOAD: library });
    expect(seen.stdout).toBe('4711\n');
    expect(texts(seen, 'p').some((text) => text.endsWith('/id'))).toBe(true);
  });
});
