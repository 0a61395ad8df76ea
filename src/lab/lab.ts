import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { hierarchies } from './cgroup.ts';
import { labFailure } from './fail.ts';
import { isOn } from './host.ts';
import { clientKey, knownHosts, type LabConnection } from './keys.ts';
import { withLock } from './lock.ts';
import { type Requirement, requirements } from './requirements.ts';
import type { ImageName } from './spec.ts';
import { checkLabName } from './spec.ts';
import { type HostRecord, type LabRecord, labNames, readLab, stateDir } from './state.ts';

/** One step of the lab's work, as it is done. `ms`: how long it took, once it is done. */
export type LabEvent = Readonly<{
  type: 'image' | 'network' | 'boot' | 'ssh' | 'off' | 'disk' | 'note';
  host?: string;
  message: string;
  ms?: number;
}>;

export type Progress = (event: LabEvent) => void;
export type LabOptions = Readonly<{ progress: Progress; signal?: AbortSignal | undefined }>;

export type LabState = Readonly<{
  name: string;
  subnet: string;
  hosts: readonly Readonly<{
    name: string;
    address: string;
    image: ImageName;
    power: 'on' | 'off';
    connection: LabConnection;
  }>[];
  snapshots: readonly Readonly<{ label: string; taken: string }>[];
}>;

/** What there is of a lab; undefined when there is none. Throws Failure (E_LAB) when its record cannot be read. */
export async function status(name: string): Promise<LabState | undefined> {
  checkLabName(name);
  const record = await readLab(name);
  return record && stateOf(record);
}

/** The names of all labs that are up, or half up. */
export async function list(): Promise<readonly string[]> {
  return labNames();
}

/** How to log in to a host. Throws Failure (E_LAB) when there is no such lab or host. */
export async function connection(name: string, host: string): Promise<LabConnection> {
  const record = await needLab(name);
  return connectionOf(record, needHost(record, host));
}

export async function stateOf(record: LabRecord): Promise<LabState> {
  const hosts = Object.values(record.hosts).map(async (host) => ({
    name: host.name,
    address: host.address,
    image: host.image,
    power: (await isOn(record.name, host.name)) ? ('on' as const) : ('off' as const),
    connection: connectionOf(record, host),
  }));
  const snapshots = Object.entries(record.snapshots).map(([label, { taken }]) => ({ label, taken }));
  return { name: record.name, subnet: record.subnet, hosts: await Promise.all(hosts), snapshots };
}

function connectionOf(record: LabRecord, host: HostRecord): LabConnection {
  return {
    address: host.address,
    user: 'ops',
    privateKeyFile: clientKey(record.name),
    knownHostsFile: knownHosts(record.name),
  };
}

/** The lab's record. Throws Failure (E_LAB) when there is no such lab. */
export async function needLab(name: string): Promise<LabRecord> {
  checkLabName(name);
  const record = await readLab(name);
  if (record !== undefined) return record;
  throw labFailure(`there is no lab '${name}'`, { mend: 'bring it up: bringup lab up' });
}

/** A host's record. Throws Failure (E_LAB) when the lab has no such host. */
export function needHost(record: LabRecord, host: string): HostRecord {
  const found = Object.hasOwn(record.hosts, host) ? record.hosts[host] : undefined;
  if (found !== undefined) return found;
  throw labFailure(`the lab ${record.name} has no host '${host}'`, {
    expected: `one of ${Object.keys(record.hosts).join(', ')}`,
  });
}

/** Runs what changes a lab: not without what it needs, and never two at once on one lab. */
export async function alone<T>(name: string, { progress, signal }: LabOptions, work: () => Promise<T>): Promise<T> {
  checkLabName(name);
  refuse(await requirements());
  await mkdir(stateDir(), { recursive: true, mode: 0o700 });
  await hierarchies();
  const waiting = () => progress({ type: 'note', message: `another bringup is at work on the lab ${name}; waiting` });
  return withLock(`lab-${name}`, { patience: 10 * 60_000, signal, waiting }, work);
}

function refuse(missing: readonly Requirement[]): void {
  if (missing.length === 0) return;
  const packages = missing.flatMap((m) => m.packages);
  throw labFailure('this machine lacks something that the lab needs', {
    detail: missing.map((m) => `${m.what}: ${m.why}`).join('\n'),
    mend: [
      ...(packages.length > 0 ? [`apt-get install --no-install-recommends ${[...new Set(packages)].join(' ')}`] : []),
      ...missing.flatMap((m) => (m.mend === undefined ? [] : [m.mend])),
    ].join('; '),
  });
}
