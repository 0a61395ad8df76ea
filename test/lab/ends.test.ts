import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bringup, type Running, until } from './support/command.ts';
import { twoDebians } from './support/rack.ts';

// How a run ends, and what the next run finds. Judged on the hosts, over the system's own ssh.
const NET = '10.83.131';
const lab = twoDebians(NET);
const HOSTS = ['d12', 'd13'];
/** The number of pairs of runs that start together: a few in each test run, more for a measurement. */
const PAIRS = Number(process.env['PAIRS'] ?? 5);
let count = 0;
function playbook(tasks: string, head = 'become: true'): string {
  const file = join(lab.folder, `play-${++count}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  gather_facts: false\n  ${head}\n  tasks:\n${tasks.trim().replace(/^/gm, '    ')}\n`,
  );
  return file;
}
const apply = (file: string, ...more: string[]): Running => bringup(['apply', file, '-i', lab.inventory, ...more]);
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
const onEach = (text: string): readonly string[] => HOSTS.map(() => text);
/** A task that runs until /tmp/go exists: `validate` delays a copy before it is renamed into place. */
const HELD = `- {name: Held back, copy: {dest: /etc/held, content: "%%\\n", validate: 'sh -c "touch /tmp/at-work; until [ -e /tmp/go ]; do sleep 0.2; done" %s'}}`;
const held = (content: string): string => HELD.replace('%%', content);
const atWork = (): Promise<void> =>
  until('the script is at work on both hosts', async () =>
    (await everywhere('test -e /tmp/at-work && echo yes || :')).every((said) => said === 'yes'),
  );
const clear = (): Promise<readonly string[]> => everywhere('rm -f /tmp/at-work /tmp/go /etc/held');
const leftBehind = `ls -A /run/bringup 2>/dev/null; find / -xdev -name '.bringup-*' 2>/dev/null; ls /var/lib/bringup 2>/dev/null; pgrep -f 'until \\[ -e /tmp/go' || :`;
const nothingLeft = (): Promise<void> =>
  until(
    'nothing is left on the hosts',
    async () => (await everywhere(leftBehind)).join('') === '',
    async () => (await everywhere(leftBehind)).join('\n'),
  );

