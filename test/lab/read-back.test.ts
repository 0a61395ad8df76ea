import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, twoDebians } from './support/rack.ts';

const NET = '10.83.122';
const HOSTS = ['d12', 'd13'];
const lab = twoDebians(NET);
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
const told = (ran: Ran): readonly string[] => ran.tasks.map((e) => `${e.task}: ${e.status}`).sort();
const both = <T>(...all: readonly T[]): readonly T[] => all.flatMap((one) => [one, one]);

function tasks(text: string, become = true): string {
  const file = join(lab.folder, `tasks-${Math.random().toString(36).slice(2)}.yml`);
  const head = `- hosts: all\n  become: ${become}\n  gather_facts: false\n  tasks:\n`;
  writeFileSync(file, `${head}${text.replace(/^/gm, '    ')}\n`);
  return file;
}
const unit = (name: string, text: string): string =>
  `printf '${text}' >/etc/systemd/system/${name}.service; systemctl daemon-reload\n`;

describe('the report on a change after it was made', () => {
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  it('fails with status and journal if a service dies at once', async () => {
    await everywhere(unit('dying', '[Service]\\nExecStart=/bin/sh -c "echo no config >&2; exit 3"\\n'));
    // The service may live for some milliseconds, so ExecStartPost waits until it is dead.
    await everywhere(
      `mkdir -p /etc/systemd/system/dying.service.d; printf '[Service]\\nExecStartPost=/bin/sh -c "while kill -0 $MAINPID; do :; done"\\n' >/etc/systemd/system/dying.service.d/wait.conf; systemctl daemon-reload`,
    );
    const ran = await lab.apply(tasks('- name: Start\n  systemd: {name: dying, state: started}'));
    expect(told(ran)).toEqual(both('Start: failed'));
    for (const { diagnostic } of ran.tasks) {
      expect(`${diagnostic?.message}\n${diagnostic?.detail}`).toMatch(/status=3/);
      expect(diagnostic?.detail).toContain('no config');
      expect(diagnostic?.hint ?? '').not.toContain('the other program');
    }
  });

  it('fails if a service that should stay up ends, even without an error', async () => {
    await everywhere(unit('short', '[Service]\\nExecStart=/bin/true\\nExecStartPost=/bin/sleep 0.5\\n'));
    const ran = await lab.apply(tasks('- name: Start\n  systemd: {name: short, state: started}'));
    expect(told(ran)).toEqual(both('Start: failed'));
    for (const { diagnostic } of ran.tasks)
      expect(diagnostic?.message).toBe(
        "the change ran, but the host still differs: short.service: wanted 'active', seen 'inactive'",
      );
  });

  it('warns if a condition of the unit is not met, and starts the unit once it is', async () => {
    await everywhere(
      unit('wary', '[Unit]\\nConditionPathExists=/root/ready\\n[Service]\\nExecStart=/bin/sleep inf\\n'),
    );
    const playbook = tasks('- name: Start\n  systemd: {name: wary, state: started}');
    const ran = await lab.apply(playbook);
    expect(told(ran)).toEqual(both('Start: changed'));
    const warnings = ran.events.flatMap((e) => (e.type === 'message' ? [e.text] : []));
    expect(warnings).toEqual(
      both(
        'warning: wary.service was not started, as a condition of the unit is not met: ConditionPathExists=/root/ready',
      ),
    );
    await everywhere('touch /root/ready');
    expect(told(await lab.apply(playbook))).toEqual(both('Start: changed'));
    expect(await everywhere('systemctl is-active wary')).toEqual(both('active'));
    expect(told(await lab.apply(playbook))).toEqual(both('Start: ok'));
  });

  it('accepts what Ansible accepts as done', async () => {
    await everywhere(
      [
        unit('once', '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n'),
        unit('real', '[Service]\\nExecStart=/bin/sleep inf\\n[Install]\\nWantedBy=multi-user.target\\n'),
        unit('other', '[Service]\\nExecStart=/bin/sleep inf\\n[Install]\\nAlso=real.service\\n'),
        unit('brief', '[Service]\\nExecStart=/bin/sleep inf\\n[Install]\\nWantedBy=multi-user.target\\n'),
        unit('inst@', '[Service]\\nExecStart=/bin/sleep inf\\n[Install]\\nWantedBy=multi-user.target\\n'),
        "systemctl enable --runtime brief inst@a 2>&1; groupadd -g 4321 numbered; useradd -m moved; printf 'a\\nb\\n' >/root/text",
      ].join(''),
    );
    const playbook = tasks(`- name: Not idempotent
  replace: {path: /root/text, regexp: '^(.+)$', replace: '"\\1"'}
- name: Home
  user: {name: moved, home: /srv/moved}
- name: Groups
  user: {name: moved, groups: ['4321']}
- name: Oneshot
  systemd: {name: once, state: started}
- name: Indirect
  systemd: {name: other, enabled: true}
- name: Runtime
  systemd: {name: brief, enabled: false}
- name: Instance
  systemd: {name: inst@a, enabled: true}`);
    const ran = await lab.apply(playbook);
    const names = ['Groups', 'Home', 'Indirect', 'Instance', 'Not idempotent', 'Oneshot', 'Runtime'];
    expect(ran.tasks.map((e) => e.diagnostic?.message).filter((m) => m !== undefined)).toEqual([]);
    expect(told(ran)).toEqual(both(...names.map((name) => `${name}: changed`)));
    expect(
      await everywhere(
        'cat /root/text; id -Gn moved; stat -c %U /srv/moved; systemctl is-enabled real brief inst@a; ls -l /etc/systemd/system/multi-user.target.wants | grep -c inst@a',
      ),
    ).toEqual(both('"a"\n"b"\nmoved numbered\nmoved\nenabled\ndisabled\nenabled\n1'));
    const again = (await lab.apply(playbook)).tasks.filter((e) => e.status === 'changed').map((e) => e.task);
    expect(again.sort()).toEqual(both('Indirect', 'Not idempotent', 'Oneshot'));
  });

  it('suggests become if the login user lacks permission', async () => {
    const ran = await lab.apply(tasks('- name: Restart\n  systemd: {name: systemd-logind, state: restarted}\n', false));
    for (const { diagnostic } of ran.tasks) {
      expect(diagnostic?.message).toContain('permission denied for user');
      expect(diagnostic?.hint).toBe('add `become: true` to the task or the play');
    }
    const file = await lab.apply(tasks('- name: Write\n  copy: {dest: /etc/mine, content: x}\n', false));
    expect(file.tasks.map((e) => e.diagnostic?.hint)).toEqual(both('add `become: true` to the task or the play'));
  });
});
