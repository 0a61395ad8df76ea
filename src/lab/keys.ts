import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { run } from './run.ts';
import { absent, labDir, replaceFile } from './state.ts';

/**
 * How to log in to a lab host: as `ops`, who has sudo without a password, with the lab's own key and pinned host keys.
 */
export type LabConnection = Readonly<{
  address: string;
  user: 'ops';
  privateKeyFile: string;
  knownHostsFile: string;
}>;

export const clientKey = (lab: string) => path.join(labDir(lab), 'id_ed25519');
export const knownHosts = (lab: string) => path.join(labDir(lab), 'known_hosts');
/** Host keys are stored outside of the hosts' disks, so that a reset host keeps its host key. */
export const hostKey = (lab: string, host: string) => path.join(labDir(lab), 'host-keys', host);

/** Creates missing keys of the client and the hosts, and writes known_hosts. */
export async function ensureKeys(lab: string, hosts: readonly { name: string; address: string }[]): Promise<void> {
  await mkdir(path.join(labDir(lab), 'host-keys'), { recursive: true, mode: 0o700 });
  await ensureKey(clientKey(lab), `bringup-lab-${lab}`);
  const lines = await Promise.all(
    hosts.map(async ({ name, address }) => {
      await ensureKey(hostKey(lab, name), name);
      const [type, key] = (await readFile(`${hostKey(lab, name)}.pub`, 'utf8')).split(' ');
      return `${address},${name} ${type} ${key}\n`;
    }),
  );
  await replaceFile(knownHosts(lab), lines.join(''), 0o600);
}

async function ensureKey(file: string, comment: string): Promise<void> {
  // ssh-keygen writes the public key last, so if it exists, the pair is complete.
  if ((await readFile(`${file}.pub`).catch(absent)) !== undefined) return;
  // Removes half a pair that a killed run left. Otherwise ssh-keygen would ask before it overwrites the file. Answering
  // it through stdin is no alternative: if it does not ask and has ended, the write fails with a broken pipe.
  await rm(file, { force: true });
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
}
