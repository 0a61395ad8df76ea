import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MISTAKES } from '../support/mistakes.ts';
import { play, project } from '../support/project.ts';

const site = (tasks: string, more = ''): Record<string, string> => ({ 'site.yml': play(tasks, more) });

describe('a mistake is reported with its position before anything changes', () => {
  const rows = MISTAKES.map(([what, files, code, where, message, help]) => ({
    what,
    files,
    code,
    where,
    message,
    help,
  }));
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
    expect((await p.mistakes()).map((d) => d.code).sort()).toEqual([
      'E_UNKNOWN_ARGUMENT',
      'E_UNKNOWN_HANDLER',
      'E_UNKNOWN_MODULE',
    ]);
    expect(existsSync(p.path('made'))).toBe(false);
  });

  it('an unknown tag or limit', async () => {
    const p = project(site('- debug: msg=x\n  tags: web'));
    expect((await p.mistakes({ tags: ['wbe'] }))[0]).toMatchObject({
      code: 'E_UNKNOWN_TAG',
      hint: expect.stringContaining('web'),
    });
    expect((await p.mistakes({ limit: 'z' }))[0]).toMatchObject({ code: 'E_UNKNOWN_HOST' });
    expect((await p.mistakes({ extraVars: ['oops'] }))[0]).toMatchObject({ code: 'E_EXTRA_VARS' });
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
      'site.yml': '- hosts: all\n  gather_facts: false\n  roles:\n    - {role: app, http_port: 80, tags: [web]}\n',
      'roles/app/tasks/main.yml':
        '- debug: msg="{{ http_port }} {{ size }} {{ role_name }}"\n  notify: topic\n- import_tasks: more.yml\n  tags: [deep]\n  when: true\n',
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
