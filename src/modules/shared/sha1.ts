import { concat } from './bytes.ts';

/** SHA-1 (RFC 3174). OpenSSH uses it to hash the names of known hosts. It must not be used where security matters. */
export function sha1(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((data.length + 9) / 64) * 64);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, data.length * 8);
  let state: State = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let at = 0; at < padded.length; at += 64) state = mixed(state, view, at);
  const out = new DataView(new ArrayBuffer(20));
  for (const [i, word] of state.entries()) out.setUint32(i * 4, word);
  return new Uint8Array(out.buffer);
}
type State = readonly [number, number, number, number, number];

function mixed(state: State, view: DataView, at: number): State {
  const words = Array.from({ length: 16 }, (_, i) => view.getUint32(at + i * 4));
  const word = (i: number): number => words[i] ?? 0;
  for (let i = 16; i < 80; i++) words.push(rotated(word(i - 3) ^ word(i - 8) ^ word(i - 14) ^ word(i - 16), 1));
  let [a, b, c, d, e] = state;
  for (let i = 0; i < 80; i++) {
    const next = (rotated(a, 5) + choice(i, b, c, d) + e + word(i)) >>> 0;
    [a, b, c, d, e] = [next, a, rotated(b, 30), c, d];
  }
  const [a0, b0, c0, d0, e0] = state;
  return [(a0 + a) >>> 0, (b0 + b) >>> 0, (c0 + c) >>> 0, (d0 + d) >>> 0, (e0 + e) >>> 0];
}

function choice(i: number, b: number, c: number, d: number): number {
  if (i < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (i < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  return i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc : (b ^ c ^ d) + 0xca62c1d6;
}

function rotated(word: number, by: number): number {
  return ((word << by) | (word >>> (32 - by))) >>> 0;
}

/** RFC 2104. */
export function hmacSha1(key: Uint8Array, text: string): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? sha1(key) : key);
  const pad = (byte: number): Uint8Array => block.map((one) => one ^ byte);
  return sha1(concat([pad(0x5c), sha1(concat([pad(0x36), new TextEncoder().encode(text)]))]));
}
