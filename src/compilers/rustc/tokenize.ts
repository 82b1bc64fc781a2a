import type { Argument, BypassReason } from '../plan.js';
import { CODEGEN, FLAGS, type FlagRule } from './flags.js';
import { KEYED_UNSTABLE } from './unstable.js';

export type Tokens =
  | { kind: 'arguments'; list: Argument[] }
  | { kind: 'probe' }
  | { kind: 'bypass'; reason: BypassReason; detail: string };

/**
 * Splits rustc's command line the way getopts does: `--flag value`, `--flag=value`, `-Cvalue`,
 * `-C value`. One unknown word and the whole call bypasses.
 */
export function tokenize(words: readonly string[]): Tokens {
  const list: Argument[] = [];
  let probe = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word.startsWith('@')) return { kind: 'bypass', reason: 'response file', detail: word };
    if (word === '-') return { kind: 'probe' };
    if (!word.startsWith('-')) {
      list.push({ flag: '', words: [word], value: word });
      continue;
    }
    const found = ruleOf(word);
    if (found === undefined) return { kind: 'bypass', reason: 'unknown flag', detail: word };
    const { flag, rule, attached } = found;
    let value = attached;
    const spelt = [word];
    if (rule.takesValue && value === undefined) {
      value = words[++i];
      if (value === undefined) return { kind: 'bypass', reason: 'unknown flag', detail: word };
      spelt.push(value);
    }
    if (rule.effect === 'probe') probe = true;
    if (rule.effect === 'bypass') {
      return { kind: 'bypass', reason: rule.reason ?? 'unknown flag', detail: spelt.join(' ') };
    }
    if (flag === '-C') {
      const codegen = codegenOf(value ?? '');
      if (codegen.kind === 'bypass') return codegen;
      list.push({ flag: `-C ${codegen.name}`, words: spelt, value: codegen.value });
    } else if (flag === '-Z') {
      const unstable = settingOf(value ?? '');
      if (!KEYED_UNSTABLE.has(unstable.name)) {
        return { kind: 'bypass', reason: 'unstable flag', detail: spelt.join(' ') };
      }
      list.push({ flag: `-Z ${unstable.name}`, words: spelt, value: unstable.value });
    } else {
      list.push({ flag, words: spelt, value });
    }
  }
  return probe ? { kind: 'probe' } : { kind: 'arguments', list };
}

const CODEGEN_RULE: FlagRule = { effect: 'key', takesValue: true };

function ruleOf(
  word: string,
): { flag: string; rule: FlagRule; attached: string | undefined } | undefined {
  if (word.startsWith('--codegen')) {
    if (word === '--codegen') return { flag: '-C', rule: CODEGEN_RULE, attached: undefined };
    return word[9] === '='
      ? { flag: '-C', rule: CODEGEN_RULE, attached: word.slice(10) }
      : undefined;
  }
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const rule = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined;
    if (rule === undefined || (equals >= 0 && !rule.takesValue)) return undefined;
    return { flag, rule, attached: equals < 0 ? undefined : word.slice(equals + 1) };
  }
  if (word.startsWith('-C')) {
    return { flag: '-C', rule: CODEGEN_RULE, attached: word.slice(2) || undefined };
  }
  const whole = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
  if (whole !== undefined) return { flag: word, rule: whole, attached: undefined };
  const flag = word.slice(0, 2);
  const rule = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined;
  if (rule === undefined || !rule.takesValue) return undefined;
  return { flag, rule, attached: word.slice(2) };
}

function codegenOf(
  text: string,
):
  | { kind: 'codegen'; name: string; value: string | undefined }
  | { kind: 'bypass'; reason: BypassReason; detail: string } {
  const { name, value } = settingOf(text);
  const rule = Object.hasOwn(CODEGEN, name) ? CODEGEN[name] : undefined;
  if (rule === undefined) return { kind: 'bypass', reason: 'unknown flag', detail: `-C ${name}` };
  if (rule.effect === 'bypass') {
    return { kind: 'bypass', reason: rule.reason ?? 'unknown flag', detail: `-C ${name}` };
  }
  return { kind: 'codegen', name, value };
}

/** `NAME[=VALUE]`; rustc takes `_` for `-` in names. */
function settingOf(text: string): { name: string; value: string | undefined } {
  const equals = text.indexOf('=');
  const name = (equals < 0 ? text : text.slice(0, equals)).replaceAll('_', '-');
  return { name, value: equals < 0 ? undefined : text.slice(equals + 1) };
}

/** What the tables say of a parsed argument's effect on the key. */
export function effectOf(argument: Argument): string {
  if (argument.flag === '') return 'input';
  if (argument.flag.startsWith('-Z ')) return 'key';
  if (argument.flag.startsWith('-C ')) return CODEGEN[argument.flag.slice(3)]?.effect ?? 'bypass';
  return FLAGS[argument.flag]?.effect ?? 'bypass';
}
