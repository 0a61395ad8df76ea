import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

const changes = "- copy: {dest: '{T}/changed', content: x}";
const site = (tasks: string, more = ''): Record<string, string> => ({
  'site.yml': play(`${changes}\n${tasks}`, more).replace('gather_facts: false', 'gather_facts: true'),
});

/** What only other systems need, behind conditions that this machine does not meet. */
const UNREACHED: readonly (readonly [string, Record<string, string>])[] = [
  ['a module', site('- win_file: {path: x}\n  when: false')],
  ['a module, by a fact', site("- win_file: {path: x}\n  when: ansible_facts.os_family == 'Windows'")],
  ['a module in a block', site("- when: ansible_os_family == 'Windows'\n  block:\n    - win_file: {path: x}")],
  ['a module behind a tag that was not asked for', site('- win_file: {path: x}\n  tags: never')],
  [
    'a module in an include',
    {
      ...site("- include_tasks: other.yml\n  when: ansible_os_family == 'Windows'"),
      'other.yml': '- win_file: {path: x}\n',
    },
  ],
  [
    'a module in an included role',
    {
      ...site("- include_role: {name: other}\n  when: ansible_os_family == 'Windows'"),
      'roles/other/tasks/main.yml': '- win_file: {path: x}\n',
    },
  ],
  [
    'a module in an imported file',
    {
      ...site("- import_tasks: other.yml\n  when: ansible_os_family == 'Windows'"),
      'other.yml': '- win_file: {path: x}\n',
    },
  ],
  ['a file of tasks', site("- include_tasks: missing.yml\n  when: ansible_os_family == 'Windows'")],
  ['a file whose YAML is broken', { ...site('- include_tasks: other.yml\n  when: false'), 'other.yml': '- a: [\n' }],
  ['a role', site('- include_role: {name: missing}\n  when: false')],
  ['an argument', site('- copy: {dest: x, content: x, sourcce: y}\n  when: false')],
  ['a filter', site('- debug: {msg: "{{ 1 | missing_filter }}"}\n  when: false')],
  ['a lookup in the items of a loop', site('- debug: {msg: x}\n  with_missing: [1]\n  when: false')],
  ['a variable', site('- debug: {msg: "{{ missing }}"}\n  when: false')],
  ['a variable behind an option', site('- debug: {msg: x}\n  when: feature and missing', 'vars: {feature: false}')],
  [
    'a handler that nobody notifies',
    site('- debug: {msg: x}', 'handlers: [{name: h, win_service: {name: "{{ missing }}"}}]'),
  ],
  ['an unused variable', site('- debug: {msg: x}', 'vars: {unused: "{{ missing }} {{ 1 | missing_filter }}"}')],
  [
    'a role’s unused default',
    {
      ...site('- include_role: {name: app}'),
      'roles/app/defaults/main.yml': 'unused: "{{ missing }}"\n',
      'roles/app/tasks/main.yml': '- debug: {msg: x}\n',
    },
  ],
  [
    'a template',
    { ...site('- template: {src: x.j2, dest: /x}\n  when: false'), 'x.j2': '{{ missing | missing_filter }}\n' },
  ],
  ['a file to copy', site('- copy: {src: missing, dest: /x}\n  when: false')],
  ['a handler’s name in a task that does not run', site('- debug: {msg: x}\n  notify: missing\n  when: false')],
  [
    'a module behind a set_fact',
    site('- set_fact: {system: Debian}\n- win_file: {path: x}\n  when: system == "Windows"'),
  ],
  [
    'a file that a result names',
    {
      ...site(
        '- command: echo other\n  changed_when: false\n  register: r\n- set_fact: {part: "{{ r.stdout }}"}\n- include_tasks: "{{ part }}.yml"',
      ),
      'other.yml': '- debug: {msg: x}\n',
    },
  ],
  [
    'a module behind variables of a file',
    {
      ...site('- include_vars: "{{ ansible_os_family }}.yml"\n- win_file: {path: x}\n  when: system == "Windows"'),
      'Debian.yml': 'system: Debian\n',
    },
  ],
];

