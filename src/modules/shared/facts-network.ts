import type { Value, Vars } from '../../core/value.ts';
import { lines, type Sections } from './facts-sections.ts';

type Address = Readonly<{
  device: string;
  family: string;
  address: string;
  prefix: number;
  scope: string;
  broadcast: string;
  secondary: boolean;
}>;
type Link = Readonly<{ device: string; mtu: number; mac: string; up: boolean; promisc: boolean; type: string }>;

/**
 * Facts about addresses, interfaces and default routes, from /sys and iproute2. Without iproute2, IPv4 facts come from
 * /proc.
 */
export function network(s: Sections): Vars {
  const links = linksOf(s);
  const addresses = s.get('addr') ? lines(s.get('addr')).flatMap(addressOf) : fromProc(s);
  const facts: Record<string, Value> = {};
  for (const link of links) facts[link.device.replace(/[-.:]/g, '_')] = interfaceFact(link, addresses);
  return {
    interfaces: links.map((l) => l.device),
    ...facts,
    default_ipv4: defaultRoute(procRoute(s), 'inet', links, addresses),
    default_ipv6: defaultRoute(procRoute6(s), 'inet6', links, addresses),
    all_ipv4_addresses: addresses
      .filter((a) => a.family === 'inet' && !a.address.startsWith('127.'))
      .map((a) => a.address),
    all_ipv6_addresses: addresses.filter((a) => a.family === 'inet6' && a.address !== '::1').map((a) => a.address),
    dns: dns(s.get('/etc/resolv.conf')),
  };
}

/** Reads from /sys/class/net what `ip link` shows, so that it works without iproute2. */
function linksOf(s: Sections): readonly Link[] {
  return [...s.keys()].flatMap((key) => {
    const device = /^\/sys\/class\/net\/([^/]+)\/mtu$/.exec(key)?.[1];
    if (device === undefined) return [];
    const of = (name: string): string => s.get(`/sys/class/net/${device}/${name}`) ?? '';
    const flags = Number(of('flags'));
    return [
      {
        device,
        mtu: Number(of('mtu')),
        mac: of('address'),
        up: (flags & 1) !== 0,
        promisc: (flags & 0x100) !== 0,
        type: of('type') === '772' ? 'loopback' : 'ether',
      },
    ];
  });
}

function addressOf(line: string): readonly Address[] {
  const match = /^\d+: (\S+)\s+(inet6?) ([0-9a-f.:]+)(?: peer \S+?)?(?:\/(\d+))?\s/.exec(line);
  if (match === null) return [];
  const [, device = '', family = '', address = '', prefix] = match;
  return [
    {
      device,
      family,
      address,
      prefix: Number(prefix ?? (family === 'inet' ? 32 : 128)),
      scope: / scope (\S+)/.exec(line)?.[1] ?? '',
      broadcast: / brd (\S+)/.exec(line)?.[1] ?? '',
      secondary: / secondary /.test(line),
    },
  ];
}

/**
 * fib_trie lists each local address under `/32 host LOCAL` without its interface. The interface of the default route is
 * assumed.
 */
function fromProc(s: Sections): readonly Address[] {
  const local = [...(s.get('/proc/net/fib_trie') ?? '').matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)].map(
    (m) => m[1] ?? '',
  );
  const { device } = procRoute(s);
  return [...new Set(local)].map((address) => ({
    device: address.startsWith('127.') ? 'lo' : device,
    family: 'inet',
    address,
    prefix: address.startsWith('127.') ? 8 : procPrefix(s, device),
    scope: 'global',
    broadcast: '',
    secondary: false,
  }));
}

