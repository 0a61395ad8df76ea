import { describe, expect, it } from 'vitest';
import { ONE_HOST, play, project, TWO_HOSTS } from '../support/project.ts';

const LOCAL = 'ansible_connection: local';

describe('add_host and group_by', () => {
  it('add hosts to the plays to come, with variables of their groups', async () => {
    const p = project({
      'hosts.yml': `${ONE_HOST}  children:\n    web: {vars: {from_group: yes}}\n`,
      'site.yml': `${play(`- add_host: {name: new, groups: [web, fresh], ${LOCAL}, own: 1}\n  register: r\n- debug: {msg: "{{ r is changed }} {{ groups.fresh }}"}`)}${play('- debug: {msg: "{{ inventory_hostname }} {{ own }} {{ from_group }} {{ group_names }}"}').replace('hosts: all', 'hosts: web')}${play('- debug: {msg: again}').replace('hosts: all', 'hosts: fresh')}`,
    });
    const { said } = await p.apply();
    expect(said).toEqual(["a: True ['new']", "new: new 1 True ['fresh', 'web']", 'new: again']);
    expect((await p.plan()).said).toEqual(said);
  });

  it('add_host runs once for all hosts, and takes a port', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': `${play(`- add_host: name=new:2222 groups=fresh ${LOCAL.replace(': ', '=')}`)}${play('- debug: {msg: "{{ ansible_port }}"}').replace('hosts: all', 'hosts: fresh')}`,
    });
    expect((await p.apply()).said).toEqual(['new: 2222']);
  });

  it('group_by groups hosts by their variables', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS.replace('a:', 'a: {kind: one}').replace('b:', 'b: {kind: two}'),
      'site.yml': `${play('- group_by: {key: "kind_{{ kind }}", parents: [kinds]}')}${play('- debug: {msg: two}').replace('hosts: all', 'hosts: kind_two')}${play('- debug: {msg: any}').replace('hosts: all', 'hosts: kinds')}`,
    });
    expect((await p.apply()).said).toEqual(['b: two', 'a: any', 'b: any']);
  });

  describe('refresh_inventory', () => {
    const more =
      'all: {vars: {ansible_connection: local, v: 2}, hosts: {a: {}, c: {}}, children: {web: {hosts: {c: {}}}}}';
    const refreshing = (tasks: string): string =>
      play(`- copy: {dest: "{T}/hosts.yml", content: "${more}"}\n  run_once: true\n${tasks}`);
    const who = play('- debug: {msg: "{{ inventory_hostname }} {{ v }}"}');

    it('reads the inventory again, once for all hosts; new hosts take part in the plays to come', async () => {
      const files = {
        'hosts.yml': TWO_HOSTS.replace('local}', 'local, v: 1}'),
        'site.yml': `${refreshing('- add_host: {name: new, groups: [web], ansible_connection: local}\n- meta: refresh_inventory\n- debug: {msg: "{{ v | default(0) }} {{ groups.web }}"}')}${who}`,
      };
      const all = ["a: 2 ['c', 'new']", "b: 0 ['c', 'new']", 'a: a 2', 'c: c 2', 'new: new 2'];
      expect([...(await project(files).apply()).said].sort()).toEqual([...all].sort());
      expect((await project(files).apply({ limit: 'all:!b' })).said).toEqual([all[0], ...all.slice(2)]);
    });

    it('fails the hosts, and the run, if there is a mistake', async () => {
      const p = project({
        'hosts.yml': TWO_HOSTS,
        'site.yml': play(
          '- copy: {dest: "{T}/hosts.yml", content: "all: ["}\n  run_once: true\n- meta: refresh_inventory\n- debug: {msg: x}',
        ),
      });
      const { said, tasks, recap } = await p.apply();
      expect([said, recap.failed]).toEqual([[], true]);
      expect(
        tasks.filter(({ status }) => status === 'failed').map(({ host, diagnostic }) => [host, diagnostic?.at?.file]),
      ).toEqual([
        ['a', p.path('hosts.yml')],
        ['b', p.path('hosts.yml')],
      ]);
    });

    it('leaves the inventory as it was after a mistake', async () => {
      const p = project({
        'hosts.yml': TWO_HOSTS,
        'site.yml': `${play('- block:\n  - copy: {dest: "{T}/hosts.yml", content: "all: ["}\n    run_once: true\n  - meta: refresh_inventory\n  rescue:\n  - debug: {msg: "{{ ansible_failed_result.msg }} {{ groups.all }}"}')}`,
      });
      const { said } = await p.apply();
      expect(said).toEqual(['a', 'b'].map((host) => expect.stringMatching(`^${host}: .+ \\['a', 'b'\\]$`)));
    });
  });

  it('a pattern that matches nothing is a warning', async () => {
    const p = project({
      'site.yml': `${play('- debug: {msg: x}').replace('hosts: all', 'hosts: nobody')}${play('- debug: {msg: y}')}`,
    });
    const { events, said } = await p.apply();
    expect(said).toEqual(['a: y']);
    expect(events.flatMap((e) => (e.type === 'note' ? [e.diagnostic.code, e.isWarning] : []))).toEqual([
      'E_UNKNOWN_HOST',
      true,
    ]);
  });

  it('localhost need not be in the inventory', async () => {
    const p = project({
      'site.yml': play('- debug: {msg: "{{ inventory_hostname }} {{ groups.all }}"}').replace(
        'hosts: all',
        'hosts: localhost',
      ),
    });
    expect((await p.apply()).said).toEqual(["localhost: localhost ['a']"]);
    expect((await p.apply({ limit: 'a' })).said).toEqual([]);
  });
});

