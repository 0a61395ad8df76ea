import { isIPv4, isIPv6 } from 'node:net';
import { asNumber, type Item, isList, isNumber, isString, wrong } from '../item.ts';
import { type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';

/** An address with its prefix length. `bare` if the text had no prefix length. */
type Net = Readonly<{ version: 4 | 6; address: bigint; prefix: number; bare: boolean }>;

const ip = (version: 4 | 6 | undefined) => value('query version', (item, [query]) => each(item, text(query), version));

/** The ipaddr family of ansible.utils, with its common queries. A value that is no address gives false. */
export const networkFilters: Readonly<Record<string, Operation>> = {
  ipaddr: ip(undefined),
  ipv4: ip(4),
  ipv6: ip(6),
  ipwrap: value('', (item) => {
    const wrap = (one: Item): Item => {
      const net = isString(one) ? read(one) : undefined;
      if (net?.version !== 6) return one;
      const [host = '', prefix] = str(one).split('/');
      return `[${host}]${prefix === undefined ? '' : `/${prefix}`}`;
    };
    return isList(item) ? item.map(wrap) : wrap(item);
  }),
  ipsubnet: value('query index', (item, [query, index]) => subnet(str(item), query, index)),
  nthhost: value('query', (item, [n]) => {
    const net = read(str(item));
    const place = asNumber(n) ?? 0;
    if (net === undefined) return false;
    return show(net.version, place < 0 ? last(net) + 1n + BigInt(place) : first(net) + BigInt(place));
  }),
  network_in_network: value('other', (item, [other]) => inside(str(item), text(other))),
  network_in_usable: value('other', (item, [other]) => inside(str(item), text(other))),
};

function each(item: Item, query: string, version: 4 | 6 | undefined): Item {
  if (isList(item)) return item.map((one) => each(one, query, version)).filter((one) => one !== false);
  if (!isString(item) || item === '') return false;
  const net = read(item);
  return net === undefined || (version !== undefined && net.version !== version) ? false : ask(net, item, query);
}

function ask(net: Net, written: string, query: string): Item {
  const address = show(net.version, net.address);
  const bits = net.version === 4 ? 32 : 128;
  const isHost = net.address !== first(net) || net.prefix === bits;
  switch (query) {
    case '':
      return written;
    case 'address':
    case 'ip':
      return net.bare || isHost || net.prefix >= bits - 1 ? address : false;
    case 'network':
      return show(net.version, first(net));
    case 'network/prefix':
    case 'subnet':
      return `${show(net.version, first(net))}/${net.prefix}`;
    case 'netmask':
      return show(net.version, mask(net));
    case 'hostmask':
    case 'wildcard':
      return show(net.version, mask(net) ^ ((1n << BigInt(bits)) - 1n));
    case 'broadcast':
      return net.version === 4 && net.prefix < 31 ? show(4, last(net)) : null;
    case 'prefix':
      return net.prefix;
    case 'host/prefix':
    case 'address/prefix':
      return isHost || net.prefix >= bits - 1 ? `${address}/${net.prefix}` : false;
    case 'host':
    case 'cidr':
      return `${address}/${net.prefix}`;
    case 'net':
      return isHost ? false : `${address}/${net.prefix}`;
    case 'size':
      return Number(1n << BigInt(bits - net.prefix));
    case 'version':
      return net.version;
    case 'int':
      return Number(net.address);
    case 'first_usable':
      return show(net.version, first(net) + (net.prefix >= bits - 1 ? 0n : 1n));
    case 'last_usable':
      return show(net.version, last(net) - (net.prefix >= bits - 1 || net.version === 6 ? 0n : 1n));
    case 'range_usable':
      return `${show(net.version, first(net) + 1n)}-${show(net.version, last(net) - 1n)}`;
    case 'private':
      return isPrivate(net) ? written : false;
    case 'public':
      return isPrivate(net) ? false : written;
    case 'loopback':
      return (net.version === 4 ? net.address >> 24n === 127n : net.address === 1n) ? written : false;
    case 'revdns':
    case 'reverse':
      return reverse(net);
  }
  if (/^-?\d+$/.test(query))
    return `${show(net.version, query.startsWith('-') ? last(net) + 1n + BigInt(query) : first(net) + BigInt(query))}/${net.prefix}`;
  const around = read(query);
  if (around !== undefined)
    return net.version === around.version && first(net) >= first(around) && last(net) <= last(around) ? written : false;
  return wrong(`ipaddr: no query '${query}'`, {
    expected: 'one of address, network, netmask, prefix, host/prefix, cidr, broadcast, size, version …',
  });
}

function read(written: string): Net | undefined {
  const [host = '', prefix, rest] = written.trim().split('/');
  const version = isIPv4(host) ? 4 : isIPv6(host) && !host.includes('%') ? 6 : undefined;
  if (version === undefined || rest !== undefined) return undefined;
  const bits = version === 4 ? 32 : 128;
  const size =
    prefix === undefined
      ? bits
      : isIPv4(prefix) && version === 4
        ? maskBits(number4(prefix))
        : /^\d{1,3}$/.test(prefix)
          ? Number(prefix)
          : undefined;
  if (size === undefined || size > bits) return undefined;
  return { version, address: version === 4 ? number4(host) : number6(host), prefix: size, bare: prefix === undefined };
}

function number4(host: string): bigint {
  return host.split('.').reduce((all, part) => all * 256n + BigInt(part), 0n);
}

function number6(host: string): bigint {
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(host)?.[1];
  const tail = dotted === undefined ? undefined : number4(dotted);
  const text =
    tail === undefined || dotted === undefined
      ? host
      : host.replace(dotted, `${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`);
  const [head = '', rest] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return groups.reduce((all, group) => all * 65536n + BigInt(`0x${group}`), 0n);
}

function maskBits(mask: bigint): number | undefined {
  const text = mask.toString(2).padStart(32, '0');
  return /^1*0*$/.test(text) ? text.replace(/0/g, '').length : undefined;
}

function show(version: 4 | 6, address: bigint): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((by) => (address >> by) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const text = groups.join(':');
  const zeros = [...text.matchAll(/(?<![\da-f])0(?::0)+(?![\da-f])/g)].sort(
    (a, b) => b[0].length - a[0].length || a.index - b.index,
  )[0];
  if (zeros === undefined) return text;
  return `${text.slice(0, zeros.index).replace(/:$/, '')}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, '')}`;
}

function mask({ version, prefix }: Net): bigint {
  const bits = version === 4 ? 32 : 128;
  return ((1n << BigInt(prefix)) - 1n) << BigInt(bits - prefix);
}

function first(net: Net): bigint {
  return net.address & mask(net);
}

function last(net: Net): bigint {
  return first(net) + (1n << BigInt((net.version === 4 ? 32 : 128) - net.prefix)) - 1n;
}

function isPrivate(net: Net): boolean {
  const within = net.version === 4 ? ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] : ['fc00::/7'];
  return within.some((block) => inside(show(net.version, net.address), block));
}

