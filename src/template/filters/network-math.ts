import { type Item, isList, iterate, wrong } from '../item.ts';
import { number, type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';
import { first, inside, last, type Net, read, show } from './addresses.ts';

/** Filters of ansible.utils that calculate with addresses, networks and hardware addresses. */
export const networkMathFilters: Readonly<Record<string, Operation>> = {
  ipmath: value('amount', (item, [amount]) => {
    const net = netOf(item, 'ipmath');
    return show(net.version, net.address + BigInt(number(amount, 0)));
  }),
  cidr_merge: value('action', (item, [action]) => {
    const how = text(action, 'merge');
    const nets = iterate(item).map((one) => netOf(one, 'cidr_merge'));
    if (how === 'merge') return [4, 6].flatMap((version) => merged(nets.filter((net) => net.version === version)));
    if (how !== 'span') return wrong(`cidr_merge: no action '${how}'`, { expected: 'merge or span' });
    return nets.length === 0 ? null : span(nets);
  }),
  usable_range: value('', (item) => {
    const net = netOf(item, 'usable_range');
    if (last(net) - first(net) >= 65_536n) wrong(`usable_range: ${str(item)} has more than 65536 addresses`);
    const ips: string[] = [];
    for (let at = first(net); at <= last(net); at++) ips.push(show(net.version, at));
    return { number_of_ips: ips.length, usable_ips: ips };
  }),
  next_nth_usable: value('offset', (item, [offset]) => moved(item, number(offset, 1))),
  previous_nth_usable: value('offset', (item, [offset]) => moved(item, -number(offset, 1))),
  reduce_on_network: value('network', (item, [network]) => {
    const around = str(network ?? null);
    return (isList(item) ? item : [item]).filter((one) => inside(str(one), around));
  }),
  ip4_hex: value('delimiter', (item, [delimiter]) => {
    const net = netOf(item, 'ip4_hex');
    return (net.address.toString(16).padStart(8, '0').match(/../g) ?? []).join(text(delimiter));
  }),
  slaac: value('query', (item, [mac]) => {
    const net = netOf(item, 'slaac');
    const bytes = macOf(text(mac));
    if (net.version !== 6 || bytes === undefined) return false;
    const half = BigInt(`0x${bytes.slice(0, 6)}fffe${bytes.slice(6)}`) ^ (1n << 57n);
    return show(6, first(net) + half);
  }),
  hwaddr: value('query alias', (item, [query]) => hardware(item, text(query))),
  macaddr: value('query', (item, [query]) => hardware(item, text(query))),
};

function netOf(item: Item, name: string): Net {
  return read(str(item)) ?? wrong(`${name}: '${str(item)}' is not an IP address or network`);
}

/** Networks without those that lie in others, and neighbours of one size joined. */
function merged(nets: readonly Net[]): readonly string[] {
  const sorted = [...nets].sort((a, b) => (first(a) < first(b) ? -1 : first(a) > first(b) ? 1 : a.prefix - b.prefix));
  const out: Net[] = [];
  for (const net of sorted) {
    const before = out.at(-1);
    if (before !== undefined && last(net) <= last(before)) continue;
    out.push({ ...net, address: first(net) });
    for (let [a, b] = out.slice(-2); a !== undefined && b !== undefined; [a, b] = out.slice(-2)) {
      const wider = { ...a, prefix: a.prefix - 1 };
      if (a.prefix !== b.prefix || a.prefix === 0 || first(wider) !== first(a) || last(wider) !== last(b)) break;
      out.splice(-2, 2, wider);
    }
  }
  return out.map((net) => `${show(net.version, net.address)}/${net.prefix}`);
}

/** The smallest network that contains all. */
function span(nets: readonly Net[]): string {
  const [one] = nets;
  if (one === undefined || nets.some((net) => net.version !== one.version))
    return wrong('cidr_merge: IPv4 and IPv6 networks have no common network');
  const [low] = nets.map(first).sort((a, b) => (a < b ? -1 : 1));
  const [high] = nets.map(last).sort((a, b) => (a > b ? -1 : 1));
  for (let prefix = one.prefix; ; prefix--) {
    const net: Net = { ...one, address: low ?? 0n, prefix };
    if (prefix === 0 || (first(net) <= (low ?? 0n) && last(net) >= (high ?? 0n)))
      return `${show(net.version, first(net))}/${prefix}`;
  }
}

/** The address so many places further, if a host of the same network may have it. */
function moved(item: Item, by: number): Item {
  const net = netOf(item, 'next_nth_usable');
  const address = net.address + BigInt(by);
  const isUsable = address > first(net) && (net.version === 6 ? address <= last(net) : address < last(net));
  return isUsable ? show(net.version, address) : false;
}

/** Twelve hexadecimal digits, or undefined. */
function macOf(written: string): string | undefined {
  const digits = written.toLowerCase().replace(/[-:.]/g, '');
  return /^[\da-f]{12}$/.test(digits) ? digits : undefined;
}

function hardware(item: Item, query: string): Item {
  const digits = macOf(str(item));
  if (query === 'bool') return digits !== undefined;
  if (digits === undefined) return query === '' ? false : wrong(`hwaddr: '${str(item)}' is not a hardware address`);
  const parts = (size: number, sign: string): string => (digits.match(new RegExp(`.{${size}}`, 'g')) ?? []).join(sign);
  switch (query) {
    case '':
      return str(item);
    case 'bare':
      return digits.toUpperCase();
    case 'linux':
      return parts(2, ':');
    case 'unix':
      return parts(2, ':').replace(/\b0(?=[\da-f])/g, '');
    case 'cisco':
      return parts(4, '.');
    case 'pgsql':
    case 'postgresql':
    case 'psql':
      return parts(6, ':');
    case 'win':
    case 'eui48':
      return parts(2, '-').toUpperCase();
    case 'int':
      return Number.parseInt(digits, 16);
    default:
      return wrong(`hwaddr: no query '${query}'`, {
        expected: 'one of bare, linux, unix, cisco, psql, win, int, bool',
      });
  }
}
