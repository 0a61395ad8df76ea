import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import type { Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { Secret } from '../core/value.ts';

/** A password and the label of `--vault-id` that tells it from others. */
export type VaultPassword = Readonly<{ label: string | undefined; secret: Secret }>;

/**
 * Decrypts data of ansible-vault (formats 1.1 and 1.2). PBKDF2-SHA256 with 10,000 rounds derives the AES-256-CTR key,
 * the HMAC key and the IV, and the HMAC covers the ciphertext. Throws Failure if no password fits.
 */
export function openVault(text: string, at: Pos, passwords: readonly VaultPassword[]): Secret {
  const [header = '', ...body] = text.trim().split(/\s*\n\s*/);
  if (!/^\$ANSIBLE_VAULT;1\.[12];AES256/.test(header)) {
    throw failure('E_VAULT_FORMAT', {}, at);
  }
  const parts = Buffer.from(body.join(''), 'hex')
    .toString('latin1')
    .split('\n')
    .map((part) => Buffer.from(part, 'hex'));
  const [salt = Buffer.alloc(0), mac = Buffer.alloc(0), ciphertext = Buffer.alloc(0)] = parts;
  // As in Ansible, the label only says which password is tried first.
  const label = header.split(';')[3];
  const isNamed = (one: VaultPassword): boolean => label !== undefined && one.label === label;
  for (const { secret } of [...passwords].sort((a, b) => Number(isNamed(b)) - Number(isNamed(a)))) {
    const derived = pbkdf2Sync(secret.reveal(), salt, 10_000, 80, 'sha256');
    const expected = createHmac('sha256', derived.subarray(32, 64)).update(ciphertext).digest();
    if (expected.length !== mac.length || !timingSafeEqual(expected, mac)) continue;
    const decipher = createDecipheriv('aes-256-ctr', derived.subarray(0, 32), derived.subarray(64, 80));
    const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    return new Secret(padded.subarray(0, padded.length - (padded.at(-1) ?? 0)).toString('utf8'));
  }
  throw failure('E_VAULT_PASSWORD', {}, at);
}