function inside(one: string, other: string): boolean {
  const [net, around] = [read(one), read(other)];
  if (net === undefined || around === undefined || net.version !== around.version) return false;
  return first(net) >= first(around) && last(net) <= last(around);
}

function reverse(net: Net): string {
  if (net.version === 4) return `${show(4, net.address).split('.').reverse().join('.')}.in-addr.arpa.`;
  return `${[...net.address.toString(16).padStart(32, '0')].reverse().join('.')}.ip6.arpa.`;
}

function subnet(written: string, query: Item | undefined, index: Item | undefined): Item {
  const net = read(written);
  if (net === undefined) return false;
  const size = isNumber(query) ? asNumber(query) : query === undefined ? undefined : Number(text(query));
  if (size === undefined) return `${show(net.version, net.address)}/${net.prefix}`;
  if (Number.isNaN(size) || size < net.prefix || size > (net.version === 4 ? 32 : 128)) return false;
  const count = 1n << BigInt(size - net.prefix);
  if (index === undefined) return Number(count);
  const place = BigInt(asNumber(index) ?? Number(text(index)));
  const step = 1n << BigInt((net.version === 4 ? 32 : 128) - size);
  return `${show(net.version, first(net) + (place < 0n ? count + place : place) * step)}/${size}`;
}
