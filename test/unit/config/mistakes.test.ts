import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

type Row = readonly [
  what: string,
  files: Record<string, string>,
  code: string,
  where: string,
  message: RegExp,
  help?: RegExp,
];
const site = (tasks: string, more = ''): Record<string, string> => ({ 'site.yml': play(tasks, more) });

const ROWS: readonly Row[] = [
  [
    'an unknown argument',
    site('- copy: {dest: /x, content: y, ownr: root}'),
    'E_ARGS',
    'site.yml:4:36',
    /unknown argument 'ownr'/,
    /owner/,
  ],
  ['a missing argument', site('- lineinfile: {line: x}'), 'E_ARGS', 'site.yml:4:7', /'path' is missing/],
  [
    'a wrong choice',
    site('- service: {name: x, state: strated}'),
    'E_ARGS',
    'site.yml:4:33',
    /'state' is not valid/,
    /started/,
  ],
  ['a wrong type', site('- wait_for: {port: eighty}'), 'E_ARGS', 'site.yml:4:24', /port/],
  [
    'an unknown module',
    site('- copi: {dest: /x}'),
    'E_UNKNOWN',
    'site.yml:4:7',
    /unknown module or keyword 'copi'/,
    /copy/,
  ],
  ['an unknown keyword', site('- debug: msg=x\n  wehn: true'), 'E_UNKNOWN', 'site.yml:5:7', /'wehn'/, /when/],
  [
    'a keyword of Ansible that is not supported',
    site('- debug: msg=x\n  async: 10'),
    'E_UNSUPPORTED',
    'site.yml:5:7',
    /'async'/,
  ],
  [
    'throttle, with what to use in its place',
    site('- debug: msg=x\n  throttle: 1'),
    'E_UNSUPPORTED',
    'site.yml:5:7',
    /'throttle' is not supported/,
    /use `serial` on the play/,
  ],
  ...['collections', 'become_flags', 'become_exe', 'fact_path'].flatMap((word): readonly Row[] => [
    [
      `${word} on a play`,
      { 'site.yml': `- hosts: all\n  ${word}: x\n  tasks: []\n` },
      'E_UNSUPPORTED',
      'site.yml:2:3',
      new RegExp(`'${word}' is not supported`),
    ],
    [
      `${word} on a task`,
      site(`- debug: msg=x\n  ${word}: x`),
      'E_UNSUPPORTED',
      'site.yml:5:7',
      new RegExp(`'${word}' is not supported`),
    ],
  ]),
  [
    'fact_path, with the module that takes it',
    { 'site.yml': '- hosts: all\n  fact_path: /x\n  tasks: []\n' },
    'E_UNSUPPORTED',
    'site.yml:2:3',
    /'fact_path' is not supported/,
    /`setup` with `fact_path`/,
  ],
  ['no module', site('- name: nothing\n  when: true'), 'E_SYNTAX', 'site.yml:4:7', /names no module/],
  ['two modules', site('- debug: msg=x\n  command: ls'), 'E_SYNTAX', 'site.yml:5:7', /two modules/],
  ['an unknown handler', site('- command: ls\n  notify: restrat'), 'E_UNKNOWN', 'site.yml:4:7', /no handler 'restrat'/],
  ['a decimal mode', site('- file: {path: /x, mode: 644}'), 'E_ARGS', 'site.yml:4:30', /decimal/, /'0644'/],
  ['an unquoted template', site('- debug:\n    msg: {{ x }}'), 'E_SYNTAX', 'site.yml:5:15', /quoted/, /double quotes/],
  ['a template that does not parse', site('- debug: {msg: "{{ x | }}"}'), 'E_SYNTAX', 'site.yml:4', /./],
  ['an unknown filter', site('- debug: {msg: "{{ 1 | uper }}"}'), 'E_UNKNOWN', 'site.yml:4', /uper/, /upper/],
  ['an unknown test', site('- debug: msg=x\n  when: 1 is dfined'), 'E_UNKNOWN', 'site.yml:5', /dfined/, /defined/],
  [
    'a name that nothing defines',
    site('- debug: {msg: "{{ hots }}"}', 'vars: {host_list: []}'),
    'E_VARS',
    'site.yml:5',
    /'hots' is never defined/,
  ],
  [
    'braces in a condition',
    site('- debug: msg=x\n  when: "{{ a }} == 1"'),
    'E_SYNTAX',
    'site.yml:5',
    /an expression already/,
  ],
  ['a duplicate key', site('- debug:\n    msg: a\n    msg: b'), 'E_SYNTAX', 'site.yml:6', /twice/],
  ['a tab', { 'site.yml': '- hosts: all\n\ttasks: []\n' }, 'E_SYNTAX', 'site.yml:2', /./],
  ['an unknown tag of YAML', site('- debug: {msg: !secret x}'), 'E_SYNTAX', 'site.yml:4', /./, /!vault/],
  [
    'unknown hosts',
    {
      'site.yml': '- hosts: wbe\n  tasks: []\n',
      'hosts.yml': 'all: {children: {web: {hosts: {a: {ansible_connection: local}}}}}',
    },
    'E_UNKNOWN',
    'site.yml:1:10',
    /'wbe'/,
    /web/,
  ],
  ['no hosts', { 'site.yml': '- tasks: []\n' }, 'E_SYNTAX', 'site.yml:1:3', /names no hosts/],
  [
    'an unknown keyword of a play',
    { 'site.yml': '- hosts: all\n  task: []\n' },
    'E_UNKNOWN',
    'site.yml:2:3',
    /'task'/,
    /tasks/,
  ],
  [
    'an unknown role',
    { 'site.yml': '- hosts: all\n  roles: [ngnix]\n', 'roles/nginx/tasks/main.yml': '[]' },
    'E_UNKNOWN',
    'site.yml:2:11',
    /no role 'ngnix'/,
  ],
  [
    'a role that needs itself',
    {
      'site.yml': '- hosts: all\n  roles: [r]\n',
      'roles/r/tasks/main.yml': '[]',
      'roles/r/meta/main.yml': 'dependencies: [r]',
    },
    'E_SYNTAX',
    'meta/main.yml:1',
    /depends on itself/,
  ],
  [
    'a missing vars file',
    { 'site.yml': '- hosts: all\n  vars_files: [nope.yml]\n  tasks: []\n' },
    'E_FILE',
    'site.yml:2',
    /nope.yml/,
  ],
  ['a missing imported file', site('- import_tasks: nope.yml'), 'E_FILE', 'site.yml:4', /nope.yml/],
  [
    'a mistake in an included file',
    { ...site('- include_tasks: more.yml'), 'more.yml': '- dbug: msg=x\n' },
    'E_UNKNOWN',
    'more.yml:1:3',
    /dbug/,
  ],
  [
    'an unknown key in the inventory',
    { ...site('- debug: msg=x'), 'hosts.yml': 'all:\n  host: {a: }\n' },
    'E_UNKNOWN',
    'hosts.yml:2:3',
    /'host'/,
  ],
  [
    'a list of hosts',
    { ...site('- debug: msg=x'), 'hosts.yml': 'all:\n  hosts:\n    - a\n' },
    'E_ARGS',
    'hosts.yml:3:5',
    /not a map/,
    /colon/,
  ],
  [
    'a bad range',
    { ...site('- debug: msg=x'), 'hosts.yml': 'all: {hosts: {"a[3:1]": }}' },
    'E_SYNTAX',
    'hosts.yml:1',
    /range/,
  ],
];

