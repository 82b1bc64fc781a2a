import { isErrorCode, VriftError } from '../../base/errors.js';
import type { Welcome } from '../../identity/membership.js';
import { hasExactly, parseBase64 } from '../../identity/strictJson.js';

/**
 * Reads the last frame of whoever lets in. Refusals carry a code and no words: what a person reads
 * is ours.
 *
 * @param refusals what to say for a code
 * @throws the refusal; VRIFT_PEER_PROTOCOL for anything that is neither
 */
export function parseAnswer(
  answer: unknown,
  meshId: string,
  refusals: Readonly<Record<string, string>>,
): Welcome {
  if (hasExactly(answer, ['kind', 'code']) && answer.kind === 'refused') {
    // A stranger does not choose what else this person is told to do.
    const told = isErrorCode(answer.code) ? answer.code : 'VRIFT_JOIN_REFUSED';
    const code = Object.hasOwn(refusals, told) ? told : 'VRIFT_JOIN_REFUSED';
    throw new VriftError(code, refusals[code] ?? 'the inviting machine refused this node');
  }
  const welcome = readWelcomeFrame(answer, meshId);
  if (welcome !== undefined) return welcome;
  throw new VriftError('VRIFT_PEER_PROTOCOL', 'the inviting machine answers in another language');
}

function readWelcomeFrame(answer: unknown, meshId: string): Welcome | undefined {
  if (!hasExactly(answer, ['kind', 'genesis', 'statements', 'secret'])) return undefined;
  const genesis = parseBase64(answer.genesis);
  const secret = parseBase64(answer.secret);
  const texts: unknown = answer.statements;
  if (answer.kind !== 'welcome' || !genesis || !secret || !Array.isArray(texts)) return undefined;
  if (!texts.every((one) => typeof one === 'string')) return undefined;
  return { meshId, genesis, statements: texts.map((one) => Buffer.from(one, 'utf8')), secret };
}
