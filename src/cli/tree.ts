import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TreeEntry } from '../template/env.ts';
import { hashFile } from './local-files.ts';

/** Cached, because one run asks for the same files many times: every task that reads a variable looks it up again. */
const known = new Map<string, string>();

/**
 * The entries below a directory, or the file itself, sorted by name. `path` is relative to the directory. Links are not
 * followed.
 */
export function listTree(root: string, exclude: RegExp | undefined): readonly TreeEntry[] {
  if (!lstatSync(root).isDirectory()) return [entry(root, basename(root))];
  const below = (folder: string): readonly TreeEntry[] =>
    readdirSync(join(root, folder))
      .sort()
      .map((name) => join(folder, name))
      .filter((path) => !exclude?.test(path))
      .flatMap((path) => {
        const one = entry(join(root, path), path);
        return one.state === 'directory' ? [one, ...below(path)] : [one];
      });
  return below('');
}

function entry(src: string, path: string): TreeEntry {
  const stat = lstatSync(src);
  const mode = `0${(stat.mode & 0o7777).toString(8)}`;
  if (stat.isDirectory()) return { path, src, state: 'directory', mode, checksum: '' };
  const key = `${src} ${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  const isLink = stat.isSymbolicLink();
  const checksum = known.get(key) ?? (isLink ? sha256(readlinkSync(src)) : hashFile(src));
  known.set(key, checksum);
  return { path, src, state: isLink ? 'link' : 'file', mode, checksum };
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
