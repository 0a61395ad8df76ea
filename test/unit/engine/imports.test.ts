import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

const messages = async (site: string, more: Record<string, string> = {}): Promise<readonly string[]> =>
  (await project({ 'site.yml': site, ...more }).mistakes()).map((d) => d.message);

describe('import_playbook', () => {
  const inner = `- hosts: "{{ where | default('all') }}"
  gather_facts: false
  vars: {word: own}
  tasks:
    - debug: {msg: "{{ word }}"}
    - debug: {msg: tagged}
      tags: [more]
`;
  it('passes its condition, variables and tags to each play', async () => {
    const p = project({
      'site.yml': `- import_playbook: x.yml
  when: go | bool
  tags: [deploy]
  vars: {word: given, where: a}
- import_playbook: x.yml
`,
      'x.yml': inner,
    });
    const said = async (...words: string[]): Promise<readonly string[]> =>
      (await p.apply({ extraVars: [`go=${words[0]}`], tags: words.slice(1) })).said;
    expect(await said('true')).toEqual(['a: given', 'a: tagged', 'a: own', 'a: tagged']);
    expect(await said('false')).toEqual(['a: own', 'a: tagged']);
    expect(await said('true', 'deploy')).toEqual(['a: given', 'a: tagged']);
    expect(await said('true', 'more')).toEqual(['a: tagged', 'a: tagged']);
  });

  it('rejects unknown keywords', async () => {
    const site = '- import_playbook: x.yml\n  serial: 1\n';
    expect(await messages(site, { 'x.yml': inner })).toEqual(["unknown keyword 'serial' in import_playbook"]);
  });
});

describe('roles and includes', () => {
  const role = {
    'roles/r/defaults/main.yml': 'd: main',
    'roles/r/defaults/other.yml': 'd: other',
    'roles/r/vars/main.yml': 'v: main',
    'roles/r/vars/other.yml': 'v: other',
    'roles/r/tasks/main.yml': '- debug: {msg: "{{ d }} {{ v }}"}\n- command: echo\n  notify: h\n',
    'roles/r/handlers/main.yml': '- {name: h, debug: {msg: handler main}}\n',
    'roles/r/handlers/other.yml': '- {name: h, debug: {msg: handler other}}\n',
  };
  it.each(['include_role', 'import_role'])('%s loads the named files of a role', async (kind) => {
    const task = `- ${kind}: {name: r, defaults_from: other, vars_from: other.yml, handlers_from: other}`;
    expect((await project({ 'site.yml': play(task), ...role }).apply()).said).toEqual([
      'a: other other',
      'a: handler other',
    ]);
    expect(await messages(play(task.replaceAll('other', 'none')), role)).toEqual(
      expect.arrayContaining(
        ['defaults', 'vars', 'handlers'].map((part) => expect.stringContaining(`roles/r/${part}/none.yml`)),
      ),
    );
  });

  it('apply: adds keywords to the included tasks', async () => {
    const p = project({
      'site.yml': play(`- include_tasks:
    file: t.yml
    apply: {tags: [deploy], become: true, become_user: nobody}
  tags: [deploy]
- include_tasks: t.yml
  args: {apply: {tags: [deploy]}}
  tags: [deploy]
- include_tasks: t.yml
  tags: [deploy]`),
      't.yml': '- command: id -un\n  register: who\n- debug: {msg: "{{ who.stdout }}"}\n',
    });
    expect((await p.apply({ tags: ['deploy'] })).said).toEqual(['a: nobody', 'a: root']);
  });

  it.each([
    ['- include_role: {name: r, aply: {}}', /unknown keyword 'aply'/],
    ['- include_role: {name: r, apply: {hosts: x}}', /unknown keyword 'hosts'/],
    ['- include_role: {name: r}\n  register: x', /unknown keyword 'register'/],
    ['- command: echo\n  become_method: runas', /'become_method: runas' is not supported/],
  ])('rejects %s', async (task, message) => {
    expect(await messages(play(task), role)).toEqual([expect.stringMatching(message)]);
  });

  it('a keyword in a list of roles is no parameter', async () => {
    const site = '- hosts: all\n  roles: [{role: r, debugger: always}]\n';
    expect(await messages(site, role)).toEqual(["'debugger' is not supported"]);
    const own = { ...role, 'roles/r/tasks/main.yml': '- debug: {msg: "{{ throttle is defined }} {{ serial }}"}\n' };
    const params = '- hosts: all\n  gather_facts: false\n  roles: [{role: r, throttle: 1, serial: 2}]\n';
    expect((await project({ 'site.yml': params, ...own }).apply()).said).toEqual(['a: False 2']);
  });
});

describe('keywords of plays and blocks', () => {
  it('notify: on a block applies to its tasks, except those with their own', async () => {
    const p = project({
      'site.yml': `${play('- notify: [one]\n  block:\n    - command: echo\n    - include_tasks: t.yml\n    - command: echo\n      notify: two')}  handlers:
    - {name: one, shell: echo one >>{T}/log}
    - {name: two, shell: echo two >>{T}/log}
    - {name: three, shell: echo three >>{T}/log}
`,
      't.yml': '- debug: {msg: x}\n',
    });
    await p.apply();
    expect(p.read('log')).toBe('one\ntwo\n');
    expect(existsSync(p.path('none'))).toBe(false);
  });

  it('run_once: and gather_subset: on a play', async () => {
    const p = project({
      'hosts.yml': 'all: {vars: {ansible_connection: local}, hosts: {a: , b: }}',
      'site.yml': `- hosts: all
  run_once: true
  gather_subset: ['!all', '!min', network]
  tasks:
    - debug: {msg: "{{ ansible_facts.default_ipv4 is defined }} {{ ansible_facts.mounts is defined }}"}
`,
    });
    expect((await p.apply()).said).toEqual([expect.stringMatching(/^a: (True|False) False$/)]);
  });

  it('hosts: uses the variables of the play', async () => {
    const p = project({
      'hosts.yml': 'all: {vars: {ansible_connection: local}, hosts: {a: , b: }}',
      'site.yml': `- hosts: "{{ t | default('all') }}"\n  vars: {t: b}\n  gather_facts: false\n  tasks: [debug: {msg: here}]\n`,
    });
    expect((await p.apply()).said).toEqual(['b: here']);
  });
});
