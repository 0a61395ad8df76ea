import { createHash, randomBytes } from 'node:crypto';

/**
 * The answer to a server's challenge, by RFC 7616 with SHA-256, as Shelly devices of the second generation ask for it.
 * undefined: the server asks for another scheme.
 */
export function digestAnswer(
  challenge: string,
  { method, uri, user, password }: Readonly<{ method: string; uri: string; user: string; password: string }>,
): string | undefined {
  if (!/^digest\s/i.test(challenge)) return undefined;
  const parts = [...challenge.matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]+))/g)].map(
    ([, key = '', quoted, bare]) => [key.toLowerCase(), quoted ?? bare ?? ''] as const,
  );
  const { realm = '', nonce = '', algorithm = '', opaque } = Object.fromEntries(parts);
  if (algorithm.toUpperCase() !== 'SHA-256') return undefined;
  const cnonce = randomBytes(8).toString('hex');
  const count = '00000001';
  const response = hash(
    [hash(`${user}:${realm}:${password}`), nonce, count, cnonce, 'auth', hash(`${method}:${uri}`)].join(':'),
  );
  const said = { username: user, realm, nonce, uri, response, cnonce, ...(opaque !== undefined && { opaque }) };
  const quoted = Object.entries(said).map(([key, value]) => `${key}="${value}"`);
  return `Digest ${[...quoted, 'algorithm=SHA-256', 'qop=auth', `nc=${count}`].join(', ')}`;
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
