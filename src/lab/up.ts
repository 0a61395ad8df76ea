import { mkdir } from 'node:fs/promises';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { powerOn, waitForSsh } from './host.ts';
import { ensureImage } from './image.ts';
import { ensureKeys } from './keys.ts';
import { alone, type LabOptions, type LabState, stateOf } from './lab.ts';
import { chooseSubnet, ensureNetwork } from './network.ts';
import { checkSpec, type ImageName, type LabHost, type LabSpec } from './spec.ts';
import { type HostRecord, hostDir, type LabRecord, readLab, writeLab } from './state.ts';

/**
 * Brings a lab up, or goes on from what is there: builds images, boots hosts that are off, waits until each lets its
 * user in. A host whose address or image changed is refused: its disk has the old ones; `reset` makes it anew.
 */
export async function up(spec: LabSpec, options: LabOptions): Promise<LabState> {
  checkSpec(spec);
  return alone(spec.name, options, async () => {
    const { progress } = options;
    const before = await readLab(spec.name);
    if (before !== undefined) refuseChanged(before, spec);
    const addresses = spec.hosts.map((host) => host.address);
    const subnet = before?.subnet ?? (await chooseSubnet(spec.name, spec.subnet, addresses));
    const added = spec.hosts.filter((host) => before?.hosts[host.name] === undefined);
    const bases = await images(
      added.map((host) => host.image),
      options,
    );
    const records = added.map((host) => [host.name, fresh(host, bases)] as const);
    const record: LabRecord = {
      version: 1,
      name: spec.name,
      subnet,
      hosts: { ...before?.hosts, ...Object.fromEntries(records) },
      snapshots: before?.snapshots ?? {},
    };
    // Before anything is made, so that `down` knows of it whatever happens.
    if (added.length > 0 || before === undefined) await writeLab(record);
    for (const name of Object.keys(record.hosts).filter((n) => !spec.hosts.some((h) => h.name === n))) {
      progress({ type: 'note', host: name, message: 'is in the lab, but not in the inventory' });
    }
    await bootAll(
      record,
      spec.hosts.map((host) => host.name),
      options,
    );
    return stateOf(record);
  });
}

/** A host's record with a bare disk on an image that was just built or found. */
export function fresh(host: LabHost, bases: ReadonlyMap<ImageName, string>): HostRecord {
  const base = bases.get(host.image) ?? '';
  return { name: host.name, address: host.address, image: host.image, base, layers: [] };
}

/** Builds what is missing of images, at the same time. */
export async function images(
  wanted: readonly ImageName[],
  { progress, signal }: LabOptions,
): Promise<ReadonlyMap<ImageName, string>> {
  const say = (message: string, ms?: number) => progress({ type: 'image', message, ...(ms !== undefined && { ms }) });
  const built = [...new Set(wanted)].map(
    async (image) => [image, await ensureImage(image, { progress: say, signal })] as const,
  );
  // All are waited for, so that no build goes on behind a failure's back.
  const settled = await Promise.allSettled(built);
  return new Map(settled.map(valueOf));
}

/** Network, keys and power for some of a lab's hosts; all of their failures in one. */
export async function bootAll(record: LabRecord, names: readonly string[], options: LabOptions): Promise<void> {
  const { progress, signal } = options;
  signal?.throwIfAborted();
  await ensureKeys(record.name, Object.values(record.hosts));
  const started = Date.now();
  if (await ensureNetwork(record.name, record.subnet)) {
    progress({ type: 'network', message: record.subnet, ms: Date.now() - started });
  }
  const hosts = names.flatMap((name) => record.hosts[name] ?? []);
  const settled = await Promise.allSettled(hosts.map((host) => boot(record, host, options)));
  const failed = settled.flatMap((s) => (s.status === 'rejected' ? [s.reason] : []));
  const ours = failed.flatMap((e): readonly Diagnostic[] => (e instanceof Failure ? e.diagnostics : []));
  const other = failed.find((e) => !(e instanceof Failure));
  if (other !== undefined) throw other;
  if (ours.length > 0) throw new Failure(ours);
}

async function boot(record: LabRecord, host: HostRecord, { progress, signal }: LabOptions): Promise<void> {
  const started = Date.now();
  await mkdir(hostDir(record.name, host.name), { recursive: true, mode: 0o700 });
  const booted = await powerOn(record, host);
  if (booted) progress({ type: 'boot', host: host.name, message: `${host.image} boots` });
  await waitForSsh(record.name, host, { signal });
  if (booted) progress({ type: 'ssh', host: host.name, message: host.address, ms: Date.now() - started });
}

function refuseChanged(before: LabRecord, spec: LabSpec): void {
  const mistakes: Diagnostic[] = [];
  if (spec.subnet !== undefined && spec.subnet !== before.subnet) {
    mistakes.push({
      code: 'E_LAB',
      message: `the lab ${spec.name} was made in ${before.subnet}, now it shall be in ${spec.subnet}`,
      mend: 'take it down first: bringup lab down',
    });
  }
  for (const host of spec.hosts) {
    const old = before.hosts[host.name];
    if (old === undefined) continue;
    if (old.address === host.address && old.image === host.image) continue;
    mistakes.push({
      code: 'E_LAB',
      message: `${host.name} was made as ${old.image} at ${old.address}, now it shall be ${host.image} at ${host.address}`,
      mend: `make it anew: bringup lab reset ${host.name}`,
    });
  }
  if (mistakes.length > 0) throw new Failure(mistakes);
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