/** The same, where a host gets there or may get there. */
const REACHED: readonly (readonly [string, Record<string, string>, string])[] = [
  ['a module', site('- win_file: {path: x}'), 'E_MODULE_MISSING'],
  [
    'a module behind a true fact',
    site("- win_file: {path: x}\n  when: ansible_os_family == 'Debian'"),
    'E_MODULE_MISSING',
  ],
  [
    'a module behind a result',
    site('- command: uname\n  register: r\n- win_file: {path: x}\n  when: r.stdout == "Windows"'),
    'E_MODULE_MISSING',
  ],
  [
    'a module in a file that a fact names',
    {
      ...site('- include_tasks: "{{ ansible_os_family }}.yml"'),
      'Debian.yml': '- win_file: {path: x}\n',
    },
    'E_MODULE_MISSING',
  ],
  ['a file that a fact names', site('- include_tasks: "{{ ansible_os_family }}.yml"'), 'E_FILE_MISSING'],
  ['a module in a rescue', site('- block: [{debug: {msg: x}}]\n  rescue: [{win_file: {path: x}}]'), 'E_MODULE_MISSING'],
  ['a filter', site('- debug: {msg: "{{ 1 | missing_filter }}"}'), 'E_UNKNOWN_PLUGIN'],
  ['a variable', site('- debug: {msg: "{{ missing }}"}'), 'E_UNDEFINED_VARIABLE'],
  ['a variable in a condition', site('- debug: {msg: x}\n  when: missing'), 'E_UNDEFINED_VARIABLE'],
  ['a variable in a variable', site('- debug: {msg: "{{ a }}"}', 'vars: {a: "{{ missing }}"}'), 'E_UNDEFINED_VARIABLE'],
  [
    'a variable in one item of a loop',
    site('- debug: {msg: "{{ missing if item == 2 else 1 }}"}\n  loop: [1, 2]'),
    'E_UNDEFINED_VARIABLE',
  ],
  [
    'a notified handler',
    site("- copy: {dest: '{T}/n', content: y}\n  notify: h", 'handlers: [{name: h, win_service: {name: x}}]'),
    'E_MODULE_MISSING',
  ],
  ['a file to copy', site("- copy: {src: missing.conf, dest: '{T}/x'}"), 'E_FILE_MISSING'],
  ['a template', site("- template: {src: missing.j2, dest: '{T}/x'}"), 'E_FILE_MISSING'],
  [
    'a filter in a template',
    { ...site("- template: {src: x.j2, dest: '{T}/x'}"), 'x.j2': '{{ 1 | missing_filter }}\n' },
    'E_UNKNOWN_PLUGIN',
  ],
  [
    'a variable in a template',
    { ...site("- template: {src: x.j2, dest: '{T}/x'}"), 'x.j2': '{{ missing }}\n' },
    'E_UNDEFINED_VARIABLE',
  ],
  [
    'the syntax of a template',
    { ...site("- template: {src: x.j2, dest: '{T}/x'}"), 'x.j2': '{% if %}\n' },
    'E_TEMPLATE_SYNTAX',
  ],
  ['a handler’s name', site('- debug: {msg: x}\n  notify: missing'), 'E_UNKNOWN_HANDLER'],
];

describe('a mistake that no host reaches does not block', () => {
  it.each(UNREACHED)('%s', async (_, files) => {
    const p = project(files);
    const { recap } = await p.apply();
    expect(recap.hosts.map((h) => [h.failed, h.changed])).toEqual([[0, 1]]);
  });

  it('and is a note', async () => {
    const { events } = await project(site('- win_file: {path: x}\n  when: false')).apply();
    const notes = events.flatMap((e) => (e.type === 'note' ? [e.diagnostic] : []));
    expect(notes.map((d) => [d.code, d.at?.line])).toEqual([['E_MODULE_MISSING', 5]]);
  });
});

describe('a mistake that a host reaches stops the run before its first change', () => {
  it.each(REACHED)('%s', async (_, files, code) => {
    const p = project(files);
    const found = await p.mistakes();
    expect(found.map((d) => d.code)).toEqual([code]);
    expect(() => p.read('changed')).toThrow();
  });
});
