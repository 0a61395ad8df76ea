import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openFleet } from '../../bench/fleet.ts';
import { play, project } from '../support/project.ts';

// The bench's hosts know where a program of ours ends; one that frame.ts ends otherwise would wait for ever.
test('each host of the simulated fleet answers, and what it was asked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-fleet-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['host', 'id'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
  const fleet = await openFleet(readFileSync(join(folder, 'host')), Array<number>(10).fill(0));
  onTestFinished(fleet.close);
  const key = readFileSync(join(folder, 'host.pub'), 'utf8');
  writeFileSync(join(folder, 'known_hosts'), fleet.ports.map((port) => `[127.0.0.1]:${port} ${key}`).join(''));
  const vars = `ansible_user: ops, ansible_host: 127.0.0.1, ansible_ssh_private_key_file: ${folder}/id, bringup_known_hosts_file: ${folder}/known_hosts`;
  const hosts = fleet.ports.map((port, i) => `    n${i}: {ansible_port: ${port}}\n`).join('');
  const p = project({
    'hosts.yml': `all:\n  vars: {${vars}}\n  hosts:\n${hosts}`,
    'site.yml': play(
      "- command: echo I am {{ inventory_hostname }}\n  register: it\n- debug: {msg: '{{ it.stdout }}'}\n- copy: {dest: '{T}/f', content: x}\n  check_mode: true",
    ),
  });
  const { recap, said, lines } = await p.apply();
  expect([...said].sort()).toEqual(fleet.ports.map((_, i) => `n${i}: I am n${i}`));
  expect(lines.filter((line) => line.endsWith('changed'))).toHaveLength(20);
  expect(recap.failed).toBe(false);
});
