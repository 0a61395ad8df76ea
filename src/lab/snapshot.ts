import { randomBytes } from 'node:crypto';
import { failure } from '../core/errors/index.ts';
import { bootAll, forAll } from './boot.ts';
import { freezeDisk, hasDisk, thawDisk } from './disk.ts';
import type { LabOptions } from './guard.ts';
import { isOn, powerCut, powerOff } from './host.ts';
import { dropUnusedLayers } from './layers.ts';
import { type HostRecord, type LabRecord, writeLab } from './state.ts';

/** Each layer slows file access down a little, and the mount's options are limited to one page. */
const MOST_LAYERS = 20;

/**
 * Implements `snapshot`. Nothing is copied: a host's changes become a read-only layer of the overlay, and the host
 * continues above it. The record names the new layers before the disks become layers, and a layer that does not exist
 * is skipped, so dying in between does no harm.
 */
export async function takeSnapshot(before: LabRecord, label: string, options: LabOptions): Promise<void> {
  const { progress } = options;
  const started = Date.now();
  const hosts: HostRecord[] = [];
  for (const host of Object.values(before.hosts)) if (await hasDisk(before.name, host.name)) hosts.push(host);
  const full = hosts.find((host) => host.layers.length >= MOST_LAYERS);
  if (full !== undefined) {
    throw failure('E_LAB_SNAPSHOTS', { host: full.name, limit: MOST_LAYERS });
  }
  const id = randomBytes(3).toString('hex');
  const frozen = hosts.map((host) => ({ ...host, layers: [`${id}-${host.name}`, ...host.layers] }));
  const on: string[] = [];
  await forAll(hosts, async (host) => {
    if (!(await isOn(before.name, host.name))) return;
    on.push(host.name);
    await powerOff(before.name, host);
  });
  const named: LabRecord = { ...before, hosts: { ...before.hosts, ...byName(frozen, (host) => host) } };
  await writeLab(named);
  await forAll(frozen, (host) => freezeDisk(before.name, host.name, host.layers[0] ?? ''));
  const taken = { taken: new Date().toISOString(), hosts: byName(frozen, (host) => host.layers) };
  const after: LabRecord = { ...named, snapshots: { ...before.snapshots, [label]: taken } };
  await writeLab(after);
  await dropUnusedLayers(after);
  progress({ type: 'disk', message: `snapshot ${label}`, ms: Date.now() - started });
  await bootAll(after, on, options);
}

/** Implements `restore`. Hosts that were added after the snapshot stay as they are. */
export async function restoreSnapshot(before: LabRecord, label: string, options: LabOptions): Promise<void> {
  const { progress } = options;
  const started = Date.now();
  const snapshot = Object.hasOwn(before.snapshots, label) ? before.snapshots[label] : undefined;
  if (snapshot === undefined) {
    throw failure('E_UNKNOWN_SNAPSHOT', { lab: before.name, label, known: Object.keys(before.snapshots) });
  }
  const hosts = Object.values(before.hosts).flatMap((host) => {
    const layers = snapshot.hosts[host.name];
    return layers === undefined ? [] : [{ ...host, layers }];
  });
  const after: LabRecord = { ...before, hosts: { ...before.hosts, ...byName(hosts, (host) => host) } };
  await forAll(hosts, (host) => powerCut(before.name, host.name));
  await forAll(hosts, (host) => thawDisk(before.name, host.name));
  await writeLab(after);
  await dropUnusedLayers(after);
  progress({ type: 'disk', message: `restored ${label}`, ms: Date.now() - started });
  await bootAll(
    after,
    hosts.map((host) => host.name),
    options,
  );
}

function byName<T>(hosts: readonly HostRecord[], value: (host: HostRecord) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(hosts.map((host) => [host.name, value(host)]));
}
