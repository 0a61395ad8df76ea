import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connection, restore, snapshot } from '../../src/lab/lab.ts';
import { makeLab, type Rack } from '../lab/support/rack.ts';
import { type Links, openProxy } from './proxy.ts';

export const WORKLOAD = 'test/bench/workload';
export const PLAYBOOK = `${WORKLOAD}/ansible/site.yml`;
const NET = '10.93.0';
const PACKAGES = 'curl rsync htop tree jq vim-tiny cron logrotate unzip lsof tmux acl python3 python3-apt';

/**
 * The lab on which everything is measured: hosts with the workload's packages and, if wanted, one from which Ansible
 * runs.
 */
export type Stage = Readonly<{
  rack: Rack;
  hosts: readonly string[];
  /** Inventories with direct connections, and with connections through the proxy. */
  inventory: string;
  counted: string;
  proxy: Links;
  keyFile: string;
  knownHostsFile: string;
  addressOf: (host: string) => Readonly<{ address: string; port: number }>;
  /** Saves the disks in their present state, for `bare`. */
  keep: () => Promise<void>;
  /** Freshly booted hosts with their packages but without the workload. */
  bare: () => Promise<void>;
  /** Changes one file of every host by hand. */
  drift: (hosts: readonly string[]) => Promise<void>;
  down: () => Promise<void>;
}>;

const quiet = { progress: () => {} };

export async function openStage(count: number, delay: number, controller: boolean): Promise<Stage> {
  const hosts = Array.from({ length: count }, (_, i) => `h${i + 1}`);
  const all = [...hosts, ...(controller ? ['ctl'] : [])];
  const address = new Map(all.map((host, i) => [host, `${NET}.${11 + i}`]));
  const lines = all.map((host) => `    ${host}: {ansible_host: ${address.get(host)}}\n`).join('');
  const rack = makeLab(
    `rack:\n  vars: {lab_name: bench, lab_subnet: ${NET}.0/24, lab_image: debian-13}\n  hosts:\n${lines}`,
    NET,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void rack.down().finally(() => process.exit(130)));
  try {
    await rack.up();
    await install(rack, hosts);
    const { privateKeyFile, knownHostsFile: pinned } = await connection(rack.name, 'h1');
    const proxy = await openProxy(new Map(hosts.map((h) => [h, address.get(h) ?? ''])), `${NET}.1`, delay);
    const knownHostsFile = join(rack.folder, 'known_hosts');
    writeFileSync(knownHostsFile, readFileSync(pinned));
    for (const line of readFileSync(pinned, 'utf8').split('\n')) {
      const [names = '', ...key] = line.split(' ');
      const port = proxy.ports.get(names.split(',')[1] ?? '');
      if (port !== undefined) appendFileSync(knownHostsFile, `[${NET}.1]:${port} ${key.join(' ')}\n`);
    }
    const write = (name: string, reach: (host: string) => string): string => {
      const vars = `ansible_user: ops, ansible_become: true, ansible_ssh_private_key_file: ${privateKeyFile}, bringup_known_hosts_file: ${knownHostsFile}`;
      const file = join(rack.folder, `${name}.yml`);
      writeFileSync(file, `all:\n  vars: {${vars}}\n  hosts:\n${hosts.map((h) => `    ${h}: ${reach(h)}\n`).join('')}`);
      return file;
    };
    const counted = write('counted', (h) => `{ansible_host: ${NET}.1, ansible_port: ${proxy.ports.get(h)}}`);
    const straight = write('straight', (h) => `{ansible_host: ${address.get(h)}}`);
    return {
      rack,
      hosts,
      inventory: delay > 0 ? counted : straight,
      counted,
      proxy,
      keyFile: privateKeyFile,
      knownHostsFile,
      addressOf: (host) =>
        delay > 0
          ? { address: `${NET}.1`, port: proxy.ports.get(host) ?? 22 }
          : { address: address.get(host) ?? '', port: 22 },
      keep: () => snapshot(rack.name, 'packages', quiet),
      bare: () => restore(rack.name, 'packages', quiet),
      drift: async (some) => {
        for (const host of some) await rack.root(host, 'echo "by hand" > /etc/shopd/shopd.conf');
      },
      down: async () => {
        proxy.close();
        await rack.down();
      },
    };
  } catch (error) {
    await rack.down();
    throw error;
  }
}

/** Two hosts at a time, because the mirror and this machine are shared. */
async function install(rack: Rack, hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    await rack.root(
      host,
      `export DEBIAN_FRONTEND=noninteractive; apt-get -q update >/dev/null && apt-get -qy install --no-install-recommends ${PACKAGES} >/dev/null 2>&1 && apt-get clean`,
    );
  }
}
