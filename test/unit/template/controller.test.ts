import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RawVars } from '../../../src/core/value.ts';
import { resolve } from '../../../src/template/template.ts';
import { play, project } from '../support/project.ts';
import { caught, envOf, text } from './support.ts';

const CSV = 'key,one,two\na,1,"x, ""y"""\nb,2,\n';
const INI = '[s]\nport = 80\nhost=a\n# c=1\n[t]\nport: 81\n';
const files = { 'f.csv': CSV, 'f.ini': INI, 'p.properties': 'a=1\n', v: '$ANSIBLE_VAULT;1.1;AES256\n', plain: 'text' };
const run = (source: string, vars: RawVars = {}) => {
  const scope = envOf(vars, files);
  return resolve(text(source), { get: scope.get, ports: scope.ports });
};

/** Results that Ansible gives too. */
const CASES: readonly (readonly [string, unknown])[] = [
  ["{{ lookup('pipe', 'echo hi; echo there') }}", 'hi\nthere'],
  ["{{ query('lines', 'printf \"a\\nb\\n\"') }}", ['a', 'b']],
  ["{{ lookup('ini', 'port section=s file=f.ini') }}", '80'],
  ["{{ lookup('ini', 'PORT', section='t', file='f.ini') }}", '81'],
  ["{{ lookup('ini', 'PORT', section='t', file='f.ini', case_sensitive=true, default='no') }}", 'no'],
  ["{{ query('ini', 'p.*|host', section='s', file='f.ini', re=true) }}", ['80', 'a']],
  ["{{ lookup('ini', 'a', type='properties', file='p.properties') }}", '1'],
  ["{{ lookup('csvfile', 'a', file='f.csv', delimiter=',') }}", '1'],
  ["{{ lookup('csvfile', 'a file=f.csv delimiter=, col=2') }}", 'x, "y"'],
  ["{{ lookup('csvfile', 'zz', file='f.csv', delimiter=',', default='none') }}", 'none'],
  ["{{ query('fileglob', 'f.*') }}", ['f.csv', 'f.ini']],
  ["{{ query('inventory_hostnames', 'web') }}", ['web']],
  ["{{ lookup('unvault', 'v') }} {{ lookup('unvault', 'plain') }}", 'opened 26 text'],
  ["{{ lookup('file', 'v') }} {{ lookup('file', 'plain') }}", 'opened 26 text'],
  ["{{ lookup('first_found', {'files': 'none,f.ini'}) }}", join(process.cwd(), 'f.ini')],
  ["{{ query('first_found', ['none'], skip=true) }}", []],
  [
    "{{ '/etc' is directory }} {{ '/etc/passwd' is file }} {{ '/none' is exists }} {{ '/' is mount }}",
    'True True False True',
  ],
  ["{{ '/etc/passwd' is same_file('/etc/../etc/passwd') }} {{ '/etc' is link }}", 'True False'],
  ["{{ '~/x' | expanduser }} {{ '$HOME/y' | expandvars }}", '/root/x /root/y'],
  ["{{ [{'a': {'b': 1}}, {'a': {'b': 2}}] | json_query('[*].a.b') }}", [1, 2]],
  ["{{ 'a: [1, {b: c}]' | from_yaml }}", { a: [1, { b: 'c' }] }],
  ['{{ \'a: "{{ x }}"\' | from_yaml }}', { a: '{{ x }}' }],
  ["{{ 'aab' | regex_replace('a{,1}b', 'x') }}", 'ax'],
  ['{{ nothing | default("spread") }} {{ nothing is undefined }} {{ deep is defined }}', 'spread True False'],
];

describe('what lookups, filters and tests read on the controller', () => {
  it.each(CASES)('%s', (source, wanted) => {
    expect(run(source, { nothing: text('{{ not_there }}'), deep: text('a{{ nothing }}') })).toEqual(wanted);
  });

  it.each([
    ["{{ lookup('pipe', 'echo no >&2; exit 3') }}", /'echo no >&2; exit 3' failed with exit code 3: no/],
    ["{{ lookup('csvfile', 'a', file='f.csv', delimiter=',', col=9) }}", /there is no column 9/],
    ["{{ lookup('first_found', ['none']) }}", /none of these files exists: none/],
    ["{{ 'x' | json_query('[') }}", /json_query/],
    ["{{ 'x' | regex_search('a++') }}", /not supported/],
    ["{{ lookup('file', 'plain', strip=true) }}", /the lookup 'file' has no keyword 'strip'/],
    ["{{ lookup('template', 't', variables={}) }}", /the lookup 'template' has no keyword 'variables'/],
    ["{{ lookup('template', 't', convert_data=true) }}", /convert_data is not supported/],
    ["{{ lookup('hashi_vault', 'x', url='y') }}", /'hashi_vault' is not supported/],
    ['{{ nothing }}', /'not_there' is undefined/],
    ["{{ query('subelements', [{'a': 'text'}], 'a') }}", /should point to a list/],
  ])('%s fails', (source, message) => {
    expect(caught(() => run(source, { nothing: text('{{ not_there }}') })).message).toMatch(message);
  });

  it('url reads a page, with headers and a password', async () => {
    // A lookup has its answer at once, so the server is another process.
    const code = `const s = require('http').createServer((q, a) => {
      a.statusCode = q.url === '/none' ? 404 : 200;
      a.end((q.headers['x-own'] ?? '') + '\\n' + (q.headers.authorization ?? '') + '\\n');
    }).listen(0, '127.0.0.1', () => console.log(s.address().port));`;
    const server = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void server.kill());
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    const url = `http://127.0.0.1:${String(port).trim()}`;
    const own = "headers={'x-own': 'yes'}, username='u', password='p'";
    const p = project({
      'site.yml': play(
        `- debug: {msg: "{{ query('url', '${url}/', ${own}) }}"}\n- debug: {msg: "{{ lookup('url', '${url}/none') }}"}`,
      ),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(["a: ['yes', 'Basic dTpw']"]);
    expect(ran.tasks.at(-1)?.diagnostic?.message).toMatch(/the server answered 404/);
  });

  it('pipe runs once for each task, at its turn', async () => {
    const p = project({
      'site.yml': play(
        "- command: 'true'\n- copy: {dest: '{T}/x', content: \"{{ lookup('pipe', 'echo run >>{T}/runs; wc -l <{T}/runs') }}\"}\n- debug: {msg: \"{{ lookup('pipe', 'cat {T}/runs') }}\"}",
      ),
    });
    await p.apply();
    expect(p.read('runs')).toBe('run\n');
  });
});

describe('loops over lookups', () => {
  it.each([
    ['with_fileglob: "files/*.txt"', ['one.txt', 'two.txt']],
    ['with_first_found: [{files: [none.yml, one.txt], paths: [files]}]', ['one.txt']],
    ['with_first_found: {files: [none.yml], skip: true}', []],
    ['with_sequence: start=0 end=6 format=%02x', ['00', '01', '02', '03', '04', '05', '06']],
    ['with_sequence: count=3', ['1', '2', '3']],
    ['with_inventory_hostnames: all', ['a']],
    ['with_lines: printf "x\\ny\\n"', ['x', 'y']],
    ['with_nested: [[1, 2], [a]]', ["[1, 'a']", "[2, 'a']"]],
    ['with_items: []', []],
  ])('%s', async (loop, items) => {
    const p = project({
      'site.yml': play(`- debug: {msg: "{{ item if item is not string else item | basename }}"}\n  ${loop}`),
      'files/one.txt': '1',
      'files/two.txt': '2',
    });
    expect((await p.apply()).said).toEqual(items.map((item) => `a: ${item}`));
  });
});
