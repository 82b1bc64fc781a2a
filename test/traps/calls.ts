import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finished, type RunOptions, until } from '../harness/programs.js';
import type { Counted, Project } from './support.js';

export interface CallOptions extends RunOptions {
  /** What stands before the flags; left out: `rustc` as the search finds it. */
  compiler?: readonly string[];
  source?: string;
  /** The program that starts the call; left out: the launcher. */
  launcher?: readonly string[];
  /** Name of the crate; left out: `app`. */
  crate?: string;
  /** Left out: `out`. */
  outDir?: string;
}

export interface Called extends Finished {
  counted: Counted;
}

/**
 * One compiler call through the launcher as cargo would make it, but quicker: `main.rs` becomes
 * the program `out/app`. Like cargo's, it may fail: see `code`.
 */
export async function rustc(
  project: Project,
  flags: readonly string[] = [],
  {
    compiler = ['rustc'],
    source = 'main.rs',
    crate = 'app',
    outDir = 'out',
    launcher,
    ...options
  }: CallOptions = {},
): Promise<Called> {
  const { developer, dir } = project;
  await mkdir(join(dir, outDir), { recursive: true });
  await developer.resetStats();
  const unit = ['--crate-name', crate, '--edition=2021', source, '--emit=dep-info,link'];
  const place = ['--out-dir', outDir, '-C', 'metadata=0123456789abcdef'];
  const words = [...compiler, ...unit, ...place, ...flags];
  const [program, ...before] = launcher ?? [join(developer.bin, 'vrift-rustc')];
  const ended = await developer.run(program!, [...before, ...words], {
    cwd: dir,
    allowFailure: true,
    ...options,
  });
  const counted = await until('the node counts the call', async () => {
    const stats = await developer.stats();
    return stats.units + stats.probes > 0 ? stats : undefined;
  });
  return { ...ended, counted };
}

/** What `out/app`, or another program, prints. */
export async function printed(project: Project, program = 'out/app'): Promise<string> {
  const { stdout } = await project.developer.run(join(project.dir, program), [], {
    cwd: project.dir,
  });
  return stdout.trim();
}

/** Any program in the project's directory. */
export async function tool(project: Project, program: string, ...args: string[]): Promise<string> {
  const { stdout } = await project.developer.run(program, args, { cwd: project.dir });
  return stdout;
}

/** A program in the project, executable. */
export async function script(project: Project, path: string, text: string): Promise<void> {
  await project.write({ [path]: `#!/bin/sh\n${text}\n` });
  await chmod(join(project.parent, path), 0o755);
}

/** The RUNPATH of a program. */
export const runpath = async (project: Project, program = 'out/app') =>
  /RUNPATH.*\[(.*)\]/.exec(await tool(project, 'readelf', '-d', program))?.[1];

/** How many results this node keeps. */
export async function kept(project: Project): Promise<number> {
  // Whatever is still being stored comes to its end first.
  await project.developer.stats();
  return (await project.developer.status()).store.results;
}

export const COMPILED = { compiled: 1, hits: { disk: 0, peer: 0, remote: 0 } };
export const FROM_DISK = { compiled: 0, hits: { disk: 1, peer: 0, remote: 0 } };
