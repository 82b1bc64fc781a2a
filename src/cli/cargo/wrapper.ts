import { dirname, join } from 'node:path';
import type { Cli } from '../command.js';
import { cargoHome, configIn, readConfig } from './files.js';

/** The compiler wrapper that cargo would use here, and what says so. */
export interface WrapperSetting {
  value: string;
  source: string;
}

/** As cargo looks for it: variables, then each directory upwards, then the user's own file. */
export async function currentWrapper(cli: Cli): Promise<WrapperSetting | null> {
  for (const variable of ['RUSTC_WRAPPER', 'CARGO_BUILD_RUSTC_WRAPPER']) {
    const value = cli.env[variable];
    if (value !== undefined && value !== '') return { value, source: variable };
  }
  for (const file of configFiles(cli)) {
    const value = await wrapperIn(cli, file);
    if (value !== null) return { value, source: file };
  }
  return null;
}

function configFiles(cli: Cli): string[] {
  const files: string[] = [];
  for (let directory = cli.cwd; ; directory = dirname(directory)) {
    files.push(configIn(join(directory, '.cargo')));
    if (directory === dirname(directory)) break;
  }
  return [...new Set([...files, configIn(cargoHome(cli.env))])];
}

/** A file that cannot be read sets nothing here: cargo itself will complain about it. */
async function wrapperIn(cli: Cli, file: string): Promise<string | null> {
  try {
    const text = readConfig(file);
    if (!text.includes('rustc-wrapper')) return null;
    const answer = (await cli.node.ask('cargo.wrapper', { file, text })) as {
      wrapper: string | null;
    };
    return answer.wrapper;
  } catch {
    return null;
  }
}
