import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { failure } from '../core/errors/index.ts';
import { raiseLimits, restoreLimits } from './limits.ts';
import { withLock } from './lock.ts';
import { bridgeMac, bridgeName, tableName } from './names.ts';
import { resolver } from './resolver.ts';
import { run, tryRun } from './run.ts';
import type { LabSpec } from './spec.ts';
import { absent, labNames, readLab, replaceFile, stateDir } from './state.ts';
import {
  formatAddress,
  formatNetwork,
  type Network,
  overlaps,
  parseAddress,
  parseNetwork,
  parseSubnet,
  pickSubnet,
} from './subnet.ts';
import { removeCuts } from './wire.ts';

const FORWARD = '/proc/sys/net/ipv4/ip_forward';
/** The value of ip_forward before the first lab. The last `down` restores it. */
const forwardMemory = () => path.join(stateDir(), 'ip_forward.before');

/** The controller's address on the bridge, which is the hosts' gateway: .1. */
export function gatewayOf(subnet: string): string {
  const network = parseSubnet(subnet);
  return formatAddress((network?.base ?? 0) + 1);
}

/**
 * The subnet of a new lab: the given one, else that of its hosts, else a free one derived from the name. Throws Failure
 * if this machine already has another route into it.
 */
export async function chooseSubnet({ name: lab, subnet: wished, hosts }: LabSpec): Promise<string> {
  const taken = await takenNetworks(lab);
  const first = parseAddress(hosts[0]?.address ?? '');
  const given = wished === undefined ? first && { base: first - (first % 256), prefix: 24 } : parseSubnet(wished);
  const chosen =
    given ||
    pickSubnet(
      lab,
      taken.map((t) => t.network),
    );
  if (!chosen) throw failure('E_LAB_SUBNET', { problem: 'no /24 in 10.80.0.0–10.95.255.0 is free on this machine' });
  const clash = taken.find((other) => overlaps(other.network, chosen));
  if (clash === undefined) return formatNetwork(chosen);
  const subnet = formatNetwork(chosen);
  throw failure('E_LAB_SUBNET', { problem: `the lab's subnet ${subnet} is in use on this machine (${clash.by})` });
}

/**
 * Networks to which this machine has routes (except the default route), and those of other labs, whether they are up or
 * not.
 */
async function takenNetworks(lab: string): Promise<readonly Readonly<{ network: Network; by: string }>[]> {
  const routes: readonly { dst?: string; dev?: string }[] = JSON.parse(await run(['ip', '-j', '-4', 'route', 'show']));
  const taken: { network: Network; by: string }[] = [];
  for (const { dst = '', dev = '' } of routes) {
    const network = parseNetwork(dst);
    if (network !== undefined && dev !== bridgeName(lab)) taken.push({ network, by: `route ${dst} dev ${dev}` });
  }
  for (const other of (await labNames()).filter((name) => name !== lab)) {
    const network = parseSubnet((await readLab(other).catch(() => undefined))?.subnet ?? '');
    if (network !== undefined) taken.push({ network, by: `lab ${other}` });
  }
  return taken;
}

/** Creates the bridge, NAT and forwarding if they are missing. Returns whether something was missing. */
export async function ensureNetwork(lab: string, subnet: string): Promise<boolean> {
  return withLock('network', { patience: 60_000 }, () => makeNetwork(lab, subnet));
}

async function makeNetwork(lab: string, subnet: string): Promise<boolean> {
  const bridge = bridgeName(lab);
  const created = [await ensureBridge(lab, bridge, gatewayOf(subnet)), await ensureTable(lab, bridge, subnet)];
  if ((await readFile(FORWARD, 'utf8')).trim() === '0') {
    await replaceFile(forwardMemory(), '0\n', 0o600);
    await writeFile(FORWARD, '1\n');
    created.push(true);
  }
  created.push(await openForward(bridge), await raiseLimits());
  return created.includes(true);
}

async function ensureBridge(lab: string, bridge: string, gateway: string): Promise<boolean> {
  const listed = await tryRun(['ip', '-j', 'address', 'show', 'dev', bridge]);
  const links: readonly { addr_info: readonly { local: string }[]; flags: readonly string[] }[] =
    listed.code === 0 ? JSON.parse(listed.stdout) : [];
  const [link] = links;
  if (link?.flags.includes('UP') && link.addr_info.some((a) => a.local === gateway)) return false;
  if (link === undefined) await run(['ip', 'link', 'add', bridge, 'address', bridgeMac(lab), 'type', 'bridge']);
  await run(['ip', 'address', 'replace', `${gateway}/24`, 'dev', bridge]);
  await run(['ip', 'link', 'set', bridge, 'up']);
  return true;
}

