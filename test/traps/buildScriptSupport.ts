import { expect } from 'vitest';
import type { RunOptions } from '../harness/programs.js';
import { type Files, manifest, type Project } from './support.js';

/** A program that prints what its build script wrote into OUT_DIR. */
export const withScript = (body: string, more: Files = {}): Files => ({
  'app/Cargo.toml': `${manifest('app')}[workspace]\n`,
  'app/src/main.rs':
    'fn main() { print!("{}", include_str!(concat!(env!("OUT_DIR"), "/told.txt"))); }\n',
  'app/build.rs': `use std::{env, fs, path::Path};
fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let _ = Path::new(&out);
    let told: String = { ${body} };
    fs::write(format!("{out}/told.txt"), told).unwrap();
}\n`,
  ...more,
});

export interface Ran {
  printed: string;
  ran: number;
  replayed: number;
}

/** Builds from nothing, and says what the program prints and what became of the scripts. */
export async function builtAnew(project: Project, options: RunOptions = {}): Promise<Ran> {
  await project.clean();
  return built(project, options);
}

/** The same with what is there already. */
export async function built(project: Project, options: RunOptions = {}): Promise<Ran> {
  const { scripts } = await project.count(['build'], options);
  const { ran, replayed } = scripts;
  return {
    printed: await project.output(),
    ran,
    replayed: replayed.disk + replayed.peer,
  };
}

export const first = (printed: string): Ran => ({ printed, ran: 1, replayed: 0 });
export const again = (printed: string): Ran => ({ printed, ran: 0, replayed: 1 });

/** Cargo calls neither a compiler nor a script. */
export async function isSilent(project: Project, options: RunOptions = {}): Promise<void> {
  await project.developer.resetStats();
  const { stderr } = await project.cargo(['build'], options);
  expect(stderr).not.toMatch(/Compiling|Dirty/);
  const { units, scripts } = await project.developer.stats();
  expect({ units, ran: scripts.ran }).toEqual({ units: 0, ran: 0 });
}
