import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { groupsIn, killBelow, labGroup, removeGroups } from './cgroup.ts';
import type { LabOptions } from './guard.ts';
import { powerCut } from './host.ts';
import { removeImages } from './image.ts';
import { mountsBelow } from './mounts.ts';
import { machineName, socketOf } from './names.ts';
import { removeNetwork } from './network.ts';
import { run } from './run.ts';
import { absent, labDir, labNames, readLab } from './state.ts';

/** Implements `down`. It goes by what it finds, because the lab's record may be missing or broken. */
export async function takeDown(name: string, options: LabOptions & Readonly<{ images?: boolean }>): Promise<void> {
  const started = Date.now();
  const dir = labDir(name);
  const disks = (await readdir(path.join(dir, 'hosts')).catch(absent)) ?? [];
  const hosts = [...new Set([...disks, ...(await groupsIn(labGroup(name)))])];
  await Promise.all(hosts.map((host) => powerCut(name, host)));
  await killBelow(labGroup(name));
  await removeGroups(labGroup(name));
  for (const point of await mountsBelow(dir)) await run(['umount', point]);
  await removeNetwork(name);
  for (const host of hosts) {
    await forgetMachine(machineName(name, host));
    for (const kind of ['qmp', 'console'] as const) await rm(socketOf(name, host, kind), { force: true });
  }
  await rmdir(path.dirname(socketOf(name, '', 'qmp'))).catch(() => {}); // another lab may use it
  await rm(dir, { recursive: true, force: true });
  if (options.images) await removeImages(await usedImages());
  options.progress({ type: 'off', message: `removed the lab ${name}`, ms: Date.now() - started });
}

/** nspawn leaves a directory for each machine under /run and, if it was killed, a mount on it. */
async function forgetMachine(machine: string): Promise<void> {
  const dir = path.join('/run/systemd/nspawn/propagate', machine);
  for (const point of await mountsBelow(dir)) await run(['umount', point]);
  await rm(dir, { recursive: true, force: true });
}

async function usedImages(): Promise<ReadonlySet<string>> {
  const records = await Promise.all((await labNames()).map(readLab));
  return new Set(records.flatMap((record) => Object.values(record?.hosts ?? {}).map((host) => host.base)));
}
