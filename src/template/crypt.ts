import { createHash } from 'node:crypto';
import { unsupported, wrong } from './item.ts';

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
type Kind = Readonly<{ algorithm: 'sha256' | 'sha512'; prefix: string; order: readonly (readonly number[])[] }>;

/** The order in which the bytes of the digest are written, in groups of three, most significant byte first. */
const kinds: Readonly<Record<string, Kind>> = {
  sha256: {
    algorithm: 'sha256',
    prefix: '$5$',
    order: [...Array.from({ length: 10 }, (_, i) => rotated([i, i + 10, i + 20], i)), [31, 30]],
  },
  sha512: {
    algorithm: 'sha512',
    prefix: '$6$',
    order: [...Array.from({ length: 21 }, (_, i) => rotated([i, i + 21, i + 42], -i)), [63]],
  },
};

function rotated(triple: readonly number[], by: number): readonly number[] {
  return triple.map((_, i) => triple[(((i - by) % 3) + 3) % 3] ?? 0);
}

/**
 * Hashes a password as crypt(3) does: SHA-crypt with 256 or 512 bits. Without a salt, but with its length, the salt is derived from the
 * password, because a random one would make every run differ from the last. (Equal passwords then have equal hashes.)
 */
export function passwordHash(
  password: string,
  type: string,
  salt: string | number,
  rounds: number | undefined,
): string {
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  if (kind === undefined) return unsupported(`password_hash('${type}') is not supported`, 'use sha512 or sha256');
  if (typeof salt === 'number' && (!Number.isInteger(salt) || salt < 1 || salt > 16))
    return wrong('password_hash: salt_size is 1 to 16');
  if (typeof salt === 'string' && (!/^[./\dA-Za-z]+$/.test(salt) || salt.length > 16)) {
    return wrong('password_hash: a salt is 1 to 16 letters, digits, dots and slashes');
  }
  const times = Math.min(999_999_999, Math.max(1000, rounds ?? 5000));
  if (times > 1_000_000) return wrong('password_hash: more than 1,000,000 rounds would take too long');
  const chosen = typeof salt === 'string' ? salt : derived(password, salt);
  const named = rounds === undefined || rounds === 5000 ? '' : `rounds=${times}$`;
  return `${kind.prefix}${named}${chosen}$${shaCrypt(kind, password, chosen, times)}`;
}

function derived(password: string, size: number): string {
  const digest = createHash('sha256').update('bringup password_hash salt\0').update(password).digest();
  return [...digest.subarray(0, size)].map((byte) => alphabet[byte % 64] ?? '.').join('');
}

/** The algorithm of https://www.akkadia.org/drepper/SHA-crypt.txt. The numbers below are its steps. */
function shaCrypt({ algorithm, order }: Kind, password: string, saltText: string, rounds: number): string {
  const key = Buffer.from(password);
  const salt = Buffer.from(saltText);
  const hash = (...parts: readonly Uint8Array[]): Buffer => {
    const digest = createHash(algorithm);
    for (const part of parts) digest.update(part);
    return digest.digest();
  };
  const b = hash(key, salt, key); // 4-8
  const bits: Uint8Array[] = [];
  for (let size = key.length; size > 0; size >>= 1) bits.push((size & 1) === 1 ? b : key); // 11
  const a = hash(key, salt, stretched(b, key.length), ...bits); // 1-12
  const dp = hash(...Array.from({ length: key.length }, () => key)); // 13-15
  const p = stretched(dp, key.length); // 16
  const ds = hash(...Array.from({ length: 16 + (a[0] ?? 0) }, () => salt)); // 17-19
  const s = stretched(ds, salt.length); // 20
  let c = a;
  for (let i = 0; i < rounds; i++) {
    const parts = [i % 2 === 1 ? p : c]; // 21
    if (i % 3 !== 0) parts.push(s);
    if (i % 7 !== 0) parts.push(p);
    parts.push(i % 2 === 1 ? c : p);
    c = hash(...parts);
  }
  return order.map((places) => encoded(c, places)).join(''); // 22
}

function stretched(digest: Buffer, length: number): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(length / digest.length) }, () => digest)).subarray(0, length);
}

function encoded(digest: Buffer, places: readonly number[]): string {
  let bits = places.reduce((all, place) => all * 256 + (digest[place] ?? 0), 0);
  let out = '';
  for (let i = 0; i <= places.length; i++) {
    out += alphabet[bits & 63] ?? '';
    bits >>>= 6;
  }
  return out;
}
