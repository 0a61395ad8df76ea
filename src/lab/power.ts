import { bootAll, forAll } from './boot.ts';
import { wipeDisk } from './disk.ts';
import { type LabOptions, needHost } from './guard.ts';
import { isOn, powerCut, powerOff } from './host.ts';
import { dropUnusedLayers } from './layers.ts';
import type { LabSpec } from './spec.ts';
import { type HostRecord, type LabRecord, writeLab } from './state.ts';
import { bareHost } from './up.ts';

export type Power = 'on' | 'off' | 'cut';

/** Implements `power`. */
export async function switchPower(lab: LabRecord, host: HostRecord, to: Power, options: LabOptions): Promise<void> {
  const { progress } = options;
  const started = Date.now();
  const done = (message: string) => progress({ type: 'off', host: host.name, message, ms: Date.now() - started });
  if (to === 'on') await bootAll(lab, [host.name], options);
  else if (!(await isOn(lab.name, host.name))) progress({ type: 'note', host: host.name, message: 'is off already' });
  else if (to === 'cut') {
    await powerCut(lab.name, host.name);
    done('power cut');
  } else done((await powerOff(lab.name, host)) ? 'powered off' : 'did not shut down in time: power cut');
}

/** Implements `reset`. */
export async function resetHosts(
  before: LabRecord,
  names: readonly string[],
  options: LabOptions & Readonly<{ spec?: LabSpec }>,
): Promise<void> {
  const hosts = [...new Set(names)].map((name) => {
    const old = needHost(before, name);
    return bareHost(options.spec?.hosts.find((host) => host.name === name) ?? old);
  });
  const lab: LabRecord = {
    ...before,
    hosts: { ...before.hosts, ...Object.fromEntries(hosts.map((host) => [host.name, host])) },
  };
  await forAll(hosts, async (host) => {
    await powerCut(lab.name, host.name);
    await wipeDisk(lab.name, host.name);
  });
  // Written after the disks. If we die in between, a host has no disk, and the next boot creates one.
  await writeLab(lab);
  await dropUnusedLayers(lab);
  await bootAll(
    lab,
    hosts.map((host) => host.name),
    options,
  );
}
