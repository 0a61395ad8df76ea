// The fingerprint of an OpenPGP public key: RFC 4880, sections 4.2, 6.2 and 12.2.
import { asText, concat, decodeBytes } from './bytes.ts';
import { sha1 } from './sha1.ts';

/** The fingerprints of the keys and subkeys, in upper-case hex. Empty: it is no public key. */
export function fingerprintsOf(key: Uint8Array): readonly string[] {
  const data = dearmoured(key);
  if (data === undefined) return [];
  const out: string[] = [];
  for (let at = 0; at < data.length; ) {
    const packet = packetAt(data, at);
    if (packet === undefined) return [];
    // 6: a public key, 14: a subkey. Version 4 is the one that apt takes.
    if ((packet.tag === 6 || packet.tag === 14) && packet.body[0] === 4) out.push(fingerprint(packet.body));
    if (at === 0 && packet.tag !== 6) return [];
    at = packet.end;
  }
  return out;
}

function fingerprint(body: Uint8Array): string {
  const hash = sha1(concat([new Uint8Array([0x99, body.length >> 8, body.length & 255]), body]));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join('');
}

function dearmoured(key: Uint8Array): Uint8Array | undefined {
  const text = asText(key);
  if (text === undefined || !text.includes('-----BEGIN PGP')) return key;
  const block = /-----BEGIN PGP PUBLIC KEY BLOCK-----([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/.exec(text)?.[1];
  // Headers end at an empty line; the last line is a checksum.
  const lines = (block ?? '').split(/\r?\n/).map((line) => line.trim());
  const from = lines.indexOf('', 1);
  const body = lines.slice(Math.max(from, 0)).filter((line) => line !== '' && !line.startsWith('='));
  try {
    return block === undefined ? undefined : decodeBytes(body.join(''));
  } catch {
    return undefined;
  }
}

type Packet = Readonly<{ tag: number; body: Uint8Array; end: number }>;

function packetAt(data: Uint8Array, at: number): Packet | undefined {
  const head = data[at] ?? 0;
  if ((head & 0x80) === 0) return undefined;
  const isNew = (head & 0x40) !== 0;
  const tag = isNew ? head & 0x3f : (head >> 2) & 0x0f;
  const number = (from: number, count: number): number =>
    data.subarray(from, from + count).reduce((sum, byte) => sum * 256 + byte, 0);
  const first = data[at + 1] ?? 0;
  const [bytes, length] = isNew
    ? first < 192
      ? [1, first]
      : first < 224
        ? [2, (first - 192) * 256 + (data[at + 2] ?? 0) + 192]
        : [5, number(at + 2, 4)]
    : [2 ** (head & 3), number(at + 1, 2 ** (head & 3))];
  const start = at + 1 + bytes;
  const isPartial = isNew && first >= 224 && first < 255;
  if (isPartial || (!isNew && (head & 3) === 3) || start + length > data.length) return undefined;
  return { tag, body: data.subarray(start, start + length), end: start + length };
}
