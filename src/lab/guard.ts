import { mkdir } from 'node:fs/promises';
import { failure } from '../core/errors/index.ts';
import { withLock } from './lock.ts';
import type { MachineName } from './machines/machine.ts';
import { type Requirement, requirements } from './requirements.ts';
import { checkLabName, type LabSpec } from './spec.ts';
import { type HostRecord, type LabRecord, readLab, stateDir } from './state.ts';

/** One step of the lab's work. `ms` is how long it took, once it is done. */
export type LabEvent = Readonly<{
  type: 'image' | 'network' | 'boot' | 'ssh' | 'off' | 'disk' | 'note';
  host?: string;
  message: string;
  ms?: number;
}>;

export type Progress = (event: LabEvent) => void;
export type LabOptions = Readonly<{ progress: Progress; signal?: AbortSignal | undefined }>;

/** The lab's record. Throws Failure if there is no such lab. */
export async function needLab(name: string): Promise<LabRecord> {
  checkLabName(name);
  const record = await readLab(name);
  if (record !== undefined) return record;
  throw failure('E_NO_LAB', { name });
}

/** A host's record. Throws Failure if the lab has no such host. */
export function needHost(record: LabRecord, host: string): HostRecord {
  const found = Object.hasOwn(record.hosts, host) ? record.hosts[host] : undefined;
  if (found !== undefined) return found;
  throw failure('E_LAB_HOST', { lab: record.name, host, known: Object.keys(record.hosts) });
}

/**
 * Runs work that changes a lab. It checks the requirements first, and only one run at a time works on a lab. `to` is
 * explained in Requirement. `spec`: the hosts that the work adds to those of the lab's record.
 */
export async function alone<T>(
  name: string,
  to: 'build' | 'run',
  { progress, signal, spec }: LabOptions & Readonly<{ spec?: LabSpec }>,
  work: () => Promise<T>,
): Promise<T> {
  checkLabName(name);
  // A lab whose record cannot be read can still be removed.
  const record = await readLab(name).catch(() => undefined);
  const missing = await requirements(machinesOf([...Object.values(record?.hosts ?? {}), ...(spec?.hosts ?? [])]));
  refuse(missing.filter((one) => to === 'build' || one.to === 'run'));
  await mkdir(stateDir(), { recursive: true, mode: 0o700 });
  const waiting = () =>
    progress({ type: 'note', message: `waiting for another bringup that works on the lab ${name}` });
  return withLock(`lab-${name}`, { patience: 10 * 60_000, signal, waiting }, work);
}

/** The kinds of machines that hosts are. */
export function machinesOf(hosts: readonly Readonly<{ machine?: MachineName }>[]): ReadonlySet<MachineName> {
  return new Set(hosts.map((host) => host.machine ?? 'nspawn'));
}

function refuse(missing: readonly Requirement[]): void {
  if (missing.length === 0) return;
  const packages = missing.flatMap((m) => m.packages);
  throw failure('E_LAB_REQUIREMENTS', {
    problem: 'this machine lacks something that the lab needs',
    detail: missing.map((m) => `${m.what}: ${m.why}`).join('\n'),
    hint: [
      ...(packages.length > 0 ? [`apt-get install --no-install-recommends ${[...new Set(packages)].join(' ')}`] : []),
      ...missing.flatMap((m) => (m.hint === undefined ? [] : [m.hint])),
    ].join('; '),
  });
}
