import { describe, expect, it } from 'vitest';
import { play, project, TWO_HOSTS } from '../support/project.ts';

type Files = Readonly<Record<string, string>>;

const ROLE: Files = {
  'roles/own/defaults/main.yml': 'd: default\n',
  'roles/own/vars/main.yml': 'v: own\n',
  'roles/own/tasks/main.yml': '- debug: {msg: "main {{ d }}"}\n',
  'roles/own/tasks/other.yml': '- debug: {msg: other}\n',
};

/** What is included, with which files, and what the first host prints. */
const CASES: readonly (readonly [string, string, Files, readonly string[]])[] = [
  [
    'the roles that include a role',
    play('- debug: {msg: end}', 'roles: [acme.tools.agent]'),
    {
      'collections/ansible_collections/acme/tools/roles/agent/tasks/main.yml': '- import_role: {name: own}\n',
      'collections/ansible_collections/acme/tools/roles/agent/meta/main.yml': 'dependencies: [base]\n',
      'collections/ansible_collections/acme/tools/roles/base/tasks/main.yml':
        '- debug: {msg: "{{ ansible_collection_name }} {{ ansible_parent_role_names is defined }}"}\n',
      'roles/own/tasks/main.yml': '- include_role: {name: last}\n',
      'roles/last/tasks/main.yml':
        "- debug: {msg: \"{{ ansible_parent_role_names | join(' ') }} {{ ansible_parent_role_paths | map('basename') | join(' ') }} {{ ansible_collection_name }}\"}\n",
    },
    ['acme.tools False', 'own acme.tools.agent own agent ', 'end'],
  ],
  [
    'roles that others depend on, by name',
    play(
      '- debug: {msg: "{{ ansible_play_role_names | join }} {{ ansible_dependent_role_names | join }} {{ ansible_role_names | sort | join }}"}',
      'roles: [a]',
    ),
    { 'roles/a/meta/main.yml': 'dependencies: [b]\n', 'roles/b/tasks/main.yml': '- debug: {msg: b}\n' },
    ['b', 'a b ab'],
  ],
  ['a role by name=', play('- include_role: name=own tasks_from=other'), ROLE, ['other']],
  [
    'tasks_from as a template',
    play('- include_role: {name: own, tasks_from: "{{ part }}.yml"}\n  vars: {part: other}'),
    ROLE,
    ['other'],
  ],
  [
    'tasks_from by a fact of the run',
    play('- set_fact: {part: other}\n- include_role: {name: own, tasks_from: "{{ part }}"}'),
    ROLE,
    ['other'],
  ],
  [
    'a role’s variables after public: true',
    play('- include_role: {name: own, public: true}\n- debug: {msg: "{{ v }}"}'),
    ROLE,
    ['main default', 'own'],
  ],
  [
    'no variables after an import with public: false',
    play('- import_role: {name: own, public: false}\n- debug: {msg: "{{ v | default(\'none\') }}"}'),
    ROLE,
    ['main default', 'none'],
  ],
  [
    'once with allow_duplicates: false',
    play('- include_role: {name: own}\n- include_role: {name: own, allow_duplicates: false}'),
    ROLE,
    ['main default'],
  ],
  [
    'a listed role twice, if its meta allows it',
    play('- debug: {msg: end}', 'roles: [own, own]'),
    { ...ROLE, 'roles/own/meta/main.yml': 'allow_duplicates: true\n' },
    ['main default', 'main default', 'end'],
  ],
  ['a listed role once', play('- debug: {msg: end}', 'roles: [own, own]'), ROLE, ['main default', 'end']],
  [
    'a role whose name is a template of the play',
    play('- import_role: {name: "{{ r }}"}', 'vars: {r: own}\nroles: [{role: "{{ r }}"}]'),
    ROLE,
    ['main default', 'main default'],
  ],
  [
    'all files of defaults/main/, sorted',
    play('- debug: {msg: "{{ one }} {{ two }}"}', 'roles: [own]'),
    {
      'roles/own/defaults/main/a.yml': 'one: 1\ntwo: 1\n',
      'roles/own/defaults/main/b.yml': 'two: 2\n',
      'roles/own/tasks/main.yml': '[]\n',
    },
    ['1 2'],
  ],
  [
    'a dependency, which sees the parameters of the role above',
    play('- debug: {msg: end}', 'roles: [{role: top, p: given}]'),
    {
      'roles/top/meta/main.yml': 'dependencies: [{role: base}]\n',
      'roles/top/tasks/main.yml': '[]\n',
      'roles/base/tasks/main.yml': '- debug: {msg: "{{ p }}"}\n',
    },
    ['given', 'end'],
  ],
  [
    'a dependency with a condition',
    play('- debug: {msg: end}', 'roles: [top]'),
    {
      'roles/top/meta/main.yml': 'dependencies: [{role: base, when: false}]\n',
      'roles/top/tasks/main.yml': '[]\n',
      'roles/base/tasks/main.yml': '- debug: {msg: base}\n',
    },
    ['end'],
  ],
  [
    'tasks/x.yml from a role’s directory',
    play('- include_role: {name: own}'),
    {
      'roles/own/tasks/main.yml': '- include_tasks: tasks/more.yml\n',
      'roles/own/tasks/more.yml': '- debug: {msg: more}\n',
    },
    ['more'],
  ],
  [
    'an import by playbook_dir',
    play('- import_tasks: "{{ playbook_dir }}/more.yml"'),
    { 'more.yml': '- debug: {msg: more}\n' },
    ['more'],
  ],
  ['the old include', play('- include: more.yml'), { 'more.yml': '- debug: {msg: more}\n' }, ['more']],
  [
    'the old include with a loop',
    play('- include: "{{ item }}.yml"\n  loop: [more]'),
    { 'more.yml': '- debug: {msg: more}\n' },
    ['more'],
  ],
  [
    'a file that includes itself',
    play('- set_fact: {n: 0}\n- include_tasks: again.yml'),
    {
      'again.yml':
        '- set_fact: {n: "{{ n | int + 1 }}"}\n- debug: {msg: "{{ n }}"}\n- include_tasks: again.yml\n  when: n | int < 3\n',
    },
    ['1', '2', '3'],
  ],
  [
    'vars_files in vars/, and one that a host’s variable names',
    play('- debug: {msg: "{{ one }} {{ two }}"}', 'vars_files: [one.yml, "{{ which }}.yml"]').replace(
      'hosts: all',
      'hosts: all\n  pre_tasks: []',
    ),
    {
      'vars/one.yml': 'one: 1\n',
      'vars/late.yml': 'two: late\n',
      'hosts.yml': TWO_HOSTS.replace('a:', 'a: {which: late}').replace('b:', 'b: {which: late}'),
    },
    ['1 late'],
  ],
  [
    'the first of several vars_files',
    play('- debug: {msg: "{{ one }}"}', 'vars_files: [["{{ inventory_hostname }}.yml", usual.yml]]'),
    { 'usual.yml': 'one: usual\n' },
    ['usual'],
  ],
];

