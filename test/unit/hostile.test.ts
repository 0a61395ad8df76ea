import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/program.ts';
import { parseKnownHosts, verify } from '../../src/connect/known-hosts.ts';
import { printable } from '../../src/report/words.ts';
import { type Project, play, project } from './support/project.ts';

// Small inputs that try to crash bringup, to hang it, or to be accepted as valid. Each run must end quickly with a
// message and an exit code.

type Files = Readonly<Record<string, string>>;
type Ran = Readonly<{ code: number; text: string }>;
const TIME = 30_000;

async function bringup(...argv: readonly string[]): Promise<Ran> {
  let text = '';
  const write = (chunk: unknown): boolean => {
    text += String(chunk);
    return true;
  };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation(write);
  const err = vi.spyOn(process.stderr, 'write').mockImplementation(write);
  try {
    return { code: await main(argv), text };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

const apply = (p: Project, ...more: readonly string[]): Promise<Ran> =>
  bringup('apply', p.path('site.yml'), '-i', p.path('hosts.yml'), '-o', 'plain', ...more);

/** The run ends with this exit code and message, and is not reported as a bug. */
async function ends(ran: Promise<Ran>, code: number, says: RegExp): Promise<void> {
  const { code: got, text } = await ran;
  const shown = text.length > 2000 ? `${text.slice(0, 1000)} … ${text.slice(-1000)}` : text;
  expect(/has a bug/.test(text), shown).toBe(false);
  expect(says.test(text), `${says}: ${shown}`).toBe(true);
  expect(got, shown).toBe(code);
}

const MANY = (n: number, line: (i: number) => string): string => Array.from({ length: n }, (_, i) => line(i)).join('');
const LAUGHS = `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${MANY(30, (i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]\n`)}`;
const MERGES = `a0: &a0 {k: 1}\n${MANY(200, (i) => `a${i + 1}: &a${i + 1} {<<: [*a${i}, *a${i}], k${i}: 1}\n`)}`;

describe('YAML', () => {
  /** A play that does nothing but read a file of variables. */
  const asVars = (text: string): Project =>
    project({ 'site.yml': play('- debug: {msg: done}', 'vars_files: [v.yml]'), 'v.yml': text });

  it.each<readonly [string, string, number, RegExp]>([
    ['an alias inside of itself', 'a: &a [*a]', 2, /inside of its own anchor/],
    ['an alias inside of itself, deeper', 'a: &a {b: {c: [1, *a]}}', 2, /inside of its own anchor/],
    ['an alias of nothing', 'a: *b', 2, /no anchor before it|Unresolved alias/],
    ['an alias before its anchor', 'a: *b\nb: &b 1', 2, /no anchor before it|Unresolved alias/],
    ['a billion laughs', LAUGHS, 2, /too many aliases/],
    ['a bomb of merges', MERGES, 0, /./],
    ['a merge of itself', 'a: &a {<<: *a}', 2, /inside of its own anchor/],
    ['a merge of a word', 'a: {<<: word}', 0, /./],
    ['many aliases of one', `a: &a 1\nb: [${Array(20_000).fill('*a').join(', ')}]`, 0, /./],
    ['lists in lists', '['.repeat(20_000), 2, /nest(ed|s) too deep/],
    ['maps in maps', `${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}`, 2, /nest(ed|s) too deep/],
    ['blocks in blocks', MANY(3000, (i) => `${' '.repeat(i)}a:\n`), 2, /nested too deeply|larger than/],
    ['a wide map', MANY(20_000, (i) => `k${i}: 1\n`), 0, /./],
    ['a wide map on one line', `{${MANY(20_000, (i) => `k${i}: 1, `)}}`, 0, /./],
    ['10 MB on one line', `{${MANY(700_000, (i) => `k${i}: 1, `)}}`, 2, /larger than 2 MiB/],
    ['a key twice', 'a: 1\na: 2', 2, /given twice/],
    ['a key twice among many', `${MANY(20_000, (i) => `k${i}: 1\n`)}k7: 2`, 2, /given twice/],
    ['__proto__ as a key', '__proto__: {polluted: 1}\nconstructor: x', 0, /./],
    ['a NUL byte', 'a: "\0"', 2, /./],
    ['an escaped NUL byte', 'a: "\\0"', 0, /./],
    ['a byte order mark', '\ufeffa: 1', 0, /./],
    ['no UTF-8', 'a: \udc80', 0, /./],
    ['two documents', 'a: 1\n---\nb: 2', 2, /more than one YAML document/],
    ['an unknown tag', 'a: !!python/object/apply:os.system [id]', 2, /tag/i],
    ['a local tag', 'a: !run id', 2, /tag/i],
    ['a list where a map is wanted', '- 1', 2, /file of variables must be a map/],
    ['a word where a map is wanted', 'word', 2, /file of variables must be a map/],
    ['a tab', 'a:\n\tb: 1', 2, /tab/i],
    ['an open quote', 'a: "b', 2, /./],
    ['an open bracket', 'a: [b', 2, /./],
    ['a key that is a list', '? [a, b]\n: 1', 2, /./],
    ['a huge number', `a: ${'9'.repeat(100_000)}`, 0, /./],
    ['a vaulted value that is none', 'a: !vault |\n  nonsense', 2, /vault/],
    ['a vaulted file that is none', '$ANSIBLE_VAULT;1.1;AES256\nzz', 2, /vault/],
    ['nothing', '', 0, /./],
    ['a comment', '# nothing', 0, /./],
  ])('%s', (_, text, code, says) => ends(apply(asVars(text)), code, says), TIME);

  it('does not treat properties of objects as variables', async () => {
    const p = project({
      'site.yml': play('- debug: {msg: "{{ {}.polluted | default(\'clean\') }}"}', 'vars_files: [v.yml]'),
      'v.yml': '__proto__: {polluted: 1}',
    });
    await ends(apply(p), 0, /clean/);
  });
});

describe('templates', () => {
  const A = 'a'.repeat(40);
  it.each<readonly [string, string, number, RegExp]>([
    ['a variable of itself', '{{ loop_ }}', 1, /recursive/],
    ['an open brace', '{{ 1', 2, /./],
    ['an open block', '{% if x %}', 2, /./],
    ['an unknown block', '{% exec %}', 2, /./],
    ['an unknown filter', '{{ 1 | nothing }}', 2, /nothing/],
    ['the class of a class', "{{ ''.__class__.__mro__ }}", 1, /./],
    ['parentheses in parentheses', `{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`, 2, /nest(ed|s) too deep/],
    ['lists in lists', `{{ ${'['.repeat(20_000)}${']'.repeat(20_000)} }}`, 2, /nest(ed|s) too deep/],
    ['minus of minus', `{{ ${'- '.repeat(20_000)}1 }}`, 2, /nest(ed|s) too deep/],
    ['not of not', `{{ ${'not '.repeat(20_000)}1 }}`, 2, /nest(ed|s) too deep/],
    ['a long sum', `{{ ${'1 + '.repeat(20_000)}1 }}`, 2, /too deep/],
    ['a text that grows', "{{ 'x' * 10000000000 }}", 1, /./],
    ['a list that grows', '{{ [1] * 10000000000 }}', 1, /./],
    ['a power', '{{ 9 ** 9 ** 9 }}', 1, /./],
    ['a range without an end', '{{ range(100000000000) | list }}', 1, /./],
    ['a macro that calls itself', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', 1, /./],
    ['a division by nothing', '{{ 1 / 0 }}', 1, /zero/],
    ['a format of very many places', "{{ '%999999999d' | format(1) }}", 1, /./],
    ['an indent of very many places', "{{ 'a\nb' | indent(999999999) }}", 0, /./],
    ['a centre of very many places', "{{ 'a' | center(999999999) }}", 1, /./],
    [
      'a pattern that backtracks in a filter',
      `{{ '${A}!' | regex_replace('^(a+)+$', '') }}`,
      1,
      /did not finish within/,
    ],
    ['in a search', `{{ '${A}!' | regex_search('^(a|a)*$') }}`, 1, /did not finish within/],
    ['in a list of matches', `{{ '${A}!' | regex_findall('(a+)+$') }}`, 1, /did not finish within/],
    ['in a test', `{{ '${A}!' is match('(a+)+$') }}`, 1, /did not finish within/],
    ['in a selection', `{{ ['${A}!'] | select('search', '^(a+)+$') | list }}`, 1, /did not finish within/],
    ['a pattern that is none', "{{ 'a' | regex_replace('(', '') }}", 1, /regular expression/],
    ['a wrap of a long text', "{{ ('x ' * 500000) | wordwrap | length }}", 0, /./],
    ['a wrap of a long word', "{{ ('x' * 900000) | wordwrap | length }}", 0, /./],
    ['JSON that is deep', `{{ '${'['.repeat(20_000)}' | from_json }}`, 1, /./],
    ['base64 that is none', "{{ '%%%' | b64decode }}", 0, /./],
    ['a pipe as a file', "{{ lookup('file', '{T}/pipe') }}", 1, /not a regular file/],
    ['a device as a file', "{{ lookup('file', '/dev/zero') }}", 1, /not a regular file/],
    ['a device as a template', "{{ lookup('template', '/dev/zero') }}", 1, /./],
    ['a folder as a file', "{{ lookup('file', '{T}') }}", 1, /./],
    ['a lookup that is none', "{{ lookup('nothing', 1) }}", 2, /nothing/],
    ['a setting as a lookup', "{{ lookup('config', 'x') }}", 1, /not supported/],
  ])(
    '%s',
    async (_, text, code, says) => {
      const p = project({});
      const msg = JSON.stringify(text.replaceAll('{T}', p.folder));
      writeFileSync(p.path('site.yml'), play(`- debug: {msg: ${msg}}`, 'vars: {loop_: "{{ loop_ }}"}'));
      spawnSync('mkfifo', [p.path('pipe')]);
      await ends(apply(p), code, says);
    },
    TIME,
  );
});

describe('files that never end', () => {
  const fifo = (p: Project): string => {
    spawnSync('mkfifo', [p.path('pipe')]);
    return p.path('pipe');
  };
  it.each<readonly [string, (p: Project) => Promise<Ran>, number]>([
    ['as a playbook', (p) => bringup('apply', fifo(p), '-i', p.path('hosts.yml'), '-o', 'plain'), 2],
    ['as a playbook: a device', (p) => bringup('apply', '/dev/zero', '-i', p.path('hosts.yml'), '-o', 'plain'), 2],
    ['as an inventory', (p) => bringup('apply', p.path('site.yml'), '-i', fifo(p), '-o', 'plain'), 2],
    ['as an inventory: a device', (p) => bringup('apply', p.path('site.yml'), '-i', '/dev/zero', '-o', 'plain'), 2],
    ['as extra variables', (p) => apply(p, '-e', `@${fifo(p)}`), 2],
    ['as extra variables: a device', (p) => apply(p, '-e', '@/dev/zero'), 2],
  ])(
    '%s',
    (_, run, code) => ends(run(project({ 'site.yml': play('- debug: {msg: x}') })), code, /not a regular file/),
    TIME,
  );

  it.each(['vars_files: [{P}]', 'vars_files: [/dev/zero]'])(
    '%s',
    async (vars) => {
      const p = project({});
      const pipe = fifo(p);
      p.write({ 'site.yml': play('- debug: {msg: x}', vars.replace('{P}', pipe)) });
      await ends(apply(p), 2, /not a regular file/);
    },
    TIME,
  );

  it.each([
    '- copy: {src: "{P}", dest: "{T}/out"}',
    '- copy: {src: /dev/zero, dest: "{T}/out"}',
    '- template: {src: "{P}", dest: "{T}/out"}',
    '- include_vars: "{P}"',
    '- include_vars: /dev/zero',
    '- script: "{P}"',
  ])(
    '%s',
    async (task) => {
      const p = project({});
      const pipe = fifo(p);
      p.write({ 'site.yml': play(task.replace('{P}', pipe)) });
      await ends(apply(p), 1, /not a regular file/);
    },
    TIME,
  );

  it(
    '/dev/null is an empty file',
    async () => {
      const p = project({ 'site.yml': play("- copy: {src: /dev/null, dest: '{T}/out'}", 'vars_files: [/dev/null]') });
      await ends(apply(p), 0, /./);
      expect(p.read('out')).toBe('');
    },
    TIME,
  );
});

describe('playbooks', () => {
  it.each<readonly [string, Files, number, RegExp]>([
    ['that import themselves', { 'site.yml': '- import_playbook: site.yml' }, 2, /imports itself/],
    [
      'that import each other',
      { 'site.yml': '- import_playbook: b.yml', 'b.yml': '- import_playbook: site.yml' },
      2,
      /imports itself/,
    ],
    [
      'whose tasks include themselves',
      { 'site.yml': play('- include_tasks: t.yml'), 't.yml': '- include_tasks: t.yml' },
      1,
      /itself|too deeply/,
    ],
    [
      'whose tasks import themselves',
      { 'site.yml': play('- import_tasks: t.yml'), 't.yml': '- import_tasks: t.yml' },
      2,
      /itself|too deeply/,
    ],
    [
      'whose role needs itself',
      { 'site.yml': '- hosts: all\n  roles: [r]', 'roles/r/meta/main.yml': 'dependencies: [r]' },
      2,
      /depends on itself/,
    ],
    [
      'whose role includes itself',
      { 'site.yml': play('- include_role: {name: r}'), 'roles/r/tasks/main.yml': '- include_role: {name: r}' },
      1,
      /itself|too deeply/,
    ],
    ['that are a word', { 'site.yml': 'word' }, 2, /list of plays/],
    ['that are a number', { 'site.yml': '1' }, 2, /list of plays/],
    ['without hosts', { 'site.yml': '- tasks: []' }, 2, /names no hosts/],
    ['with a map as a name of hosts', { 'site.yml': '- hosts: {a: b}' }, 2, /pattern/],
    ['with tasks that are a word', { 'site.yml': '- hosts: all\n  tasks: word' }, 2, /list of tasks/],
    ['with a task that is a word', { 'site.yml': play('- word') }, 2, /task must be a map/],
    ['with no module', { 'site.yml': play('- name: nothing') }, 2, /names no module/],
    ['with a loop over a word', { 'site.yml': play('- debug: {msg: x}\n  loop: word') }, 1, /takes a list/],
    [
      'with a NUL in a word of a shell',
      { 'site.yml': play('- shell: "echo {{ x | b64decode }}"\n- debug: {msg: x}', 'vars: {x: AGE=}') },
      1,
      /NUL/,
    ],
    [
      'with a NUL in a word of a command',
      { 'site.yml': play('- command: {argv: [echo, "{{ x | b64decode }}"]}', 'vars: {x: AGE=}') },
      1,
      /NUL/,
    ],
    [
      'with a NUL in the environment',
      { 'site.yml': play('- command: env\n  environment: {A: "{{ x | b64decode }}"}', 'vars: {x: AGE=}') },
      1,
      /NUL/,
    ],
    [
      'with a NUL in a path',
      { 'site.yml': play('- file: {path: "{{ x | b64decode }}", state: touch}', 'vars: {x: AGE=}') },
      1,
      /not valid/,
    ],
    [
      'with a NUL in a text that is written',
      { 'site.yml': play('- copy: {dest: "{T}/f", content: "{{ x | b64decode }}"}', 'vars: {x: AGE=}') },
      0,
      /./,
    ],
    [
      'with a name of the environment that is none',
      { 'site.yml': play('- command: env\n  environment: {"A;id": 1}') },
      1,
      /not a valid name of an environment variable/,
    ],
    [
      'with an option as a user',
      { 'site.yml': play('- command: id\n  become: true\n  become_user: "-p"') },
      1,
      /not a user name/,
    ],
    [
      'with a line break in a user',
      { 'site.yml': play('- command: id\n  become: true\n  become_user: "a\\nb"') },
      1,
      /not a user name/,
    ],
    [
      'with a pattern that backtracks in lineinfile',
      { 'site.yml': play("- lineinfile: {path: '{T}/f', regexp: '^(a+)+$', line: x}"), f: `${'a'.repeat(40)}!\n` },
      1,
      /did not finish within/,
    ],
    [
      'in replace',
      { 'site.yml': play("- replace: {path: '{T}/f', regexp: '(a|a)*b', replace: x}"), f: `${'a'.repeat(40)}!\n` },
      1,
      /did not finish within/,
    ],
    [
      'in blockinfile',
      {
        'site.yml': play("- blockinfile: {path: '{T}/f', insertafter: '^(a+)+$', block: x}"),
        f: `${'a'.repeat(40)}!\n`,
      },
      1,
      /did not finish within/,
    ],
    [
      'with handlers that notify each other',
      {
        'site.yml': `${play('- command: echo\n  notify: a')}  handlers:\n    - {name: a, command: echo, notify: b}\n    - {name: b, command: echo, notify: a}\n`,
      },
      0,
      /./,
    ],
    [
      'with a handler that is meta: flush_handlers',
      { 'site.yml': `${play('- command: echo\n  notify: a')}  handlers:\n    - {name: a, meta: flush_handlers}\n` },
      2,
      /cannot be a handler/,
    ],
    ['with an unknown meta', { 'site.yml': play('- meta: bogus') }, 2, /unknown meta action/],
    ['with a meta that is a map', { 'site.yml': play('- meta: {a: b}') }, 2, /meta/],
    [
      'with a name of a register that is none',
      { 'site.yml': play('- command: echo\n  register: 200') },
      2,
      /name of a variable/,
    ],
    ['with a serial of nothing', { 'site.yml': '- hosts: all\n  serial: 0\n  tasks: []' }, 2, /serial/],
    ['with a boolean that is none', { 'site.yml': play('- command: echo\n  become: perhaps') }, 2, /boolean/],
  ])('%s', (_, files, code, says) => ends(apply(project(files)), code, says), TIME);
});

describe('inventories', () => {
  const site = { 'site.yml': play('- command: echo done') };
  const local = 'all: {vars: {ansible_connection: local}, ';
  it.each<readonly [string, string, number, RegExp]>([
    ['a word', 'word: word', 2, /./],
    ['a list', '- a', 2, /./],
    ['a group that is its own child', `${local}children: {g: {children: {g: }}}}`, 2, /./],
    ['groups that are each other’s children', `${local}children: {g: {children: {h: {children: {g: }}}}}}`, 2, /./],
    ['a range without an end', `${local}hosts: {"h[1:999999999]": }}`, 2, /range/],
    ['a range backwards', `${local}hosts: {"h[9:1]": }}`, 2, /range/],
    ['a port that is none', 'all: {hosts: {a: {ansible_port: 99999999, ansible_host: 127.0.0.1}}}', 1, /port/],
    ['an address that is an option', 'all: {hosts: {a: {ansible_host: "-oProxyCommand=id"}}}', 1, /./],
    ['a name that leads out of a folder', `${local}hosts: {"../../etc/passwd": }}`, 0, /./],
    ['a name with control characters', `${local}hosts: {"a\\u001b[31m": }}`, 0, /./],
    ['a variable of itself', `${local}hosts: {a: {ansible_user: "{{ ansible_user }}"}}}`, 1, /recursive/],
    ['a connection that is none', 'all: {hosts: {a: {ansible_connection: carrier-pigeon}}}', 1, /./],
  ])('%s', (_, text, code, says) => ends(apply(project({ ...site, 'hosts.yml': text })), code, says), TIME);

  it.each([`~^(a+)+$`, `${'*a'.repeat(40)}*`, '[', '~(', ':', 'a['])(
    'the pattern %s',
    async (limit) => {
      const p = project({
        ...site,
        'hosts.yml': `all: {vars: {ansible_connection: local}, hosts: {${'a'.repeat(60)}b: }}`,
      });
      const { code, text } = await apply(p, '--limit', limit);
      expect(text).not.toMatch(/has a bug/);
      expect([0, 2]).toContain(code);
    },
    TIME,
  );
});

describe('known_hosts', () => {
  const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ5';
  it(
    'matches a pattern with very many stars quickly',
    () => {
      const entries = parseKnownHosts(`${'*a'.repeat(40)} ${KEY}\n${'*'.repeat(40)}x ${KEY}`, 'f');
      expect(verify(entries, 'a'.repeat(60), 22, Buffer.from('x')).is).toBe('changed');
    },
    TIME,
  );

  it.each([
    '',
    '\0',
    '@',
    '@revoked',
    '|1|',
    '|1||',
    '|1|x|y z',
    `h ${KEY} \u202e`,
    'h ssh-ed25519 !!!',
    `!* ${KEY}`,
    '[h]: x y',
  ])('accepts or rejects the line %j without an error', (line) => {
    const entries = parseKnownHosts(line, 'f');
    expect(verify(entries, 'h', 22, Buffer.from('x')).is).toMatch(/^(unknown|changed|revoked)$/);
  });

  it.each<readonly [string, (p: Project) => void]>([
    ['a folder', (p) => mkdirSync(p.path('known'))],
    ['a pipe', (p) => spawnSync('mkfifo', [p.path('known')])],
    ['a link to a device', (p) => symlinkSync('/dev/zero', p.path('known'))],
  ])(
    'rejects %s as a known_hosts file',
    async (_, make) => {
      const p = project({
        'site.yml': play('- command: echo'),
        'hosts.yml':
          'all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 9, bringup_known_hosts_file: "{T}/known"}}}',
      });
      make(p);
      await ends(apply(p), 1, /not a regular file/);
    },
    TIME,
  );
});

describe('output of hosts', () => {
  it.each([
    ['\u001b[2J', '\\x1b[2J'],
    ['\u009b31m', '\\x9b31m'],
    ['\u202eevil', '\\u202eevil'],
    ['\u2066a\u2069', '\\u2066a\\u2069'],
    ['\u200f\u200e\u061c', '\\u200f\\u200e\\u061c'],
    ['a\rb', 'a\\x0db'],
    ['\ufeff', '\\ufeff'],
    ['grüße 你好 👩‍💻', 'grüße 你好 👩‍💻'],
  ])('%j is shown as %j', (text, shown) => expect(printable(text)).toBe(shown));

  it(
    'never reaches a terminal unescaped',
    async () => {
      const p = project({
        'site.yml': play(
          `- command: printf '\\033[31m\\342\\200\\256x'\n  register: r\n- debug: {msg: "{{ r.stdout }}"}\n- fail: {msg: "{{ r.stdout }}"}`,
        ),
      });
      const { code, text } = await apply(p);
      expect(code).toBe(1);
      expect(text).not.toMatch(/\u202e|\u001b\[31mx/);
      expect(text).toContain('\\u202ex');
    },
    TIME,
  );
});

describe('memory', () => {
  it.each([
    ['aliases', LAUGHS, 2],
    ['merges', MERGES, 0],
    ['a wide map', `{${MANY(50_000, (i) => `k${i}: 1, `)}}`, 0],
  ] as const)(
    '%s fit into 300 MB',
    (_, text, code) => {
      const p = project({ 'site.yml': play('- debug: {msg: x}', 'vars_files: [v.yml]'), 'v.yml': text });
      const argv = [resolve('src/main.ts'), 'apply', p.path('site.yml'), '-i', p.path('hosts.yml'), '-o', 'plain'];
      const node = ['--max-old-space-size=300', '--import', resolve('node_modules/tsx/dist/loader.mjs'), ...argv];
      expect(spawnSync(process.execPath, node, { encoding: 'utf8' }).status).toBe(code);
    },
    60_000,
  );
});
