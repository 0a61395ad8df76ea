// The lock file of `bringup install`, and the note that it leaves in each folder that it has installed.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../core/errors/index.ts';
import type { Identity } from '../install/fetch.ts';
import { listTree } from './tree.ts';

/** One requirement as it was resolved. `name` is the folder's. */
export type Locked = Readonly<{ kind: 'role' | 'collection'; name: string; source: string; version?: string }> &
  Identity;

/** Reads the lock file. Empty: there is none. Throws Failure E_REQUIREMENTS_LOCK. */
export function readLock(path: string): readonly Locked[] {
  if (!existsSync(path)) return [];
  const wrong = () => failure('E_REQUIREMENTS_LOCK', { path }, { file: path, line: 1, col: 1 });
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw wrong();
  }
  const all = (data as { requirements?: unknown } | null)?.requirements;
  if (!Array.isArray(all) || !all.every(isLocked)) throw wrong();
  return all;
}

function isLocked(one: unknown): one is Locked {
  if (typeof one !== 'object' || one === null) return false;
  const { kind, name, source, version, commit, sha256 } = one as Record<string, unknown>;
  return (
    (kind === 'role' || kind === 'collection') &&
    typeof name === 'string' &&
    typeof source === 'string' &&
    (version === undefined || typeof version === 'string') &&
    (commit === undefined ? /^[0-9a-f]{64}$/.test(String(sha256)) : /^[0-9a-f]{40,64}$/.test(String(commit)))
  );
}

/** Writes the lock file if it changes. Folders of this machine are not in it: nothing pins them. */
export function writeLock(path: string, all: readonly Locked[]): void {
  const pinned = all.filter((one) => one.commit !== undefined || one.sha256 !== undefined);
  const sorted = [...pinned].sort((a, b) => (`${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1));
  const text = `${JSON.stringify({ requirements: sorted }, undefined, 2)}\n`;
  if (existsSync(path) ? readFileSync(path, 'utf8') === text : sorted.length === 0) return;
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** The name of the note. */
const NOTE = '.bringup-install.json';
/** What was installed, and the sum of all its files. */
export type Note = Locked & Readonly<{ tree: string }>;

/** The note of a folder. undefined: bringup has not installed it. */
export function readNote(folder: string): Note | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(join(folder, NOTE), 'utf8'));
    return typeof note === 'object' && note !== null && 'tree' in note ? (note as Note) : undefined;
  } catch {
    return undefined;
  }
}

export function writeNote(folder: string, note: Note): void {
  writeFileSync(join(folder, NOTE), `${JSON.stringify(note, undefined, 2)}\n`);
}

/** A sum over the names, permissions and contents of all files, except the note. */
export function treeOf(folder: string): string {
  const lines = listTree(folder, undefined)
    .filter(({ path }) => path !== NOTE)
    .map(({ path, state, mode, checksum }) => [path, state, state === 'link' ? '' : mode, checksum].join('\0'));
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
