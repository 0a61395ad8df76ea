// SCRAM-SHA-256 (RFC 7677), as PostgreSQL stores passwords: SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY.
import { concat, decodeBytes, encodeBase64, hexBytes } from './bytes.ts';

type Sha256 = (data: Uint8Array) => string;

/** Whether a stored SCRAM secret is the one of the password. */
export function isScramOf(stored: string, password: string, sha256: Sha256): boolean {
  const [, rounds = '', salt = '', , serverKey = ''] =
    /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(stored) ?? [];
  if (serverKey === '') return false;
  const id = `${stored}\0${password}`;
  const known = judged.get(id);
  if (known !== undefined) return known;
  const hash = (data: Uint8Array): Uint8Array => hexBytes(sha256(data));
  const text = new TextEncoder();
  const salted = pbkdf2(text.encode(password.normalize('NFKC')), decodeBytes(salt), Number(rounds), hash);
  const is = encodeBase64(hmac(salted, text.encode('Server Key'), hash)) === serverKey;
  if (judged.size > 500) judged.clear();
  judged.set(id, is);
  return is;
}
/** A judgement takes thousands of hashes, and a run asks for it several times. */
const judged = new Map<string, boolean>();

type Hash = (data: Uint8Array) => Uint8Array;

function pbkdf2(password: Uint8Array, salt: Uint8Array, rounds: number, hash: Hash): Uint8Array {
  let last = hmac(password, concat([salt, new Uint8Array([0, 0, 0, 1])]), hash);
  const out = last.slice();
  for (let round = 1; round < rounds; round++) {
    last = hmac(password, last, hash);
    for (let at = 0; at < out.length; at++) out[at] = (out[at] ?? 0) ^ (last[at] ?? 0);
  }
  return out;
}

function hmac(key: Uint8Array, data: Uint8Array, hash: Hash): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? hash(key) : key);
  const padded = (byte: number): Uint8Array => block.map((one) => one ^ byte);
  return hash(concat([padded(0x5c), hash(concat([padded(0x36), data]))]));
}
