import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { failure } from '../../core/errors/index.ts';

/** An interface of this machine, with its address and the length of its prefix. */
export type Wire = Readonly<{ name: string; address: string; prefix: number }>;

/**
 * The interface through which a host is served: the given one, else the one whose network has the host's address.
 * Throws Failure if there is none.
 */
export function wireTo(host: string, address: string, given: string | undefined): Wire {
  const all = wires();
  const wrong = (problem: string, hint?: string) => failure('E_BOOT_NETWORK', { host, problem, hint });
  if (given !== undefined) {
    const found = all.find(({ name }) => name === given);
    if (found !== undefined) return found;
    const known = [...new Set(all.map(({ name }) => name))].join(', ');
    throw wrong(`this machine has no interface '${given}' with an IPv4 address`, `use one of ${known}`);
  }
  const found = isIPv4(address) ? all.find((wire) => isWithin(address, wire)) : undefined;
  if (found === undefined) throw wrong(`no interface of this machine is in the network of ${address}`);
  return found;
}

/** Whether an IPv4 address is in the network of an interface. */
export function isWithin(address: string, { address: own, prefix }: Wire): boolean {
  return isIPv4(address) && networkOf(address, prefix) === networkOf(own, prefix);
}

/** The first address of the network. */
export function networkOf(address: string, prefix: number): string {
  const all = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const base = all - (all % 2 ** (32 - prefix));
  return [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.');
}

export function maskOf(prefix: number): string {
  return [0, 1, 2, 3].map((i) => 256 - 2 ** (8 - Math.min(8, Math.max(0, prefix - 8 * i)))).join('.');
}

function wires(): readonly Wire[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address, cidr }) => ({ name, address, prefix: Number(cidr?.split('/')[1] ?? 32) })),
  );
}
