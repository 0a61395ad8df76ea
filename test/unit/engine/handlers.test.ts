import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { projectDir } from '../../../src/cli/project.ts';
import { type Project, play, project, TWO_HOSTS } from '../support/project.ts';

const log = (p: Project): string => (existsSync(p.path('log')) ? p.read('log') : '');
/** This project's notes of waiting handlers on this machine, by inventory name. */
const waiting = (p: Project): readonly string[] => {
  const folder = '/var/lib/bringup/handlers';
  const word = p.folder.split('/').at(-1);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`${word}/`))
      .map((line) => `${name} ${line.split('\t').slice(1).join(' | ')}`),
  );
};
const told = (p: Project, name: string): string =>
  `  handlers:\n    - {name: ${name}, shell: echo ${name} >> ${p.folder}/log}\n`;
const STOP = '- fail: {msg: stop}\n  when: not go | bool';
const GO = { extraVars: ['go=true'] };
const NO_GO = { extraVars: ['go=false'] };

describe('a handler that waits on its host', () => {
  /** The first run fails after `task` has notified 'h'; the second one succeeds. */
  const twoRuns = async (task: string, files: Record<string, string> = {}): Promise<string> => {
    const p = project(files);
    p.write({ 'site.yml': play(`${task}\n${STOP}`) + told(p, 'h') });
    expect((await p.apply(NO_GO)).recap.failed).toBe(true);
    expect(log(p)).toBe('');
    expect(waiting(p)).toHaveLength(1);
    expect((await p.apply(GO)).recap.failed).toBe(false);
    expect(waiting(p)).toEqual([]);
    return log(p);
  };
  const COPY = "copy: {dest: '{T}/f', content: x}\n  notify: h";

  it('runs once in the next run', async () => expect(await twoRuns(`- ${COPY}`)).toBe('h\n'));
  it('is recorded if changed_when decided that it is notified', async () =>
    expect(
      await twoRuns(
        "- shell: test -e {T}/f && echo same || touch {T}/f\n  register: r\n  changed_when: r.stdout != 'same'\n  notify: h",
      ),
    ).toBe('h\n'));
  it('is recorded if changed_when is simply true', async () =>
    expect(
      await twoRuns("- copy: {dest: '{T}/f', content: x}\n  changed_when: true\n  when: not go | bool\n  notify: h"),
    ).toBe('h\n'));
  it('is recorded if the change was made on another host', async () =>
    expect(await twoRuns(`- ${COPY}\n  delegate_to: localhost`)).toBe('h\n'));
  it('is recorded if a loop on another host notified it', async () =>
    expect(
      await twoRuns(
        "- copy: {dest: '{T}/f{{ item }}', content: x}\n  loop: [1, 2]\n  delegate_to: localhost\n  notify: h",
      ),
    ).toBe('h\n'));
  it('is not recorded by a change that was only planned', async () => {
    const p = project({});
    p.write({
      'site.yml':
        play("- copy: {dest: '{T}/f', content: x}\n  changed_when: false\n  notify: h\n- fail: {msg: stop}") +
        told(p, 'h'),
    });
    await p.apply();
    expect(waiting(p)).toEqual([]);
  });

  it('may have a template as its name, or a topic and no name', async () => {
    const p = project({
      'site.yml': `${play(`- copy: {dest: '{T}/f', content: x}\n  notify: [restart web, topic]\n${STOP}`, 'vars: {service: web}')}  handlers:
    - {name: "restart {{ service }}", shell: echo named >> {T}/log}
    - {listen: topic, shell: echo one >> {T}/log}
    - {listen: topic, shell: echo two >> {T}/log}
`,
    });
    await p.apply(NO_GO);
    expect(waiting(p)).toHaveLength(3);
    await p.apply(GO);
    expect(log(p)).toBe('named\none\ntwo\n');
    expect(waiting(p)).toEqual([]);
  });

  it('may belong to an included role', async () => {
    const p = project({
      'site.yml': play(`- include_role: {name: "{{ 'app' }}"}\n${STOP}`),
      'roles/app/tasks/main.yml': "- copy: {dest: '{T}/f', content: x}\n  notify: h\n",
      'roles/app/handlers/main.yml': '- {name: h, shell: "echo {{ role_name }} >> {T}/log"}\n',
    });
    await p.apply(NO_GO);
    expect(waiting(p)).toEqual(['a all | app : h | tasks | app : copy']);
    const ran = await p.apply(GO);
    expect(log(p)).toBe('app\n');
    expect(ran.recap.hosts[0]?.failed).toBe(0);
    expect(waiting(p)).toEqual([]);
  });

  it('is found after lines were added above it, and from another directory', async () => {
    const p = project({});
    const site = (above: string): string =>
      play(`${above}- copy: {dest: '{T}/f', content: x}\n  notify: h\n${STOP}`) + told(p, 'h');
    p.write({ 'site.yml': site('') });
    await p.apply(NO_GO);
    p.write({ 'site.yml': `# A comment\n\n${site('- debug: {msg: one more}\n')}` });
    const before = process.cwd();
    process.chdir('/');
    try {
      await p.apply(GO);
    } finally {
      process.chdir(before);
    }
    expect(log(p)).toBe('h\n');
    expect(waiting(p)).toEqual([]);
  });

  it('is not run by another playbook with a handler of that name', async () => {
    const p = project({ 'site.yml': '- import_playbook: one.yml\n' });
    const site = (word: string): string =>
      `${play(`- copy: {dest: '{T}/f', content: x}\n  notify: h\n${STOP}`)}  handlers:\n    - {name: h, shell: echo ${word} >> {T}/log}\n`;
    p.write({ 'one.yml': site('first'), 'two.yml': site('second') });
    await p.apply(NO_GO);
    p.write({ 'site.yml': '- import_playbook: two.yml\n' });
    await p.apply(GO);
    expect(log(p)).toBe('');
    p.write({ 'site.yml': '- import_playbook: one.yml\n' });
    await p.apply(GO);
    expect(log(p)).toBe('first\n');
  });

  it('belongs to an inventory name, not to the machine', async () => {
    const p = project({ 'hosts.yml': TWO_HOSTS });
    p.write({
      'site.yml': `${play(`- copy: {dest: '{T}/f', content: x}\n  notify: h\n  when: inventory_hostname == 'a'\n${STOP}`)}  handlers:\n    - {name: h, shell: "echo {{ inventory_hostname }} >> {T}/log"}\n`,
    });
    await p.apply(NO_GO);
    await p.apply(GO);
    expect(log(p)).toBe('a\n');
  });

  it('runs after the task that notified it, because that task may fix its failure', async () => {
    const p = project({
      'site.yml': `- hosts: all
  gather_facts: false
  pre_tasks:
    - debug: {msg: before}
    - meta: flush_handlers
  tasks:
    - set_fact: {word: given}
    - meta: flush_handlers
    - copy: {src: '{T}/conf', dest: '{T}/installed'}
      notify: h
    - meta: flush_handlers
    - shell: echo after >> {T}/log
  handlers:
    - {name: h, shell: 'grep good {T}/installed && echo {{ word }} >> {T}/log'}
`,
      conf: 'bad\n',
    });
    expect((await p.apply()).recap.failed).toBe(true);
    p.write({ conf: 'good\n' });
    const again = await p.apply();
    expect(again.recap.failed).toBe(false);
    expect(log(p)).toBe('given\nafter\n');
    expect(waiting(p)).toEqual([]);
  });

  it('does not stop the run if it fails again, because a later task may fix it', async () => {
    const p = project({
      'site.yml': `${play(`- copy: {dest: '{T}/f', content: x}\n  notify: h\n- meta: flush_handlers\n- shell: echo mended > {T}/mended\n  changed_when: false`)}  handlers:
    - {name: h, shell: test -e {T}/mended}
`,
    });
    expect((await p.apply()).recap.failed).toBe(true);
    const second = await p.apply();
    expect(second.recap.failed).toBe(true); // the failure is reported, and the run continues
    expect(existsSync(p.path('mended'))).toBe(true);
    expect(waiting(p)).toHaveLength(1);
    expect((await p.apply()).recap.failed).toBe(false);
    expect(waiting(p)).toEqual([]);
  });

  it('is reported and kept if no play defines it any more', async () => {
    const p = project({});
    p.write({ 'site.yml': play(`- copy: {dest: '{T}/f', content: x}\n  notify: h\n${STOP}`) + told(p, 'h') });
    await p.apply(NO_GO);
    p.write({ 'site.yml': play("- copy: {dest: '{T}/f', content: x}\n  notify: other") + told(p, 'other') });
    const ran = await p.apply();
    expect(ran.recap.failed).toBe(false);
    expect(ran.said).toEqual([expect.stringMatching(/^a: handler 'h' of play 'all' still waits on this host/)]);
    expect(waiting(p)).toHaveLength(1);
  });

  it('leaves nothing in the home of a user that a task becomes', async () => {
    const home = '/var/tmp/bringup-home-of-nobody';
    const p = project({
      'site.yml': `${play(`- shell: echo x\n  become: true\n  become_user: nobody\n  environment: {HOME: ${home}}\n  notify: h\n- fail: {msg: stop}`)}  handlers:\n    - {name: h, shell: echo}\n`,
    });
    await p.apply();
    expect(waiting(p)).toHaveLength(1);
    expect(existsSync(home)).toBe(false);
  });
});