describe('modules that work on the controller', () => {
  it('pause waits, once for all hosts, and says so', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play('- pause: {seconds: 0.1, prompt: Look}\n  register: r\n- debug: {msg: "{{ r.stdout }}"}'),
    });
    const { said } = await p.apply();
    expect(said.filter((line) => line.includes('waits'))).toEqual(['a: Look: waits 0.1 s']);
    expect(said.filter((line) => line.includes('Paused'))).toHaveLength(2);
    expect((await p.plan()).said.filter((line) => line.includes('waits'))).toEqual([]);
  });

  it('pause without a terminal goes on', async () => {
    const p = project({ 'site.yml': play('- pause: {prompt: Go on?}\n- debug: {msg: further}') });
    expect((await p.apply()).said).toEqual(['a: Go on?: there is no terminal, so nobody is asked', 'a: further']);
  });

  it('wait_for_connection returns when the host answers, and gives up', async () => {
    const p = project({
      'hosts.yml': `${ONE_HOST}    lost: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 9, ansible_user: nobody}\n`,
      'site.yml': play('- wait_for_connection: {timeout: 1}\n- debug: {msg: there}'),
    });
    const { said, tasks } = await p.apply();
    expect(said).toEqual(['a: there']);
    expect(tasks.find((t) => t.host === 'lost')?.diagnostic?.code).toBe('E_NO_CONNECTION_YET');
  });

  it('set_stats adds up what hosts report', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play(
        '- set_stats: {data: {n: 1, names: ["{{ inventory_hostname }}"]}}\n- set_stats: {data: {own: 1}, per_host: true}\n- set_stats: {data: {last: "{{ inventory_hostname }}"}, aggregate: false}',
      ),
    });
    const { events } = await p.apply();
    const stats = events.flatMap((e) => (e.type === 'done' ? [e.stats] : []))[0];
    expect(stats?.['']?.['n']).toBe(2);
    expect(((stats?.['']?.['names'] ?? []) as string[]).toSorted()).toEqual(['a', 'b']);
    expect([stats?.['a'], stats?.['b']]).toEqual([{ own: 1 }, { own: 1 }]);
    expect(['a', 'b']).toContain(stats?.['']?.['last']);
  });

  it('raw runs a command line', async () => {
    const p = project({
      'site.yml': play(
        '- raw: echo one && echo two\n  register: r\n- debug: {msg: "{{ r.stdout_lines }} {{ r is changed }}"}',
      ),
    });
    expect((await p.apply()).said).toEqual(["a: ['one', 'two'] True"]);
  });
});

