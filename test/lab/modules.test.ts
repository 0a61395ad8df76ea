import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoder } from '../../src/connect/decode.ts';
import { encode } from '../../src/connect/frame.ts';
import type { Piece } from '../../src/core/connection.ts';
import { verbatim } from '../../src/core/sh.ts';
import { connection } from '../../src/lab/lab.ts';
import { modules } from '../../src/modules/index.ts';
import { parseUnit, probeUnit } from '../../src/modules/shared/unit.ts';
import { bound, context } from '../unit/modules/harness.ts';
import { type Ran, TREE_HASH, twoDebians } from './support/rack.ts';

const NET = '10.88.4';
const HOSTS = ['d12', 'd13'];
const lab = twoDebians(NET);
const PRESENT = 'test/lab/modules/present.yml';
const failures = (ran: Ran): readonly string[] =>
  ran.tasks
    .filter((e) => e.status === 'failed')
    .map((e) => `${e.host} ${e.task}: ${e.diagnostic?.message} ${e.diagnostic?.detail ?? ''}`);
const changed = (ran: Ran): readonly string[] =>
  [...new Set(ran.tasks.filter((e) => e.status === 'changed').map((e) => e.task))].sort();
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));

const localFile = (path: string) => ({
  path,
  size: 1,
  mode: 0o644,
  sha256: 'a'.repeat(64),
  sha1: 'a'.repeat(40),
  md5: 'a'.repeat(32),
  read: () => new Uint8Array([97]),
});

/** A probe's output, line by line, without values that a second's delay or the probe itself changes. */
function steady(stdout: string): readonly string[] {
  return (
    stdout
      .split(/[\n\x1f]/)
      .filter((line) => line !== '' && !/^(age|now) |^unit systemd-(hostname|locale|timedate)d/.test(line)) // these services stop when idle
      // Only shared probes ask who can change the directories on the way. Without that answer a change takes more work,
      // and has the same result.
      .map((line) => line.replace(/^(parent \w+|trusted )!$/, '$1'))
      .map((line) => line.replace(/^((?:stat|src|srcstat|self) (?:[^/]*\/){5})[^/]*/, '$1_'))
      .sort() // dpkg lists the packages of several questions in one order
  );
}

/** Runs a few tasks on both hosts. */
function tasks(text: string, more = '', name = Math.random().toString(36).slice(2)): string {
  const file = join(lab.folder, `tasks-${name}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  become: true\n  gather_facts: false\n${more}  tasks:\n${text.trim().replace(/^/gm, '    ')}\n`,
  );
  return file;
}

