import ssh2 from 'ssh2';
import type { Target } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import { type LoginPorts, openSocket } from './login.ts';

/** The types of host keys, the one that bringup prefers first. */
const TYPES: readonly (readonly ssh2.ServerHostKeyAlgorithm[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256'],
];

/**
 * The host keys that a server shows, one after the other, of each type that it has. Nobody logs in: the connection ends
 * before the server learns a user name. A server proves only that it has a key, so the caller must verify the
 * fingerprint. Throws Failure if the server shows none.
 */
export async function* offeredKeys(target: Target, ports: LoginPorts, signal: AbortSignal): AsyncGenerator<Buffer> {
  let why = 'it has no host key of a known type';
  let seen = 0;
  for (const types of TYPES) {
    const { sock, close } = await openSocket(target, ports, signal);
    try {
      const shown = await keyOf(sock, types, (target.connectTimeout ?? 10) * 1000, signal);
      if (typeof shown === 'string') why = shown;
      else {
        seen++;
        yield shown;
      }
    } finally {
      close();
    }
  }
  signal.throwIfAborted();
  if (seen > 0) return;
  const { name: host, user = '', address, port = 22 } = target;
  throw failure('E_SSH_SESSION', { host, user, address, port, why });
}

/** The key that the server shows if only these types are offered, or why it shows none. */
function keyOf(
  sock: NonNullable<ssh2.ConnectConfig['sock']>,
  types: readonly ssh2.ServerHostKeyAlgorithm[],
  ms: number,
  signal: AbortSignal,
): Promise<Buffer | string> {
  return new Promise((resolve) => {
    const client = new ssh2.Client();
    const end = (result: Buffer | string): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(result);
      client.destroy();
    };
    const onAbort = (): void => end('interrupted');
    signal.addEventListener('abort', onAbort, { once: true });
    client.on('error', (error) => end(error.message));
    client.on('close', () => end('the server closed the connection'));
    client.connect({
      sock,
      username: 'none', // never sent
      readyTimeout: ms,
      algorithms: { serverHostKey: [...types] },
      hostVerifier: (key: Buffer): boolean => {
        end(key);
        return false;
      },
    });
  });
}
