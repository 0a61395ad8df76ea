import { createCipheriv, createDecipheriv, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { Secret } from '../core/value.ts';

/** A password and the label of `--vault-id` that tells it from others. */
export type VaultPassword = Readonly<{ label: string | undefined; secret: Secret }>;

const HEADER = '$ANSIBLE_VAULT';
export const isVault = (text: string): boolean => text.trimStart().startsWith(`${HEADER};`);

/** Decrypts a text of ansible-vault. Throws Failure if no password fits. */
export function openVault(text: string, at: Pos, passwords: readonly VaultPassword[]): Secret {
  return new Secret(openVaultBytes(text, at, passwords).toString('utf8'));
}

/**
 * Decrypts data of ansible-vault (formats 1.1 and 1.2). PBKDF2-SHA256 with 10,000 rounds derives the AES-256-CTR key,
 * the HMAC key and the IV, and the HMAC covers the ciphertext. Throws Failure if no password fits.
 */
export function openVaultBytes(text: string, at: Pos, passwords: readonly VaultPassword[]): Buffer {
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
    const keys = keysOf(secret, salt);
    const expected = createHmac('sha256', keys.mac).update(ciphertext).digest();
    if (expected.length !== mac.length || !timingSafeEqual(expected, mac)) continue;
    const decipher = createDecipheriv('aes-256-ctr', keys.cipher, keys.iv);
    const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    return padded.subarray(0, padded.length - (padded.at(-1) ?? 0));
  }
  throw failure('E_VAULT_PASSWORD', {}, at);
}

/** Encrypts as ansible-vault does: format 1.1, or 1.2 if the password has a label. Lines of 80 characters. */
export function sealVault(data: Uint8Array, { label, secret }: VaultPassword): string {
  const salt = randomBytes(32);
  const keys = keysOf(secret, salt);
  const rest = 16 - (data.length % 16);
  const cipher = createCipheriv('aes-256-ctr', keys.cipher, keys.iv);
  const ciphertext = Buffer.concat([cipher.update(data), cipher.update(Buffer.alloc(rest, rest)), cipher.final()]);
  const mac = createHmac('sha256', keys.mac).update(ciphertext).digest();
  const body = [salt, mac, ciphertext].map((part) => part.toString('hex')).join('\n');
  const lines =
    Buffer.from(body, 'latin1')
      .toString('hex')
      .match(/.{1,80}/g) ?? [];
  const header = label === undefined ? `${HEADER};1.1;AES256` : `${HEADER};1.2;AES256;${label}`;
  return `${[header, ...lines].join('\n')}\n`;
}

function keysOf(secret: Secret, salt: Buffer): Readonly<{ cipher: Buffer; mac: Buffer; iv: Buffer }> {
  const derived = pbkdf2Sync(secret.reveal(), salt, 10_000, 80, 'sha256');
  return { cipher: derived.subarray(0, 32), mac: derived.subarray(32, 64), iv: derived.subarray(64, 80) };
}
