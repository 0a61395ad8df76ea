import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bringup, plain } from '../support/command.ts';
import { play, project } from '../support/project.ts';

describe('handlers', () => {
  it('lists what waits on a host, also by name, and forgets it', async () => {
    const p = project({
      'site.yml': `${play("- copy: {dest: '{T}/f', content: x}\n  notify: [one, two]\n- fail: {msg: stop}")}  handlers:
    - {name: one, command: echo}
    - {name: two, command: echo}
`,
    });
    await p.apply();
    const handlers = async (...more: readonly string[]) => {
      const { code, out } = await bringup('handlers', '-i', p.path('hosts.yml'), ...more);
      const own = plain(out)
        .split('\n')
        .filter((line) => line.includes(p.folder.split('/').at(-1) ?? ''));
      return { code, names: own.map((line) => line.replace(/ \(.*/, '')) };
    };
    expect(await handlers()).toEqual({ code: 0, names: ['a  one', 'a  two'] });
    expect(await handlers('one', '--forget')).toEqual({ code: 0, names: ['a  forgotten: one'] });
    expect(await handlers()).toEqual({ code: 0, names: ['a  two'] });
  });
});

describe('exit codes', () => {
  const files = {
    'site.yml': play("- copy: {dest: '{T}/f', content: x}\n- command: 'false'\n  when: breaks | default(false)"),
    'bad.yml': play('- copi: {}'),
    'checks.yml':
      '- name: nobody listens\n  port: {host: 127.0.0.1, port: 1, state: closed}\n- name: somebody does\n  port: {host: 127.0.0.1, port: 1}\n  within: 0.1\n  when: strict | default(false)\n',
  };
  it.each([
    ['0: done', (p: (n: string) => string) => ['apply', p('site.yml')], 0],
    ['1: a host failed', (p: (n: string) => string) => ['apply', p('site.yml'), '-e', '{"breaks": true}'], 1],
    ['2: a mistake in the input', (p: (n: string) => string) => ['plan', p('bad.yml')], 2],
    ['2: a wrong option', () => ['plan', '--nope'], 2],
    ['2: an unknown command', () => ['aply'], 2],
    ['3: there is something to change', (p: (n: string) => string) => ['plan', p('site.yml'), '--exit-code'], 3],
    ['0: --help', () => ['--help'], 0],
  ])('%s', async (_, argv, code) => {
    const p = project(files);
    const all = argv(p.path);
    const ran = await bringup(
      ...all,
      ...(all[0] === 'plan' || all[0] === 'apply' ? ['-i', p.path('hosts.yml'), '-o', 'plain'] : []),
    );
    expect(ran.code, ran.err).toBe(code);
  });

  it('reports the result of checks, and writes JUnit', async () => {
    const p = project(files);
    const args = ['check', p.path('checks.yml'), '-i', p.path('hosts.yml'), '-o', 'plain', '--junit', p.path('j.xml')];
    expect(await bringup(...args)).toMatchObject({ code: 0 });
    const failed = await bringup(...args, '-e', '{"strict": true}');
    expect(failed.code).toBe(1);
    expect(plain(failed.out)).toContain('port: expected open, seen closed');
    expect(p.read('j.xml')).toContain('tests="2" failures="1"');
  });
});

describe('reference commands', () => {
  it("doc shows a module's arguments", async () => {
    const { out } = await bringup('doc', 'ansible.builtin.hostname');
    expect(out).toContain('| `name` | string | **required** |');
    expect((await bringup('doc')).out).toMatch(/^apt +Packages|^apt /m);
    expect((await bringup('doc', 'timezon')).err).toContain("'timezone'");
  });

  it('inventory shows where each variable comes from, and no secret', async () => {
    const p = project({
      'hosts.yml': "all: {vars: {v: low, pw: \"{{ lookup('password', '{T}/pw') }}\"}, children: {g: {hosts: {a: }}}}",
      'group_vars/g.yml': 'v: "{{ inventory_hostname }}-high"\n',
    });
    const { out } = await bringup('inventory', 'a', '-i', p.path('hosts.yml'));
    expect(plain(out)).toContain(
      `v: "a-high"\n    from ${p.path('group_vars/g.yml')} {{ inventory_hostname }}-high\n    over group all`,
    );
    expect(plain(out)).toContain('pw: [REDACTED]');
    expect(plain((await bringup('inventory', '-i', p.path('hosts.yml'))).out)).toBe('a  g\n');
  });
});

describe('shards', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e'];
  const inventory = `all:\n  vars: {ansible_connection: local}\n  hosts: {${hosts.map((h) => `${h}: {}`).join(', ')}}\n`;
  const files = {
    'inventory/five.yml': inventory,
    'hello.yml': play("- debug: {msg: 'hello {{ inventory_hostname }}'}"),
  };
  const ran = (out: string): readonly string[] =>
    JSON.parse(out.trim().split('\n').at(-1) ?? '').hosts.map((h: { host: string }) => h.host);

  it('puts every host into one shard, always the same', async () => {
    const { path } = project(files);
    const shard = async (i: number) =>
      ran(
        (await bringup('apply', path('hello.yml'), '-i', path('inventory/five.yml'), '-o', 'json', '--shard', `${i}/3`))
          .out,
      );
    expect([await shard(1), await shard(2), await shard(3)]).toEqual([['a', 'd'], ['b', 'e'], ['c']]);
    expect(await shard(1)).toEqual(['a', 'd']);
  });

  it.each(['0/3', '4/3', '3', 'a/b', '1/0'])('rejects the shard %s', async (word) => {
    const { path } = project(files);
    const { code, err } = await bringup('apply', path('hello.yml'), '--shard', word);
    expect(code).toBe(2);
    expect(err).toContain('expected: i/n, such as 1/4');
  });

  it('merges reports, with the exit code of the worst shard', async () => {
    const { path } = project(files);
    const one = '{"type":"done","mode":"plan","hosts":[],"ms":1,"interrupted":false}\n';
    writeFileSync(path('1.json'), one);
    writeFileSync(
      path('2.json'),
      one.replace(
        '[]',
        JSON.stringify([
          { host: 'b', ok: 1, changed: 2, unknown: 0, skipped: 0, failed: 0, unreachable: false, trips: 1 },
        ]),
      ),
    );
    writeFileSync(path('3.json'), '{"type":"run","mode":"plan","hosts":["c"]}\n');
    expect((await bringup('report', 'merge', path('1.json'), path('2.json'))).code).toBe(0);
    expect((await bringup('report', 'merge', '--exit-code', path('1.json'), path('2.json'))).code).toBe(3);
    const dead = await bringup('report', 'merge', path('2.json'), path('3.json'));
    expect(dead.code).toBe(1);
    expect(dead.err).toContain('3.json: this run did not come to its end');
    expect((await bringup('report', 'merge', path('hello.yml'))).code).toBe(2);
    expect((await bringup('report', 'merge', path('none.json'))).code).toBe(2);
  });
});
