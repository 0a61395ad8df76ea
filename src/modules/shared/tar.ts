import type { Content, LocalFile } from '../../core/module.ts';
import { concat } from './bytes.ts';

/** One member of an archive. `path` is relative. */
export type Entry = Readonly<
  { path: string; mode: number; uid: number; gid: number } & (
    | { file: LocalFile }
    | { link: string }
    | { isFolder: true }
  )
>;

/** Builds a tar archive (ustar with GNU long names), so that a tree of many files travels as one upload. */
export function tar(entries: readonly Entry[]): Content {
  const parts: (Uint8Array | LocalFile)[] = [];
  const long = (text: string, type: string, entry: Entry): void => {
    const name = new TextEncoder().encode(text);
    if (name.length > 100)
      parts.push(header('././@LongLink', type, name.length + 1, entry), padded(concat([name, new Uint8Array(1)])));
  };
  for (const entry of entries) {
    if ('link' in entry) long(entry.link, 'K', entry);
    long(entry.path, 'L', entry);
    if ('link' in entry) parts.push(header(entry.path, '2', 0, entry, entry.link));
    else if ('isFolder' in entry) parts.push(header(entry.path, '5', 0, entry));
    else
      parts.push(header(entry.path, '0', entry.file.size, entry), entry.file, new Uint8Array(-entry.file.size & 511));
  }
  return [...parts, new Uint8Array(1024)];
}

function header(path: string, type: string, size: number, { mode, uid, gid }: Entry, link = ''): Uint8Array {
  const block = new Uint8Array(512);
  const put = (at: number, value: string, length: number): void => {
    block.set(new TextEncoder().encode(value).subarray(0, length), at);
  };
  const number = (at: number, value: number, length: number): void =>
    put(at, `${value.toString(8).padStart(length - 1, '0')}\0`, length);
  put(0, path, 100);
  number(100, mode, 8);
  number(108, uid, 8);
  number(116, gid, 8);
  number(124, size, 12);
  number(136, 0, 12);
  put(148, '        ', 8);
  put(156, type, 1);
  put(157, link, 100);
  put(257, 'ustar  \0', 8);
  number(
    148,
    block.reduce((sum, byte) => sum + byte, 0),
    7,
  );
  return block;
}

function padded(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(data.length / 512) * 512);
  out.set(data);
  return out;
}
