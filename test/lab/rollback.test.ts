import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { powerAll } from '../../src/lab/lab.ts';
import { twoDebians } from './support/rack.ts';

const NET = '10.83.123';
const HOSTS = ['d12', 'd13'];
const lab = twoDebians(NET);
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
const WITHIN = { timeout: 120_000, interval: 300 };
const FILE = '/etc/ssh/sshd_config.d/10-bringup.conf';
const LEFT = `ls /var/lib/bringup/undo /etc/systemd/system /etc/systemd/system/sysinit.target.wants | grep -c -e undo- -e sshd- || :`;

function settings(text: string): string {
  const file = join(lab.folder, `settings-${Math.random().toString(36).slice(2)}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n    - name: Set\n      sshd_config: ${text}\n`,
  );
  return file;
}

describe('unconfirmed settings of sshd', () => {
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  it('stay once they are confirmed, also after a power cut, and leave nothing behind', async () => {
    const ran = await lab.apply(settings('{settings: {MaxAuthTries: 5}}'));
    expect(ran.tasks.map((e) => e.status)).toEqual(['changed', 'changed']);
    expect(await everywhere(LEFT)).toEqual(['0', '0']);
    await powerAll(lab.name, HOSTS, 'cut', { progress: () => {} });
    await powerAll(lab.name, HOSTS, 'on', { progress: () => {} });
    await vi.waitFor(() => everywhere(':'), WITHIN);
    for (const text of await everywhere(`cat ${FILE}`)) expect(text).toContain('MaxAuthTries 5');
  });

  it('are undone at boot after a power cut if they lock everybody out', async () => {
    const before = await everywhere(`cat ${FILE}`);
    const locking = lab.apply(settings('{settings: {AllowUsers: nobody}, rollback: 600}'));
    for (const host of HOSTS) await vi.waitFor(() => expect(lab.root(host, ':')).rejects.toThrow(), WITHIN);
    await powerAll(lab.name, HOSTS, 'cut', { progress: () => {} });
    await powerAll(lab.name, HOSTS, 'on', { progress: () => {} });
    const ran = await locking;
    for (const { status, diagnostic } of ran.tasks) {
      expect(status).toBe('failed');
      expect(`${diagnostic?.message}\n${diagnostic?.detail}`).toContain('the host has undone the change by itself');
    }
    await vi.waitFor(() => everywhere(':'), WITHIN);
    expect(await everywhere(`cat ${FILE}`)).toEqual(before);
    expect(await everywhere(LEFT)).toEqual(['0', '0']);
    expect(await everywhere('systemctl is-active ssh')).toEqual(['active', 'active']);
    const again = await lab.apply(settings('{settings: {MaxAuthTries: 4}}'));
    expect(again.tasks.map((e) => e.status)).toEqual(['changed', 'changed']);
  });

  it('are undone when their time is over if they lock everybody out', async () => {
    const ran = await lab.apply(settings('{settings: {AllowUsers: nobody}, rollback: 5}'));
    for (const { diagnostic } of ran.tasks) expect(diagnostic?.message).toContain('The host has undone the change');
    for (const text of await everywhere(`cat ${FILE}`)) expect(text).toContain('MaxAuthTries 4');
    expect(await everywhere(LEFT)).toEqual(['0', '0']);
  });

  it('and unconfirmed firewall rules are undone; the rules are not on disk before', async () => {
    const file = join(lab.folder, 'firewall.yml');
    const rules = String.raw`chain input {\n\ttype filter hook input priority filter; policy drop;\n}`;
    writeFileSync(
      file,
      `- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n    - apt: {name: nftables, update_cache: true}\n    - name: Load\n      nftables: {name: site, rollback: 6, rules: "${rules}"}\n`,
    );
    const ran = await lab.apply(file);
    const loads = ran.tasks.filter((e) => e.task === 'Load');
    expect(loads.length).toBe(2);
    for (const { diagnostic } of loads) expect(diagnostic?.message).toContain('The host has undone the change');
    expect(await everywhere(`nft list tables; ls /etc/nftables.d /run/bringup-undo-* 2>/dev/null; ${LEFT}`)).toEqual([
      '0',
      '0',
    ]);
  });
});