describe('a playbook in its project', () => {
  it('has the same key in every checkout', () => {
    for (const mark of ['.git', 'ansible.cfg', 'inventory']) {
      const root = mkdtempSync(join(tmpdir(), 'bringup-checkout-'));
      onTestFinished(() => rmSync(root, { recursive: true, force: true }));
      mkdirSync(join(root, 'plays'));
      expect(projectDir(join(root, 'plays', 'site.yml'))).toBe(join(root, 'plays'));
      writeFileSync(join(root, mark), '');
      expect(projectDir(join(root, 'plays', 'site.yml'))).toBe(root);
    }
  });
});

describe('handlers of one play', () => {
  it('run once each even if they notify each other or themselves', async () => {
    const p = project({
      'site.yml': `${play('- command: echo\n  notify: one')}  handlers:
    - {name: one, shell: echo one >> {T}/log, notify: two}
    - {name: two, shell: echo two >> {T}/log, notify: [one, two]}
`,
    });
    expect((await p.apply()).recap.failed).toBe(false);
    expect(log(p)).toBe('one\ntwo\n');
    expect(waiting(p)).toEqual([]);
  });

  it('with one name: the last one runs; a role that is used twice runs its handler once', async () => {
    const p = project({
      'site.yml': `- hosts: all
  gather_facts: false
  tasks:
    - include_role: {name: app}
      vars: {n: 1}
    - include_role: {name: app}
      vars: {n: 2}
    - command: echo
      notify: same
  handlers:
    - {name: same, shell: echo first >> {T}/log}
    - {name: same, shell: echo last >> {T}/log}
`,
      'roles/app/tasks/main.yml': '- command: echo\n  notify: [h, topic]\n',
      'roles/app/handlers/main.yml':
        '- {name: h, shell: echo h >> {T}/log}\n- {listen: topic, shell: echo topic >> {T}/log}\n',
    });
    expect((await p.apply()).recap.failed).toBe(false);
    expect(log(p)).toBe('last\nh\ntopic\n');
  });

  it('with run_once run on the first notified host', async () => {
    const p = project({
      'hosts.yml': 'all:\n  vars: {ansible_connection: local}\n  hosts: {a: , b: , c: }\n',
      'site.yml': `${play("- command: echo\n  when: inventory_hostname != 'a'\n  notify: h")}  handlers:
    - {name: h, run_once: true, shell: "echo {{ inventory_hostname }} >> {T}/log"}
`,
    });
    expect((await p.apply()).recap.failed).toBe(false);
    expect(log(p)).toBe('b\n');
    expect(waiting(p)).toEqual([]);
  });

  it('may be meta: noop, but not meta: flush_handlers', async () => {
    const site = (action: string): string =>
      `${play('- command: echo\n  notify: x')}  handlers:\n    - {name: x, meta: ${action}}\n`;
    const p = project({ 'site.yml': site('noop') });
    const ran = await p.apply();
    expect(ran.recap.failed).toBe(false);
    expect(waiting(p)).toEqual([]);
    p.write({ 'site.yml': site('flush_handlers') });
    expect((await p.mistakes()).map((d) => d.message)).toContain("'meta: flush_handlers' cannot be a handler");
  });

  it('of an included role can be notified by later tasks', async () => {
    const p = project({
      'site.yml': play('- include_role: {name: app}\n- command: echo\n  notify: h'),
      'roles/app/handlers/main.yml': '- {name: h, shell: echo h >> {T}/log}\n',
      'roles/app/tasks/main.yml': '- debug: {msg: in}\n',
    });
    await p.apply();
    expect(log(p)).toBe('h\n');
  });
});

