import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openProject } from '../../../src/cli/project.ts';
import { inventoryScope } from '../../../src/engine/host/variables.ts';
import { play, project } from '../support/project.ts';

type Read = Readonly<{
  groups: Record<string, readonly string[]>;
  get: (host: string, name: string) => unknown;
  codes: readonly string[];
}>;

/** Reads inventories of files; those whose name ends in .sh are executable. */
function read(files: Readonly<Record<string, string>>, ...names: readonly string[]): Read {
  const p = project(files);
  for (const name of Object.keys(files)) if (/\.sh$/.test(name)) chmodSync(p.path(name), 0o755);
  const opened = openProject({ inventory: names.map(p.path), extraVars: ['env=prod'], writes: false }, p.folder);
  const own = [...opened.inventory.groups].filter(([name]) => !['all', 'ungrouped'].includes(name));
  return {
    groups: Object.fromEntries(own.map(([name, hosts]) => [name, [...hosts]])),
    get: (host, name) => inventoryScope(opened.templates, opened.inventory, opened.extraVars, p.folder, host).get(name),
    codes: opened.problems.map(({ code }) => code),
  };
}
const printing = (list: unknown): string => `#!/bin/sh\ncat <<'END'\n${JSON.stringify(list)}\nEND\n`;

describe('an inventory that a script prints', () => {
  it('has groups as lists and maps, children, vars, and variables of hosts', () => {
    const list = {
      web: ['w1', 'w2'],
      db: { hosts: ['d1'], vars: { x: '{{ 1 + 1 }}', y: 'db' } },
      solo: { ansible_host: '192.0.2.1' },
      top: { children: ['web'] },
      _meta: { hostvars: { w1: { a: 1 }, d1: { y: 'own' }, lost: { b: 1 } } },
    };
    const { groups, get, codes } = read({ 'cloud.sh': printing(list) }, 'cloud.sh');
    expect(codes).toEqual([]);
    expect(groups).toEqual({ web: ['w1', 'w2'], db: ['d1'], solo: ['solo'], top: ['w1', 'w2'] });
    expect([get('w1', 'a'), get('d1', 'x'), get('d1', 'y'), get('solo', 'ansible_host')]).toEqual([
      1,
      2,
      'own',
      '192.0.2.1',
    ]);
  });

  it('is asked for each host if it prints no _meta', () => {
    const script = `#!/bin/sh
if [ "$1" = --list ]; then echo '{"web": ["w1", "w2"]}'; else echo "{\\"name\\": \\"$2\\"}"; fi
`;
    const { get } = read({ 'cloud.sh': script }, 'cloud.sh');
    expect([get('w1', 'name'), get('w2', 'name')]).toEqual(['w1', 'w2']);
  });

  it('finds group_vars beside it', () => {
    const { get } = read({ 'cloud.sh': printing({ web: ['w1'] }), 'group_vars/web.yml': 'v: file' }, 'cloud.sh');
    expect(get('w1', 'v')).toBe('file');
  });

  it.each([
    ['fails', '#!/bin/sh\necho no credentials >&2\nexit 3\n', 'E_INVENTORY_SCRIPT'],
    ['prints no JSON', '#!/bin/sh\necho "{"\n', 'E_INVENTORY_SCRIPT'],
    ['prints a list', '#!/bin/sh\necho "[1]"\n', 'E_INVENTORY_SCRIPT'],
    ['prints nothing', '#!/bin/sh\n', 'E_INVENTORY_SCRIPT'],
    ['prints a group that is a text', '#!/bin/sh\necho \'{"web": "w1"}\'\n', 'E_WRONG_SHAPE'],
    ['has no such interpreter', '#!/nowhere/sh\n', 'E_INVENTORY_SCRIPT'],
  ])('is a mistake if it %s', (_, script, code) => {
    expect(read({ 'cloud.sh': script }, 'cloud.sh').codes).toEqual([code]);
  });

  it('is a mistake if it may not be executed, and a text is none although it may be', () => {
    expect(read({ 'cloud.py': '#!/usr/bin/python3\n' }, 'cloud.py').codes).toEqual(['E_INVENTORY_SCRIPT_MODE']);
    expect(read({ 'hosts.sh': '[web]\nw1\n' }, 'hosts.sh').groups).toEqual({ web: ['w1'] });
  });
});

describe('several inventories', () => {
  it('are one; of a variable that two of them set, the later counts', () => {
    const files = { 'a.yml': 'all: {hosts: {h1: {v: a, w: a}}}', 'b.ini': '[web]\nh1 v=b\nh2\n' };
    const { groups, get } = read(files, 'a.yml', 'b.ini');
    expect(groups).toEqual({ web: ['h1', 'h2'] });
    expect([get('h1', 'v'), get('h1', 'w')]).toEqual(['b', 'a']);
  });

  it('bring the group_vars beside each of them', () => {
    const files = {
      'one/hosts.yml': 'all: {hosts: {h1: }}',
      'one/group_vars/all.yml': 'a: 1',
      'two/hosts.yml': 'all: {hosts: {h2: }}',
      'two/group_vars/all.yml': 'b: 2',
    };
    const { get } = read(files, 'one/hosts.yml', 'two/hosts.yml');
    expect([get('h1', 'a'), get('h1', 'b'), get('h2', 'a')]).toEqual([1, 2, 1]);
  });

  it('run as one', async () => {
    const p = project({ 'site.yml': play('- debug: {msg: "{{ v }}"}'), 'more.ini': 'a v=more\n' });
    expect((await p.apply({ inventory: [p.path('hosts.yml'), p.path('more.ini')] })).said).toEqual(['a: more']);
  });
});

