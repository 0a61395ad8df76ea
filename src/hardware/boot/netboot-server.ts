import { failure } from '../../core/errors/index.ts';
import { type Dhcp, openDhcp, otherDhcp } from './dhcp.ts';
import { isWithin, type Wire } from './interface.ts';
import { type BootServer, openServer, type Place } from './server.ts';
import type { Session } from './session.ts';

/** The boot server of one interface: DHCP or proxy DHCP, TFTP and HTTP. */
type Served = Readonly<{ dhcp: Dhcp; server: BootServer; machines: Map<string, Place> }>;

export type Netboot = Readonly<{
  host: string;
  wire: Wire;
  /** auto: proxy if another DHCP server answers. */
  dhcp: 'auto' | 'server' | 'proxy';
  /** The directory of the installer. */
  installer: string;
  signal: AbortSignal;
}>;

const open = new Map<string, Promise<Served>>();

/**
 * Serves a machine while `work` runs. Machines on one interface share a server, which ends with the last of them. The
 * machine is forgotten as soon as its installation is over, so that it then boots from its disk.
 */
export async function whileServed<T>(
  netboot: Netboot,
  place: Place,
  session: Session,
  work: (ended: () => string | undefined) => Promise<T>,
): Promise<T> {
  const { name } = netboot.wire;
  const opening = open.get(name) ?? openBoth(netboot);
  open.set(name, opening);
  const served = await opening.catch((error: unknown) => {
    open.delete(name);
    throw error;
  });
  const { dhcp, server, machines } = served;
  const allow = (): Promise<void> =>
    dhcp.allow([...machines.values()].map(({ mac, address }) => ({ mac, address: address?.split('/')[0] })));
  const forget = async (): Promise<void> => {
    if (!machines.delete(place.mac)) return;
    server.remove(place);
    await allow();
  };
  machines.set(place.mac, place);
  server.add(place, session);
  try {
    await allow();
    session.ended.then(forget, forget);
    return await work(dhcp.ended);
  } finally {
    await forget();
    if (machines.size === 0 && open.get(name) === opening) {
      open.delete(name);
      await dhcp.close();
      await server.close();
    }
  }
}

async function openBoth({ host, wire, dhcp: wanted, installer, signal }: Netboot): Promise<Served> {
  const other = wanted === 'proxy' ? undefined : await otherDhcp(host, wire, signal);
  if (other !== undefined && wanted === 'server')
    throw failure('E_BOOT_NETWORK', {
      host,
      problem: `the DHCP server ${other} answers on ${wire.name}, and two would fight`,
      hint: `set dhcp: proxy in boot of ${host}, or leave dhcp out`,
    });
  const mode = wanted === 'proxy' || other !== undefined ? 'proxy' : 'dhcp';
  const server = await openServer({ address: wire.address, reached: wire.address, folder: installer, signal });
  try {
    const dhcp = await openDhcp({ host, wire, mode, http: server.http, installer, signal });
    return { dhcp, server, machines: new Map() };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Throws Failure unless the machine can get its own address on this wire. */
export function refuseAddress({ host, wire, dhcp }: Netboot, address: string): void {
  if (dhcp === 'proxy' || isWithin(address, wire)) return;
  throw failure('E_BOOT_NETWORK', {
    host,
    problem: `its address ${address} is not in the network of ${wire.name} (${wire.address}/${wire.prefix})`,
    hint: `set ansible_host of ${host}; or dhcp: proxy in its boot, if another server gives the addresses`,
  });
}