describe('meta', () => {
  it('end_role skips the rest of the role, not of the play', async () => {
    const p = project({
      'site.yml': play('- include_role: {name: app}\n  loop: [1, 2]\n- debug: {msg: after}'),
      'roles/app/tasks/main.yml':
        '- debug: {msg: "in {{ item }}"}\n- block:\n    - meta: end_role\n    - debug: {msg: never}\n- debug: {msg: never}\n',
    });
    expect((await p.apply()).said).toEqual(['a: in 1', 'a: in 2', 'a: after']);
  });

  it.each([
    ['bogus', /unknown meta action 'bogus'/],
    ['flush_handler', /unknown meta action 'flush_handler'/],
    ['end_role', /outside of a role/],
  ])('rejects %s before the run', async (action, message) => {
    const p = project({ 'site.yml': play(`- command: echo\n- meta: ${action}`) });
    expect((await p.mistakes()).map((d) => d.message)).toEqual([expect.stringMatching(message)]);
  });
});

describe('hosts that take different paths', () => {
  it('do not wait for each other for ever', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play(`- block:
    - fail: {msg: on one}
      when: inventory_hostname == 'b'
  rescue:
    - debug: {msg: rescued}
      run_once: true
- debug: {msg: both}
  run_once: true`),
    });
    const { said } = await p.apply();
    expect([...said].sort()).toEqual(expect.arrayContaining(['b: rescued']));
    expect(said.filter((one) => one.endsWith('both'))).toHaveLength(1);
  });

  it('run a run_once task once for each include of its file', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play('- include_tasks: one.yml\n  loop: [1, 2]'),
      'one.yml': '- debug: {msg: "{{ item }}"}\n  run_once: true\n',
    });
    expect((await p.apply()).said).toEqual(['a: 1', 'a: 2']);
  });
});
