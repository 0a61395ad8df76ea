import { readFile, writeFile } from 'node:fs/promises';
import { bootAll, forAll } from './boot.ts';
import { takeDown } from './down.ts';
import { alone, type LabOptions, needHost, needLab } from './guard.ts';
import { isOn } from './host.ts';
import { clientKey, knownHosts, type LabConnection } from './keys.ts';
import { machineOf } from './machines/index.ts';
import type { MachineName } from './machines/machine.ts';
import { bootFromNetwork as fileOfNetworkBoot } from './machines/metal.ts';
import { type Power, resetHosts, switchPower } from './power.ts';
import { restoreSnapshot, takeSnapshot } from './snapshot.ts';
import { checkLabel, checkLabName, checkSpec, type ImageName, type LabSpec } from './spec.ts';
import { consoleLog, type HostRecord, type LabRecord, labNames, readLab } from './state.ts';
import { bringUp } from './up.ts';
import { cuts, cutWire, healWire, type WireCut } from './wire.ts';

/** The state of a lab. `connection` says how to log in. */
export type LabState = Readonly<{
  name: string;
  subnet: string;
  hosts: readonly Readonly<{
    name: string;
    address: string;
    image: ImageName;
    machine: MachineName;
    power: 'on' | 'off';
    connection: LabConnection;
  }>[];
  /** Cut network links: a host, or two hosts that are cut off from each other. */
  cuts: readonly string[];
  snapshots: readonly Readonly<{ label: string; taken: string }>[];
}>;

/**
 * Brings a lab up, or continues from what exists: builds missing images, boots hosts that are off, and waits until each
 * accepts logins. A host whose address or image changed is rejected, because its disk has the old ones; `reset` it.
 * Like every function that changes a lab, it throws Failure if this machine lacks something, and waits while another
 * run works on the same lab.
 */
export async function up(spec: LabSpec, options: LabOptions): Promise<LabState> {
  checkSpec(spec);
  return stateOf(await alone(spec.name, 'build', { ...options, spec }, () => bringUp(spec, options)));
}

/**
 * Removes a lab: processes, mounts, cgroups, bridge, NAT, disks. It also works on a lab that is incomplete, broken or
 * missing. The images are kept for the next lab; with `images`, those that no other lab uses are removed.
 */
export async function down(name: string, options: LabOptions & Readonly<{ images?: boolean }>): Promise<void> {
  await alone(name, 'run', options, () => takeDown(name, options));
}

/** The state of a lab. undefined if there is none. */
export async function status(name: string): Promise<LabState | undefined> {
  checkLabName(name);
  const record = await readLab(name);
  return record && stateOf(record);
}

/** The names of all labs, including incomplete ones. */
export async function list(): Promise<readonly string[]> {
  return labNames();
}

/** How to log in to a host. */
export async function connection(name: string, host: string): Promise<LabConnection> {
  const record = await needLab(name);
  return connectionOf(record, needHost(record, host));
}

/**
 * Switches a host's power. 'off' is a clean shutdown (after 30 s a power cut). 'cut' is a power cut: not even an RST
 * gets out. Unlike on hardware, data that was written but not synced survives. 'on' boots from the same disk and waits
 * for sshd.
 */
export async function power(name: string, host: string, to: Power, options: LabOptions): Promise<void> {
  await alone(name, 'run', options, async () => {
    const record = await needLab(name);
    await switchPower(record, needHost(record, host), to, options);
  });
}

/** Lets the firmware of a host with a blank disk boot from the network at its next start. Other hosts have no firmware. */
export async function bootFromNetwork(name: string, host: string): Promise<void> {
  const record = needHost(await needLab(name), host);
  if (machineOf(record).isBlank === true) await writeFile(fileOfNetworkBoot(name, host), '');
}

