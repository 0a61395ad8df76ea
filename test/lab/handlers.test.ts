import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Ran, twoDebians } from './support/rack.ts';

const NET = '10.83.111';
const lab = twoDebians(NET);
const HOSTS = ['d12', 'd13'];
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
const failures = (ran: Ran): readonly string[] =>
  ran.tasks.filter((e) => e.status === 'failed').map((e) => `${e.host} ${e.task}: ${e.diagnostic?.message}`);
const WAITING = 'cut -f 3 /var/lib/bringup/handlers/* 2>/dev/null || :';
const HOMES = 'ls -d /root/.local /home/*/.local 2>/dev/null || :';

const write = (name: string, text: string): string => {
  const file = join(lab.folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
};

/** The command in a process of its own, so that it can be killed. */
function started(playbook: string, cwd: string): ChildProcess {
  const main = resolve('src/main.ts');
  const tsx = resolve('node_modules/tsx/dist/cli.mjs');
  return spawn(process.execPath, [tsx, main, 'apply', playbook, '-i', lab.inventory, '-o', 'plain'], {
    cwd,
    stdio: 'ignore',
  });
}

describe('handlers that wait on a host', () => {
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  it('survive a killed run, edits above them, a moved directory and another checkout', async () => {
    const site = (above: string, slow: string): string => `${above}- hosts: all
  become: true
  tasks:
    - copy: {dest: /srv/one, content: x}
      notify: restart one
    - command: echo changed
      register: said
      changed_when: "'changed' in said.stdout"
      notify: restart two
    - copy: {dest: /srv/three, content: x}
      become_user: nobody
      when: false
      notify: restart two
    - shell: "touch /srv/reached; ${slow}"
      changed_when: false
  handlers:
    - {name: restart one, shell: echo one >>/srv/log}
    - {name: "restart {{ 'two' }}", shell: echo two >>/srv/log}
`;
    write('checkout/ansible.cfg', '');
    const first = write('checkout/site.yml', site('', 'sleep 600'));
    const run = started(first, join(lab.folder, 'checkout'));
    await vi.waitFor(async () => expect(await everywhere('ls /srv/reached')).toHaveLength(2), {
      timeout: 120_000,
      interval: 500,
    });
    run.kill('SIGKILL');
    await everywhere('pkill -f "sleep 60[0]" || :');
    expect(await everywhere(WAITING)).toEqual(Array(2).fill("restart one\nrestart {{ 'two' }}"));
    renameSync(join(lab.folder, 'checkout'), join(lab.folder, 'elsewhere'));
    const again = write(
      'elsewhere/site.yml',
      site('# One line more.\n\n', 'true').replace('echo changed', 'echo same'),
    );
    const ran = await lab.apply(again);
    expect(failures(ran)).toEqual([]);
    expect(await everywhere('cat /srv/log')).toEqual(Array(2).fill('one\ntwo'));
    expect(await everywhere('ls /var/lib/bringup/handlers 2>&1 | grep -c "No such"')).toEqual(['1', '1']);
    expect((await lab.apply(again)).tasks.filter((t) => t.isHandler)).toEqual([]);
    expect(await everywhere('cat /srv/log')).toEqual(Array(2).fill('one\ntwo'));
    expect(await everywhere(HOMES)).toEqual(['', '']);
  });

  it('do not stop a run before the task that fixes them', async () => {
    const conf = write('conf', 'bad\n');
    const play = write(
      'mend.yml',
      `- hosts: all
  become: true
  gather_facts: false
  pre_tasks:
    - command: /bin/true
      changed_when: false
  tasks:
    - set_fact: {word: given}
    - copy: {src: ${conf}, dest: /srv/conf}
      notify: check
  handlers:
    - {name: check, shell: "grep good /srv/conf && echo {{ word }} >/srv/checked"}
`,
    );
    expect(failures(await lab.apply(play))).toHaveLength(2);
    expect(await everywhere(WAITING)).toEqual(['check', 'check']);
    writeFileSync(conf, 'good\n');
    expect(failures(await lab.apply(play))).toEqual([]);
    expect(await everywhere('cat /srv/checked')).toEqual(['given', 'given']);
    const converged = await lab.apply(play);
    expect(converged.recap.hosts.map((h) => h.changed)).toEqual([0, 0]);
  });

  it("wait in the login user's home without root, and in root's directory otherwise", async () => {
    const play = (become: string, name: string): string =>
      write(
        name,
        `- hosts: all
  gather_facts: false
${become}  tasks:
    - shell: echo x
      notify: h
    - fail: {msg: stop}
  handlers:
    - {name: h, command: echo}
`,
      );
    await lab.apply(play('', 'login.yml'));
    expect(await everywhere(WAITING)).toEqual(['', '']);
    expect(await everywhere('cut -f 3 /home/*/.local/state/bringup/handlers/*')).toEqual(['h', 'h']);
    await everywhere('rm -r /home/*/.local');
    await lab.apply(play('  become: true\n  become_user: nobody\n', 'nobody.yml'));
    expect(await everywhere(WAITING)).toEqual(['h', 'h']);
    expect(await everywhere(HOMES)).toEqual(['', '']);
    await everywhere('rm -r /var/lib/bringup');
  });
});