/** Handlers that are more than a task. */
const HANDLERS: readonly (readonly [string, string, Files, readonly string[]])[] = [
  [
    'an include',
    '- {name: h, include_tasks: more.yml}',
    { 'more.yml': '- debug: {msg: one}\n- debug: {msg: two}\n' },
    ['one', 'two'],
  ],
  [
    'an include with a topic',
    '- {name: x, listen: h, include_tasks: more.yml}',
    { 'more.yml': '- debug: {msg: one}\n' },
    ['one'],
  ],
  [
    'an include whose condition is false',
    '- {name: h, include_tasks: more.yml, when: false}',
    { 'more.yml': '- debug: {msg: one}\n' },
    [],
  ],
  ['a task of a block', '- block: [{name: h, debug: {msg: in a block}}]\n  when: true', {}, ['in a block']],
  ['an included role', '- {name: h, include_role: {name: own}}', ROLE, ['main default']],
];

describe('includes and roles', () => {
  it.each(CASES)('%s', async (_, site, files, said) => {
    const ran = await project({ 'site.yml': site, ...files }).apply();
    expect(ran.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [e.diagnostic] : []))).toEqual([]);
    expect(ran.said.filter((line) => line.startsWith('a: '))).toEqual(said.map((text) => `a: ${text}`));
  });

  const needing = {
    'roles/base/tasks/main.yml': '- debug: {msg: base}\n',
    'roles/agent/tasks/main.yml': '- debug: {msg: agent}\n',
    'roles/agent/meta/main.yml': 'dependencies: [base]\n',
    'roles/twice/meta/main.yml': 'dependencies: [{role: base, p: 1}, {role: base, p: 1}, base, {role: base, p: 2}]\n',
    'roles/other/meta/main.yml': 'dependencies: [{role: base, when: wanted | default(false)}]\n',
  };
  const on = (tasks: string): string => play(tasks, 'vars: {name_of: agent}');
  const include = '- include_role: {name: agent}\n';
  it.each<[string, string, string]>([
    ['an include', on(include), 'base agent'],
    ['an include whose name is a template', on('- include_role: {name: "{{ name_of }}"}'), 'base agent'],
    ['each play anew', on(include) + on(include), 'base agent base agent'],
    ['two includes', on(include + include), 'base agent agent'],
    ['an include with other variables', on(`${include}${include}  vars: {v: 2}\n`), 'base agent agent'],
    ['one with parameters', on(`${include}- include_role: {name: twice}`), 'base agent base base'],
    ['a loop', on('- include_role: {name: agent}\n  loop: [1, 2]'), 'base agent agent'],
    ['an include after roles', on(include).replace('  tasks:', '  roles: [base]\n  tasks:'), 'base agent'],
    ['an include before an import', on(`${include}- import_role: {name: agent}`), 'base agent agent'],
    ['an include after a skipped one', on(`- include_role: {name: other}\n${include}`), 'base agent'],
  ])('%s runs a role that others depend on once', async (_, text, order) => {
    const p = project({ ...needing, 'site.yml': text });
    const { said } = await p.apply();
    expect(said).toEqual(order.split(' ').map((msg) => `a: ${msg}`));
  });

  it('reports a template in an import that the run alone can know', async () => {
    const p = project({ 'site.yml': play('- import_tasks: "{{ inventory_hostname }}.yml"') });
    expect((await p.mistakes()).map((d) => d.code)).toEqual(['E_IMPORT_DYNAMIC']);
  });
});

describe('a handler may be', () => {
  it.each(HANDLERS)('%s', async (_, handlers, files, said) => {
    const site = `${play("- copy: {dest: '{T}/f', content: x}\n  notify: h")}  handlers:\n${handlers.replace(/^/gm, '    ')}\n`;
    const ran = await project({ 'site.yml': site, ...files }).apply();
    expect(ran.recap.failed).toBe(false);
    expect(ran.said).toEqual(said.map((text) => `a: ${text}`));
  });
});
