import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { play, project, TWO_HOSTS } from '../support/project.ts';

describe('the text "false"', () => {
  it.each(['false', 'False', 'no', 'off', '0', 'n', 'f'])('%s is false for every boolean keyword', async (word) => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': `- hosts: all
  gather_facts: "{{ t }}"
  any_errors_fatal: "{{ t }}"
  force_handlers: "{{ t }}"
  tasks:
    - debug: {msg: "{{ ansible_facts is defined }} {{ ansible_hostname is defined }}"}
    - command: id -un
      become: "{{ t }}"
      become_user: nobody
      register: who
    - debug: {msg: "{{ who.stdout }}"}
      no_log: "{{ t }}"
    - copy: {dest: "{T}/{{ inventory_hostname }}", content: x}
      check_mode: "{{ t }}"
      diff: "{{ t }}"
      notify: h
    - debug: {msg: each}
      run_once: "{{ t }}"
    - fail: {msg: stop}
      when: inventory_hostname == 'b'
      ignore_errors: "{{ t }}"
    - debug: {msg: went on}
  handlers:
    - {name: h, shell: touch {T}/handled}
`,
    });
    const { said, recap, tasks } = await p.apply({ extraVars: [`t=${word}`], limit: 'all' });
    expect(said.filter((one) => one.endsWith('False False') || one.endsWith('True False'))).toHaveLength(2);
    expect(said.filter((one) => one.endsWith('root'))).toHaveLength(2);
    expect(said.filter((one) => one.endsWith('each'))).toHaveLength(2);
    expect(said.filter((one) => one.endsWith('went on'))).toEqual(['a: went on']);
    expect(existsSync(p.path('a')) && existsSync(p.path('b'))).toBe(true);
    expect(tasks.some((t) => t.status === 'ignored')).toBe(false);
    expect(recap.hosts.map((h) => h.failed)).toEqual([0, 1]);
  });

  it('is false in ansible_become too', async () => {
    const p = project({
      'hosts.yml':
        'all: {vars: {ansible_connection: local, ansible_become: "no", ansible_become_user: nobody}, hosts: {a: }}',
      'site.yml': play('- command: id -un\n  register: who\n- debug: {msg: "{{ who.stdout }}"}'),
    });
    expect((await p.apply()).said).toEqual(['a: root']);
  });

  it.each(['become', 'ignore_errors', 'no_log', 'run_once', 'check_mode', 'diff', 'any_errors_fatal'])(
    'a value that is no boolean is an error: %s',
    async (keyword) => {
      const p = project({ 'site.yml': play(`- command: touch {T}/made\n  ${keyword}: "{{ t }}"`) });
      const ran = await p.apply({ extraVars: ['t=maybe'] });
      expect(ran.recap.failed).toBe(true);
      expect(ran.tasks.map((t) => t.diagnostic?.message)).toEqual([`'${keyword}' takes a boolean, not 'maybe'`]);
      expect(existsSync(p.path('made'))).toBe(false);
      p.write({ 'site.yml': play(`- command: touch {T}/made\n  ${keyword}: maybe`) });
      expect((await p.mistakes()).map((d) => d.message)).toEqual([`'${keyword}' takes a boolean, not 'maybe'`]);
    },
  );
});

describe('become_user', () => {
  it.each(['-p', '-c id', 'a b', 'a:b', '../root', '--'])("rejects '%s'", async (user) => {
    const p = project({ 'site.yml': play(`- command: touch {T}/made\n  become: true\n  become_user: "{{ u }}"`) });
    const ran = await p.apply({ extraVars: [JSON.stringify({ u: user })] });
    expect(ran.tasks.map((t) => t.diagnostic?.message)).toEqual([`become_user: '${user}' is not a user name`]);
    expect(existsSync(p.path('made'))).toBe(false);
  });
});

describe('any_errors_fatal', () => {
  const hosts = 'all:\n  vars: {ansible_connection: local}\n  hosts: {a: , b: , c: }\n';
  const log = (p: ReturnType<typeof project>): readonly string[] =>
    existsSync(p.path('log')) ? p.read('log').trim().split('\n').sort() : [];
  const TASKS = (
    one: string,
  ): string => `- shell: echo one {{ inventory_hostname }} >> {T}/log; test {{ inventory_hostname }} != b
${one}- shell: echo two {{ inventory_hostname }} >> {T}/log`;

  it.each([
    ['a play', play(TASKS(''), 'any_errors_fatal: true')],
    ['a task', play(TASKS('  any_errors_fatal: true\n'))],
    ['a block', play(`- any_errors_fatal: true\n  block:\n${TASKS('').replace(/^/gm, '    ')}`)],
  ])('of %s: all hosts finish the task, and nothing runs after it', async (_, site) => {
    const p = project({ 'hosts.yml': hosts, 'site.yml': `${site}${play('- shell: echo later >> {T}/log')}` });
    const { recap } = await p.apply();
    expect(recap.failed).toBe(true);
    expect(log(p)).toEqual(['one a', 'one b', 'one c']);
    expect(recap.hosts.map((h) => h.failed)).toEqual([0, 1, 0]);
  });

  it('leads all hosts to the rescue of its block', async () => {
    const p = project({
      'hosts.yml': hosts,
      'site.yml': play(`- any_errors_fatal: true
  block:
${TASKS('').replace(/^/gm, '    ')}
  rescue:
    - shell: echo rescue {{ inventory_hostname }} >> {T}/log
- shell: echo after {{ inventory_hostname }} >> {T}/log`),
    });
    const { recap } = await p.apply();
    expect(recap.failed).toBe(false);
    expect(log(p).filter((l) => !l.startsWith('one'))).toEqual(
      ['after', 'rescue'].flatMap((word) => ['a', 'b', 'c'].map((h) => `${word} ${h}`)),
    );
  });
});

describe('check_mode: true in an apply run', () => {
  it('registers the planned result, and counts no change', async () => {
    const p = project({
      'site.yml': `${play(`- copy: {dest: '{T}/f', content: x}
  check_mode: true
  register: r
  notify: h
- debug: {msg: "would: {{ r is changed }}"}
- debug: {msg: reached}
  when: r is changed
- command: touch {T}/made
  check_mode: true
  register: c
- debug: {msg: "command: {{ c is skipped }}"}
- copy: {dest: '{T}/f', content: y}
- copy: {dest: '{T}/f', content: y}
  check_mode: true
  register: again
- debug: {msg: "again: {{ again is changed }}"}`)}  handlers:\n    - {name: h, command: touch {T}/handled}\n`,
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: would: True', 'a: reached', 'a: command: True', 'a: again: False']);
    expect(ran.recap.hosts[0]?.changed).toBe(1);
    expect(['made', 'handled'].map((f) => existsSync(p.path(f)))).toEqual([false, false]);
  });
});

describe('templates', () => {
  it('obey their #jinja2: line, and do not write it', async () => {
    const p = project({
      'site.yml': play(
        "- template: {src: '{T}/{{ item }}', dest: '{T}/{{ item }}.out'}\n  loop: [a, b, c]\n  register: r",
        'vars: {x: 1}',
      ),
      a: "#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ x ]] {{ x }}\n",
      b: '#jinja2: lstrip_blocks: True, trim_blocks: False\n  {% if x %}\nyes\n  {% endif %}\n',
      c: '#jinja2: nonsense\n',
    });
    const ran = await p.apply();
    expect(p.read('a.out')).toBe('1 {{ x }}\n');
    expect(p.read('b.out')).toBe('\nyes\n\n');
    expect(ran.tasks.map((t) => t.diagnostic?.message)).toContain("#jinja2: 'nonsense' is not supported");
  });

  it('create a random password of the given length and characters that is stored nowhere', async () => {
    const p = project({
      'site.yml': play(`- set_fact:
    one: "{{ lookup('password', '/dev/null length=12 chars=digits') }}"
    two: "{{ lookup('password', '/dev/null', length=30) }}"
- assert:
    that: ["one is match('^[0-9]{12}$')", "two | length == 30", "two != lookup('password', '/dev/null', length=30)"]`),
    });
    expect((await p.apply()).recap.failed).toBe(false);
  });
});

describe('a loop over an empty list', () => {
  it('is skipped', async () => {
    const p = project({
      'site.yml': play(
        '- debug: {msg: x}\n  with_items: []\n  register: r\n- debug: {msg: "{{ r is skipped }} {{ r.results }}"}',
      ),
    });
    expect((await p.apply()).said).toEqual(['a: True []']);
  });
});

describe('register', () => {
  it.each(['200', 'my-var', 'a.b'])('rejects %s as the name of a variable', async (name) => {
    const p = project({ 'site.yml': play(`- command: echo\n  register: ${name}`) });
    expect((await p.mistakes()).map((d) => d.message)).toEqual([
      `'register' takes the name of a variable, not ${name === '200' ? name : `'${name}'`}`,
    ]);
  });
});

describe('filters and tests', () => {
  it.each([
    ["'é' | b64encode(encoding='utf-16-le')", '6QA='],
    ["'6QA=' | b64decode(encoding='utf-16-le')", 'é'],
    ["'a' | comment(decoration='')", 'a\n'],
    ["'a\n\nb ' | comment", '#\n# a\n#\n# b \n#'],
    ["'no' is truthy(convert_bool=True)", 'False'],
    ["'no' is falsy(convert_bool=True)", 'True'],
    ["'no' is truthy", 'True'],
    ["lookup('template', 'none.j2', errors='ignore') is none", 'True'],
  ])('%s', async (expression, expected) => {
    const p = project({ 'site.yml': play(`- debug: {msg: ${JSON.stringify(`<{{ ${expression} }}>`)}}`) });
    expect((await p.apply()).said).toEqual([`a: <${expected}>`]);
  });
});

describe('the rescue of a block', () => {
  const site = play(`- block:
    - command: test -e {T}/fine
    - debug: {msg: in between}
  rescue:
    - copy: {dest: '{T}/rescued', content: x}
      register: r
    - copy: {dest: '{T}/never', content: x}
      when: false
- copy: {dest: '{T}/late', content: x}
  when: r is defined and r is changed`);

  it('is announced by a plan if a task may fail, with everything that depends on it', async () => {
    const p = project({ 'site.yml': site });
    const { lines, tasks } = await p.plan();
    expect(lines).toEqual([
      `a command test -e ${p.folder}/fine changed`,
      'a debug in between ok',
      `a copy ${p.folder}/rescued unknown`,
      `a copy ${p.folder}/never skipped`,
      `a copy ${p.folder}/late unknown`,
    ]);
    expect(tasks[2]?.because).toBe(`runs only if 'command test -e ${p.folder}/fine' fails`);
    const applied = await p.apply();
    const announced = new Set(tasks.filter((t) => t.status !== 'skipped').map((t) => t.task));
    expect(applied.tasks.filter((t) => t.status === 'changed').every((t) => announced.has(t.task))).toBe(true);
    expect(existsSync(p.path('late'))).toBe(true);
  });

  it('is not announced if nothing is left to do', async () => {
    const p = project({
      'site.yml': play(
        "- block:\n    - copy: {dest: '{T}/f', content: x}\n  rescue:\n    - copy: {dest: '{T}/g', content: x}",
      ),
    });
    expect((await p.plan()).lines).toHaveLength(2);
    await p.apply();
    expect((await p.plan()).lines).toHaveLength(1);
  });
});