/** Switches the power of several hosts at once, as when a rack loses its power. */
export async function powerAll(name: string, hosts: readonly string[], to: Power, options: LabOptions): Promise<void> {
  await alone(name, 'run', options, async () => {
    const record = await needLab(name);
    const known = hosts.map((host) => needHost(record, host));
    if (to === 'on') await bootAll(record, [...hosts], options);
    else await forAll(known, (host) => switchPower(record, host, to, options));
  });
}

/**
 * Cuts network links of hosts: from everybody or only from some hosts, in both directions or one. A cut lasts over
 * reboots until it is healed or the lab is taken down. Cuts add up.
 */
export async function cut(name: string, hosts: readonly string[], how: WireCut, options: LabOptions): Promise<void> {
  await alone(name, 'run', options, async () => {
    const record = await needLab(name);
    for (const host of [...hosts, ...(how.from ?? [])]) needHost(record, host);
    await cutWire(name, hosts, how);
    options.progress({
      type: 'network',
      message: `${hosts.join(', ')} cut off from ${how.from?.join(', ') ?? 'all hosts'}`,
    });
  });
}

/** Removes all cuts of these hosts, or of all hosts if none is named. */
export async function heal(name: string, hosts: readonly string[], options: LabOptions): Promise<void> {
  await alone(name, 'run', options, async () => {
    const record = await needLab(name);
    for (const host of hosts) needHost(record, host);
    await healWire(name, hosts.length === 0 ? undefined : hosts);
    options.progress({
      type: 'network',
      message: `${hosts.length === 0 ? 'all hosts' : hosts.join(', ')}: network healed`,
    });
  });
}

/**
 * Replaces the disks of hosts with new ones from the current images, so that they are bare machines with the same host
 * keys. With `spec`, they get its addresses and images. Waits for sshd.
 */
export async function reset(
  name: string,
  hosts: readonly string[],
  options: LabOptions & Readonly<{ spec?: LabSpec }>,
): Promise<void> {
  if (options.spec) checkSpec(options.spec);
  await alone(name, 'build', options, async () => resetHosts(await needLab(name), hosts, options));
}

/**
 * Saves all disks of a lab under a label, replacing an earlier snapshot of that label. Hosts that are on are shut down
 * cleanly and booted again.
 */
export async function snapshot(name: string, label: string, options: LabOptions): Promise<void> {
  checkLabel(label);
  await alone(name, 'run', options, async () => takeSnapshot(await needLab(name), label, options));
}

/** Restores all disks from a snapshot. It cuts the power of the hosts and boots them. */
export async function restore(name: string, label: string, options: LabOptions): Promise<void> {
  checkLabel(label);
  await alone(name, 'run', options, async () => restoreSnapshot(await needLab(name), label, options));
}

/** The last 200 lines of a host's console and of its journal. The host may be off. */
export async function logs(name: string, host: string): Promise<Readonly<{ console: string; journal: string }>> {
  const record = needHost(await needLab(name), host);
  const text = await readFile(consoleLog(name, record.name), 'utf8').catch(() => '');
  return {
    console: text.split('\n').slice(-201).join('\n'),
    journal: await machineOf(record).journal(name, record.name, 200),
  };
}

async function stateOf(record: LabRecord): Promise<LabState> {
  const hosts = Object.values(record.hosts).map(async (host) => ({
    name: host.name,
    address: host.address,
    image: host.image,
    machine: host.machine ?? 'nspawn',
    power: (await isOn(record.name, host.name)) ? ('on' as const) : ('off' as const),
    connection: connectionOf(record, host),
  }));
  const snapshots = Object.entries(record.snapshots).map(([label, { taken }]) => ({ label, taken }));
  return {
    name: record.name,
    subnet: record.subnet,
    hosts: await Promise.all(hosts),
    cuts: await cuts(record.name),
    snapshots,
  };
}

function connectionOf(record: LabRecord, host: HostRecord): LabConnection {
  return {
    address: host.address,
    user: 'ops',
    privateKeyFile: clientKey(record.name),
    knownHostsFile: knownHosts(record.name),
  };
}
