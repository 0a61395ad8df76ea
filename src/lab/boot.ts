import { mkdir } from 'node:fs/promises';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import type { LabOptions } from './guard.ts';
import { powerOn, waitForSsh } from './host.ts';
import { ensureImage, imageKey } from './image.ts';
import { ensureKeys } from './keys.ts';
import { machineOf } from './machines/index.ts';
import { ensureNetwork } from './network.ts';
import { type HostRecord, hostDir, type LabRecord } from './state.ts';

/**
 * Prepares images, keys and network and powers on some of a lab's hosts, all at once. Waits until each accepts logins.
 * The failures of all hosts are thrown as one.
 */
export async function bootAll(record: LabRecord, names: readonly string[], options: LabOptions): Promise<void> {
  const hosts = names.flatMap((name) => record.hosts[name] ?? []);
  await buildImages(hosts, options);
  options.signal?.throwIfAborted();
  await ensureKeys(record.name, Object.values(record.hosts));
  const started = Date.now();
  if (await ensureNetwork(record.name, record.subnet)) {
    options.progress({ type: 'network', message: record.subnet, ms: Date.now() - started });
  }
  await forAll(hosts, (host) => boot(record, host, options));
}

/** Runs `work` for all items at the same time, waits for all, and then throws every Failure as one. */
export async function forAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const settled = await Promise.allSettled(items.map(work));
  const failed: readonly unknown[] = settled.flatMap((s) => (s.status === 'rejected' ? [s.reason] : []));
  const bug = failed.find((error) => !(error instanceof Failure));
  if (bug !== undefined) throw bug;
  const diagnostics = failed.flatMap((error): readonly Diagnostic[] =>
    error instanceof Failure ? error.diagnostics : [],
  );
  if (diagnostics.length > 0) throw new Failure(diagnostics);
}

/** Builds missing images. An image of an older recipe is not rebuilt: ensureDisk tells the user what to do. */
async function buildImages(hosts: readonly HostRecord[], { progress, signal }: LabOptions): Promise<void> {
  const current = hosts.filter((host) => host.base === imageKey(host.image, host.machine));
  const wanted = [...new Map(current.map((host) => [host.base, host])).values()];
  const say = (message: string, ms?: number) => progress({ type: 'image', message, ...(ms !== undefined && { ms }) });
  await forAll(wanted, async ({ image, machine = 'nspawn' }) => {
    await ensureImage(image, machine, { progress: say, signal });
  });
}

async function boot(record: LabRecord, host: HostRecord, { progress, signal }: LabOptions): Promise<void> {
  const started = Date.now();
  await mkdir(hostDir(record.name, host.name), { recursive: true, mode: 0o700 });
  const booted = await powerOn(record, host);
  if (booted) progress({ type: 'boot', host: host.name, message: `${host.image} boots` });
  if (machineOf(host).isBlank === true) return;
  await waitForSsh(record.name, host, signal);
  if (booted) progress({ type: 'ssh', host: host.name, message: host.address, ms: Date.now() - started });
}
