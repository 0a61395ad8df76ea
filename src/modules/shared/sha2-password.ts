import { concat, hexBytes } from './bytes.ts';

type Sha256 = (data: Uint8Array) => string;

/**
 * Whether a caching_sha2_password string of MySQL ($A$005$, 20 bytes of salt, 43 characters) belongs to a password. The
 * string is SHA-256-crypt (Drepper, "Unix crypt using SHA-256 and SHA-512") with a longer salt, which SQL cannot
 * compute.
 */
export function isSha2Password(stored: Uint8Array, password: string, sha256: Sha256): boolean {
  const text = String.fromCharCode(...stored);
  const match = /^\$A\$([0-9A-F]{3})\$/.exec(text);
  if (match === null || stored.length !== 70) return false;
  const rounds = Number.parseInt(match[1] ?? '5', 16) * 1000;
  return text.slice(27) === sha256Crypt(new TextEncoder().encode(password), stored.subarray(7, 27), rounds, sha256);
}

function sha256Crypt(key: Uint8Array, salt: Uint8Array, rounds: number, sha256: Sha256): string {
  const hash = (...parts: readonly Uint8Array[]): Uint8Array => hexBytes(sha256(concat(parts)));
  const alternate = hash(key, salt, key);
  const first: Uint8Array[] = [key, salt, repeated(alternate, key.length)];
  for (let bit = key.length; bit > 0; bit >>= 1) first.push((bit & 1) === 1 ? alternate : key);
  let digest = hash(...first);
  const p = repeated(hash(...Array.from({ length: key.length }, () => key)), key.length);
  const s = repeated(hash(...Array.from({ length: 16 + (digest[0] ?? 0) }, () => salt)), salt.length);
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1;
    digest = hash(odd ? p : digest, ...(round % 3 === 0 ? [] : [s]), ...(round % 7 === 0 ? [] : [p]), odd ? digest : p);
  }
  return encoded(digest);
}

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The order in which the bytes of the digest are written, four characters for three bytes. */
const ORDER = [
  0, 10, 20, 21, 1, 11, 12, 22, 2, 3, 13, 23, 24, 4, 14, 15, 25, 5, 6, 16, 26, 27, 7, 17, 18, 28, 8, 9, 19, 29,
] as const;

function encoded(digest: Uint8Array): string {
  const at = (index: number): number => digest[index] ?? 0;
  const chars = (value: number, count: number): string =>
    Array.from({ length: count }, (_, i) => ALPHABET[(value >> (6 * i)) & 63]).join('');
  let out = '';
  for (let i = 0; i < ORDER.length; i += 3) {
    out += chars((at(ORDER[i] ?? 0) << 16) | (at(ORDER[i + 1] ?? 0) << 8) | at(ORDER[i + 2] ?? 0), 4);
  }
  return out + chars((at(31) << 8) | at(30), 3);
}

function repeated(block: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => block[i % block.length] ?? 0);
}
