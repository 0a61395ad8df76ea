import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

type Files = Readonly<Record<string, string>>;
const DIR: Files = {
  'vars/all/a.yml': 'one: a\ndeep: {x: 1}\n',
  'vars/all/b.yml': 'two: "{{ one }}b"\ndeep: {y: 2}\n',
  'vars/all/sub/c.json': '{"three": "c"}',
};

/** Tasks, files, and what is printed. */
const CASES: readonly (readonly [string, string, Files, readonly string[]])[] = [
  ['one file in vars/', '- include_vars: x.yml\n- debug: {msg: "{{ v }}"}', { 'vars/x.yml': 'v: 1\n' }, ['1']],
  [
    'into one variable',
    '- include_vars: {file: x.yml, name: all}\n- debug: {msg: "{{ all.v }}"}',
    { 'x.yml': 'v: 1\n' },
    ['1'],
  ],
  [
    'in a loop',
    '- include_vars: "{{ item }}"\n  loop: [x.yml, y.yml]\n- debug: {msg: "{{ v }} {{ w }}"}',
    { 'x.yml': 'v: 1\n', 'y.yml': 'w: 2\n' },
    ['1 2'],
  ],
  [
    'the first that is found',
    '- include_vars: "{{ item }}"\n  with_first_found: [missing.yml, x.yml]\n- debug: {msg: "{{ v }}"}',
    { 'x.yml': 'v: found\n' },
    ['found'],
  ],
  [
    'a directory',
    '- include_vars: {dir: all}\n- debug: {msg: "{{ one }} {{ two }} {{ three }} {{ deep }}"}',
    DIR,
    ["a ab c {'y': 2}"],
  ],
  [
    'a directory, merged',
    '- include_vars: {dir: all, hash_behaviour: merge}\n- debug: {msg: "{{ deep }}"}',
    DIR,
    ["{'x': 1, 'y': 2}"],
  ],
  [
    'a directory, one level',
    '- include_vars: {dir: all, depth: 1}\n- debug: {msg: "{{ three is defined }}"}',
    DIR,
    ['False'],
  ],
  [
    'files by their names',
    '- include_vars: {dir: all, files_matching: "^a"}\n- debug: {msg: "{{ one }} {{ two is defined }}"}',
    DIR,
    ['a False'],
  ],
  [
    'but those to ignore',
    '- include_vars: {dir: all, ignore_files: ["^a"]}\n- debug: {msg: "{{ one is defined }}"}',
    DIR,
    ['False'],
  ],
  [
    'with register',
    '- include_vars: x.yml\n  register: r\n- debug: {msg: "{{ r.ansible_included_var_files | length }} {{ r is changed }}"}',
    { 'x.yml': 'v: 1\n' },
    ['1 False'],
  ],
  [
    'that is missing, in a block with rescue',
    '- block: [{include_vars: "{{ \'missing\' }}.yml"}]\n  rescue: [{debug: {msg: rescued}}]',
    {},
    ['rescued'],
  ],
  [
    'that is missing, with ignore_errors',
    '- include_vars: "{{ \'missing\' }}.yml"\n  ignore_errors: true\n  register: r\n- debug: {msg: "{{ r is failed }}"}',
    {},
    ['True'],
  ],
  [
    'not, if its condition is false',
    '- include_vars: "{{ \'missing\' }}.yml"\n  when: false\n- debug: {msg: end}',
    {},
    ['end'],
  ],
];

describe('include_vars loads', () => {
  it.each(CASES)('%s', async (_, tasks, files, said) => {
    const ran = await project({ 'site.yml': play(tasks), ...files }).apply();
    expect(ran.said).toEqual(said.map((text) => `a: ${text}`));
  });

  it('refuses another kind of file in a directory, unless it may be left out', async () => {
    const tasks = (more: string): string => play(`- include_vars: {dir: all${more}}\n- debug: {msg: "{{ one }}"}`);
    const p = project({ 'site.yml': tasks(''), ...DIR, 'vars/all/README': 'text\n' });
    expect((await p.apply()).tasks[0]?.diagnostic?.code).toBe('E_VARS_EXTENSION');
    p.write({ 'site.yml': tasks(', ignore_unknown_extensions: true') });
    expect((await p.apply()).said).toEqual(['a: a']);
  });

  it('reports a file that is missing before the run', async () => {
    const p = project({ 'site.yml': play("- copy: {dest: '{T}/f', content: x}\n- include_vars: missing.yml") });
    expect((await p.mistakes()).map((d) => d.code)).toEqual(['E_FILE_MISSING']);
    expect(() => p.read('f')).toThrow();
  });
});

describe('set_fact', () => {
  it('takes names that are templates, and names that end in mode', async () => {
    const tasks =
      '- set_fact: {"{{ n }}": 1, run_mode: 2}\n- set_fact: "{{ n }}_two=3"\n- debug: {msg: "{{ dyn }} {{ run_mode }} {{ dyn_two }}"}';
    const { said } = await project({ 'site.yml': play(tasks, 'vars: {n: dyn}') }).apply();
    expect(said).toEqual(['a: 1 2 3']);
  });
});
