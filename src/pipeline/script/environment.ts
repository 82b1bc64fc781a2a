import { basename, dirname } from 'node:path';
import type { Environment } from '../../keying/ports.js';
import { SECRET } from '../../keying/secret.js';

/** Settings of cargo itself, which a script only sees when it asks for one by name. */
const CARGO_SETTINGS =
  /^CARGO_(INCREMENTAL|TERM_|NET_|HTTP_|REGISTR|BUILD_|PROFILE_|HOME$|INSTALL_|LOG$|ALIAS_|UNSTABLE_|MAKEFLAGS$|TARGET_|CACHE_|RESOLVER_|FUTURE_INCOMPAT|PACKAGE_CACHE)/;

/** What cargo gives to every build script: all of it is in the key. */
const GIVEN =
  /^(CARGO(_.*)?|DEP_.*|TARGET|HOST|PROFILE|OPT_LEVEL|DEBUG|RUSTC|RUSTDOC|RUSTC_LINKER|OUT_DIR)$/;

export const isGiven = (name: string): boolean => GIVEN.test(name) && !CARGO_SETTINGS.test(name);

/**
 * What says where and how somebody works, and nothing of what is built. Programs that take their
 * environment as a whole (shells, make, perl) are not taken to read these.
 */
const PERSONAL =
  /^(PWD|OLDPWD|SHLVL|_|HOME|PATH|TERM.*|COLORTERM|COLUMNS|LINES|DISPLAY|WAYLAND_.*|XDG_.*|SSH_.*|DBUS_.*|LS_COLORS|LOGNAME|USER|USERNAME|MAIL|HOSTNAME|EDITOR|VISUAL|PAGER|LESS.*|HIST.*|PS[1-4]|SHELL|WINDOWID|VTE_.*|TMUX.*|STY|GPG_.*|VSCODE_.*|GITHUB_.*|RUNNER_.*|INVOCATION_ID|JOURNAL_STREAM|NUM_JOBS|MAKEFLAGS|MFLAGS|MAKELEVEL|RUST_BACKTRACE|RUST_LOG|RUSTUP_.*|VRIFT_.*|LD_LIBRARY_PATH|LD_PRELOAD|RUSTC_WRAPPER|RUSTC_WORKSPACE_WRAPPER|npm_.*|NVM_.*|NODE.*)$/;

/** The name under which the rest of the environment is one variable. */
export const ALL = '*';

/** Before the name of a program: the path that it is found at. */
export const WHICH = 'program ';

/** The names under which a machine is two variables: what code for its processor depends on, and what it is called. */
export const PROCESSOR = 'this processor';
export const HOST = 'this host';

interface Surroundings {
  exists(path: string): boolean;
  processor(): string;
  host(): string;
}

/**
 * A script's environment, with what is no variable: where a program is found, all that is neither
 * cargo's nor personal, and the machine.
 */
export class ScriptEnvironment extends Map<string, string> {
  readonly #around: Surroundings;

  constructor(env: Environment, around: Surroundings) {
    super(env);
    this.#around = around;
  }

  override get(name: string): string | undefined {
    if (name === PROCESSOR) return this.#around.processor();
    if (name === HOST) return this.#around.host();
    if (name.startsWith(WHICH)) return this.which(name.slice(WHICH.length));
    if (name === ALL) return this.#all();
    const value = super.get(name);
    // Everybody has it somewhere else, and it is no part of what is made.
    if (name === 'RUSTC_WRAPPER' && value !== undefined) return basename(value);
    return value;
  }

  /** The set variable with a secret's name that somebody sees who asks for this one. */
  secretIn(name: string): string | undefined {
    const seen = name === ALL ? this.#impersonal().map(([each]) => each) : [name];
    return seen.find((each) => SECRET.test(each) && this.has(each));
  }

  /** Where the launcher is, as cargo says it. */
  get wrapper(): string | undefined {
    return super.get('RUSTC_WRAPPER');
  }

  /** Whether programs of this directory are found by their name alone. */
  isSearched(path: string): boolean {
    return this.#searched().includes(dirname(path));
  }

  which(program: string): string | undefined {
    return this.#searched()
      .map((directory) => `${directory}/${program}`)
      .find((path) => this.#around.exists(path));
  }

  #searched(): string[] {
    return (super.get('PATH') ?? '').split(':').filter((directory) => directory.startsWith('/'));
  }

  #impersonal(): [name: string, value: string][] {
    return [...this].filter(
      ([name]) => !isGiven(name) && !PERSONAL.test(name) && !CARGO_SETTINGS.test(name),
    );
  }

  #all(): string {
    return this.#impersonal()
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join('\n');
  }
}
