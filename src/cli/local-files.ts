import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { NO_FILE, readRegular } from '../config/files.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import type { LocalFile } from '../core/module.ts';
import type { RawVars } from '../core/value.ts';
import type { LocalFiles } from '../engine/ports.ts';

/** Files of the controller for the engine. Each is hashed once, and again when a task on this machine has made it anew. */
export function localFiles(readVars: (file: string, from: Pos) => RawVars): LocalFiles {
  const known = new Map<string, Readonly<{ file: LocalFile; version: string }>>();
  const open = (path: string, from: Pos): LocalFile => {
    const stat = statSync(path);
    if (!stat.isFile() && path !== '/dev/null')
      throw new Failure({ code: 'E_FILE', message: `${path} ${NO_FILE}`, at: from, expected: 'a file' });
    const version = `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.mode}`;
    const cached = known.get(path);
    if (cached?.version === version) return cached.file;
    mustBeReadable(path, from);
    const file: LocalFile = {
      path,
      size: stat.size,
      mode: stat.mode & 0o7777,
      get sha256() {
        const hash = hashFile(path);
        Object.defineProperty(this, 'sha256', { value: hash });
        return hash;
      },
      read: () => readRegular(path),
    };
    known.set(path, { file, version });
    return file;
  };
  let asked = 0;
  return {
    asked: () => asked,
    file(path, folders, from) {
      asked++;
      const found = find(path, folders, from);
      if (statSync(found).isDirectory())
        throw new Failure({ code: 'E_FILE', message: `${found} is a folder`, at: from, expected: 'a file' });
      return open(found, from);
    },
    isFolder(path, folders) {
      asked++;
      const tried = isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));
      const found = tried.map((p) => statSync(p, { throwIfNoEntry: false })).find((stat) => stat !== undefined);
      return found?.isDirectory() ?? false;
    },
    tree(path, folders, from) {
      asked++;
      const root = find(path.replace(/\/$/, ''), folders, from);
      const names = readdirSync(root, { recursive: true, withFileTypes: true });
      const files = names.filter(
        (e) => e.isFile() || (e.isSymbolicLink() && statSync(join(e.parentPath, e.name)).isFile()),
      );
      return files
        .map((e) => join(e.parentPath, e.name))
        .sort()
        .map((file) => ({ path: file.slice(root.length + 1), file: open(file, from) }));
    },
    vars(path, folders, from) {
      asked++;
      return readVars(find(path, folders, from), from);
    },
  };
}

function find(path: string, folders: readonly string[], from: Pos): string {
  const tried = isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));
  const found = tried.find((p) => statSync(p, { throwIfNoEntry: false }) !== undefined);
  if (found !== undefined) return found;
  throw notHere(path, tried, from);
}

export function notHere(path: string, tried: readonly string[], at: Pos): Failure {
  return new Failure({
    code: 'E_FILE',
    message: `the file '${path}' is not here`,
    at,
    detail: `looked for:\n${tried.join('\n')}`,
    mend: 'correct the name, or make the file',
  });
}

function mustBeReadable(path: string, at: Pos): void {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch {
    const mend = `let ${userInfo().username} read it, or run bringup as who may`;
    throw new Failure({ code: 'E_FILE', message: `the file '${path}' may not be read`, at, mend });
  }
}

/** SHA-256, a MiB at a time: a disk image is larger than memory. */
export function hashFile(path: string): string {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(Math.min(1 << 20, statSync(path).size + 1));
  const file = openSync(path, 'r');
  try {
    for (let size = readSync(file, block); size > 0; size = readSync(file, block)) hash.update(block.subarray(0, size));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}
