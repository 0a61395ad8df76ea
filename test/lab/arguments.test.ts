import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, twoDebians } from './support/rack.ts';

const NET = '10.83.125';
const HOSTS = ['d12', 'd13'];
const lab = twoDebians(NET);
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
const both = <T>(...all: readonly T[]): readonly T[] => all.flatMap((one) => [one, one]);
const troubles = (ran: Ran): readonly (string | undefined)[] =>
  ran.tasks.flatMap((e) => (e.diagnostic === undefined ? [] : [`${e.task}: ${e.diagnostic.message}`]));

function tasks(text: string): string {
  const file = join(lab.folder, `tasks-${Math.random().toString(36).slice(2)}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n${text.replace(/^/gm, '    ')}\n`,
  );
  return file;
}

describe('arguments whose effect depends on the host', () => {
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  it('keeps edits of one file under all its names, and reads all of them back in one round trip', async () => {
    const playbook = tasks(
      ['/run/conf', '/var/run/conf', '/etc/by-link', '/usr/lib/conf', '/lib/conf']
        .map((path, i) => `- lineinfile: {path: ${path}, line: 'line ${i}'}`)
        .join('\n'),
    );
    await everywhere('touch /run/conf /usr/lib/conf; ln -s ../var/run/conf /etc/by-link');
    expect(troubles(await lab.apply(playbook))).toEqual([]);
    expect(await everywhere('cat /run/conf /usr/lib/conf')).toEqual(both('line 0\nline 1\nline 2\nline 3\nline 4'));
    const again = await lab.apply(playbook);
    expect(again.tasks.map((e) => e.status)).toEqual(Array(10).fill('ok'));
    expect(again.recap.hosts.map((h) => h.trips)).toEqual([1, 1]);
  });

  it('removes a primary group by force, and writes a boolean as a number', async () => {
    await everywhere('groupadd prime; useradd -g prime primed');
    const refused = await lab.apply(tasks('- group: {name: prime, state: absent}'));
    expect(refused.tasks.map((e) => e.status)).toEqual(both('failed'));
    const playbook = tasks(`- group: {name: prime, state: absent, force: true}
- sysctl: {name: net.ipv4.ip_forward, value: true, sysctl_set: true, sysctl_file: /etc/sysctl.d/x.conf}`);
    expect(troubles(await lab.apply(playbook))).toEqual([]);
    expect(await everywhere('getent group prime; cat /proc/sys/net/ipv4/ip_forward /etc/sysctl.d/x.conf')).toEqual(
      both('1\nnet.ipv4.ip_forward=1'),
    );
    const wrong = await lab.apply(
      tasks('- sysctl: {name: net.ipv4.ip_forward, value: many, sysctl_set: true, sysctl_file: /etc/sysctl.d/x.conf}'),
    );
    for (const { diagnostic } of wrong.tasks) {
      expect(diagnostic?.detail).toContain('the kernel refuses the value many');
      expect(diagnostic?.hint).toBeUndefined();
    }
  });

  it('names the address of a request that gets no answer', async () => {
    const ran = await lab.apply(tasks("- uri: {url: 'http://127.0.0.1:1/healthz'}"));
    for (const { diagnostic } of ran.tasks) {
      expect(diagnostic?.detail).toMatch(/refused/i);
      expect(diagnostic?.detail).toContain('no HTTP answer from http://127.0.0.1:1/healthz');
    }
  });

  it('writes hashed names to known_hosts that ssh finds', async () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    const playbook = tasks(`- known_hosts: {name: git.x, key: 'git.x ${key}', hash_host: true}`);
    expect(troubles(await lab.apply(playbook))).toEqual([]);
    for (const seen of await everywhere('ssh-keygen -F git.x -f /etc/ssh/ssh_known_hosts')) expect(seen).toContain(key);
    expect((await lab.apply(playbook)).tasks.map((e) => e.status)).toEqual(both('ok'));
  });
});
