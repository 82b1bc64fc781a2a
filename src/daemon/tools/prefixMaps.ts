import type { Digest } from '../../base/digest.js';
import type { Environment } from '../../keying/ports.js';
import { ask, findProgram } from './run.js';

/** Since gcc 8 and clang 10. */
const TRIED = ['-ffile-prefix-map=/a=/b', '-E', '-x', 'c', '/dev/null'];

/** Which C compilers know `-ffile-prefix-map`: each is asked once, by content. */
export class PrefixMaps {
  readonly #digest: (path: string) => Digest | undefined;
  readonly #known = new Map<string, Promise<boolean>>();

  constructor(digest: (path: string) => Digest | undefined) {
    this.#digest = digest;
  }

  async of(cwd: string, env: Environment): Promise<{ c: boolean; cxx: boolean }> {
    const [c, cxx] = await Promise.all(
      ['cc', 'c++'].map((compiler) => this.#isUnderstood(compiler, cwd, env)),
    );
    return { c: c === true, cxx: cxx === true };
  }

  #isUnderstood(compiler: string, cwd: string, env: Environment): Promise<boolean> {
    const program = findProgram(compiler, cwd, env);
    const digest = program === undefined ? undefined : this.#digest(program);
    if (program === undefined || digest === undefined) return Promise.resolve(false);
    const key = `${program} ${digest}`;
    const known =
      this.#known.get(key) ?? ask(program, TRIED, cwd, env).then((said) => said !== undefined);
    this.#known.set(key, known);
    return known;
  }
}
