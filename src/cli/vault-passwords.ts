import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, resolve } from 'node:path';
import type { VaultPassword } from '../config/vault.ts';
import { failure } from '../core/errors/index.ts';
import { Secret } from '../core/value.ts';

/** How long a program that gives a password may take, in milliseconds. It may ask its user. */
const PATIENCE = 300_000;

/**
 * The password in a file, or the output of a program. As in Ansible, a program whose name ends in `-client` gets the
 * label: `--vault-id LABEL`.
 */
export function passwordOf(file: string, label?: string): VaultPassword {
  const path = resolve(file.replace(/^~(?=\/)/, homedir()));
  const secret = new Secret((isProgram(path) ? outputOf(path, label) : textOf(path)).replace(/^\s+|\s+$/g, ''));
  if (secret.reveal() === '') throw failure('E_VAULT_PASSWORD_FILE', { path: file, why: 'it is empty' });
  return { label, secret };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // it does not exist, or is no program
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw failure('E_VAULT_PASSWORD_FILE', { path, why: (error as Error).message });
  }
}

function outputOf(path: string, label: string | undefined): string {
  const isClient = /-client(\.[^.]*)?$/.test(basename(path));
  const args = isClient && label !== undefined ? ['--vault-id', label] : [];
  const { status, stdout, error } = spawnSync(path, args, {
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'inherit'],
    timeout: PATIENCE,
  });
  if (error !== undefined) throw failure('E_VAULT_PASSWORD_FILE', { path, why: error.message });
  if (status === 0) return stdout;
  throw failure('E_VAULT_PASSWORD_FILE', { path, why: `the program failed with exit code ${status}` });
}