describe('a mistake is reported with its position before anything changes', () => {
  const rows = ROWS.map(([what, files, code, where, message, help]) => ({ what, files, code, where, message, help }));
  it.each(rows)('$what', async ({ files, code, where, message, help }) => {
    const p = project(files);
    const found = (await p.mistakes()).filter((d) => d.code === code && message.test(d.message));
    expect(found.length, JSON.stringify(await p.mistakes())).toBeGreaterThan(0);
    const [first] = found;
    const place = first?.at === undefined ? '' : `${first.at.file}:${first.at.line}:${first.at.col}`;
    expect(place).toContain(where);
    if (help !== undefined) expect(`${first?.expected} ${first?.hint}`).toMatch(help);
  });

  it('all mistakes are reported at once', async () => {
    const p = project(
      site(
        "- file: {path: '{T}/made', state: directory}\n- copi: {}\n- debug: {mgs: x}\n- command: ls\n  notify: nobody",
      ),
    );
    expect((await p.mistakes()).map((d) => d.code).sort()).toEqual(['E_ARGS', 'E_UNKNOWN', 'E_UNKNOWN']);
    expect(existsSync(p.path('made'))).toBe(false);
  });

  it('an unknown tag or limit', async () => {
    const p = project(site('- debug: msg=x\n  tags: web'));
    expect((await p.mistakes({ tags: ['wbe'] }))[0]).toMatchObject({
      code: 'E_UNKNOWN',
      hint: expect.stringContaining('web'),
    });
    expect((await p.mistakes({ limit: 'z' }))[0]).toMatchObject({ code: 'E_UNKNOWN' });
    expect((await p.mistakes({ extraVars: ['oops'] }))[0]).toMatchObject({ code: 'E_ARGS' });
  });
});

