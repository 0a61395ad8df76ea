import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { powerAll } from '../../src/lab/lab.ts';
import { type Ran, twoDebians } from './support/rack.ts';

const NET = '10.83.121';
const HOSTS = ['d12', 'd13'];
const lab = twoDebians(NET);
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
const told = (ran: Ran): readonly string[] => ran.tasks.map((e) => `${e.task}: ${e.status}`).sort();
const both = (...lines: readonly string[]): readonly string[] => lines.flatMap((line) => [line, line]);
const REPAIR = 'finish interrupted package configuration (dpkg --configure -a)';
const WITHIN = { timeout: 120_000, interval: 200 };

/** Builds a package with the given postinst, in a repository on the host. */
const REPOSITORY = `set -e
mkdir -p /srv/repo; cd /srv/repo
make() { # name, depends, postinst, preinst
  d=$(mktemp -d); mkdir "$d/DEBIAN"
  printf 'Package: %s\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDepends: %s\\nDescription: x\\n' "$1" "$2" >"$d/DEBIAN/control"
  printf '#!/bin/sh\\n%s\\n' "$3" >"$d/DEBIAN/postinst"; printf '#!/bin/sh\\n%s\\n' "$4" >"$d/DEBIAN/preinst"
  chmod 755 "$d" "$d/DEBIAN/postinst" "$d/DEBIAN/preinst"
  dpkg-deb -b "$d" "$1.deb" >/dev/null
  sed '/^Description/d' "$d/DEBIAN/control" >>Packages
  printf 'Filename: ./%s.deb\\nSize: %s\\nSHA256: %s\\nDescription: x\\n\\n' "$1" "$(stat -c %s "$1.deb")" "$(sha256sum <"$1.deb" | cut -d' ' -f1)" >>Packages
}
rm -f Packages
make fussy 'base-files' 'test ! -e /root/break' ':'
wait='if [ -e /root/slow ]; then touch /root/runs; sync; while [ -e /root/slow ]; do sleep 1; done; fi'
make slow-base 'base-files' "$wait" ':'
make slow 'slow-base' ':' ':'
make other 'base-files' ':' ':'
make early 'base-files' ':' "$wait"
mkdir -p /etc/apt/was; mv /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/was/ 2>/dev/null || :
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/repo.list
apt-get -q update`;

function tasks(text: string): string {
  const file = join(lab.folder, `tasks-${Math.random().toString(36).slice(2)}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n${text.replace(/^/gm, '    ')}\n`,
  );
  return file;
}

