import { chmodSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { passwordOf } from '../../../src/cli/vault-passwords.ts';
import { openVault } from '../../../src/config/vault.ts';
import { Failure } from '../../../src/core/diagnostic.ts';
import { bringup, plain } from '../support/command.ts';
import { play, project } from '../support/project.ts';

const TASKS = `- hosts: all
  name: First
  gather_facts: false
  tags: p
  tasks:
    - {name: one, debug: {msg: one}, tags: t1}
    - name: group
      block:
        - {name: two, debug: {msg: two}}
        - {name: three, debug: {msg: three}, tags: never}
    - meta: flush_handlers
- hosts: b
  gather_facts: false
  roles: [r]
`;
const FILES = {
  'hosts.yml': 'all:\n  vars: {ansible_connection: local}\n  hosts: {a: , b: }\n',
  'site.yml': TASKS,
  'roles/r/tasks/main.yml': '- {name: four, debug: {msg: "four {{ x | default(0) }}"}}\n- import_tasks: more.yml\n',
  'roles/r/tasks/more.yml': '- {name: five, debug: {msg: five}}\n',
};

/** Runs apply on the project, and returns what debug printed, or what was listed. */
async function apply(...more: readonly string[]): Promise<readonly string[]> {
  const p = project(FILES);
  const ran = await bringup('apply', p.path('site.yml'), '-i', p.path('hosts.yml'), '-o', 'plain', ...more);
  expect(ran.code, ran.err).toBe(0);
  return plain(ran.out).replaceAll(p.folder, 'T').split('\n');
}
describe('lists', () => {
  it('--list-hosts', async () => {
    expect((await apply('--list-hosts', '-l', 'a')).join('\n')).toBe(`
playbook: T/site.yml

  play #1 (all): First\tTAGS: [p]
    pattern: ['all']
    hosts (1):
      a

  play #2 (b): b\tTAGS: []
    pattern: ['b']
    hosts (0):
`);
  });

  it('--list-tasks, of those that the tags select', async () => {
    expect((await apply('--list-tasks', '--skip-tags', 't1')).join('\n')).toBe(`
playbook: T/site.yml

  play #1 (all): First\tTAGS: [p]
    tasks:
      two\tTAGS: [p]

  play #2 (b): b\tTAGS: []
    tasks:
      r : four\tTAGS: []
      r : five\tTAGS: []
`);
  });

  it('--list-tags', async () => {
    expect((await apply('--list-tags')).join('\n')).toContain('      TASK TAGS: [p, t1]\n');
  });

  it('--syntax-check finds mistakes, and runs nothing', async () => {
    expect((await apply('--syntax-check')).join('\n')).toBe(
      '\nplaybook: T/site.yml\n\n  play #1 (all): First\tTAGS: [p]\n\n  play #2 (b): b\tTAGS: []\n',
    );
    const p = project({ 'site.yml': play('- copi: {}') });
    expect((await bringup('apply', p.path('site.yml'), '-i', p.path('hosts.yml'), '--syntax-check')).code).toBe(2);
  });
});

describe('--start-at-task', () => {
  const ran = async (name: string): Promise<readonly string[]> => {
    const p = project(FILES);
    return (await p.apply({ startAt: name })).said.map((line) => line.slice(3));
  };
  it.each([
    ['two', ['two', 'two', 'four 0', 'five']],
    ['r : five', ['five']],
    ['fo*', ['four 0', 'five']],
    ['five', ['five']],
  ])('begins at %s', async (name, expected) => {
    expect(await ran(name)).toEqual(expected);
  });

  it('knows no other name', async () => {
    await expect(ran('too')).rejects.toThrow(Failure);
  });
});

describe('--step', () => {
  it('needs somebody who answers', async () => {
    const p = project(FILES);
    const { code, err } = await bringup('apply', p.path('site.yml'), '-i', p.path('hosts.yml'), '--step');
    expect(code).not.toBe(0);
    expect(plain(err)).toContain("there is no terminal to ask for: perform task 'one'?");
  });
});

describe('-e', () => {
  it('takes several variables, quotes and templates', async () => {
    const p = project({ 'site.yml': play('- debug: {msg: "{{ a }}|{{ b }}|{{ c }}"}') });
    expect((await p.apply({ extraVars: ['a=1 b="two words"', "c='{{ a }}!'"] })).said).toEqual(['a: 1|two words|1!']);
  });

  it.each(['a=1 b', 'a', '', '1a=2', 'a-b=1'])('%j is a mistake', async (text) => {
    const p = project({ 'site.yml': play('- debug: {msg: x}') });
    expect((await p.mistakes({ extraVars: [text] })).map((d) => d.code)).toEqual(['E_EXTRA_VARS']);
  });
});

describe('--limit @FILE', () => {
  it('takes a host or a group of each line', async () => {
    const p = project({ ...FILES, 'only.txt': '# those that failed\nb\n' });
    expect((await p.apply({ limit: `@${p.path('only.txt')}` })).said).toContain('b: one');
    expect((await p.apply({ limit: `@${p.path('only.txt')}` })).said).not.toContain('a: one');
  });
});

describe('options of connections and users', () => {
  const who = play('- command: id -un\n  register: r\n  changed_when: false\n- debug: {msg: "four {{ r.stdout }}"}');
  it.each([
    ['-b --become-user nobody', 'nobody'],
    ['-b', 'root'],
    ['', 'root'],
  ])('%j', async (options, user) => {
    const p = project({ 'hosts.yml': 'all: {hosts: {a: }}', 'site.yml': who });
    const more = [...options.split(' '), '-c', 'local'].filter((word) => word !== '');
    const ran = await bringup('apply', p.path('site.yml'), '-i', p.path('hosts.yml'), '-o', 'plain', ...more);
    expect(ran.code, ran.err).toBe(0);
    expect(plain(ran.out + ran.err)).toContain(`four ${user}`);
  });

  it.each(['-k', '-K', '-J', '--vault-id x@prompt'])('%s needs a terminal', async (options) => {
    const p = project(FILES);
    const ran = await bringup('apply', p.path('site.yml'), '-i', p.path('hosts.yml'), ...options.split(' '));
    expect(ran.code).not.toBe(0);
    expect(plain(ran.err)).toContain('there is no terminal to ask for');
  });

  it('counts BRINGUP_INVENTORY as -i', async () => {
    const p = project(FILES);
    vi.stubEnv('BRINGUP_INVENTORY', p.path('hosts.yml'));
    try {
      expect((await bringup('inventory')).out).toContain('b');
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('vault passwords', () => {
  const at = { file: 'x', line: 1, col: 1 };
  it('come from files and programs; a client gets its label', () => {
    const p = project({
      pw: ' secret \n',
      'pw.sh': '#!/bin/sh\necho from-program\n',
      'pw-client': '#!/bin/sh\necho "$1 $2"\n',
    });
    for (const name of ['pw.sh', 'pw-client']) chmodSync(p.path(name), 0o755);
    const texts = [passwordOf(p.path('pw')), passwordOf(p.path('pw.sh'), 'x'), passwordOf(p.path('pw-client'), 'prod')];
    expect(texts.map(({ secret }) => secret.reveal())).toEqual(['secret', 'from-program', '--vault-id prod']);
  });

  it.each([
    ['is missing', undefined],
    ['is empty', '\n'],
    ['fails', '#!/bin/sh\nexit 1\n'],
  ])('are refused if the file %s', (_, text) => {
    const p = project(text === undefined ? {} : { pw: text });
    if (text?.startsWith('#!') === true) chmodSync(p.path('pw'), 0o755);
    expect(() => passwordOf(p.path('pw'))).toThrow(
      expect.objectContaining({ diagnostics: [expect.objectContaining({ code: 'E_VAULT_PASSWORD_FILE' })] }),
    );
    expect(() => openVault('x', at, [])).toThrow(Failure);
  });
});