function procRows(s: Sections): readonly (readonly string[])[] {
  return lines(s.get('/proc/net/route'))
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

function procRoute(s: Sections): { device: string; gateway: string } {
  const row = procRows(s).find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000');
  return { device: row?.[0] ?? '', gateway: row === undefined ? '' : hexAddress(row[2] ?? '0') };
}

function procPrefix(s: Sections, device: string): number {
  const row = procRows(s).find(([name, destination]) => name === device && destination !== '00000000');
  return [...Number.parseInt(row?.[7] ?? 'FFFFFFFF', 16).toString(2)].filter((bit) => bit === '1').length;
}

/** Little-endian hex, as in /proc/net/route. */
function hexAddress(hex: string): string {
  const value = Number.parseInt(hex, 16);
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255].join('.');
}

function interfaceFact(link: Link, addresses: readonly Address[]): Vars {
  const own = addresses.filter((a) => a.device === link.device);
  const [first, ...rest] = own.filter((a) => a.family === 'inet');
  const six = own
    .filter((a) => a.family === 'inet6')
    .map(({ address, prefix, scope }) => ({ address, prefix: String(prefix), scope }));
  return {
    active: link.up,
    device: link.device,
    mtu: link.mtu,
    type: link.type,
    promisc: link.promisc,
    ...(link.mac !== '' && { macaddress: link.mac }),
    ...(first !== undefined && { ipv4: ipv4(first) }),
    ...(rest.length > 0 && { ipv4_secondaries: rest.map(ipv4) }),
    ...(six.length > 0 && { ipv6: six }),
  };
}

function ipv4({ address, prefix, broadcast }: Address): Record<string, Value> {
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const dotted = (n: number): string => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
  return { address, broadcast, netmask: dotted(mask), network: dotted((value & mask) >>> 0), prefix: String(prefix) };
}

type Route = Readonly<{ device: string; gateway: string }>;

/** The default route with the lowest metric. The columns are destination/00 … next hop … device. */
function procRoute6(s: Sections): Route {
  const rows = lines(s.get('/proc/net/ipv6_route')).map((line) => line.trim().split(/\s+/));
  const [best] = rows
    .filter(
      ([destination, length, , , , , , , , device]) =>
        /^0+$/.test(destination ?? '') && length === '00' && device !== 'lo',
    )
    .sort((a, b) => Number.parseInt(a[5] ?? '0', 16) - Number.parseInt(b[5] ?? '0', 16));
  return best === undefined ? { device: '', gateway: '' } : { device: best[9] ?? '', gateway: ipv6(best[4] ?? '') };
}

/** Formats 32 hex digits as an address and shortens the longest run of zeros. */
function ipv6(hex: string): string {
  const groups = (hex.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16));
  const runs = groups.join(':').match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = [...runs].sort((a, b) => b.length - a.length)[0];
  const text = groups.join(':');
  return longest === undefined
    ? text
    : text
        .replace(longest, ':')
        .replace(/^:(?!:)/, '::')
        .replace(/:$/, '::')
        .replace(/:{3,}/, '::');
}

function defaultRoute(
  { device, gateway }: Route,
  family: string,
  links: readonly Link[],
  addresses: readonly Address[],
): Vars {
  if (device === '') return {};
  const own = addresses.filter(
    (a) => a.device === device && a.family === family && (family === 'inet' || a.scope === 'global'),
  );
  const address = own.find((a) => !a.secondary) ?? own[0];
  const link = links.find((l) => l.device === device);
  return {
    interface: device,
    gateway,
    ...(link !== undefined && { macaddress: link.mac, mtu: link.mtu, type: link.type }),
    ...(address !== undefined &&
      (family === 'inet'
        ? { ...ipv4(address), alias: device }
        : { address: address.address, prefix: String(address.prefix), scope: address.scope })),
  };
}

function dns(text: string | undefined): Vars {
  const found: Record<string, string[]> = {};
  for (const line of lines(text)) {
    const [key = '', ...values] = line.trim().split(/\s+/);
    if (key === 'nameserver') found['nameservers'] = [...(found['nameservers'] ?? []), ...values];
    else if (key === 'search' || key === 'domain') found[key] = values;
  }
  return found;
}
