import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { failure } from '../core/errors/index.ts';
import { imageExists } from './image.ts';
import { machineOf } from './machines/index.ts';
import { isMounted } from './mounts.ts';
import { run } from './run.ts';
import { absent, type HostRecord, hostDir, type LabRecord, labDir, rootOf, upper } from './state.ts';

const ready = (lab: string, host: string) => path.join(hostDir(lab, host), 'disk-is-ready');

/** Whether a host's disk was set up completely. */
export async function hasDisk(lab: string, host: string): Promise<boolean> {
  return (await stat(ready(lab, host)).catch(absent)) !== undefined;
}

export const layerDir = (lab: string, layer: string) => path.join(labDir(lab), 'layers', layer);

/** Makes a host's disk usable. A missing disk is first created and set up. */
export async function ensureDisk(lab: LabRecord, host: HostRecord): Promise<void> {
  const machine = machineOf(host);
  const fresh = !(await hasDisk(lab.name, host.name));
  if (!(await imageExists(host.base))) {
    const problem = `the image ${host.base} of its disk is missing`;
    throw failure('E_LAB_DISK', { host: host.name, problem, hint: `reset the host: bringup lab reset ${host.name}` });
  }
  // A disk whose set-up was interrupted is discarded.
  if (fresh) await wipeDisk(lab.name, host.name);
  await machine.attachDisk(lab.name, host, await layersOf(lab.name, host));
  if (!fresh) return;
  await machine.setUp(lab, host);
  await writeFile(ready(lab.name, host.name), '');
}

/** The existing layers below a host's disk. */
async function layersOf(lab: string, host: HostRecord): Promise<readonly string[]> {
  const layers: string[] = [];
  for (const layer of host.layers) {
    // If a snapshot died before it moved the disk, the record names a layer that does not exist. Its data is still in
    // `up`.
    if ((await stat(layerDir(lab, layer)).catch(absent)) !== undefined) layers.push(layerDir(lab, layer));
  }
  return layers;
}

/** Unmounts a host's disk if it is mounted. */
export async function unmountDisk(lab: string, host: string): Promise<void> {
  if (await isMounted(rootOf(lab, host))) await run(['umount', rootOf(lab, host)]);
}

/** Deletes the disk. The next `ensureDisk` creates a new one. The host must be off. */
export async function wipeDisk(lab: string, host: string): Promise<void> {
  await unmountDisk(lab, host);
  await rm(ready(lab, host), { force: true });
  await rm(upper(lab, host), { recursive: true, force: true });
}

/** Turns the host's changes since its last snapshot into a layer of that name. The host must be off. */
export async function freezeDisk(lab: string, host: string, layer: string): Promise<void> {
  await unmountDisk(lab, host);
  await mkdir(path.dirname(layerDir(lab, layer)), { recursive: true });
  await rename(upper(lab, host), layerDir(lab, layer));
}

/** Discards the host's changes since its last layer. The host must be off. */
export async function thawDisk(lab: string, host: string): Promise<void> {
  await unmountDisk(lab, host);
  await rm(upper(lab, host), { recursive: true, force: true });
  await writeFile(ready(lab, host), '');
}