async function ensureTable(lab: string, bridge: string, subnet: string): Promise<boolean> {
  const table = tableName(lab);
  if ((await tryRun(['nft', 'list', 'table', 'ip', table])).code === 0) return false;
  const { relay } = await resolver(gatewayOf(subnet));
  // Lets the lab's hosts use a resolver on this machine's loopback through the gateway, and nothing else there.
  if (relay !== undefined) await writeFile(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, '1\n');
  await run(['nft', '-f', '-'], { input: natTable(table, bridge, subnet, relay) });
  return true;
}

function natTable(table: string, bridge: string, subnet: string, relay: string | undefined): string {
  const dns = `iifname "${bridge}" ip daddr ${gatewayOf(subnet)}`;
  const relayed = `
    chain guard {
      type filter hook prerouting priority raw; policy accept;
      iifname "${bridge}" ip daddr 127.0.0.0/8 drop
    }
    chain prerouting {
      type nat hook prerouting priority dstnat; policy accept;
      ${dns} udp dport 53 dnat to ${relay}
      ${dns} tcp dport 53 dnat to ${relay}
    }`;
  return `table ip ${table} {
    chain postrouting {
      type nat hook postrouting priority srcnat; policy accept;
      ip saddr ${subnet} ip daddr != ${subnet} oifname != "${bridge}" masquerade
    }${relay === undefined ? '' : relayed}
  }\n`;
}

/**
 * If a firewall (Docker's, for example) drops forwarded packets, adds rules for the lab's. A comment in the rules
 * identifies them.
 */
async function openForward(bridge: string): Promise<boolean> {
  const listed = await tryRun(['nft', '-j', 'list', 'chain', 'ip', 'filter', 'FORWARD']);
  if (listed.code !== 0 || !dropsForwarded(listed.stdout) || ruleHandles(listed.stdout, bridge).length > 0)
    return false;
  for (const side of ['iifname', 'oifname']) {
    await run([
      'nft',
      'insert',
      'rule',
      'ip',
      'filter',
      'FORWARD',
      side,
      bridge,
      'accept',
      'comment',
      `"${mark(bridge)}"`,
    ]);
  }
  return true;
}

async function closeForward(bridge: string): Promise<void> {
  const listed = await tryRun(['nft', '-a', '-j', 'list', 'chain', 'ip', 'filter', 'FORWARD']);
  for (const handle of listed.code === 0 ? ruleHandles(listed.stdout, bridge) : []) {
    await tryRun(['nft', 'delete', 'rule', 'ip', 'filter', 'FORWARD', 'handle', String(handle)]);
  }
}

const mark = (bridge: string) => `bringup lab ${bridge}`;

type NftList = Readonly<{
  nftables: readonly Readonly<{ chain?: { policy?: string }; rule?: { handle: number; comment?: string } }>[];
}>;

/** Whether a chain, as `nft -j list chain` shows it, has the policy drop. */
export function dropsForwarded(json: string): boolean {
  const { nftables }: NftList = JSON.parse(json);
  return nftables.some((item) => item.chain?.policy === 'drop');
}

/** The handles of the rules that `openForward` added for a bridge. */
export function ruleHandles(json: string, bridge: string): readonly number[] {
  const { nftables }: NftList = JSON.parse(json);
  return nftables.flatMap(({ rule }) => (rule?.comment === mark(bridge) ? [rule.handle] : []));
}

/** Removes the lab's bridge, rules and table. If no other lab is up, it restores ip_forward and limits. */
export async function removeNetwork(lab: string): Promise<void> {
  await withLock('network', { patience: 60_000 }, () => unmakeNetwork(lab));
}

async function unmakeNetwork(lab: string): Promise<void> {
  const bridge = bridgeName(lab);
  if ((await tryRun(['ip', 'link', 'show', bridge])).code === 0) await run(['ip', 'link', 'delete', bridge]);
  if ((await tryRun(['nft', 'list', 'table', 'ip', tableName(lab)])).code === 0) {
    await run(['nft', 'delete', 'table', 'ip', tableName(lab)]);
  }
  await removeCuts(lab);
  await closeForward(bridge);
  const before = await readFile(forwardMemory(), 'utf8').catch(absent);
  const tables = await run(['nft', 'list', 'tables']);
  if (/\bbringup_/.test(tables)) return;
  await restoreLimits();
  if (before === undefined) return;
  await writeFile(FORWARD, before);
  await rm(forwardMemory());
}

/**
 * Cuts the network link of a host, so that nothing it still sends (RSTs of dying sockets) gets out. Does nothing if the
 * port does not exist.
 */
export async function cutPort(port: string): Promise<void> {
  await tryRun(['bridge', 'link', 'set', 'dev', port, 'state', '0']);
}

/**
 * Removes a host's port. The kernel keeps the port of a dead host as long as one of its sockets waits for an answer.
 */
export async function removePort(port: string): Promise<void> {
  await tryRun(['ip', 'link', 'delete', port]);
}
