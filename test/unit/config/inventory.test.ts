import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openFiles } from '../../../src/config/files.ts';
import { loadInventory } from '../../../src/config/inventory.ts';
import { select } from '../../../src/config/patterns.ts';
import type { Diagnostic } from '../../../src/core/diagnostic.ts';
import type { Inventory } from '../../../src/core/playbook.ts';

function load(
  files: Readonly<Record<string, string>>,
  name = 'hosts.yml',
): { inventory: Inventory; problems: Diagnostic[] } {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-inventory-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const problems: Diagnostic[] = [];
  return { inventory: loadInventory(join(folder, name), openFiles(problems)), problems };
}
const value = (inventory: Inventory, host: string, name: string): unknown =>
  inventory.hosts
    .get(host)
    ?.layers.map((l) => l.vars[name])
    .findLast((v) => v !== undefined);

describe('inventories', () => {
  it('in YAML: children, ranges, precedence', () => {
    const { inventory, problems } = load({
      'hosts.yml': `all:
  vars: {v: all}
  children:
    rack:
      vars: {v: rack, w: rack}
      children:
        web:
          hosts: {"web[01:03]": {n: 1}}
          vars: {v: web}
    other: {hosts: {web02: {n: 2}}, vars: {ansible_group_priority: 10, p: other}}
    zoo: {hosts: {web02: }, vars: {p: zoo}}
`,
      'group_vars/web.yml': 'w: file\n',
      'host_vars/web03.yml': 'v: host\n',
    });
    expect(problems).toEqual([]);
    expect([...inventory.hosts.keys()]).toEqual(['web01', 'web02', 'web03']);
    expect(inventory.groups.get('rack')).toEqual(['web01', 'web02', 'web03']);
    expect(inventory.hosts.get('web02')?.groups).toEqual(['other', 'rack', 'web', 'zoo']);
    expect(['web01', 'web03'].map((h) => value(inventory, h, 'v'))).toEqual(['web', 'host']);
    expect(value(inventory, 'web01', 'w')).toBe('file');
    expect(value(inventory, 'web02', 'p')).toBe('other');
    expect(value(inventory, 'web02', 'n')).toBe(2);
  });

  it('in INI mean the same', () => {
    const { inventory, problems } = load(
      {
        hosts: `lone ansible_port=2222
[web]
web[1:2] n=1 name="two words" flag=True # a remark
db1:2200
[rack:children]
web
[rack:vars]
v = some text
`,
      },
      'hosts',
    );
    expect(problems).toEqual([]);
    expect([...inventory.hosts.keys()]).toEqual(['lone', 'web1', 'web2', 'db1']);
    expect(inventory.groups.get('rack')).toEqual(['web1', 'web2', 'db1']);
    expect(inventory.groups.get('ungrouped')).toEqual(['lone']);
    expect(['n', 'name', 'flag', 'v'].map((k) => value(inventory, 'web2', k))).toEqual([
      1,
      'two words',
      true,
      'some text',
    ]);
    expect(value(inventory, 'db1', 'ansible_port')).toBe(2200);
  });

  it.each([
    ['[web', 1, /section/],
    ['[web:hots]', 1, /hots/],
    ['[web]\nweb1 oops', 2, /key=value/],
    ['[web]\nweb1 n="open', 2, /quote/],
    ['[web:vars]\noops', 2, /key=value/],
  ])('report INI %j as a mistake on line %i', (text, line, message) => {
    const { problems } = load({ hosts: text }, 'hosts');
    expect(problems[0]?.at?.line).toBe(line);
    expect(problems[0]?.message).toMatch(message);
  });

  it('as a directory, and as a list of hosts', () => {
    const { inventory } = load(
      { 'inv/a.yml': 'all: {hosts: {a: }}', 'inv/b.ini': 'b\n', 'inv/group_vars/all.yml': 'x: 1' },
      'inv',
    );
    expect([...inventory.hosts.keys()]).toEqual(['a', 'b']);
    expect(value(inventory, 'b', 'x')).toBe(1);
    expect([...loadInventory('x,y,', openFiles([])).hosts.keys()]).toEqual(['x', 'y']);
  });
});

describe('patterns', () => {
  const HOSTS = ['web1', 'web2', 'db1', 'db2', 'lb1'];
  const GROUPS: Record<string, readonly string[]> = {
    web: ['web1', 'web2'],
    db: ['db1', 'db2'],
    odd: ['web1', 'db1', 'lb1'],
  };
  let inventory: Inventory;
  const at = { file: 'x', line: 1, col: 1 };
  const chosen = (pattern: string): readonly string[] => select(pattern, inventory, at, []);
  beforeEach(() => {
    ({ inventory } = load({
      'hosts.yml': JSON.stringify({
        all: {
          hosts: Object.fromEntries(HOSTS.map((h) => [h, null])),
          children: Object.fromEntries(
            Object.entries(GROUPS).map(([g, hosts]) => [g, { hosts: Object.fromEntries(hosts.map((h) => [h, null])) }]),
          ),
        },
      }),
    }));
  });

  it.each([
    ['all', HOSTS],
    ['web:db', ['web1', 'web2', 'db1', 'db2']],
    ['web,lb1', ['web1', 'web2', 'lb1']],
    ['odd:&web', ['web1']],
    ['!web:all', ['db1', 'db2', 'lb1']],
    ['!web', ['db1', 'db2', 'lb1']],
    ['w*', ['web1', 'web2']],
    ['~(web|lb)1', ['web1', 'lb1']],
    ['web[0]', ['web1']],
    ['web[-1]', ['web2']],
    ['odd[0:1]', ['web1', 'db1']],
    ['odd[1:]', ['db1', 'lb1']],
  ])('%s', (pattern, hosts) => expect(chosen(pattern)).toEqual(hosts));

  it.each(['wbe', 'web:&nope', 'x*', '~zzz', 'web[5]', '~('])('%s is a mistake', (pattern) => {
    const problems: Diagnostic[] = [];
    select(pattern, inventory, at, problems);
    expect(problems).toHaveLength(1);
  });

  it('apply set operations in any order: unions, then &, then !', () => {
    const term = fc.tuple(fc.constantFrom('', '&', '!'), fc.constantFrom(...HOSTS, ...Object.keys(GROUPS)));
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 6 }), (terms) => {
        const of = (sign: string) =>
          terms.filter(([s]) => s === sign).map(([, name]) => new Set(GROUPS[name] ?? [name]));
        const unions = of('');
        let wanted = HOSTS.filter((h) => unions.length === 0 || unions.some((set) => set.has(h)));
        for (const set of of('&')) wanted = wanted.filter((h) => set.has(h));
        for (const set of of('!')) wanted = wanted.filter((h) => !set.has(h));
        expect(chosen(terms.map(([sign, name]) => sign + name).join(':'))).toEqual(wanted);
      }),
    );
  });
});

describe("the repository's own inventories", () => {
  it.each(['lab.yml', 'lab-pi.yml', 'pi.example.yml'])('%s overrides group_vars/all.yml for its rack', (name) => {
    const read = (file: string) => readFileSync(join('inventory', file), 'utf8');
    const text = read(name)
      .replace(/^ {4}domain: .*\n/m, '')
      .replace(/^ {2}vars:$/m, '  vars:\n    domain: home.arpa');
    const { inventory, problems } = load({ [name]: text, 'group_vars/all.yml': read('group_vars/all.yml') }, name);
    expect(problems).toEqual([]);
    expect([...inventory.hosts.keys()].map((host) => value(inventory, host, 'domain'))).toEqual(
      [...inventory.hosts.keys()].map(() => 'home.arpa'),
    );
  });
});
