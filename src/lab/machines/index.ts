import type { HostRecord } from '../state.ts';
import type { Machine, MachineName } from './machine.ts';
import { metal } from './metal.ts';
import { nspawn } from './nspawn.ts';
import { qemu } from './qemu.ts';

const machines: Readonly<Record<MachineName, Machine>> = { nspawn, qemu };

/** How a host is run. A record of a lab that is older than the second kind names none. */
export function machineOf(host: Pick<HostRecord, 'machine' | 'image'>): Machine {
  if (host.image === 'blank') return metal;
  return machines[host.machine ?? 'nspawn'];
}
