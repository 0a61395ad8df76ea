// Fetches the files of a role or a collection from git, an archive or a folder into a directory.

import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { $ } from 'zx/core';
import { withDeadline } from '../core/deadline.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { size } from '../core/units.ts';

export type Address =
  | Readonly<{ type: 'git'; url: string; version: string | undefined; folder: string | undefined }>
  | Readonly<{ type: 'archive'; url: string }>
  | Readonly<{ type: 'folder'; path: string }>;

/** Exactly what was fetched: a commit of git, or the SHA-256 of an archive. A folder of this machine has neither. */
export type Identity = Readonly<{ commit?: string; sha256?: string }>;

export type Fetching = Readonly<{
  source: Address;
  at: Pos;
  /** What the lock file says. git checks out this commit, and an archive with another sum is refused. */
  pinned: Identity | undefined;
  /** An existing, empty directory. */
  stage: string;
  signal: AbortSignal;
}>;

/** Fetches into `stage`. Returns what it is, and the directory that holds its files. Throws Failure E_INSTALL_…. */
export async function fetchSource(fetching: Fetching): Promise<Readonly<{ root: string; identity: Identity }>> {
  const { source, stage } = fetching;
  const root = join(stage, 'content');
  switch (source.type) {
    case 'git': {
      const commit = await clone(source, root, fetching);
      return { root: source.folder === undefined ? root : join(root, source.folder), identity: { commit } };
    }
    case 'archive': {
      mkdirSync(root);
      const sha256 = await unpack(source.url, root, fetching);
      return { root: soleFolder(root), identity: { sha256 } };
    }
    case 'folder':
      cpSync(source.path, root, { recursive: true, verbatimSymlinks: true, filter: (path) => !/\/\.git$/.test(path) });
      return { root, identity: {} };
  }
}

/** A repository without its history. Returns its commit. */
async function clone(
  { url, version, folder }: Extract<Address, { type: 'git' }>,
  root: string,
  { at, pinned, stage, signal }: Fetching,
): Promise<string> {
  const run = async (...args: readonly string[]) =>
    await $({ nothrow: true, quiet: true, signal, cwd: stage, stdio: ['inherit', 'pipe', 'pipe'] })`git ${args}`;
  // The program named by an ext:: address would run here.
  const cloned = await run('-c', 'protocol.ext.allow=never', 'clone', '--quiet', '--no-checkout', '--', url, root);
  signal.throwIfAborted();
  if (cloned.exitCode !== 0) throw failure('E_INSTALL_FETCH', { url, detail: cloned.stderr.trim() }, at);
  const git = (...args: readonly string[]) => run('-C', root, ...args);
  const wanted = pinned?.commit ?? version;
  const names = wanted === undefined ? ['HEAD'] : [`refs/tags/${wanted}`, `refs/remotes/origin/${wanted}`, wanted];
  let commit = '';
  for (const name of names) {
    const parsed = await git('rev-parse', '--quiet', '--verify', '--end-of-options', `${name}^{commit}`);
    if (commit === '' && parsed.exitCode === 0) commit = parsed.stdout.trim().split('\n').at(-1) ?? '';
  }
  if (commit === '') {
    const tags = (await git('tag', '--sort=-version:refname')).stdout.split('\n').filter((tag) => tag !== '');
    throw failure('E_INSTALL_VERSION', { url, version: wanted ?? 'HEAD', known: tags.slice(0, 5) }, at);
  }
  const checkedOut = await git('checkout', '--quiet', '--detach', commit);
  if (checkedOut.exitCode !== 0) throw failure('E_INSTALL_FETCH', { url, detail: checkedOut.stderr.trim() }, at);
  rmSync(join(root, '.git'), { recursive: true, force: true });
  if (folder !== undefined && !existsSync(join(root, folder)))
    throw failure('E_INSTALL_FETCH', { url, detail: `it has no folder '${folder}'` }, at);
  return commit;
}

/** The most bytes of an archive that is downloaded. */
const MOST = 256 * 1024 * 1024;
/** The most milliseconds that a download may take. */
const LONGEST = 600_000;

async function unpack(url: string, root: string, { at, pinned, stage, signal }: Fetching): Promise<string> {
  const bytes = await bytesOf(url, at, signal);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (pinned?.sha256 !== undefined && pinned.sha256 !== sha256)
    throw failure('E_INSTALL_CHECKSUM', { url, expected: pinned.sha256, found: sha256 }, at);
  const file = join(stage, 'archive');
  writeFileSync(file, bytes);
  // GNU tar writes neither through links of the archive nor outside of the directory.
  const result = await $({
    nothrow: true,
    quiet: true,
    signal,
    cwd: stage,
  })`tar -x --no-same-owner -f ${file} -C ${root}`;
  signal.throwIfAborted();
  rmSync(file);
  if (result.exitCode !== 0) throw failure('E_INSTALL_FETCH', { url, detail: result.stderr.trim() }, at);
  return sha256;
}

async function bytesOf(url: string, at: Pos, signal: AbortSignal): Promise<Uint8Array> {
  const fail = (detail: string): never => {
    throw failure('E_INSTALL_FETCH', { url, detail }, at);
  };
  if (!/^https?:/.test(url)) {
    const path = url.replace(/^file:\/\//, '');
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
      ? readFileSync(path)
      : fail('there is no such file');
  }
  return await withDeadline(signal, LONGEST, (own) => download(url, fail, own)).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof Failure || !(error instanceof Error)) throw error;
    return fail(error.cause instanceof Error ? error.cause.message : error.message);
  });
}

async function download(url: string, fail: (detail: string) => never, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal });
  if (!response.ok) fail(`the server answers ${response.status} ${response.statusText}`.trim());
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > MOST) fail(`it is larger than ${size(MOST)}`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Archives of repositories have one folder with everything in it. */
function soleFolder(root: string): string {
  const [only, ...more] = readdirSync(root, { withFileTypes: true }).filter(({ name }) => name !== 'pax_global_header');
  return only?.isDirectory() === true && more.length === 0 && !ROLE_FOLDERS.includes(only.name)
    ? join(root, only.name)
    : root;
}

const ROLE_FOLDERS = ['tasks', 'handlers', 'defaults', 'vars', 'files', 'templates', 'meta', 'library'];

/** Whether a directory has the files of a role. */
export function isRole(root: string): boolean {
  return ROLE_FOLDERS.some((name) => existsSync(join(root, name)));
}

/** Puts `from` where `to` is. What was there is moved into `stage`, and moved back if that fails. */
export function replace(from: string, to: string, stage: string): void {
  const old = join(stage, 'old');
  const wasThere = existsSync(to);
  if (wasThere) renameSync(to, old);
  try {
    renameSync(from, to);
  } catch (error) {
    if (wasThere) renameSync(old, to);
    throw error;
  }
}