describe('an interrupted installation of packages', () => {
  beforeAll(async () => {
    await lab.up();
    await everywhere(REPOSITORY);
  });
  afterAll(() => lab.down());

  it('configures a package whose configuration failed before, and reports it', async () => {
    const playbook = tasks('- name: Install\n  apt: {name: fussy}');
    await everywhere('touch /root/break');
    expect(told(await lab.apply(playbook))).toEqual(both('Install: failed'));
    await everywhere('rm /root/break');
    const planned = await lab.plan(playbook);
    expect(planned.tasks.map((e) => e.changes?.map((c) => c.what))).toEqual(both([`${REPAIR}: fussy`] as never));
    expect(told(await lab.apply(playbook))).toEqual(both('Install: changed'));
    expect(await everywhere("dpkg-query -W -f '${db:Status-Abbrev}' fussy")).toEqual(both('ii'));
    const again = await lab.apply(playbook);
    expect(told(again)).toEqual(both('Install: ok'));
    expect(again.recap.hosts.map((h) => h.trips)).toEqual([1, 1]);
  });

  it('continues after a power cut during an installation', async () => {
    const playbook = tasks('- name: First\n  apt: {name: slow}\n- name: Then\n  apt: {name: other}');
    await everywhere('touch /root/slow; rm -f /root/runs');
    const cut = lab.apply(playbook);
    await vi.waitFor(() => everywhere('test -e /root/runs'), WITHIN);
    await powerAll(lab.name, HOSTS, 'cut', { progress: () => {} });
    await cut;
    await powerAll(lab.name, HOSTS, 'on', { progress: () => {} });
    await vi.waitFor(() => everywhere('rm -f /root/slow'), WITHIN);
    const left = await everywhere('ls /var/lib/dpkg/updates; dpkg --audit');
    for (const one of left) expect(one).toContain('slow-base');
    expect((await lab.apply(playbook)).recap.hosts.map((h) => h.failed)).toEqual([0, 0]);
    expect(await everywhere("dpkg-query -W -f '${db:Status-Abbrev}' slow slow-base other; dpkg --audit")).toEqual(
      both('ii ii ii'),
    );
    expect(told(await lab.apply(playbook))).toEqual(both('First: ok', 'Then: ok'));
  });

  it('continues after Ctrl-C during an installation', async () => {
    const playbook = tasks('- name: First\n  apt: {name: slow}\n- name: Then\n  apt: {name: other}');
    await everywhere('apt-get -q -y purge slow slow-base other; touch /root/slow; rm -f /root/runs');
    const argv = ['tsx', 'src/main.ts', 'apply', playbook, '-i', lab.inventory, '-o', 'json'];
    const child = spawn('npx', argv, { stdio: 'ignore', detached: true });
    const ended = once(child, 'exit');
    await vi.waitFor(() => everywhere('test -e /root/runs'), WITHIN);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await vi.waitFor(() => everywhere('rm -f /root/slow'), WITHIN);
    expect(await ended).not.toEqual([0, null]);
    expect((await lab.apply(playbook)).recap.hosts.map((h) => h.failed)).toEqual([0, 0]);
    expect(await everywhere("dpkg-query -W -f '${db:Status-Abbrev}' slow slow-base other; dpkg --audit")).toEqual(
      both('ii ii ii'),
    );
    expect(told(await lab.apply(playbook))).toEqual(both('First: ok', 'Then: ok'));
  });

  it('repairs what a killed dpkg left, before any other job of apt', async () => {
    await everywhere(`apt-get -q -y purge slow slow-base; touch /root/slow; rm -f /root/runs
setsid apt-get -q -y install slow >/dev/null 2>&1 </dev/null &
while [ ! -e /root/runs ]; do sleep 0.1; done
kill -9 $(pgrep -x dpkg) $(pgrep -x apt-get); rm /root/slow`);
    for (const one of await everywhere('ls /var/lib/dpkg/updates')) expect(one).not.toBe('');
    const playbook = tasks(
      '- name: Remove\n  apt: {name: other, state: absent}\n- name: Base\n  package: {name: slow-base}',
    );
    expect(told(await lab.apply(playbook))).toEqual([...both('Base: ok'), ...both('Remove: changed')]);
    expect(await everywhere('dpkg --audit; ls /var/lib/dpkg/updates')).toEqual(both(''));
  });

  it('unpacks a package again whose unpacking was interrupted', async () => {
    await everywhere(`touch /root/slow; rm -f /root/runs
setsid apt-get -q -y install early >/dev/null 2>&1 </dev/null &
while [ ! -e /root/runs ]; do sleep 0.1; done
kill -9 $(pgrep -x dpkg) $(pgrep -x apt-get); rm /root/slow`);
    const state = "dpkg-query -W -f '${db:Status-Abbrev}' early";
    for (const one of await everywhere(state)) expect(one).toMatch(/^iHR?$/);
    const playbook = tasks('- name: Install\n  apt: {name: early}');
    const ran = await lab.apply(playbook);
    expect(ran.tasks.map((e) => e.changes[0]?.what)).toEqual(both(`${REPAIR}: early`));
    expect(await everywhere(state)).toEqual(both('ii'));
    expect(told(await lab.apply(playbook))).toEqual(both('Install: ok'));
  });

  it('waits for the lock, and names the process that holds it after a timeout', async () => {
    await everywhere(`apt-get -q -y purge slow slow-base; touch /root/slow; rm -f /root/runs
setsid apt-get -q -y install slow >/dev/null 2>&1 </dev/null &
while [ ! -e /root/runs ]; do sleep 0.1; done`);
    const impatient = await lab.apply(tasks('- name: Install\n  apt: {name: other, lock_timeout: 0}'));
    for (const { diagnostic } of impatient.tasks)
      expect(diagnostic?.detail).toMatch(/dpkg is locked by process \d+, apt-get -q -y install slow /);
    const patient = lab.apply(tasks('- name: Install\n  apt: {name: other, lock_timeout: 300}'));
    await vi.waitFor(() => everywhere('pgrep -x sleep >/dev/null'), WITHIN);
    await everywhere('rm /root/slow');
    expect(told(await patient)).toEqual(both('Install: changed'));
  });
});