describe('constructed', () => {
  const HOSTS =
    'all:\n  hosts:\n    h1: {arch: x86-64, tags: [a-b, c], role: {k: v-1, z: ""}, n: 3, empty: ""}\n    h2: {arch: arm, tags: [], n: 5}\n';
  const built = (plugin: string): Read =>
    read({ 'a.yml': HOSTS, 'b.yml': `plugin: constructed\n${plugin}` }, 'a.yml', 'b.yml');

  // What ansible-core 2.14 makes of the same files.
  it.each([
    ['groups by conditions', 'groups: {big: n > 4, "odd-name": n == 3}', { odd_name: ['h1'], big: ['h2'] }],
    ['groups by a key', 'keyed_groups: [{key: arch, prefix: arch}]', { arch_x86_64: ['h1'], arch_arm: ['h2'] }],
    ['groups by a list', 'keyed_groups: [{key: tags, prefix: tag, separator: ""}]', { taga_b: ['h1'], tagc: ['h1'] }],
    ['groups by a map', 'keyed_groups: [{key: role, prefix: r}]', { r_k_v_1: ['h1'], r_z_: ['h1'] }],
    [
      'a map without its last separator',
      'keyed_groups: [{key: role, prefix: r, trailing_separator: false}]',
      { r_k_v_1: ['h1'], r_z: ['h1'] },
    ],
    [
      'a parent',
      'keyed_groups: [{key: arch, parent_group: by_arch}]',
      { _x86_64: ['h1'], by_arch: ['h1', 'h2'], _arm: ['h2'] },
    ],
    ['no leading separator', 'leading_separator: false\nkeyed_groups: [{key: arch}]', { x86_64: ['h1'], arm: ['h2'] }],
    ['a default', 'keyed_groups: [{key: empty, prefix: e, default_value: none}]', { e_none: ['h1'] }],
    [
      'what compose made',
      'compose: {twice: n * 2}\nkeyed_groups: [{key: twice, prefix: t}]',
      { t_6: ['h1'], t_10: ['h2'] },
    ],
    [
      'names of groups',
      'groups:\n  same: inventory_hostname == "h1" and group_names == ["ungrouped"]',
      { same: ['h1'] },
    ],
    ['extra variables', 'use_extra_vars: true\ngroups: {prod: env == "prod"}', { prod: ['h1', 'h2'] }],
    ['no extra variables', 'groups: {prod: env == "prod"}', {}],
  ])('makes %s', (_, plugin, groups) => {
    const made = built(plugin);
    expect(made.codes).toEqual([]);
    expect(made.groups).toEqual(groups);
  });

  it('sets variables, and none where an expression fails', () => {
    const { get } = built('compose:\n  ansible_host: "\'192.0.2.\' ~ n"\n  bad: nope.x');
    expect([get('h1', 'ansible_host'), get('h2', 'ansible_host'), get('h1', 'bad')]).toEqual([
      '192.0.2.3',
      '192.0.2.5',
      undefined,
    ]);
  });

  it('reads variables of files only with use_vars_plugins', () => {
    const files = { 'a.yml': HOSTS, 'group_vars/all.yml': 'site: x' };
    const plugin = 'plugin: ansible.builtin.constructed\ngroups: {here: site == "x"}\n';
    expect(read({ ...files, 'b.yml': plugin }, 'a.yml', 'b.yml').groups).toEqual({});
    expect(read({ ...files, 'b.yml': `${plugin}use_vars_plugins: true` }, 'a.yml', 'b.yml').groups).toEqual({
      here: ['h1', 'h2'],
    });
  });

  it.each([
    ['strict: true\ncompose: {bad: nope.x}', ['E_UNDEFINED_VARIABLE', 'E_UNDEFINED_VARIABLE']],
    ['compos: {}', ['E_UNKNOWN_KEYWORD']],
    ['keyed_groups: [{prefix: x}]', ['E_WRONG_SHAPE', 'E_WRONG_SHAPE']],
    ['keyed_groups: [{key: n, prefx: x}]', ['E_UNKNOWN_KEYWORD', 'E_UNKNOWN_KEYWORD']],
  ])('refuses %s', (plugin, codes) => {
    expect(built(plugin).codes).toEqual(codes);
  });

  it('is the only plugin', () => {
    expect(read({ 'b.yml': 'plugin: amazon.aws.aws_ec2\n' }, 'b.yml').codes).toEqual(['E_INVENTORY_PLUGIN']);
  });
});

describe('values of an INI inventory', () => {
  it('may be lists and dicts in the notation of Python', () => {
    const text = `[web]
a plain=x dict="{'a': 1, 'b': [True, None, 1.5, \\"it's\\"]}"
[web:vars]
list=[1, 'two', {'three': 3}]
text={'driver': '{{ plain }}', 'quoted': 'a\\'b'}
`;
    const { get } = read({ 'h.ini': text }, 'h.ini');
    expect(get('a', 'dict')).toEqual({ a: 1, b: [true, null, 1.5, "it's"] });
    expect(get('a', 'list')).toEqual([1, 'two', { three: 3 }]);
    expect(get('a', 'text')).toEqual({ driver: 'x', quoted: "a'b" });
  });
  it.each(['[1, 2', '{a: 1}', "{'a' 1}", '[word]', '[1] [2]', "{'a': 1}}"])('keep %s as text', (value) => {
    expect(read({ 'h.ini': `[web]\na\n[web:vars]\nv=${value}\n` }, 'h.ini').get('a', 'v')).toBe(value);
  });
});
