import { decodeText } from './bytes.ts';

/** A probe's output: lines of `key value`. A key may occur more than once. */
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
