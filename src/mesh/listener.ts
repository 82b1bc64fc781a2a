import { VriftError } from '../base/errors.js';
import { DEFAULT_PORT, type MeshConfig } from './config.js';
import { type ListenOptions, listenSecure, type SecureListener } from './transport/secure.js';

/**
 * Listens where the user said, and nowhere else; where nobody said anything, on the usual port
 * or, when another node of this machine has it, on any.
 *
 * @throws VRIFT_PORT_IN_USE when the configured place cannot be had
 */
export async function openListener(
  { port, host }: Pick<MeshConfig, 'port' | 'host'>,
  options: Omit<ListenOptions, 'port' | 'host'>,
): Promise<SecureListener> {
  const place = host === undefined ? {} : { host };
  try {
    return await listenSecure({ ...options, ...place, port: port ?? DEFAULT_PORT });
  } catch (error) {
    const taken = error instanceof VriftError && error.code === 'VRIFT_PORT_IN_USE';
    if (taken && port === undefined) return listenSecure({ ...options, ...place, port: 0 });
    if (taken) throw error;
    const message = `cannot listen on port ${port ?? DEFAULT_PORT}: ${(error as Error).message}`;
    throw new VriftError('VRIFT_PORT_IN_USE', message, { cause: error });
  }
}
