import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { layerDir } from './disk.ts';
import { absent, type LabRecord, labDir } from './state.ts';

/** Removes the layers that neither a host nor a snapshot uses. */
export async function dropUnusedLayers(lab: LabRecord): Promise<void> {
  const hosts = Object.values(lab.hosts).map((host) => host.layers);
  const snapshots = Object.values(lab.snapshots).flatMap((snapshot) => Object.values(snapshot.hosts));
  const used = new Set([...hosts, ...snapshots].flat());
  const existing = (await readdir(path.join(labDir(lab.name), 'layers')).catch(absent)) ?? [];
  const unused = existing.filter((layer) => !used.has(layer));
  await Promise.all(unused.map((layer) => rm(layerDir(lab.name, layer), { recursive: true, force: true })));
}
