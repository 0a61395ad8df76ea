import { asNumber, type Item, isList, isNumber, isString, wrong } from '../item.ts';
import { type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';
import { first, inside, last, mask, type Net, read, show } from './addresses.ts';

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
    case 'ip/prefix':
      return isHost || net.prefix >= bits - 1 ? `${address}/${net.prefix}` : false;
    case 'ip_netmask':
      return isHost || net.prefix >= bits - 1 ? `${address} ${show(net.version, mask(net))}` : false;
    case 'network_netmask':
      return `${show(net.version, first(net))} ${show(net.version, mask(net))}`;
    case 'network_wildcard':
      return `${show(net.version, first(net))} ${show(net.version, mask(net) ^ ((1n << BigInt(bits)) - 1n))}`;
    case 'network_id':
      return show(net.version, first(net));
    case 'next_usable':
      return usable(net, net.address + 1n);
    case 'previous_usable':
      return usable(net, net.address - 1n);
    case 'peer':
      return net.prefix === bits - 1 ? show(net.version, net.address ^ 1n) : false;
    case 'size_usable':
      return net.prefix === bits ? 0 : net.prefix === bits - 1 ? 2 : Number((1n << BigInt(bits - net.prefix)) - 2n);
    case 'bool':
      return true;
    case 'type':
      return isHost ? 'address' : 'network';
    case 'multicast':
      return inside(address, net.version === 4 ? '224.0.0.0/4' : 'ff00::/8') ? written : false;
    case 'unicast':
      return inside(address, net.version === 4 ? '224.0.0.0/4' : 'ff00::/8') ? false : written;
    case 'link-local':
    case 'lla':
      return inside(address, net.version === 4 ? '169.254.0.0/16' : 'fe80::/10') ? written : false;
    case 'v4':
    case 'ipv4':
      return net.version === 4 ? written : false;
    case 'v6':
    case 'ipv6':
      return net.version === 6 ? written : false;
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

/** An address, if it is one that a host of the network may have. */
function usable(net: Net, address: bigint): Item {
  const isLast = net.version === 4 ? address >= last(net) : address > last(net);
  return net.prefix >= (net.version === 4 ? 31 : 127) || address <= first(net) || isLast
    ? false
    : show(net.version, address);
}

function isPrivate(net: Net): boolean {
  const within = net.version === 4 ? ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] : ['fc00::/7'];
  return within.some((block) => inside(show(net.version, net.address), block));
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
