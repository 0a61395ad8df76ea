import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { readRegular } from '../config/files.ts';
import { isVault } from '../config/vault.ts';
import type { Failure, Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { LocalFile, TreeNode } from '../core/module.ts';
import type { RawVars } from '../core/value.ts';
import type { LocalFiles } from '../engine/host/ports.ts';

/** Files of the controller for the engine. Each is hashed once, and again if a task on this machine replaced it. */
export function localFiles(
  readVars: (file: string, from: Pos) => RawVars,
  decrypt: (text: string, from: Pos) => Uint8Array,
): LocalFiles {
  const known = new Map<string, Readonly<{ file: LocalFile; version: string }>>();
  const open = (path: string, from: Pos): LocalFile => {
    const stat = statSync(path);
    if (!stat.isFile() && path !== '/dev/null') throw failure('E_NOT_A_FILE', { path, is: 'not a regular file' }, from);
    const version = `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.mode}`;
    const cached = known.get(path);
    if (cached?.version === version) return cached.file;
    mustBeReadable(path, from);
    const stored = hashed({
      path,
      size: stat.size,
      mode: stat.mode & 0o7777,
      uid: stat.uid,
      read: () => readRegular(path),
    });
    const file = isVault(startOf(path)) ? unsealed(stored, (text) => decrypt(text, from)) : stored;
    known.set(path, { file, version });
    return file;
  };
  let asked = 0;
  return {
    asked: () => asked,
    file(path, folders, from) {
      asked++;
      const found = find(path, folders, from);
      if (statSync(found).isDirectory()) throw failure('E_NOT_A_FILE', { path: found, is: 'a directory' }, from);
      return open(found, from);
    },
    isFolder(path, folders) {
      asked++;
      const tried = isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));
      const found = tried.map((p) => statSync(p, { throwIfNoEntry: false })).find((stat) => stat !== undefined);
      return found?.isDirectory() ?? false;
    },
    tree(path, folders, from, follow) {
      asked++;
      return nodesBelow(find(path.replace(/\/$/, ''), folders, from), '', { open, from, follow, within: [] });
    },
    find(path, folders, from) {
      asked++;
      return find(path, folders, from);
    },
    sha1Of(path) {
      asked++;
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
      return createHash('sha1').update(readRegular(path)).digest('hex');
    },
    write(path, content, from) {
      asked++;
      const stage = `${path}.${randomBytes(6).toString('hex')}`;
      try {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(stage, content, { flag: 'wx', mode: 0o600 });
        renameSync(stage, path);
      } catch (error) {
        rmSync(stage, { force: true });
        throw failure('E_FILE_UNWRITABLE', { path, why: (error as Error).message }, from);
      }
    },
    vars(path, folders, from) {
      asked++;
      return readVars(find(path, folders, from), from);
    },
  };
}

type Walk = Readonly<{
  open: (path: string, from: Pos) => LocalFile;
  from: Pos;
  follow: boolean;
  /** The real paths of the directories that contain this one, because a link may lead back to one of them. */
  within: readonly string[];
}>;

function nodesBelow(root: string, below: string, walk: Walk): readonly TreeNode[] {
  const { open, from, follow } = walk;
  const within = [...walk.within, realpathSync(join(root, below))];
  return readdirSync(join(root, below))
    .sort()
    .flatMap((name): readonly TreeNode[] => {
      const path = join(below, name);
      const whole = join(root, path);
      const isLink = lstatSync(whole).isSymbolicLink();
      if (isLink && !follow) return [{ path, link: readlinkSync(whole) }];
      const stat = statSync(whole, { throwIfNoEntry: false });
      if (stat === undefined) throw badLink(`the link '${whole}' leads to nothing: ${readlinkSync(whole)}`, from);
      if (!stat.isDirectory()) return stat.isFile() ? [{ path, file: open(whole, from) }] : [];
      if (isLink && within.includes(realpathSync(whole)))
        throw badLink(`the link '${whole}' leads to a folder that it is in`, from);
      return [{ path, isFolder: true }, ...nodesBelow(root, path, { ...walk, within })];
    });
}

function badLink(message: string, at: Pos): Failure {
  return failure('E_BAD_LINK', { problem: message }, at);
}

function find(path: string, folders: readonly string[], from: Pos): string {
  const tried = isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));
  const found = tried.find((p) => statSync(p, { throwIfNoEntry: false }) !== undefined);
  if (found !== undefined) return found;
  throw notHere(path, tried, from);
}

export function notHere(path: string, tried: readonly string[], at: Pos): Failure {
  return failure('E_FILE_MISSING', { path, tried }, at);
}

/** The clear text of an encrypted file, which is decrypted when something of it is first asked for. */
function unsealed(sealed: LocalFile, decrypt: (text: string) => Uint8Array): LocalFile {
  let clear: Uint8Array | undefined;
  const read = (): Uint8Array => {
    clear ??= decrypt(Buffer.from(sealed.read()).toString('latin1'));
    return clear;
  };
  const hash = (algorithm: string): string => createHash(algorithm).update(read()).digest('hex');
  return {
    path: sealed.path,
    mode: sealed.mode,
    sealed,
    read,
    get size() {
      return read().length;
    },
    get sha256() {
      return hash('sha256');
    },
    get sha1() {
      return hash('sha1');
    },
    get md5() {
      return hash('md5');
    },
  };
}

/** Enough of a file to see how it is encoded. */
function startOf(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const block = Buffer.alloc(32);
    return block.toString('latin1', 0, readSync(file, block));
  } finally {
    closeSync(file);
  }
}

function mustBeReadable(path: string, at: Pos): void {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch {
    const hint = `let ${userInfo().username} read it: chmod o+r ${path}`;
    throw failure('E_FILE_UNREADABLE', { path, why: 'permission denied', hint }, at);
  }
}

/** A file whose hashes are worked out when they are first read. */
function hashed(file: Omit<LocalFile, 'sha256' | 'sha1' | 'md5'>): LocalFile {
  const known = new Map<string, string>();
  const get = (algorithm: string): string => {
    const hash = known.get(algorithm) ?? hashFile(file.path, algorithm);
    known.set(algorithm, hash);
    return hash;
  };
  return {
    ...file,
    get sha256() {
      return get('sha256');
    },
    get sha1() {
      return get('sha1');
    },
    get md5() {
      return get('md5');
    },
  };
}

/** The hash of a file, read one MiB at a time, because a disk image may be larger than memory. */
export function hashFile(path: string, algorithm = 'sha256'): string {
  const hash = createHash(algorithm);
  const block = Buffer.allocUnsafe(Math.min(1 << 20, statSync(path).size + 1));
  const file = openSync(path, 'r');
  try {
    for (let size = readSync(file, block); size > 0; size = readSync(file, block)) hash.update(block.subarray(0, size));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}
