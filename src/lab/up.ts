import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { bootAll } from './boot.ts';
import { hasDisk } from './disk.ts';
import type { LabOptions } from './guard.ts';
import { imageKey } from './image.ts';
import { chooseSubnet, removeNetwork } from './network.ts';
import type { LabHost, LabSpec } from './spec.ts';
import { type HostRecord, type LabRecord, readLab, writeLab } from './state.ts';

/** Implements `up`. */
export async function bringUp(spec: LabSpec, options: LabOptions): Promise<LabRecord> {
  const before = await readLab(spec.name);
  const kept = before && (await withDisks(before));
  if (kept !== undefined) refuseChanged(kept, spec);
  const subnet = kept?.subnet ?? (await chooseSubnet(spec));
  // A lab that never got a disk may get another subnet. Its old bridge would be in the way.
  if (before !== undefined && before.subnet !== subnet) await removeNetwork(spec.name);
  const record: LabRecord = {
    version: 1,
    name: spec.name,
    subnet,
    hosts: { ...Object.fromEntries(spec.hosts.map((host) => [host.name, bareHost(host)])), ...kept?.hosts },
    snapshots: kept?.snapshots ?? {},
  };
  // Written before anything is created, so that `down` knows about it whatever happens.
  if (JSON.stringify(record) !== JSON.stringify(before)) await writeLab(record);
  const wanted = spec.hosts.map((host) => host.name);
  for (const name of Object.keys(record.hosts).filter((n) => !wanted.includes(n))) {
    options.progress({ type: 'note', host: name, message: 'exists in the lab, but not in the inventory' });
  }
  await bootAll(record, wanted, options);
  return record;
}

/** A host's record with an empty disk on the current image. */
export function bareHost(host: LabHost): HostRecord {
  const { name, address, image, machine, memory, bmc } = host;
  return {
    ...{ name, address, image, base: imageKey(image, machine), layers: [] },
    ...(machine !== undefined && { machine }),
    ...(memory !== undefined && { memory }),
    ...(bmc !== undefined && { bmc }),
  };
}

/**
 * The lab without the hosts that never got a disk because a run was killed; their spec may still change. undefined if
 * no host has a disk.
 */
async function withDisks(record: LabRecord): Promise<LabRecord | undefined> {
  const hosts: Record<string, HostRecord> = {};
  for (const host of Object.values(record.hosts)) {
    if (await hasDisk(record.name, host.name)) hosts[host.name] = host;
  }
  return Object.keys(hosts).length === 0 ? undefined : { ...record, hosts };
}

function refuseChanged(before: LabRecord, spec: LabSpec): void {
  const mistakes: Diagnostic[] = [];
  if (spec.subnet !== undefined && spec.subnet !== before.subnet) {
    const hint = 'remove the lab first: bringup lab down';
    const what = `the lab ${spec.name}`;
    mistakes.push(tell('E_LAB_CHANGED', { what, was: before.subnet, wanted: spec.subnet, hint }));
  }
  for (const host of spec.hosts) {
    const old = before.hosts[host.name];
    if (old === undefined || describe(old) === describe(host)) continue;
    mistakes.push(
      tell('E_LAB_CHANGED', {
        what: host.name,
        was: describe(old),
        wanted: describe(host),
        hint: `reset the host: bringup lab reset ${host.name}`,
      }),
    );
  }
  if (mistakes.length > 0) throw new Failure(mistakes);
}

/** What a host's disk was made for. Its memory may change from one boot to the next. */
function describe({ image, address, machine = 'nspawn' }: LabHost): string {
  return `${image} at ${address}${machine === 'nspawn' ? '' : ` on ${machine}`}`;
}
