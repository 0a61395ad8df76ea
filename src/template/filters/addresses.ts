import { isIPv4, isIPv6 } from 'node:net';

// IP addresses and networks, as numbers.

/** An address with its prefix length. `bare` if the text had no prefix length. */
export type Net = Readonly<{ version: 4 | 6; address: bigint; prefix: number; bare: boolean }>;

export function read(written: string): Net | undefined {
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

export function show(version: 4 | 6, address: bigint): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((by) => (address >> by) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const text = groups.join(':');
  const zeros = [...text.matchAll(/(?<![\da-f])0(?::0)+(?![\da-f])/g)].sort(
    (a, b) => b[0].length - a[0].length || a.index - b.index,
  )[0];
  if (zeros === undefined) return text;
  return `${text.slice(0, zeros.index).replace(/:$/, '')}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, '')}`;
}

export function mask({ version, prefix }: Net): bigint {
  const bits = version === 4 ? 32 : 128;
  return ((1n << BigInt(prefix)) - 1n) << BigInt(bits - prefix);
}

export function first(net: Net): bigint {
  return net.address & mask(net);
}

export function last(net: Net): bigint {
  return first(net) + (1n << BigInt((net.version === 4 ? 32 : 128) - net.prefix)) - 1n;
}

export function inside(one: string, other: string): boolean {
  const [net, around] = [read(one), read(other)];
  if (net === undefined || around === undefined || net.version !== around.version) return false;
  return first(net) >= first(around) && last(net) <= last(around);
}
