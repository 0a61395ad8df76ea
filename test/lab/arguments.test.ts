import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
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

  it('installs a .deb file from a URL, and what a package needs to be built', async () => {
    const [deb] = await everywhere(`mkdir -p /root/d/DEBIAN && cd /root && chmod 755 d
printf 'Package: from-afar\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: x\\n' >d/DEBIAN/control
dpkg-deb -b d >/dev/null && base64 -w0 d.deb`);
    const server = createServer((_, response) => response.end(Buffer.from(deb ?? '', 'base64')));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, `${NET}.1`, resolve));
    const url = `http://${NET}.1:${(server.address() as AddressInfo).port}/from-afar.deb`;
    const afar = tasks(`- apt: {deb: '${url}'}`);
    expect((await lab.apply(afar)).tasks.map((e) => e.status)).toEqual(both('changed'));
    expect((await lab.apply(afar)).tasks.map((e) => e.status)).toEqual(both('ok'));
    await everywhere(`mkdir -p /srv/src && cd /srv/src
printf 'Package: built\\nBinary: built\\nVersion: 1\\nMaintainer: a <a@b>\\nBuild-Depends: from-afar, needed\\nArchitecture: all\\nFormat: 3.0 (native)\\nFiles:\\n d41d8cd98f00b204e9800998ecf8427e 0 built.dsc\\n\\n' >Sources
sed 's/from-afar/needed\\nProvides: build-essential/' /root/d/DEBIAN/control >/root/control && mv /root/control /root/d/DEBIAN/ && dpkg-deb -b /root/d needed.deb >/dev/null
{ cat /root/d/DEBIAN/control; printf 'Filename: ./needed.deb\\nSize: %s\\nSHA256: %s\\n\\n' "$(stat -c %s needed.deb)" "$(sha256sum <needed.deb | cut -d' ' -f1)"; } >Packages
mkdir -p /etc/apt/was; mv /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/was/ 2>/dev/null
printf 'deb [trusted=yes] file:/srv/src ./\\ndeb-src [trusted=yes] file:/srv/src ./\\n' >/etc/apt/sources.list.d/src.list`);
    const building = tasks('- apt: {name: built, state: build-dep, update_cache: true}');
    expect(troubles(await lab.apply(building))).toEqual([]);
    expect(await everywhere("dpkg-query -W -f '${db:Status-Abbrev}' needed")).toEqual(both('ii'));
    expect((await lab.apply(building)).tasks.map((e) => e.status)).toEqual(both('ok'));
    const unknown = await lab.apply(tasks('- apt: {name: nothing, state: build-dep}'));
    for (const { diagnostic } of unknown.tasks) expect(diagnostic?.detail).toContain('nothing');
    await everywhere('rm /etc/apt/sources.list.d/src.list; mv /etc/apt/was/* /etc/apt/');
  });

  it('manages units of a user, who lingers', async () => {
    // libpam-systemd would set the variable
    await everywhere(`useradd -m -s /bin/sh lingerer; mkdir -p /run/systemd/system/user@.service.d
printf '[Service]\\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\\n' >/run/systemd/system/user@.service.d/pam.conf; systemctl daemon-reload`);
    const playbook = tasks(`- file: {path: /home/lingerer/.config/systemd/user, state: directory}
  become_user: lingerer
- copy:
    content: "[Service]\\nExecStart=sleep 99\\n[Install]\\nWantedBy=default.target\\n"
    dest: /home/lingerer/.config/systemd/user/nap.service
  become_user: lingerer
- systemd: {name: nap, scope: user, state: started, enabled: true, daemon_reload: true}
  become_user: lingerer`);
    for (const hint of (await lab.apply(playbook)).tasks.flatMap((e) => e.diagnostic?.hint ?? []))
      expect(hint).toContain('loginctl enable-linger lingerer');
    await everywhere('loginctl enable-linger lingerer');
    expect(troubles(await lab.apply(playbook))).toEqual([]);
    const asked = 'runuser -u lingerer -- env XDG_RUNTIME_DIR=/run/user/$(id -u lingerer) systemctl --user';
    expect(await everywhere(`${asked} is-active nap; ${asked} is-enabled nap`)).toEqual(both('active\nenabled'));
    expect((await lab.apply(playbook)).tasks.map((e) => e.status)).toEqual(Array(6).fill('ok'));
    const stop = tasks('- systemd: {name: nap, scope: user, state: stopped, enabled: false}\n  become_user: lingerer');
    expect(troubles(await lab.apply(stop))).toEqual([]);
    expect(await everywhere(`${asked} is-active nap; ${asked} is-enabled nap; :`)).toEqual(both('inactive\ndisabled'));
    const all = tasks('- systemd: {name: nap, scope: global, enabled: true}');
    await everywhere('cp /home/lingerer/.config/systemd/user/nap.service /etc/systemd/user/');
    expect((await lab.apply(all)).tasks.map((e) => e.status)).toEqual(both('changed'));
    expect((await lab.apply(all)).tasks.map((e) => e.status)).toEqual(both('ok'));
    expect(await everywhere('ls /etc/systemd/user/default.target.wants')).toEqual(both('nap.service'));
  });

  it('sets and takes away attributes, and leaves SELinux contexts alone on a host without SELinux', async () => {
    const playbook = tasks(`- copy: {dest: /etc/fixed, content: x, attributes: +i, setype: net_conf_t}`);
    // A small image has no chattr.
    const have = await everywhere('command -v chattr || echo none');
    const expected = (status: string): readonly string[] =>
      have.map((path, i) => `${HOSTS[i]} ${path === 'none' ? 'failed' : status}`);
    const told = ({ tasks: all }: Ran): readonly string[] => all.map((e) => `${e.host} ${e.status}`).sort();
    const first = await lab.apply(playbook);
    expect(told(first)).toEqual(expected('changed'));
    for (const { diagnostic } of first.tasks) if (diagnostic) expect(diagnostic.detail).toContain('install e2fsprogs');
    expect(told(await lab.apply(playbook))).toEqual(expected('ok'));
    const flags = await everywhere('if command -v chattr >/dev/null; then lsattr -d /etc/fixed; else echo i; fi');
    for (const seen of flags) expect(seen).toMatch(/^-*i/);
    const free = tasks('- file: {path: /etc/fixed, attributes: -i}\n- file: {path: /etc/fixed, state: absent}');
    expect(troubles(await lab.apply(free))).toEqual([]);
  });

  it('sets what the hardware clock keeps', async () => {
    const clock = (word: string): string => tasks(`- timezone: {hwclock: ${word}}`);
    for (const word of ['local', 'UTC']) {
      expect((await lab.apply(clock(word))).tasks.map((e) => e.status)).toEqual(both('changed'));
      expect((await lab.apply(clock(word))).tasks.map((e) => e.status)).toEqual(both('ok'));
      expect(await everywhere('timedatectl show -p LocalRTC --value')).toEqual(both(word === 'local' ? 'yes' : 'no'));
    }
  });
});