describe('valid input is accepted', () => {
  it.each([
    [
      'a guarded name',
      '- debug: {msg: "{{ maybe | default(1) }}"}\n- debug: msg=x\n  when: other is defined and other',
    ],
    ['omit', '- file: {path: /tmp, state: directory, owner: "{{ nobody_set | default(omit) }}"}'],
    [
      'a full module name',
      '- ansible.builtin.debug: msg=x\n- community.general.ini_file: {path: /nowhere/x, section: a, state: absent, create: false}\n  when: false',
    ],
    ['args beside a free form', '- command: ls\n  args: {chdir: /}'],
    ['options in a free form', '- command: ls creates=/ chdir=/tmp'],
    ['key=value', "- file: path=/tmp state=directory\n- debug: msg='two words'"],
    ['an octal mode', '- file: {path: /tmp/never, mode: 0644, state: absent}'],
    ['yes and no', '- file: {path: /tmp, state: directory, recurse: no}'],
    ['a template for a list', '- debug: {msg: "{{ item }}"}\n  loop: "{{ range(2) | list }}"'],
    ['anchors and merges', '- debug: &d {msg: x}\n- debug: {<<: *d}'],
  ])('%s', async (_, tasks) => {
    expect(await project(site(tasks)).mistakes()).toEqual([]);
  });

  it('in roles: parameters, dependencies, defaults, handlers that listen', async () => {
    const p = project({
      'site.yml': '- hosts: all\n  gather_facts: false\n  roles:\n    - {role: app, port: 80, tags: [web]}\n',
      'roles/app/tasks/main.yml':
        '- debug: msg="{{ port }} {{ size }} {{ role_name }}"\n  notify: topic\n- import_tasks: more.yml\n  tags: [deep]\n  when: true\n',
      'roles/app/tasks/more.yml': '- debug: msg=more\n',
      'roles/app/defaults/main.yml': 'size: 3\n',
      'roles/app/handlers/main.yml': '- name: h\n  listen: topic\n  debug: msg=handled\n',
      'roles/app/meta/main.yml': 'dependencies:\n  - {role: base, level: 2}\n',
      'roles/base/tasks/main.yml': '- debug: msg="base {{ level }}"\n',
    });
    expect((await p.apply()).said).toEqual(['a: base 2', 'a: 80 3 app', 'a: more']);
    expect((await p.apply({ tags: ['deep'] })).said).toEqual(['a: more']);
  });
});
