import { existsSync, realpathSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pin } from '../connect/known-hosts.ts';
import type { Target } from '../core/connection.ts';
import type { Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { RawVars } from '../core/value.ts';

/** The host keys that `bringup image write` pins. Everybody who has the project verifies hosts with them. */
const pinsOf = (inventoryDir: string): string => join(inventoryDir, 'known_hosts');

/** The variable that makes connections use the pinned host keys, if there are some. */
export function pinnedKeys(inventoryDir: string): RawVars {
  return existsSync(pinsOf(inventoryDir)) ? { bringup_known_hosts_file: pinsOf(inventoryDir) } : {};
}

/**
 * The file in which a host's key is pinned: the one that its connections read first. Throws Failure if it is no file,
 * such as /dev/null, with which no host key would ever be verified.
 */
export function pinFile(inventoryDir: string, { name, knownHostsFile }: Target, at: Pos): string {
  const file = (knownHostsFile ?? pinsOf(inventoryDir)).replace(/^~(?=\/)/, homedir());
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return file;
  if (!found.isFile()) {
    const problem = `the host key cannot be pinned in ${file}, which is no regular file`;
    const hint = 'remove UserKnownHostsFile from ansible_ssh_common_args, and from [ssh_connection] in ansible.cfg';
    throw failure('E_IMAGE_VARIABLE', { host: name, problem, expected: 'a file of host keys', hint }, at);
  }
  return realpathSync(file);
}

/** Pins a public key, in place of other keys of the host. Several processes may do so at the same time. */
export async function pinKey(file: string, { address, port }: Target, publicKey: string): Promise<void> {
  const key = publicKey.split(' ').slice(0, 2).join(' ');
  await mkdir(dirname(file), { recursive: true });
  const staged = `${file}.new`;
  await claim(staged);
  const before = existsSync(file) ? await readFile(file, 'utf8') : '';
  await writeFile(staged, pin(before, address, port ?? 22, key), { mode: 0o644, flush: true });
  await rename(staged, file);
}

/** Creates the file, which no other process may have. One that stays for seconds was left by a killed process. */
async function claim(staged: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await writeFile(staged, '', { flag: 'wx', mode: 0o644 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (attempt === 100) await rm(staged, { force: true });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