describe('modules on Debian 12 and 13', () => {
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  it('plan on bare hosts without a failure and without changes', async () => {
    const before = await everywhere(TREE_HASH);
    const planned = await lab.plan(PRESENT);
    expect(failures(planned)).toEqual([]);
    expect(await everywhere(TREE_HASH)).toEqual(before);
  });

  it('apply', async () => {
    const ran = await lab.apply(PRESENT);
    expect(failures(ran)).toEqual([]);
    expect(ran.recap.hosts.map((h) => h.changed)).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it.each([
    ['packages', 'dpkg -l cron bzip2 acl | grep -c ^ii', /^3$/],
    ['groups', 'getent group shop', /^shop:x:2000:/],
    [
      'users',
      'getent passwd alice; id -Gn alice; getent shadow alice',
      /^alice:x:2101:2000:Alice A:\/home\/alice:\/bin\/bash\nshop daemons\nalice:\$6\$abcdefgh/,
    ],
    [
      'authorized keys',
      'stat -c "%U %a" ~alice/.ssh ~alice/.ssh/authorized_keys; grep -c alice@laptop ~alice/.ssh/authorized_keys',
      /^alice 700\nalice 600\n1$/,
    ],
    ['directories', 'stat -c "%U %G %a" /srv/shop/data', /^alice shop 2775$/],
    [
      'contents, byte by byte',
      'cat /srv/shop/hello; stat -c "%U %a" /srv/shop/hello',
      /^grüße\n\$HOME 'quoted'\nalice 640$/,
    ],
    [
      'files and trees',
      'cat /srv/shop/plain.txt /srv/shop/tree/a.txt "/srv/shop/tree/deep/b file.txt"',
      /^plain text\na\nb$/,
    ],
    [
      'templates',
      'cat /srv/shop/conf; stat -c "%G %a" /srv/shop/conf',
      /^# Ansible managed\nhost = d1\d\ngreeting = grüße\nline 0\nline 1\nshop 640$/,
    ],
    ['links', 'readlink /srv/shop/conf.link; stat -c %h /srv/shop/hello', /^conf\n2$/],
    ['lines', 'grep -c "^UMASK" /etc/login.defs; grep "^UMASK" /etc/login.defs', /^1\nUMASK\t\t027$/],
    ['blocks', 'sed -n "/BEGIN ANSIBLE/,/END ANSIBLE/p" /etc/hosts', /b1\.internal b1\n10\.9\.0\.2 b2/],
    ['ini files', 'cat /srv/shop/app.ini', /^\[web\]\nport *= *8080$/],
    ['validated files', 'visudo -c >/dev/null && cat /etc/sudoers.d/alice', /^alice ALL/],
    ['archives', 'cat "/srv/shop/data/deep/b file.txt"; stat -c %U /srv/shop/data/a.txt', /^b\nalice$/],
    [
      'cron jobs',
      'crontab -l; crontab -l -u alice',
      /^#Ansible: sweep\n\*\/10 \* \* \* \* \/usr\/bin\/true\n#Ansible: wipe\n\*\/10.*\n#Ansible: nightly\n@daily \/usr\/bin\/true/,
    ],
    [
      'sysctls',
      'cat /proc/sys/net/ipv4/tcp_keepalive_time /proc/sys/net/core/somaxconn /etc/sysctl.d/60-shop.conf',
      /^600\n600\nnet\.ipv4\.tcp_keepalive_time=600\nnet\.ipv4\.tcp_keepalive_intvl=600\nnet\.core\.somaxconn=600$/,
    ],
    ['host names', 'hostname; cat /etc/hostname', /^(d1\d-shop)\n\1$/],
    ['time zones', 'date +%Z; readlink /etc/localtime', /^CES?T\n.*Europe\/Berlin$/],
    [
      'known hosts',
      'ssh-keygen -F git.internal -f /etc/ssh/ssh_known_hosts || ssh-keygen -F git.internal -f /root/.ssh/known_hosts',
      /git\.internal/,
    ],
    ['repositories', 'cat /etc/apt/sources.list.d/shop.sources', /URIs: http:\/\/packages\.invalid\/debian/],
    ['services', 'systemctl is-active shopd; systemctl is-enabled shopd', /^active\nenabled$/],
    ['masks', 'systemctl is-enabled systemd-pstore.service || :', /^masked$/],
    ['commands and scripts', 'stat -c %a /root/once; cat /root/greeting /root/script', /^600\nit's grüße\none two$/],
    ['other users', 'stat -c %U /srv/shop/data/by-alice /tmp/by-ops', /^alice\nops$/],
    ['handlers', 'cat /root/handled; ls /var/lib/bringup/handlers 2>&1 | grep -c "No such"', /^handled\n1$/],
  ] as const)('create: %s', async (_, command, expected) => {
    for (const seen of await everywhere(command)) expect(seen).toMatch(expected);
  });

  it('change nothing the second time, in one round trip for each host', async () => {
    const again = await lab.apply(PRESENT);
    expect(failures(again)).toEqual([]);
    expect(changed(again)).toEqual([]);
    expect(again.recap.hosts.map((h) => h.trips)).toEqual([1, 1]);
  });

  it('of the project run as another user, in bash, and no process shows their arguments', async () => {
    const ran = await lab.apply('test/lab/modules/own.yml');
    expect(failures(ran)).toEqual([]);
    expect(changed(ran)).toEqual([]);
  });

  it('get the same answers from shared probes as from single ones', async () => {
    const files = context(
      {},
      { file: localFile, isFolder: (path) => path.endsWith('/'), tree: () => [], render: () => 'text\n' },
    );
    const more: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
      ...['ssh', 'cron', 'shopd', 'systemd-journald', 'no-such-unit', 'getty@tty1'].map(
        (name) => ['systemd', { name }] as const,
      ),
      ...['alice', 'root', 'nobody', 'no-such-user'].map(
        (name) => ['user', { name, groups: ['shop', 'gone'] }] as const,
      ),
      ...['shop', 'root', 'gone'].map((name) => ['group', { name }] as const),
      ...[['bash', 'cron'], ['no-such-package', 'dpkg'], ['lib*'], ['bash=5*', 'mawk']].map(
        (name) => ['apt', { name }] as const,
      ),
      ...['/srv/shop/hello', '/srv/shop', '/etc/shadow', '/no/where', '/bin'].flatMap((path) => [
        ['file', { path, owner: 'alice' }] as const,
        ['lineinfile', { path, line: 'x' }] as const,
        ['copy', { dest: path, content: 'x', owner: 'alice', group: 'shop' }] as const,
        ['template', { dest: path, src: 'some.j2' }] as const,
      ]),
    ];
    const examples = Object.values(modules).flatMap((m) => m.examples.map((e) => [m.name, e.args] as const));
    const scripts = [...examples, ...more].flatMap(([name, args]) => {
      const module = modules[name];
      // Facts change from one moment to the next.
      const isSteady = !['setup', 'gather_facts', 'mount_facts'].includes(name);
      const probe = module !== undefined && isSteady ? bound(module, args).probe : undefined;
      return probe === undefined ? [] : [probe(files)];
    });
    expect(scripts.flatMap((s) => s.asked).length).toBeGreaterThan(100);
    for (const host of HOSTS) {
      const see = async (pieces: readonly Piece[]): Promise<readonly (readonly string[])[]> => {
        const got = decoder('see');
        got.stdout(Buffer.from(await lab.root(host, encode({ pieces, shellUser: 'root' }, 'see'))));
        return got.outputs().map((o) => steady(o.stdout));
      };
      const alone = await see(scripts.map((s) => ({ script: verbatim(s.text), user: 'root' })));
      const together = await see(scripts.map((script) => ({ script, user: 'root', isProbe: true })));
      expect(together.length).toBe(scripts.length);
      expect(together).toEqual(alone);
    }
  });

  it('agree with is-enabled on whether a unit starts at boot, even if links were changed by hand', async () => {
    const list = (state: string) =>
      `systemctl list-unit-files --type=service ${state} --no-legend | cut -d' ' -f1 | grep -v @.service`;
    const byHand = `cd /etc/systemd/system; mkdir -p rescue.target.wants
for u in $(${list('--state=disabled')} | head -1) $(${list('--state=static')} | head -1); do ln -s /lib/systemd/system/$u rescue.target.wants; done
rm multi-user.target.wants/cron.service`;
    const mend = 'rm -r /etc/systemd/system/rescue.target.wants; systemctl daemon-reload; systemctl enable cron 2>&1';
    for (const host of HOSTS) {
      const units = (await lab.root(host, list(''))).trim().split('\n');
      const compare = async (): Promise<readonly string[]> => {
        const isEnabled = (unit: string): string =>
          `printf '%s ' ${unit}; systemctl is-enabled ${unit} 2>/dev/null || :`;
        const expected = (await lab.root(host, units.map(isEnabled).join('\n'))).trim().split('\n');
        const pieces = units.map((name) => ({ script: probeUnit({ name }), user: 'root', isProbe: true }));
        const got = decoder('see');
        got.stdout(Buffer.from(await lab.root(host, encode({ pieces, shellUser: 'root' }, 'see'))));
        const seen = got.outputs().map((o, i) => `${units[i]} ${parseUnit(o.stdout).properties['Enabled']}`);
        expect(seen).toEqual(expected);
        return seen;
      };
      const before = await compare();
      await lab.root(host, byHand);
      const after = await compare();
      await lab.root(host, mend);
      const altered = after.filter((word, i) => word !== before[i]);
      expect(altered).toContain('cron.service disabled');
      expect(altered.length).toBe(3);
      expect(await compare()).toEqual(before);
    }
  });

  it('start and enable the units of a loop in one round trip with one reload of systemd', async () => {
    const unit = (name: string, run: string): string =>
      `printf '[Service]\\nExecStart=${run}\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/${name}.service`;
    const told = `systemctl show -p UnitFileState,ActiveState --value one two | xargs`;
    const reads = `journalctl _PID=1 --no-pager -o cat | grep -cE '^Reloading( requested|\\.)'`;
    const loop = '- systemd: {name: "{{ item }}", state: started, enabled: true}\n  loop: [one, two]';
    const all = [unit('one', '/bin/sleep infinity'), unit('two', '/bin/sleep infinity'), unit('bad', '/bin/sleep x')];
    await everywhere(`${all.join('\n')}\nsystemctl daemon-reload; ${told} >/dev/null`);
    const before = (await everywhere(reads)).map(Number);
    const ran = await lab.apply(tasks(loop));
    expect(failures(ran)).toEqual([]);
    expect(ran.tasks.map((e) => `${e.item} ${e.status}`).sort()).toEqual([
      'one changed',
      'one changed',
      'two changed',
      'two changed',
    ]);
    expect(ran.recap.hosts.map((h) => h.trips)).toEqual([2, 2]);
    expect(await everywhere(told)).toEqual(Array(2).fill('active enabled active enabled'));
    expect((await everywhere(reads)).map(Number)).toEqual(before.map((n) => n + 1));
    expect((await lab.apply(tasks(loop))).tasks.map((e) => e.status)).toEqual(Array(4).fill('ok'));

    await everywhere('systemctl disable --now one two 2>&1');
    const half = await lab.apply(tasks(loop.replace('one, two', 'one, bad, two')));
    for (const host of HOSTS) {
      const own = half.tasks.filter((e) => e.host === host).map((e) => `${e.item} ${e.status}`);
      expect(own).toEqual(['one changed', 'bad failed', 'two changed']);
    }
    expect(await everywhere(told)).toEqual(Array(2).fill('active enabled active enabled'));

    // The state after a connection that broke before systemd read the links.
    await everywhere(`systemctl disable one 2>&1; ${told} >/dev/null; systemctl enable --no-reload one 2>&1`);
    expect(await everywhere(told)).toEqual(Array(2).fill('active disabled active enabled'));
    const mended = await lab.apply(tasks(loop));
    expect(mended.tasks.map((e) => `${e.item} ${e.status}`).sort()).toEqual([
      'one changed',
      'one changed',
      'two ok',
      'two ok',
    ]);
    expect(await everywhere(told)).toEqual(Array(2).fill('active enabled active enabled'));
    await everywhere(
      'systemctl disable --now one two bad 2>&1; cd /etc/systemd/system; rm one.service two.service bad.service; systemctl daemon-reload; systemctl reset-failed',
    );
  });

  it('run handlers together with the tasks after them, and enable units before the one reload of systemd', async () => {
    const play = (run: string): string =>
      tasks(
        `- copy: {dest: '/etc/systemd/system/{{ item }}.service', content: "[Service]\\nType={{ 'oneshot' if item == 'one' else 'simple' }}\\nRemainAfterExit=yes\\nExecStart=${run}\\n[Install]\\nWantedBy=multi-user.target\\n"}
  loop: [one, two]
  notify: [read units, restart one]
- meta: flush_handlers
- systemd: {name: "{{ item }}", state: started, enabled: true}
  loop: [one, two]`,
        `  handlers:
    - {name: read units, systemd: {daemon_reload: true}}
    - {name: restart one, systemd: {name: one, state: restarted}}
`,
        'ride', // the same playbook each time, because its waiting handlers are recorded under it
      );
    const told = 'systemctl show -p UnitFileState,ActiveState --value one two | xargs';
    const links = 'ls /etc/systemd/system/multi-user.target.wants | grep -cE "^(one|two).service" || :';
    const waiting = 'cat /var/lib/bringup/handlers/* 2>/dev/null | cut -f 3 | xargs';
    const reads = `journalctl _PID=1 --no-pager -o cat | grep -cE '^Reloading( requested|\\.)'`;
    const statuses = (ran: Ran): readonly string[] =>
      ran.tasks.filter((e) => e.host === 'd13').map((e) => `${e.item ?? e.task} ${e.status}`);

    // A restart fails. The later task did not run, although its change would have been made ahead of time.
    const failed = await lab.apply(play('/bin/false'));
    expect(statuses(failed)).toEqual(['one changed', 'two changed', 'read units ok', 'restart one failed']);
    expect(failed.tasks.at(-1)?.diagnostic?.detail).not.toMatch(/not put back/);
    expect(await everywhere(told)).toEqual(Array(2).fill('failed disabled inactive disabled'));
    expect(await everywhere(links)).toEqual(['0', '0']);
    expect(await everywhere(waiting)).toEqual(['restart one', 'restart one']);

    // A change that an earlier task also asked for stays.
    const twice = '- systemd: {name: two, enabled: true}\n- systemd: {name: one, state: restarted}\n';
    const half = await lab.apply(tasks(`${twice}- systemd: {name: two, enabled: true}`));
    expect(half.tasks.filter((e) => e.host === 'd13').map((e) => e.status)).toEqual(['changed', 'failed']);
    expect(await everywhere(told)).toEqual(Array(2).fill('failed disabled inactive enabled'));
    await everywhere('systemctl disable two 2>&1');

    const before = (await everywhere(reads)).map(Number);
    const ran = await lab.apply(play('/bin/true'));
    expect(failures(ran)).toEqual([]);
    expect(statuses(ran)).toEqual([
      'one changed',
      'two changed',
      'read units ok',
      'restart one changed',
      'one changed',
      'two changed',
    ]);
    expect(ran.recap.hosts.map((h) => h.trips)).toEqual([3, 3]); // one to probe, one for the files, one for the rest
    expect(await everywhere(told)).toEqual(Array(2).fill('active enabled active enabled'));
    expect((await everywhere(reads)).map(Number)).toEqual(before.map((n) => n + 1));
    expect(await everywhere(waiting)).toEqual(['', '']);
    const again = await lab.apply(play('/bin/true'));
    expect(again.recap.hosts.map((h) => [h.changed, h.trips])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    await everywhere(
      'systemctl disable --now one two 2>&1; cd /etc/systemd/system; rm one.service two.service; systemctl daemon-reload; systemctl reset-failed',
    );
  });

  it('enable instances of a template and a unit by its alias, and change nothing afterwards', async () => {
    const text =
      '[Unit]\\nDescription=%i\\n[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n';
    await everywhere(
      `printf '${text}' >/etc/systemd/system/many@.service; printf '${text}Alias=other.service\\n' >/etc/systemd/system/alone.service; systemctl daemon-reload; systemctl enable alone 2>&1`,
    );
    const loop =
      '- systemd: {name: "{{ item }}", state: started, enabled: true}\n  loop: [many@a, many@b, other, alone]';
    const ran = await lab.apply(tasks(loop));
    expect(failures(ran)).toEqual([]);
    const told = 'systemctl is-enabled many@a many@b alone | xargs; systemctl is-active many@a many@b other | xargs';
    expect(await everywhere(told)).toEqual(Array(2).fill('enabled enabled enabled\nactive active active'));
    expect((await lab.apply(tasks(loop))).tasks.map((e) => e.status)).toEqual(Array(8).fill('ok'));
    await everywhere(
      'systemctl disable --now many@a many@b alone 2>&1; cd /etc/systemd/system; rm many@.service alone.service; systemctl daemon-reload',
    );
  });

  it('restart a unit more often than systemd permits', async () => {
    const ran = await lab.apply(tasks('- systemd: {name: cron, state: restarted}\n  loop: [1, 2, 3, 4, 5, 6, 7, 8]'));
    expect(failures(ran)).toEqual([]);
    expect(await everywhere('systemctl is-active cron')).toEqual(['active', 'active']);
  });

  it('find drift, and fix only that', async () => {
    await everywhere(
      'echo x >> /srv/shop/conf; chmod 600 /srv/shop/plain.txt; systemctl stop shopd; gpasswd -d alice daemons; echo 7200 > /proc/sys/net/ipv4/tcp_keepalive_time; crontab -r; sed -i /b2.internal/d /etc/hosts; dpkg --purge acl >/dev/null 2>&1; rm /srv/shop/data/a.txt',
    );
    const planned = await lab.plan(PRESENT);
    const mended = [
      'blockinfile',
      'copy file',
      'cron',
      'package',
      'service',
      'sysctl',
      'template',
      'unarchive',
      'user',
    ];
    expect(failures(planned)).toEqual([]);
    const announced = new Set(planned.tasks.filter((e) => e.status !== 'ok').map((e) => e.task));
    expect(mended.filter((name) => !announced.has(name))).toEqual([]);
    const ran = await lab.apply(PRESENT);
    expect(failures(ran)).toEqual([]);
    expect(changed(ran)).toEqual(mended);
    expect(changed(await lab.apply(PRESENT))).toEqual([]);
  });

  it('remove what they created, and change nothing the second time', async () => {
    const ran = await lab.apply('test/lab/modules/absent.yml');
    expect(failures(ran)).toEqual([]);
    const left = await everywhere(
      'id alice 2>/dev/null; getent group shop; ls -d /srv/shop /root/.ssh/known_hosts.x 2>/dev/null; grep -c ANSIBLE /etc/hosts; dpkg -l bzip2 2>/dev/null | grep ^ii; systemctl is-active shopd || :',
    );
    for (const seen of left) expect(seen).toBe('0\ninactive');
    expect(changed(await lab.apply('test/lab/modules/absent.yml'))).toEqual([]);
  });

  it('install the packages of neighbouring tasks in one transaction, and report each task', async () => {
    const runs = async (): Promise<readonly number[]> =>
      (await everywhere('grep -c ^Start-Date /var/log/apt/history.log')).map(Number);
    const text =
      '- apt: {name: "{{ item }}"}\n  loop: [tree, bc]\n- apt: {name: [bzip2, bc]}\n- apt: {name: file, state: latest}';
    await everywhere('apt-get -qy purge tree bc bzip2 file >/dev/null 2>&1');
    const before = await runs();
    const ran = await lab.apply(tasks(text));
    expect(failures(ran)).toEqual([]);
    expect(ran.tasks.map((e) => e.status)).toEqual(Array(4 * HOSTS.length).fill('changed'));
    expect(await runs()).toEqual(before.map((n) => n + 1));
    expect((await lab.apply(tasks(text))).tasks.map((e) => e.status)).toEqual(Array(4 * HOSTS.length).fill('ok'));
  });

  it('report the other items if one of several packages fails, and do not run the next task', async () => {
    await everywhere(
      'apt-get -qy purge tree bc bzip2 >/dev/null 2>&1; touch /usr/bin/bc; mount --bind /etc/hostname /usr/bin/bc',
    );
    const ran = await lab.apply(tasks('- apt: {name: "{{ item }}"}\n  loop: [tree, bc]\n- apt: {name: bzip2}'));
    for (const host of HOSTS) {
      const own = ran.tasks.filter((e) => e.host === host).map((e) => `${e.item} ${e.status}`);
      expect(own).toEqual(['tree changed', 'bc failed']);
    }
    expect(await everywhere('command -v tree')).toEqual(Array(2).fill('/usr/bin/tree'));
    await everywhere('umount /usr/bin/bc; dpkg --configure -a >/dev/null 2>&1; apt-get -qy purge bc >/dev/null 2>&1');
  });

  it('reboot a host, wait for it, and continue', async () => {
    const before = await everywhere('cut -d" " -f20 /proc/1/stat; cat /proc/sys/kernel/random/boot_id');
    const ran = await lab.apply(tasks('- reboot: {reboot_timeout: 90}\n- command: uptime\n  changed_when: false'));
    expect(failures(ran)).toEqual([]);
    const after = await everywhere('cut -d" " -f20 /proc/1/stat; cat /proc/sys/kernel/random/boot_id');
    for (const [i, mark] of after.entries()) expect(mark).not.toBe(before[i]);
  });

  describe('report errors', () => {
    it.each([
      ['a package that does not exist', '- apt: {name: no-such-package-here}', /no-such-package-here/],
      ['a unit that does not exist', '- service: {name: nosuchd, state: started}', /nosuchd/],
      ['a group that does not exist', '- user: {name: bob, group: nosuchgroup}', /nosuchgroup/],
      ['an owner that does not exist', '- copy: {dest: /root/x, content: y, owner: nosuchuser}', /nosuchuser/],
      ['a parent folder that is not there', '- copy: {dest: /nowhere/x, content: y}', /\/nowhere/],
      ['a command that fails', "- command: sh -c 'echo because >&2; exit 7'", /exit code 7/],
      ['a command that is not there', '- command: nosuchcommand', /./],
      [
        'a file that validation refuses',
        '- copy: {dest: /etc/sudoers.d/bad, content: "not sudoers", validate: visudo -cf %s}',
        /./,
      ],
      ['a time that is over', '- wait_for: {port: 9, timeout: 1}', /./],
      ['no database client', '- mysql_db: {name: x}', /client/],
      ['a false assertion', '- assert: {that: 1 == 2, fail_msg: sums are off}', /sums are off/],
    ])('%s', async (_, text, message) => {
      const ran = await lab.apply(tasks(text));
      expect(failures(ran)).toHaveLength(HOSTS.length);
      for (const told of failures(ran)) expect(told).toMatch(message);
    });

    it('keep the old file complete on a full disk', async () => {
      await everywhere(
        'mkdir -p /mnt/small && mount -t tmpfs -o size=64k none /mnt/small && echo old > /mnt/small/f && head -c 40000 /dev/zero > /mnt/small/fill',
      );
      const ran = await lab.apply(tasks('- copy: {dest: /mnt/small/f, content: "{{ \'x\' * 60000 }}"}'));
      for (const e of ran.tasks) expect(e.diagnostic?.hint).toMatch(/disk/);
      expect(failures(ran)).toHaveLength(2);
      expect(await everywhere('cat /mnt/small/f; ls -A /mnt/small')).toEqual(['old\nf\nfill', 'old\nf\nfill']);
      await everywhere('umount /mnt/small');
    });

    it('wait for a lock on the packages', async () => {
      await everywhere(
        'apt-get -y purge tree >/dev/null 2>&1; (exec 9>/var/lib/dpkg/lock-frontend; perl -e "use Fcntl; my \\$l = pack(\'s s l! l! i\', F_WRLCK, 0, 0, 0, 0); fcntl(STDIN, F_SETLK, \\$l) or die; sleep 6" <&9) >/dev/null 2>&1 &',
      );
      const ran = await lab.apply(tasks('- apt: {name: tree, lock_timeout: 60}'));
      expect(failures(ran)).toEqual([]);
    });
  });

  describe('become root', () => {
    beforeAll(async () => {
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(lab.folder, 'carol')]);
      const key = readFileSync(join(lab.folder, 'carol.pub'), 'utf8').trim();
      await everywhere(
        `useradd -m -s /bin/bash carol && echo 'carol:open sesame' | chpasswd && echo 'carol ALL=(ALL) ALL' > /etc/sudoers.d/carol && install -d -o carol -m 700 ~carol/.ssh && echo '${key}' > ~carol/.ssh/authorized_keys && chown carol ~carol/.ssh/authorized_keys`,
      );
    });
    const inventory = (vars: string): string => {
      const file = join(lab.folder, 'inventory', `carol-${Math.random().toString(36).slice(2)}.yml`);
      writeFileSync(
        file,
        `all:\n  vars: {lab_name: ${lab.name}, ansible_user: carol, ansible_ssh_private_key_file: '${join(lab.folder, 'carol')}'${vars}}\n  hosts:\n    d12: {ansible_host: ${NET}.12}\n    d13: {ansible_host: ${NET}.13}\n`,
      );
      return file;
    };
    const asRoot = tasks('- command: id -un\n  register: who\n- debug: msg="{{ who.stdout }}"');
    it('with the right password', async () => {
      const ran = await lab.apply(asRoot, { inventory: inventory(', ansible_become_password: open sesame') });
      expect(ran.events.filter((e) => e.type === 'message').map((e) => e.text)).toEqual(['root', 'root']);
      expect(JSON.stringify(ran.events)).not.toContain('open sesame');
    });
    it.each([
      ['a wrong password', ', ansible_become_password: open barley', 'E_SUDO_PASSWORD_WRONG', /password is wrong/],
      ['no password', '', 'E_SUDO_PASSWORD', /asks for a password/],
    ])('reports an error with %s', async (_, vars, code, message) => {
      const ran = await lab.apply(asRoot, { inventory: inventory(vars) });
      const told = ran.events.filter((e) => e.type === 'unreachable');
      expect(told).toHaveLength(2);
      for (const event of told)
        expect(event.diagnostic).toMatchObject({
          code,
          message: expect.stringMatching(message),
          hint: expect.any(String),
        });
    });
    it('requires the known host key', async () => {
      const other = await lab.root('d12', 'ssh-keygen -q -t ed25519 -N "" -f /root/other && cat /root/other.pub');
      writeFileSync(join(lab.folder, 'known'), `${NET}.12,${NET}.13 ${other.trim()}\n`);
      const file = inventory(`, bringup_known_hosts_file: '${join(lab.folder, 'known')}'`);
      writeFileSync(file, readFileSync(file, 'utf8').replace(/lab_name: [^,]+, /, ''));
      const ran = await lab.apply(asRoot, { inventory: file });
      for (const event of ran.events.filter((e) => e.type === 'unreachable')) {
        expect(event.diagnostic.message).toContain('NOT the known one');
        expect(event.diagnostic.detail).toMatch(/known is .*SHA256:[\s\S]*it shows .*SHA256:/);
      }
      expect(ran.recap.hosts.every((h) => h.unreachable)).toBe(true);
    });
  });

  describe('reach hosts', () => {
    const key = join(lab.folder, 'locked');
    const inventory = (name: string, vars: string): string => {
      const file = join(lab.folder, 'inventory', `${name}.yml`);
      const known = join(dirname(labKey), 'known_hosts');
      writeFileSync(
        file,
        `all:\n  vars: {ansible_user: ops, bringup_known_hosts_file: '${known}'}\n  hosts:\n    d13: {ansible_host: ${NET}.13${vars}}\n`,
      );
      return file;
    };
    let labKey = '';
    const who = tasks('- command: hostname\n  register: who\n- debug: msg="{{ who.stdout }}"');
    const said = (ran: Ran): readonly string[] => ran.events.flatMap((e) => (e.type === 'message' ? [e.text] : []));
    beforeAll(async () => {
      labKey = (await connection(lab.name, 'd13')).privateKeyFile;
    });

    it('through a jump host, whose key is verified too', async () => {
      const file = inventory(
        'jump',
        `, ansible_ssh_private_key_file: '${labKey}', ansible_ssh_common_args: '-J ops@${NET}.12'`,
      );
      expect(said(await lab.apply(who, { inventory: file }))).toHaveLength(1);
      const other = inventory(
        'jump2',
        `, ansible_ssh_private_key_file: '${labKey}', ansible_ssh_common_args: '-J ops@${NET}.1'`,
      );
      expect((await lab.apply(who, { inventory: other })).recap.hosts[0]?.unreachable).toBe(true);
    });

    it('with an encrypted key that the agent holds; without the agent an error names the key', async () => {
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'sesame', '-f', key]);
      await lab.root('d13', `echo '${readFileSync(`${key}.pub`, 'utf8').trim()}' >> ~ops/.ssh/authorized_keys`);
      const locked = await lab.apply(who, {
        inventory: inventory('locked', `, ansible_ssh_private_key_file: '${key}'`),
      });
      expect(locked.events.find((e) => e.type === 'unreachable')?.diagnostic).toMatchObject({
        message: expect.stringContaining('is protected by a passphrase'),
        hint: expect.stringContaining('ssh-add'),
      });
      const agent = spawnSync('ssh-agent', ['-s'], { encoding: 'utf8' }).stdout;
      const [, socket = ''] = /SSH_AUTH_SOCK=([^;]+)/.exec(agent) ?? [];
      const [, pid = ''] = /SSH_AGENT_PID=(\d+)/.exec(agent) ?? [];
      const askpass = join(lab.folder, 'askpass');
      writeFileSync(askpass, '#!/bin/sh\necho sesame\n', { mode: 0o700 });
      const before = process.env['SSH_AUTH_SOCK'];
      try {
        spawnSync('ssh-add', [key], {
          env: {
            ...process.env,
            SSH_AUTH_SOCK: socket,
            SSH_ASKPASS: askpass,
            SSH_ASKPASS_REQUIRE: 'force',
            DISPLAY: ':0',
          },
        });
        process.env['SSH_AUTH_SOCK'] = socket;
        expect(said(await lab.apply(who, { inventory: inventory('agent', '') }))).toHaveLength(1);
      } finally {
        if (before === undefined) delete process.env['SSH_AUTH_SOCK'];
        else process.env['SSH_AUTH_SOCK'] = before;
        process.kill(Number(pid));
      }
    });

    it('reports which host does not answer', async () => {
      const file = inventory('away', `, ansible_ssh_private_key_file: '${labKey}', ansible_timeout: 2`);
      writeFileSync(file, readFileSync(file, 'utf8').replace(`${NET}.13`, `${NET}.99`));
      const { diagnostic } =
        (await lab.apply(who, { inventory: file })).events.find((e) => e.type === 'unreachable') ?? {};
      expect(diagnostic?.message).toMatch(/d13 \(10\.88\.4\.99:22\): (no answer within 2 s|no route to host)/);
    });
  });

  it('compresses uploads that shrink, but no others, and none if the host has no gzip', async () => {
    const [text, noise] = [join(lab.folder, 'text'), join(lab.folder, 'noise')];
    writeFileSync(text, Array.from({ length: 120_000 }, (_, i) => `line ${i}, and one more\n`).join(''));
    writeFileSync(noise, randomBytes(4_000_000));
    const sumOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
    const sums = `${sumOf(text)}  /root/text\n${sumOf(noise)}  /root/noise`;
    const received = async (): Promise<readonly number[]> =>
      (await everywhere('cat /sys/class/net/host0/statistics/rx_bytes')).map(Number);
    /** Bytes that each host received for one of the files. */
    const sent = async (file: string): Promise<readonly number[]> => {
      const before = await received();
      expect(failures(await lab.apply(tasks(`- copy: {src: ${file}, dest: /root/}`)))).toEqual([]);
      return (await received()).map((bytes, i) => bytes - (before[i] ?? 0));
    };
    for (const bytes of await sent(text)) expect(bytes).toBeLessThan(statSync(text).size / 2);
    for (const bytes of await sent(noise)) expect(bytes).toBeGreaterThan(4_000_000);
    expect(await everywhere('sha256sum /root/text /root/noise')).toEqual([sums, sums]);
    await everywhere('rm /root/text; mv /usr/bin/gzip /root/');
    try {
      for (const bytes of await sent(text)) expect(bytes).toBeGreaterThan(statSync(text).size);
    } finally {
      await everywhere('mv /root/gzip /usr/bin/');
    }
    expect(await everywhere('sha256sum /root/text /root/noise')).toEqual([sums, sums]);
  });

  it('downloads without an HTTP client on the host', async () => {
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      response.statusCode = request.url === '/missing' ? 404 : 200;
      response.end('{"answer": 42}');
    });
    await new Promise<void>((resolve) => server.listen(0, `${NET}.1`, resolve));
    const url = `http://${NET}.1:${(server.address() as AddressInfo).port}`;
    try {
      const playbook = tasks(`
- get_url: {url: '${url}/file', dest: /root/fetched, mode: '0600'}
- uri: {url: '${url}/json', return_content: true}
  register: got
- assert: {that: got.json.answer == 42 and got.status == 200}
- uri: {url: '${url}/missing', status_code: 404}
`);
      const first = await lab.apply(playbook);
      expect(failures(first)).toEqual([]);
      expect(await everywhere('cat /root/fetched; stat -c " %a" /root/fetched')).toEqual([
        '{"answer": 42} 600',
        '{"answer": 42} 600',
      ]);
      expect(changed(await lab.apply(playbook))).toEqual([]);
      expect(failures(await lab.apply(tasks(`- uri: {url: '${url}/missing'}`)))).toHaveLength(2);
    } finally {
      server.close();
    }
  });

  it('reports a connection that breaks during a long command, and the next run continues', async () => {
    const cut = tasks('- command: sleep 20');
    const running = lab.apply(cut, { limit: 'd13' });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await lab.root('d13', "pkill -KILL -f 'sshd.*: ops' || :").catch(() => {});
    const ran = await running;
    expect(ran.recap.failed).toBe(true);
    expect(failures(ran)[0] ?? JSON.stringify(ran.events)).toMatch(/connection to d13 was lost/);
    expect(failures(await lab.apply(tasks('- command: "true"'), { limit: 'd13' }))).toEqual([]);
  });
});
