import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostKey } from './identity.ts';
import { needPrograms, run } from './programs.ts';

/**
 * The host key in `file`. It is made if there is none, so that a second card for a host has the same key as the first.
 */
export async function ensureHostKey(file: string, host: string): Promise<HostKey> {
  const known = await readKey(file);
  if (known !== undefined) return known;
  needPrograms(['ssh-keygen']);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const staged = `${file}.new`;
  await rm(staged, { force: true });
  await rm(`${staged}.pub`, { force: true });
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', host, '-f', staged]);
  // The public key gets its name last, so a pair that can be read is complete.
  await rename(staged, file);
  await rename(`${staged}.pub`, `${file}.pub`);
  return { private: await readFile(file, 'utf8'), public: (await readFile(`${file}.pub`, 'utf8')).trim() };
}

async function readKey(file: string): Promise<HostKey | undefined> {
  try {
    return { private: await readFile(file, 'utf8'), public: (await readFile(`${file}.pub`, 'utf8')).trim() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
