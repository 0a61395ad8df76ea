// `bringup discover`: which machines are on the network of an interface, and what each probably is.
import { readFileSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import pLimit from 'p-limit';
import pc from 'picocolors';
import { fingerprint } from '../connect/known-hosts.ts';
import { offeredKeys } from '../connect/offered-keys.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { probably } from '../hardware/discover/classify.ts';
import { LEASE_FILES, leasesIn } from '../hardware/discover/leases.ts';
import { askMdns } from '../hardware/discover/mdns.ts';
import { bannerOf, neighboursOf, sweep } from '../hardware/discover/sweep.ts';
import { vendorOf } from '../hardware/discover/vendors.ts';
import { formatAddress, parseNetwork } from '../lab/subnet.ts';
import type { HostOptions } from './options.ts';
import { type OutputOptions, streams } from './output.ts';
import { openProject, type Project, stopOnProblems } from './project.ts';

export type DiscoverOptions = OutputOptions & HostOptions & Readonly<{ isWide: boolean }>;
export type Machine = Readonly<{
  address: string;
  mac: string | undefined;
  name: string | undefined;
  what: string;
  /** The fingerprint that the SSH server shows. Nobody has verified it. */
  key: string | undefined;
  /** The host of the inventory with this address. */
  host: string | undefined;
}>;

/** Larger networks are asked only with --wide: a /22 has 1022 addresses. The kernel keeps about as many neighbours. */
const [LARGEST, LARGEST_WIDE] = [22, 16] as const;
const AT_ONCE = 32;

/** Shows the machines. Returns the exit code. */
export async function discover(
  given: string | undefined,
  options: DiscoverOptions,
  signal: AbortSignal,
): Promise<number> {
  const project = openProject({ ...options, writes: false });
  stopOnProblems(project.problems);
  const { name, own, addresses } = networkOf(given, options.isWide);
  streams.err(pc.dim(`asking ${addresses.length} addresses on ${name} (${own.cidr})\n`));
  const [bmcs, announced] = await Promise.all([sweep(addresses, own.address, signal), askMdns(own.address, signal)]);
  const macs = new Map(neighboursOf(name).map(({ address, mac }) => [address, mac]));
  const inside = new Set(addresses);
  const there = addresses.filter((one) => macs.has(one) || bmcs.has(one) || (announced.has(one) && inside.has(one)));
  const leases = LEASE_FILES.flatMap((file) => leasesIn(textOf(file)));
  const hosts = hostsByAddress(project);
  const slot = pLimit(AT_ONCE);
  const machines = await Promise.all(
    there.map((address) =>
      slot(async (): Promise<Machine> => {
        const banner = await bannerOf(address, signal);
        const mac = macs.get(address);
        const vendor = mac === undefined ? undefined : vendorOf(mac);
        const told = announced.get(address);
        const lease = leases.find((one) => one.address === address && (mac === undefined || one.mac === mac));
        return {
          address,
          mac,
          name: told?.name ?? lease?.name,
          what: probably({ vendor, isBmc: bmcs.has(address), banner, announced: told }),
          key: banner === undefined ? undefined : await keyAt(address, signal),
          host: hosts.get(address),
        };
      }),
    ),
  );
  if (options.output === 'json')
    for (const one of machines) streams.out(`${JSON.stringify({ type: 'machine', ...one })}\n`);
  else streams.out(table(machines));
  return 0;
}

/** The interface, this machine's address on it, and the other addresses of its network. Throws Failure. */
export function networkOf(
  given: string | undefined,
  isWide: boolean,
  all: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): Readonly<{ name: string; own: NetworkInterfaceInfo; addresses: readonly string[] }> {
  const usable = Object.entries(all).flatMap(([name, list = []]) =>
    list.filter((one) => one.family === 'IPv4' && !one.internal && one.cidr !== null).map((own) => ({ name, own })),
  );
  const known = [...new Set(usable.map(({ name }) => name))];
  const [found, other] = usable.filter(({ name }) => given === undefined || name === given);
  if (found === undefined) throw failure('E_DISCOVER_INTERFACE', { name: given, known });
  if (given === undefined && other !== undefined && other.name !== found.name)
    throw failure('E_DISCOVER_INTERFACE', { name: undefined, known });
  const { base = 0, prefix = 32 } = parseNetwork(found.own.cidr ?? '') ?? {};
  const most = isWide ? LARGEST_WIDE : LARGEST;
  if (prefix < most)
    throw failure('E_DISCOVER_NETWORK', { name: found.name, network: found.own.cidr ?? '', most, isWide });
  const size = 2 ** (32 - prefix);
  const first = Math.floor(base / size) * size;
  // The first and the last address of a network belong to nobody, except in networks of two.
  const edge = size > 2 ? 1 : 0;
  const addresses = Array.from({ length: size - 2 * edge }, (_, i) => formatAddress(first + edge + i));
  return { ...found, addresses: addresses.filter((one) => one !== found.own.address) };
}

async function keyAt(address: string, signal: AbortSignal): Promise<string | undefined> {
  const target = { name: address, via: 'ssh', address, port: 22, user: 'none', connectTimeout: 5 } as const;
  const plain = { ...target, become: { method: 'sudo' as const } };
  try {
    for await (const key of offeredKeys(plain, { passphrase: async () => undefined }, signal)) return fingerprint(key);
  } catch (error) {
    if (!(error instanceof Failure) || signal.aborted) throw error;
  }
  return undefined;
}

function hostsByAddress({ inventory, templates, extraVars }: Project): ReadonlyMap<string, string> {
  return new Map(
    [...inventory.hosts.keys()].map((name) => {
      try {
        return [String(inventoryScope(templates, inventory, extraVars, '.', name).get('ansible_host') ?? name), name];
      } catch (error) {
        if (error instanceof Failure) return [name, name];
        throw error;
      }
    }),
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // there is no such DHCP server, or another user's
  }
}

function table(machines: readonly Machine[]): string {
  if (machines.length === 0) return 'no machine answers\n';
  const head = ['ADDRESS', 'NAME', 'PROBABLY', 'MAC', 'HOST KEY (NOT VERIFIED)', 'INVENTORY'];
  const rows = machines.map((one) =>
    [one.address, one.name, one.what, one.mac, one.key, one.host].map((v) => v ?? '-'),
  );
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((v, i) => v.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  const hint = machines.some(({ key, host }) => key !== undefined && host === undefined)
    ? '\nadd one to the inventory: bringup adopt ADDRESS --as NAME --group GROUP\n'
    : '';
  return `${[pc.bold(line(head)), ...rows.map(line)].join('\n')}\n${hint}`;
}