describe('argument specs of roles', () => {
  const role = (options: string) => ({
    'roles/own/meta/argument_specs.yml': `argument_specs:\n  main:\n    short_description: Own\n    options:\n${options.replace(/^/gm, '      ')}\n`,
    'roles/own/tasks/main.yml': '- debug: {msg: ran}\n',
  });
  const PORT =
    'port: {type: int, required: true}\nmode: {choices: [a, b]}\nusers: {type: list, elements: dict, options: {name: {required: true}}}';

  it.each([
    ['port: 80', undefined],
    ['port: "80"', undefined],
    ['port: x', "'port' is not of type int"],
    ['other: 1', "'port' is missing"],
    ['port: 1\nmode: c', "'mode' must be one of a, b"],
    ['port: 1\nusers: [{nme: x}]', "'users[0]' has no option 'nme'; 'name' in 'users[0]' is missing"],
  ])('%s', async (vars, message) => {
    const p = project({
      'site.yml': play('- include_role: {name: own}', `vars:\n${vars.replace(/^/gm, '  ')}`),
      ...role(PORT),
    });
    const { said, tasks } = await p.apply();
    expect(tasks.find((t) => t.status === 'failed')?.diagnostic?.message).toBe(message);
    expect(said).toEqual(message === undefined ? ['a: ran'] : []);
  });

  it('are left out with rolespec_validate: false', async () => {
    const p = project({ 'site.yml': play('- include_role: {name: own, rolespec_validate: false}'), ...role(PORT) });
    expect((await p.apply()).said).toEqual(['a: ran']);
  });
});

describe('fetch', () => {
  it('copies a file to the controller, once, and says so in a plan', async () => {
    const p = project({
      'site.yml': play(
        '- fetch: {src: \'{T}/remote\', dest: got}\n  register: r\n- debug: {msg: "{{ r is changed }} {{ r.checksum }}"}',
      ),
    });
    p.write({ remote: 'content\n' });
    const sum = '7fe70820e08a1aac0ef224d9c66ab66831cc4ab1';
    expect((await p.plan()).said).toEqual([`a: True ${sum}`]);
    expect(() => p.read(`got/a${p.folder}/remote`)).toThrow();
    expect((await p.apply()).said).toEqual([`a: True ${sum}`]);
    expect(p.read(`got/a${p.folder}/remote`)).toBe('content\n');
    expect((await p.apply()).said).toEqual([`a: False ${sum}`]);
  });

  it('takes a file that is larger than one round trip, under a name of its own', async () => {
    const p = project({ 'site.yml': play("- fetch: {src: '{T}/remote', dest: sub/, flat: true}") });
    p.write({ remote: `${'0123456789abcdef'.repeat(600_000)}end` });
    expect((await p.apply()).recap.failed).toBe(false);
    expect(p.read('sub/remote')).toBe(p.read('remote'));
  });

  it('fails on a file that is missing, unless it may be', async () => {
    const tasks = (more: string): string =>
      play(`- fetch: {src: /none, dest: got${more}}\n  register: r\n- debug: {msg: "{{ r.msg }}"}`);
    const p = project({ 'site.yml': tasks('') });
    expect((await p.apply()).tasks[0]?.diagnostic?.code).toBe('E_PATH_MISSING');
    p.write({ 'site.yml': tasks(', fail_on_missing: false') });
    expect((await p.apply()).said).toEqual(['a: the remote file does not exist, not transferring, ignored']);
  });
});
