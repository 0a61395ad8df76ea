import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Fleet, openFleet } from '../../bench/fleet.ts';

/**
 * Simulated hosts (test/bench/fleet.ts) for the duration of a test, with an inventory that names them n10, n11 and so
 * on.
 */
export async function simulated(count: number): Promise<Readonly<{ fleet: Fleet; inventory: string }>> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-fleet-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['host', 'id'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  const fleet = await openFleet(readFileSync(join(folder, 'host')), Array<number>(count).fill(0));
  onTestFinished(fleet.close);
  const key = readFileSync(join(folder, 'host.pub'), 'utf8');
  writeFileSync(join(folder, 'known_hosts'), fleet.ports.map((port) => `[127.0.0.1]:${port} ${key}`).join(''));
  const vars = `ansible_user: ops, ansible_host: 127.0.0.1, ansible_ssh_private_key_file: ${folder}/id, bringup_known_hosts_file: ${folder}/known_hosts`;
  const hosts = fleet.ports.map((port, i) => `    n${10 + i}: {ansible_port: ${port}}\n`).join('');
  return { fleet, inventory: `all:\n  vars: {${vars}}\n  hosts:\n${hosts}` };
}
