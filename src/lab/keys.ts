import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { run } from './run.ts';
import { absent, labDir, replaceFile } from './state.ts';

/** How to log in to a lab host: as `ops`, who has sudo without a password, with the lab's own key and pinned host keys. */
export type LabConnection = Readonly<{
  address: string;
  user: 'ops';
  privateKeyFile: string;
  knownHostsFile: string;
}>;

export const clientKey = (lab: string) => path.join(labDir(lab), 'id_ed25519');
export const knownHosts = (lab: string) => path.join(labDir(lab), 'known_hosts');
/** Host keys are kept outside of the hosts' disks: a reset host is the same host to everyone who pinned it. */
export const hostKey = (lab: string, host: string) => path.join(labDir(lab), 'host-keys', host);

/** Makes the client's key and each host's where they are missing, and writes known_hosts. */
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
  // The public half is written last by ssh-keygen: where it is, the pair is whole.
  if ((await readFile(`${file}.pub`).catch(absent)) !== undefined) return;
  await rm(file, { force: true }); // of a half-made pair of a killed run: ssh-keygen would ask before it overwrites it
  await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
}
