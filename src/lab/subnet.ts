import { createHash } from 'node:crypto';

/** An IPv4 network: its first address as a number, and the prefix length. */
export type Network = Readonly<{ base: number; prefix: number }>;

/** Parses '10.83.0.21' to a number. undefined if it is no IPv4 address. */
export function parseAddress(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((p) => p > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join('.');
}

/** A lab's subnet: a /24 that starts at .0. undefined for anything else. */
export function parseSubnet(text: string): Network | undefined {
  const network = parseNetwork(text);
  return network?.prefix === 24 && network.base % 256 === 0 ? network : undefined;
}

/** The destination of a route as `ip route` prints it: '10.0.0.0/8', '10.1.2.3', 'default'. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefix = '32'] = text.split('/');
  const base = parseAddress(address);
  return base === undefined || !/^\d{1,2}$/.test(prefix) ? undefined : { base, prefix: Number(prefix) };
}

export function formatNetwork(network: Network): string {
  return `${formatAddress(network.base)}/${network.prefix}`;
}

export function contains(network: Network, address: number): boolean {
  const size = 2 ** (32 - network.prefix);
  return Math.floor(address / size) === Math.floor(network.base / size);
}

export function overlaps(a: Network, b: Network): boolean {
  return contains(a, b.base) || contains(b, a.base);
}

/** Whether it is in one of RFC 1918's ranges. A lab must never shadow a public address. */
export function isPrivate(network: Network): boolean {
  return ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].some((text) => {
    const range = parseNetwork(text);
    return range !== undefined && contains(range, network.base);
  });
}

/** The first free /24 of 10.80.0.0–10.95.255.0, starting from the name's hash. undefined if all 4096 are taken. */
export function pickSubnet(name: string, taken: readonly Network[]): Network | undefined {
  const first = createHash('sha256').update(name).digest().readUInt16BE(0) % 4096;
  for (let i = 0; i < 4096; i++) {
    const base = (10 * 256 + 80) * 65536 + ((first + i) % 4096) * 256;
    const network = { base, prefix: 24 };
    if (!taken.some((other) => overlaps(network, other))) return network;
  }
  return undefined;
}
