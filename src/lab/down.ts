import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { killBelow, labGroup, removeGroups } from './cgroup.ts';
import { mountsBelow } from './disk.ts';
import { labFailure } from './fail.ts';
import { removeImages } from './image.ts';
import { alone, type LabOptions } from './lab.ts';
import { machineName } from './names.ts';
import { removeNetwork } from './network.ts';
import { run } from './run.ts';
import { absent, labDir, labNames } from './state.ts';

/**
 * Takes a lab away: processes, mounts, cgroups, bridge, NAT, disks. Works on a lab that is half up, broken or not
 * there. The images stay for the next time, unless `images`; then no other lab may stand on them.
 */
export async function down(name: string, options: LabOptions & Readonly<{ images?: boolean }>): Promise<void> {
  await alone(name, options, async () => {
    const others = (await labNames()).filter((other) => other !== name);
    if (options.images && others.length > 0) {
      throw labFailure(`the images are in use by ${others.join(', ')}`, {
        mend: 'take those labs down first, or keep the images',
      });
    }
    const started = Date.now();
    const dir = labDir(name);
    const hosts = (await readdir(path.join(dir, 'hosts')).catch(absent)) ?? [];
    await killBelow(labGroup(name));
    await removeGroups(labGroup(name));
    for (const point of await mountsBelow(dir)) await run(['umount', point]);
    await removeNetwork(name);
    for (const host of hosts) await forgetMachine(machineName(name, host));
    await rm(dir, { recursive: true, force: true });
    if (options.images) await removeImages();
    options.progress({ type: 'off', message: `the lab ${name} is gone`, ms: Date.now() - started });
  });
}

/** nspawn leaves a directory (and, killed, a mount on it) per machine under /run. */
async function forgetMachine(machine: string): Promise<void> {
  const dir = path.join('/run/systemd/nspawn/propagate', machine);
  for (const point of await mountsBelow(dir)) await run(['umount', point]);
  await rm(dir, { recursive: true, force: true });
}
