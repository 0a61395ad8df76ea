/** What a probe prints: lines of `key value`. A key may come more than once. */
export type Fields = Readonly<{
  get: (key: string) => string | undefined;
  all: (key: string) => readonly string[];
  /** A field that was sent through base64, as text. */
  text: (key: string) => string | undefined;
}>;

export function fields(stdout: string): Fields {
  const found = new Map<string, string[]>();
  for (const line of stdout.split(/[\n\x1f]/)) {
    const at = line.indexOf(' ');
    const [key, value] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    const list = found.get(key);
    if (list === undefined) found.set(key, [value]);
    else list.push(value);
  }
  const get = (key: string): string | undefined => found.get(key)?.[0];
  return {
    get,
    all: (key) => found.get(key) ?? [],
    text(key) {
      const value = get(key);
      return value === undefined ? undefined : decodeText(value);
    },
  };
}

export function decodeBytes(base64: string): Uint8Array {
  const binary = atob(base64.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i); // Uint8Array.from takes twenty times as long
  return bytes;
}

export function decodeText(base64: string): string {
  return new TextDecoder().decode(decodeBytes(base64));
}

export function encodeBase64(data: string | Uint8Array): string {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  let binary = '';
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

/** The bytes as text, or undefined where they are not UTF-8 or hold a NUL: a binary file. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return decoded.includes('\0') ? undefined : decoded;
  } catch {
    return undefined;
  }
}

export function byteLength(value: string): number {
  return new TextEncoder().encode(value).length;
}