describe('the end of a run', () => {
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  it.each([
    ['SIGINT', 'become: true'],
    ['SIGTERM', 'become: true'],
    ['SIGHUP', 'become: false'],
  ] as const)(
    '%s ends all processes on the hosts (%s), is reported, and nothing runs afterwards',
    async (signal, head) => {
      await clear();
      const task = head === 'become: true' ? held(signal) : held(signal).replace('/etc/held', '/tmp/held');
      const run = apply(playbook(task, head));
      await atWork();
      run.child.kill(signal);
      expect(await run.ended).toBe(130);
      for (const host of HOSTS)
        expect(run.said()).toMatch(
          new RegExp(`${host}  interrupted in Held back: create /\\w+/held: its processes were ended`),
        );
      await everywhere('touch /tmp/go');
      await nothingLeft();
      expect(await everywhere('ls /etc/held /tmp/held 2>/dev/null || :')).toEqual(onEach(''));
      const again = apply(playbook(task, head));
      expect(await again.ended, again.said()).toBe(0);
      expect(again.said()).not.toContain('waiting');
      await everywhere('rm -f /tmp/held');
    },
  );

  it('lets an account that is being made be finished, with its home directory', async () => {
    await clear();
    const slow = '#!/bin/sh\ntouch /tmp/at-work\nsleep 1\n/usr/sbin/useradd "$@"; x=$?\nsleep 1\nexit $x\n';
    await everywhere(
      `printf '${slow.replaceAll('\n', '\\n')}' >/usr/local/sbin/useradd; chmod 755 /usr/local/sbin/useradd`,
    );
    const run = apply(playbook('- {name: Create the account, user: {name: late, home: /srv/late}}'));
    await atWork();
    run.child.kill('SIGINT');
    expect(await run.ended, run.said()).toBe(130);
    await everywhere('rm /usr/local/sbin/useradd');
    const again = apply(
      playbook(
        '- {name: Create the accounts, user: {name: "{{ item }}", home: "/srv/{{ item }}"}, loop: [late, other]}',
      ),
    );
    expect(await again.ended, again.said()).toBe(0);
    const homes = await everywhere(
      'for u in late other; do stat -c "%a %F" /srv/$u; ls -A /srv/$u | xargs; done | sort -u | wc -l',
    );
    expect(homes).toEqual(onEach('2')); // a mode and a list of files: the same for both
    await everywhere('userdel -r late; userdel -r other; :');
  });

  it('a timeout ends the script and fails the task, and the host stays reachable', async () => {
    await clear();
    const file = playbook(`
- {name: Too slow, shell: 'touch /tmp/at-work; until [ -e /tmp/go ]; do sleep 0.2; done; touch /tmp/late', timeout: 3, ignore_errors: true, register: r}
- {name: Go on, copy: {dest: /tmp/went-on, content: "{{ r.msg }}"}}
`);
    const run = apply(file);
    expect(await run.ended, run.said()).toBe(0);
    expect(run.said()).toContain('timed out after 3 s');
    expect(run.said()).toContain('its processes on the host were ended');
    expect(run.said()).not.toContain('UNREACHABLE');
    await everywhere('touch /tmp/go');
    await nothingLeft();
    expect(await everywhere('ls /tmp/late 2>/dev/null; grep -c "timed out" /tmp/went-on')).toEqual(onEach('1'));
  });

  it('the next run waits for the script of a killed controller, and its own content wins', async () => {
    await clear();
    const old = apply(playbook(held('old')));
    await atWork();
    old.child.kill('SIGKILL');
    await old.ended;
    const next = apply(playbook('- {name: Newer, copy: {dest: /etc/held, content: "new\\n"}}'));
    await until(
      'it says for whom it waits',
      () => HOSTS.some((host) => next.said().includes(`${host}  waiting up to`)), // a run that waits for one host may not have asked the other yet
    );
    expect(next.said()).toMatch(/waiting up to .* for root@\S+ since [\d-]+ [\d:]+ UTC \(apply .*play-\d+\.yml\)/);
    expect(await everywhere('cat /etc/held 2>/dev/null || :')).toEqual(onEach(''));
    await everywhere('touch /tmp/go');
    expect(await next.ended, next.said()).toBe(0);
    expect(await everywhere('cat /etc/held')).toEqual(onEach('new'));
    await nothingLeft();
  });

  it('two runs take turns; a plan waits for nobody; a run that waits too long reports who locks the host', async () => {
    await clear();
    const first = apply(playbook(held('first')));
    await atWork();
    const file = playbook('- {name: Second, copy: {dest: /etc/held, content: "second\\n"}}');
    const impatient = apply(file, '--lock-wait', '1');
    expect(await impatient.ended, impatient.said()).toBe(4);
    expect(impatient.said()).toMatch(/E_LOCKED: d12 is locked by root@\S+ since .*play-\d+\.yml/);
    const plan = bringup(['plan', file, '-i', lab.inventory]);
    expect(await plan.ended, plan.said()).toBe(0);
    const second = apply(file);
    await until('it waits', () => HOSTS.some((host) => second.said().includes(`${host}  waiting`)));
    await everywhere('touch /tmp/go');
    expect(await first.ended, first.said()).toBe(0);
    expect(await second.ended, second.said()).toBe(0);
    expect(await everywhere('cat /etc/held')).toEqual(onEach('second'));
    await nothingLeft();
  });

  it('a run that waits for an older one also releases the hosts on which it is done', async () => {
    await clear();
    const [begun, goOn] = ['begun', 'go-on'].map((name) => join(lab.folder, name)) as [string, string];
    const file = (name: string, plays: readonly (readonly [host: string, task: string])[]): string => {
      const path = join(lab.folder, `${name}.yml`);
      const texts = plays.map(
        ([host, task]) =>
          `- hosts: ${host}\n  gather_facts: false\n  become: ${host !== 'here'}\n  tasks:\n    ${task}\n`,
      );
      writeFileSync(path, texts.join(''));
      return path;
    };
    const copy = (who: string): string => `- {name: Copy, copy: {dest: /etc/${who}, content: "${who}\\n"}}`;
    // A local host in the first play delays the older run before it locks another host.
    const inventory = join(lab.folder, 'inventory', 'with-here.yml');
    const here = `    here: {ansible_connection: local}\n`;
    writeFileSync(
      inventory,
      readFileSync(lab.inventory, 'utf8').replace(/^ {2}hosts:\n/m, (head) => head + here),
    );
    const olderRun = (plays: string): Running => bringup(['apply', plays, '-i', inventory]);
    const older = olderRun(
      file('older', [
        ['here', `- {name: Begin, shell: 'touch ${begun}; until [ -e ${goOn} ]; do sleep 0.2; done'}`],
        ['d12', held('older')],
        ['d13', copy('older')],
        ['d12', copy('older')],
      ]),
    );
    await until('the older run has begun', () => existsSync(begun));
    const younger = apply(
      file('younger', [
        ['d13', held('younger')],
        ['d12', copy('younger')],
        ['d13', copy('younger')],
      ]),
    );
    const isAtWork = async (host: string): Promise<boolean> =>
      (await lab.root(host, 'test -e /tmp/at-work && echo yes || :')).trim() === 'yes';
    await until('the younger run is at work on d13', () => isAtWork('d13'));
    writeFileSync(goOn, '');
    await until('the older run is at work on d12', () => isAtWork('d12'));
    await lab.root('d13', 'touch /tmp/go');
    await until('the younger run waits for d12', () => younger.said().includes('d12  waiting up to'));
    await lab.root('d12', 'touch /tmp/go');
    expect(await older.ended, older.said()).toBe(0);
    expect(await younger.ended, younger.said()).toBe(0);
    expect(await everywhere('cat /etc/older /etc/younger; rm /etc/older /etc/younger')).toEqual(
      onEach('older\nyounger'),
    );
    await nothingLeft();
  });

  it('pairs of runs over several plays that start together both end, and their changes do not mix', async () => {
    // Each play is a barrier, so each run could hold the host that the other one waits for.
    const plays = (who: string): string => {
      const file = join(lab.folder, `pair-${who}.yml`);
      const tasks = [1, 2, 3].map((n) => `    - copy: {dest: /etc/pair-%%-${n}, content: "${who}\\n"}\n`).join('');
      const play = (name: string): string =>
        `- hosts: all\n  gather_facts: false\n  become: true\n  tasks:\n${tasks.replaceAll('%%', name)}`;
      writeFileSync(file, play('a') + play('b'));
      return file;
    };
    const files = [plays('one'), plays('two')];
    for (let round = 0; round < PAIRS; round++) {
      await everywhere('rm -f /etc/pair-*');
      const runs = files.map((file) => apply(file));
      for (const run of runs) expect(await run.ended, run.said()).toBe(0);
      for (const seen of await everywhere('sort -u /etc/pair-a-* /etc/pair-b-*'))
        expect(['one', 'two']).toContain(seen);
    }
    await everywhere('rm -f /etc/pair-*');
    await nothingLeft();
  });

  it('a run waits for cloud-init, which sets a new host up', async () => {
    await clear();
    await everywhere('mkdir -p /run/cloud-init; touch /run/cloud-init/status.json'); // as cloud-init does when it starts
    const run = apply(playbook('- {name: After it, copy: {dest: /etc/held, content: "x"}}'));
    await until('it says for whom it waits', () =>
      HOSTS.every((host) => run.said().includes(`${host}  waiting up to`)),
    );
    expect(run.said()).toContain('for cloud-init, which has not ended its work of this boot');
    expect(await everywhere('cat /etc/held 2>/dev/null || :')).toEqual(onEach(''));
    await everywhere('touch /run/cloud-init/result.json');
    expect(await run.ended, run.said()).toBe(0);
    // A cloud-init that failed long ago does not block a run.
    await everywhere('rm /run/cloud-init/result.json; touch -d "1 hour ago" /run/cloud-init/status.json');
    const later = apply(playbook('- {name: Later, copy: {dest: /etc/held, content: "y"}}'), '--lock-wait', '1');
    expect(await later.ended, later.said()).toBe(0);
    await everywhere('rm -r /run/cloud-init');
  });

  it('a run takes over a lock whose controller is gone, and reports it', async () => {
    await clear();
    const idle = apply(
      playbook(
        '- {name: First, copy: {dest: /etc/held, content: a}}\n- {name: Rest, pause: {seconds: 600}}'.replace(
          /- \{name: Rest.*/,
          '- {name: Rest, command: /bin/true, register: r, until: r.rc == 1, retries: 500, delay: 5}',
        ),
      ),
    );
    await until('the first task is done', async () =>
      (await everywhere('cat /etc/held 2>/dev/null || :')).every((text) => text === 'a'),
    );
    idle.child.kill('SIGSTOP'); // like a laptop that sleeps: its connections stay open, but it sends nothing
    try {
      await until('its shells are idle', async () =>
        (await everywhere('cat /run/bringup/[0-9]*')).every((text) => text.endsWith('idle')),
      );
      await everywhere('touch -d "10 minutes ago" /run/bringup/[0-9]*'); // as if it had been silent for that long
      const next = apply(playbook('- {name: Next, copy: {dest: /etc/held, content: b}}'));
      expect(await next.ended, next.said()).toBe(0);
      for (const host of HOSTS)
        expect(next.said()).toMatch(new RegExp(`${host}  took over the lock of a dead run: root@`));
    } finally {
      idle.child.kill('SIGKILL');
      await idle.ended;
    }
    expect(await everywhere('cat /etc/held')).toEqual(onEach('b'));
    await nothingLeft();
  });

  it('a run waits for its own script after the connection broke, then continues', async () => {
    await clear();
    const run = apply(playbook(held('once')));
    await atWork();
    // The sessions of the run end but the script goes on, as when a network link is cut.
    await everywhere(
      `ss -Htnp state established '( sport = :22 )' | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u | grep -vx "$(ps -o ppid= -p $PPID | tr -d ' ')" | grep -vx $PPID | xargs -r kill -9`,
    ).catch(() => []);
    await until('it waits for its own script', () => HOSTS.every((host) => run.said().includes(`${host}  waiting`)));
    expect(run.said()).toContain('an earlier script of this run');
    await everywhere('touch /tmp/go');
    expect(await run.ended, run.said()).toBe(0);
    expect(await everywhere('cat /etc/held')).toEqual(onEach('once'));
    await nothingLeft();
  });

  it('the next run removes what a killed shell left', async () => {
    await clear();
    const run = apply(playbook(held('lost')));
    await atWork();
    run.child.kill('SIGKILL');
    await run.ended;
    // Kills everything at once, as when memory runs out, so that nothing can clean up.
    await everywhere(
      `for f in /run/bringup/[0-9]*; do case \${f##*/} in *[!0-9]*) ;; *) kill -KILL -$(ps -o pgid= -p \${f##*/} | tr -d ' ') ;; esac; done`,
    );
    const stray = await everywhere(`find / -xdev -name '.bringup-*' 2>/dev/null | head -1`);
    expect(stray.every((path) => path !== '')).toBe(true);
    const next = apply(playbook('- {name: Other, copy: {dest: /tmp/other, content: x}}'));
    expect(await next.ended, next.said()).toBe(0);
    await nothingLeft();
  });

  it('a background process of a task cannot write into later answers, not even as another user', async () => {
    const file = playbook(`
- {name: Leave, shell: '(for i in $(seq 100); do echo forged; echo sum 0; sleep 0.1; done) & echo left', become_user: nobody, register: left}
- {name: Mine, shell: 'sleep 2; echo mine', register: mine}
- {name: Content, copy: {dest: /tmp/content, content: "{{ left.stdout_lines[0] }} {{ mine.stdout }}\\n"}}
`);
    const run = apply(file);
    expect(await run.ended, run.said()).toBe(0);
    expect(await everywhere('cat /tmp/content')).toEqual(onEach('left mine'));
  });

  it('closing the output ends the output, not the run', async () => {
    await everywhere('rm -f /tmp/done-*');
    const tasks = Array.from({ length: 30 }, (_, i) => `- {name: T${i}, copy: {dest: /tmp/done-${i}, content: x}}`);
    const run = apply(playbook(tasks.join('\n')), '-o', 'json');
    run.child.stdout?.destroy();
    run.child.stderr?.destroy();
    expect(await run.ended).toBe(0);
    expect(await everywhere('ls /tmp/done-* | wc -l')).toEqual(onEach('30'));
  });

  it('the output of a command that never stops printing is cut to its beginning and end', async () => {
    const file = playbook(`
- {name: Chatty, shell: 'echo begin; head -c 60000000 /dev/zero | tr "\\\\0" x; echo; echo end', register: r}
- {name: Both ends, assert: {that: ["r.stdout.startswith('begin')", "r.stdout.endswith('end')", "r.stdout | length < 17000000"]}}
`);
    const run = apply(file);
    expect(await run.ended, run.said().slice(-2000)).toBe(0);
  });
});
