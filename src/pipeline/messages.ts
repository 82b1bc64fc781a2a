import type { Digest, Hasher } from '../base/digest.js';
import type { PlannedOutput, RustcPlan } from '../compilers/plan.js';
import { prefixPattern, type Roots } from '../keying/roots.js';
import type { Unmapping } from '../wire/launcher.js';

/** JSON text without its quotes: what stands inside a string of a JSON line. */
const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

/**
 * What of the compiler's stderr is kept: artifact messages name this home's files and are made
 * anew at each restore; real paths become names.
 */
export function keepMessages(stderr: string, plan: RustcPlan, roots: Roots): string {
  const lines = stderr.split('\n').filter((line) => !isArtifact(line));
  const text = lines.join('\n');
  return plan.json ? mapJson(roots.mapText(text), roots) : roots.mapText(text);
}

function isArtifact(line: string): boolean {
  return line.startsWith('{"$message_type":"artifact"') || line.startsWith('{"artifact":');
}

/** Roots whose spelling changes inside JSON (quotes, backslashes, control characters). */
function mapJson(text: string, roots: Roots): string {
  let mapped = text;
  for (const { name, real } of roots.names()) {
    if (inJson(real) !== real) mapped = mapped.replace(prefixPattern(inJson(real)), name);
  }
  return mapped;
}

/** Names back to real paths: for the launcher's stream on a miss, for kept text on a hit. */
export function unmappings(roots: Roots): Unmapping[] {
  const { librarySource } = roots;
  return [...roots.names(), ...(librarySource === undefined ? [] : [librarySource])]
    .map(({ name, real }): Unmapping => [name, real])
    .sort((a, b) => b[0].length - a[0].length);
}

const MAPPED = /\/(vr|rustc)\//;

/** Kept messages as this caller would have got them. */
export function expandMessages(kept: string, roots: Roots): string {
  if (!MAPPED.test(kept)) return kept;
  const pairs = unmappings(roots);
  const expandLine = (line: string) => {
    if (!MAPPED.test(line)) return line;
    const json = line.startsWith('{');
    let expanded = line;
    for (const [name, real] of pairs) {
      expanded = expanded.replace(prefixPattern(name), () => (json ? inJson(real) : real));
    }
    return expanded;
  };
  return kept.split('\n').map(expandLine).join('\n');
}

/** The notifications that rustc sends when a file is complete, in its order. */
export function artifactMessages(plan: RustcPlan, outputs: readonly PlannedOutput[]): string {
  if (!plan.json || !plan.artifactMessages) return '';
  const order = ['dep-info', 'metadata', 'link'];
  return outputs
    .filter((output) => output.role !== 'dwp')
    .toSorted((a, b) => order.indexOf(a.emit) - order.indexOf(b.emit))
    .map((output) => {
      const path = JSON.stringify(output.spelt);
      return `{"$message_type":"artifact","artifact":${path},"emit":"${output.emit}"}\n`;
    })
    .join('');
}

/**
 * How messages look to this caller: only matters for a result that has some. Those that point into
 * the standard library quote it where its sources are.
 */
export function messageFormat(plan: RustcPlan, roots: Roots, hasher: Hasher): Digest {
  const flags = ['--error-format', '--json', '--color', '--diagnostic-width', '--verbose', '-v'];
  const words = plan.arguments
    .filter((argument) => flags.includes(argument.flag))
    .map((argument) => `${argument.flag}=${argument.value ?? ''}`);
  const quotes = roots.librarySource === undefined ? [] : ['quotes the standard library'];
  return hasher.hash([...words.sort(), ...quotes].join('\n'));
}
