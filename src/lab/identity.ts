import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { aptProxy } from './image.ts';
import { clientKey, hostKey } from './keys.ts';
import { gatewayOf } from './network.ts';
import { resolver } from './resolver.ts';
import type { HostRecord, LabRecord } from './state.ts';

/** A file that makes a host itself. `path` is absolute on the host. `owner`: a user of the image, default root. */
export type IdentityFile = Readonly<{ path: string; data: string; mode: number; owner?: 'ops' }>;

/**
 * What differs between hosts of one image: name, address, keys. It is written to a new disk once; afterwards these files
 * belong to the playbooks. `match` is the [Match] line of the host's interface for systemd-networkd.
 */
export async function identity(lab: LabRecord, host: HostRecord, match: string): Promise<readonly IdentityFile[]> {
  const gateway = gatewayOf(lab.subnet);
  const short = host.name.split('.')[0] ?? host.name;
  const names = [...new Set([host.name, short])].join(' ');
  const nameservers = (await resolver(gateway)).nameservers.map((ip) => `nameserver ${ip}\n`).join('');
  const key = hostKey(lab.name, host.name);
  const file = (path: string, data: string, mode = 0o644): IdentityFile => ({ path, data, mode });
  return [
    file('/etc/hostname', `${short}\n`),
    file('/etc/hosts', `127.0.0.1\tlocalhost\n127.0.1.1\t${names}\n::1\tlocalhost ip6-localhost ip6-loopback\n`),
    file('/etc/resolv.conf', nameservers),
    file('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`, 0o444),
    // The prefix 10- makes it match before systemd's own 80-container-host0.network.
    file(
      '/etc/systemd/network/10-host0.network',
      `[Match]\n${match}\n[Network]\nAddress=${host.address}/24\nGateway=${gateway}\n`,
    ),
    file('/etc/ssh/ssh_host_ed25519_key', await readFile(key, 'utf8'), 0o600),
    file('/etc/ssh/ssh_host_ed25519_key.pub', await readFile(`${key}.pub`, 'utf8')),
    ...(await proxyFor(gateway)).map((line) => file('/etc/apt/apt.conf.d/80-lab-proxy', line)),
    {
      ...file('/home/ops/.ssh/authorized_keys', await readFile(`${clientKey(lab.name)}.pub`, 'utf8'), 0o600),
      owner: 'ops',
    },
  ];
}

/** apt's configuration for the proxy that this machine's apt uses, as the hosts reach it. */
async function proxyFor(gateway: string): Promise<readonly string[]> {
  const proxy = await aptProxy();
  if (proxy === undefined) return [];
  const reachable = proxy.replace(/\/\/(localhost|127\.\d+\.\d+\.\d+)(?=[:/]|$)/, `//${gateway}`);
  return [`Acquire::http::Proxy "${reachable}";\n`];
}
