// The commands of `bringup vault`: files and values that ansible-vault can open, and the other way round.

import { spawnSync } from 'node:child_process';
import {
  chmodSync as chmod,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isVault, openVaultBytes, sealVault, type VaultPassword } from '../config/vault.ts';
import { failure } from '../core/errors/index.ts';
import { ask } from './connections.ts';
import { streams } from './output.ts';

export type VaultRun = Readonly<{
  passwords: readonly VaultPassword[];
  /** The label of the password that encrypts, if there are several. */
  encryptWith?: string | undefined;
}>;

export function createVault(file: string, run: VaultRun): void {
  const password = passwordFor(run);
  if (existsSync(file)) throw failure('E_VAULT_EXISTS', { path: file });
  const text = edited(file, new Uint8Array());
  if (text !== undefined) replace(file, sealVault(text, password));
}

/** Opens the file in an editor. A file that was not changed is not written. */
export function editVault(file: string, run: VaultRun): void {
  const { content, by } = opened(file, run);
  const text = edited(file, content);
  if (text !== undefined) replace(file, sealVault(text, by));
}

export function viewVault(files: readonly string[], run: VaultRun): void {
  for (const file of files) streams.out(opened(file, run).content.toString('utf8'));
}

/** @param output where the result goes instead of the file: a path, or `-` for standard output */
export function encryptFiles(files: readonly string[], run: VaultRun, output?: string): void {
  const password = passwordFor(run);
  for (const [file, content] of contents(files, output)) {
    if (isVault(content.toString('latin1'))) throw failure('E_VAULT_ENCRYPTED', { path: file });
    put(file, sealVault(content, password), output);
  }
}

export function decryptFiles(files: readonly string[], run: VaultRun, output?: string): void {
  for (const [file, content] of contents(files, output))
    put(file, openVaultBytes(textOf(file, content), start(file), run.passwords), output);
}

/** Encrypts files with another password. All are opened first, so that none is changed if one cannot be. */
export function rekeyFiles(files: readonly string[], run: VaultRun, next: VaultPassword): void {
  const all = files.map((file) => [file, opened(file, run).content] as const);
  for (const [file, content] of all) replace(file, sealVault(content, next));
}

/** Prints a value for a file of variables. It is read from standard input, or asked for on a terminal. */
export async function encryptString(name: string | undefined, run: VaultRun): Promise<void> {
  const password = passwordFor(run);
  const typed = await ask(`${name ?? 'value'} to encrypt: `);
  const value = typed === undefined ? readFileSync(0) : Buffer.from(typed);
  if (value.length === 0) throw failure('E_VAULT_NO_VALUE', {});
  const lines = sealVault(value, password).trimEnd().replace(/^/gm, ' '.repeat(10));
  streams.out(`${name === undefined ? '' : `${name}: `}!vault |\n${lines}\n`);
}

/** The password that encrypts: the only one, or the one with the label. */
function passwordFor({ passwords, encryptWith }: VaultRun): VaultPassword {
  const labels = passwords.map(({ label }) => label ?? 'default');
  const fitting = encryptWith === undefined ? passwords : passwords.filter((_, i) => labels[i] === encryptWith);
  const [only] = fitting;
  if (only === undefined) throw failure('E_VAULT_LABEL', { label: encryptWith ?? 'default', known: labels });
  if (fitting.length > 1) throw failure('E_VAULT_LABELS', { known: labels });
  return only;
}

const start = (file: string) => ({ file, line: 1, col: 1 });

function opened(file: string, { passwords }: VaultRun): Readonly<{ content: Buffer; by: VaultPassword }> {
  const text = textOf(file, contentOf(file));
  for (const by of passwords) {
    try {
      return { content: openVaultBytes(text, start(file), [by]), by: { ...by, label: labelIn(text) } };
    } catch {
      // the next password may fit
    }
  }
  return { content: openVaultBytes(text, start(file), []), by: passwordFor({ passwords }) };
}

/** A file keeps the label in its header when it is encrypted again. */
const labelIn = (text: string): string | undefined =>
  /^\$ANSIBLE_VAULT;1\.2;AES256;(.+)/.exec(text.trim())?.[1]?.trim();

function textOf(file: string, content: Buffer): string {
  const text = content.toString('latin1');
  if (!isVault(text)) throw failure('E_VAULT_PLAIN', { path: file });
  return text;
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw failure('E_FILE_UNREADABLE', { path: file, why: (error as Error).message });
  }
}

/** What each file holds. `-`, or no file at all, is standard input. */
function contents(files: readonly string[], output: string | undefined): readonly (readonly [string, Buffer])[] {
  const all = files.length === 0 ? ['-'] : files;
  if (output !== undefined && all.length > 1) throw failure('E_VAULT_OUTPUT', {});
  return all.map((file) => [file, contentOf(file)] as const);
}

function put(file: string, content: string | Uint8Array, output: string | undefined): void {
  const to = output ?? file;
  if (to === '-') process.stdout.write(content);
  else replace(to, content);
}

/** Writes under another name first, so that a file is never half written. A new file is for its owner only. */
function replace(file: string, content: string | Uint8Array): void {
  const mode = (statSync(file, { throwIfNoEntry: false })?.mode ?? 0o600) & 0o777;
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    writeFileSync(draft, content, { mode: 0o600, flag: 'wx' });
    if (mode !== 0o600) chmod(draft, mode);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw failure('E_FILE_UNWRITABLE', { path: file, why: (error as Error).message });
  }
}

/**
 * What the editor ($VISUAL, $EDITOR, else vi) leaves of a text. undefined: it was not changed. The clear text is in
 * memory, or else in a directory that only its owner can enter, and is overwritten when the editor ends.
 */
function edited(file: string, content: Uint8Array): Buffer | undefined {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bringup-vault-'));
  const draft = join(folder, basename(file));
  try {
    writeFileSync(draft, content, { mode: 0o600 });
    const editor = process.env['VISUAL'] || process.env['EDITOR'] || 'vi';
    const { status, error } = spawnSync('/bin/sh', ['-c', `${editor} "$1"`, 'sh', draft], { stdio: 'inherit' });
    if (error !== undefined) throw failure('E_VAULT_EDITOR', { editor, why: error.message });
    if (status !== 0) throw failure('E_VAULT_EDITOR', { editor, why: `exit code ${status}` });
    const after = readFileSync(draft);
    return after.equals(content) ? undefined : after;
  } finally {
    const size = statSync(draft, { throwIfNoEntry: false })?.size ?? 0;
    if (size > 0) writeFileSync(draft, new Uint8Array(size));
    rmSync(folder, { recursive: true, force: true });
  }
}
