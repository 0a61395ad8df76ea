import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { play, project, TWO_HOSTS } from '../support/project.ts';

describe('round trips', () => {
  it('a converged host costs one, over blocks, loops, includes and plays', async () => {
    const p = project({
      'site.yml': `${play(`
- block:
    - file: {path: '{T}/one', state: directory}
    - copy: {dest: '{T}/one/{{ item }}', content: "{{ item }}\\n"}
      loop: [x, y, z]
- include_tasks: more.yml
`)}${play("- lineinfile: {path: '{T}/one/x', line: end}").replace('hosts: all', 'hosts: a')}`,
      'more.yml': "- stat: {path: '{T}/one'}\n  register: seen\n- debug: msg={{ seen.stat.isdir }}\n",
    });
    await p.apply();
    p.write({});
    const first = await p.apply();
    expect(first.recap.hosts[0]?.failed).toBe(0);
    const again = await p.apply({ skipTags: [] });
    expect(again.said).toEqual(['a: True']);
    expect(again.recap.hosts[0]?.trips).toBeLessThanOrEqual(3); // two tasks write x, so each run changes it back and forth
  });

  it('a converged host costs one, with facts and a registered value in between', async () => {
    const p = project({
      'site.yml': `- hosts: all
  tasks:
    - command: echo hi
      args: {creates: '{T}/site.yml'}
      register: out
    - copy: {dest: '{T}/f', content: "{{ ansible_hostname }} {{ out.changed }}\\n"}
    - file: {path: '{T}/d', state: directory}
`,
    });
    await p.apply();
    const again = await p.apply();
    expect(again.lines.map((l) => l.split(' ').at(-1))).toEqual(['ok', 'ok', 'ok']);
    expect(again.recap.hosts[0]?.trips).toBeLessThanOrEqual(2);
  });

  it('a converged host costs one, although a registered value decides a condition', async () => {
    const p = project({
      'site.yml': play(`- stat: {path: '{T}/f'}
  register: seen
- copy: {dest: '{T}/g', content: x}
- copy: {dest: '{T}/f', content: x}
  when: seen.stat.exists
- file: {path: '{T}/d', state: directory}
  when: not seen.stat.exists`),
    });
    await p.apply();
    await p.apply();
    const again = await p.apply();
    expect(again.lines.map((l) => l.split(' ').at(-1))).toEqual(['ok', 'ok', 'skipped', 'ok']);
    expect(again.recap.hosts[0]?.trips).toBe(1);
  });

  it('what was read before a wait is read again after it', async () => {
    const p = project({
      'site.yml': play(`- shell: (sleep 1; echo new >{T}/f) >/dev/null 2>&1 &
- wait_for: {path: '{T}/f', search_regex: new, timeout: 10}
- slurp: {src: '{T}/f'}
  register: got
- debug: msg={{ got.content | b64decode | trim }}`),
    });
    p.write({ f: 'old\n' });
    expect((await p.apply()).said).toEqual(['a: new']);
  });

  it('a converged host costs one, with a command that declares by two keywords that it only reads', async () => {
    const p = project({
      'site.yml': play(`- copy: {dest: '{T}/f', content: "{{ word }}"}
- command: grep -qx here {T}/f
  register: found
  changed_when: false
  failed_when: false
  check_mode: false
- shell: echo run >>{T}/log; cat {T}/f
  register: text
  changed_when: false
  check_mode: false
- command: touch {T}/made
  when: found.rc != 0
- shell: echo never >>{T}/log
  when: text.stdout == 'nothing'
  changed_when: false
  check_mode: false
- debug: msg={{ text.stdout }}`),
    });
    const first = await p.apply({ extraVars: ['word=there'] });
    expect(first.lines.map((l) => l.split(' ').at(-1))).toEqual(['changed', 'ok', 'ok', 'changed', 'skipped', 'ok']);
    expect(first.said).toEqual(['a: there']); // probed again, because the copy before it changed what it reads
    const again = await p.apply({ extraVars: ['word=here'] });
    expect(again.said).toEqual(['a: here']);
    rmSync(`${p.folder}/log`);
    const third = await p.apply({ extraVars: ['word=here'] });
    expect(third.lines.map((l) => l.split(' ').at(-1))).toEqual(['ok', 'ok', 'ok', 'skipped', 'skipped', 'ok']);
    expect(third.recap.hosts[0]?.trips).toBe(1);
    expect(readFileSync(`${p.folder}/log`, 'utf8')).toBe('run\n');
  });

  const LOOK = `- shell: cat {T}/f
  register: text
  changed_when: false
  check_mode: false
- debug: msg={{ text.stdout }}
`;
  it('a command that reads right after a change travels with it', async () => {
    const p = project({ 'site.yml': play(`- copy: {dest: '{T}/f', content: new}\n- stat: {path: '{T}'}\n${LOOK}`) });
    p.write({ f: 'old' });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: new']);
    expect(ran.recap.hosts[0]?.trips).toBe(2);
  });

  it('such a command runs again after another machine acted for this one, or after hosts waited', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play(`- copy: {dest: '{T}/{{ inventory_hostname }}', content: x}
- shell: echo delegated >{T}/f
  delegate_to: localhost
  when: inventory_hostname == 'a'
${LOOK}- copy: {dest: '{T}/{{ inventory_hostname }}', content: y}
- shell: sleep 0.5; echo once >{T}/f
  run_once: true
${LOOK}`),
    });
    p.write({ f: 'old' });
    const { said } = await p.apply();
    expect(said.filter((one) => one.startsWith('a: '))).toEqual(['a: delegated', 'a: once']);
    expect(said.at(-1)).toMatch(/^[ab]: once$/);
    expect(said.filter((one) => one.endsWith(': once'))).toHaveLength(2);
  });

  it('such a command runs again after a pause', async () => {
    const p = project({
      'site.yml': play(`- shell: (sleep 1; echo late >{T}/f) >/dev/null 2>&1 &
- file: {path: '{T}/{{ item }}', state: file}
  loop: [f, g]
  loop_control: {pause: 2}
${LOOK}`),
    });
    p.write({ f: 'early', g: '' });
    expect((await p.apply()).said).toEqual(['a: late']);
  });

  it('independent changes of a loop cost one, and each has its own result', async () => {
    const p = project({
      'site.yml': play(`- copy: {dest: '{T}/{{ item }}', content: "{{ item }}\\n"}
  loop: [a, b, no/where, c, d]
  register: copied
  ignore_errors: true
- debug: msg={{ copied.results | map(attribute='failed') | join(' ') }}
- file: {path: '{T}/{{ item }}', state: directory}
  loop: [x, x/y, x/y/z, w]`),
    });
    p.write({ b: 'b\n' });
    const ran = await p.apply();
    expect(ran.lines.map((l) => l.split(' ').at(-1))).toEqual([
      ...['changed', 'ok', 'ignored', 'changed', 'changed'],
      'ok',
      ...['changed', 'changed', 'changed', 'changed'],
    ]);
    expect(ran.said).toEqual(['a: False False True False False']);
    expect(['a', 'c', 'd', 'x/y/z', 'w'].map((f) => existsSync(`${p.folder}/${f}`))).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    // One to probe, one for a (no/where is blocked and costs none), one for c and d, then one for each directory except
    // the last, because each is below the one before.
    expect(ran.recap.hosts[0]?.trips).toBeLessThanOrEqual(7);
    expect((await p.apply()).recap.hosts[0]?.changed).toBe(0);
  });

  it('a handler that a loop notifies is recorded before the first item, and runs once', async () => {
    const p = project({
      'site.yml': play(
        `- copy: {dest: '{T}/{{ item }}', content: x}
  loop: [a, b, c]
  notify: tell`,
      ).concat('  handlers:\n    - {name: tell, shell: echo told >>{T}/log}\n'),
    });
    const ran = await p.apply();
    expect(ran.recap.hosts[0]?.failed).toBe(0);
    expect(readFileSync(`${p.folder}/log`, 'utf8')).toBe('told\n');
    expect(ran.recap.hosts[0]?.trips).toBeLessThanOrEqual(5);
  });

  it('a change is read back in its own round trip, together with what it affects', async () => {
    const p = project({
      'site.yml': play(
        "- file: {path: '{T}/d', state: directory}\n- copy: {dest: '{T}/d/f', content: x}\n- stat: {path: /etc/hostname}",
      ),
    });
    const ran = await p.apply();
    expect(ran.lines.map((l) => l.split(' ').at(-1))).toEqual(['changed', 'changed', 'ok']);
    expect(ran.recap.hosts[0]?.trips).toBe(3);
  });
});

describe('plans', () => {
  it('change nothing, and report unknown if an earlier change decides', async () => {
    const p = project({
      'site.yml': play(`
- name: folder
  file: {path: '{T}/d', state: directory}
- name: file
  copy: {dest: '{T}/d/f', content: x}
- name: ask
  command: cat {T}/d/f
  register: out
- name: derived
  set_fact: {later: "{{ out.stdout | upper }}"}
- name: reads it
  debug: {msg: "{{ later }}"}
- name: guarded
  debug: {msg: held}
  when: later == 'X'
- name: apart
  debug: {msg: fine}
`),
    });
    const planned = await p.plan();
    expect(existsSync(p.path('d'))).toBe(false);
    expect(planned.lines).toEqual([
      'a folder changed',
      'a file unknown',
      'a ask changed',
      'a derived unknown',
      'a reads it unknown',
      'a guarded unknown',
      'a apart ok',
    ]);
    expect(planned.tasks[1]?.because).toBe("depends on 'folder'");
    expect(planned.tasks[4]?.because).toBe("depends on 'ask'");
    const applied = await p.apply();
    expect(applied.said).toEqual(['a: X', 'a: held', 'a: fine']);
    expect((await p.plan()).lines.filter((l) => /file|folder/.test(l))).toEqual(['a folder ok', 'a file ok']);
  });

  it('announce handlers: certain ones as changes, others as unknown', async () => {
    const p = project({
      'site.yml': `${play("- copy: {dest: '{T}/f', content: x}\n  notify: sure\n- command: 'true'\n  register: r\n- command: echo\n  when: r.rc == 0\n  notify: maybe", '')}  handlers:
    - {name: sure, command: echo sure}
    - {name: maybe, command: echo maybe}
`,
    });
    const planned = await p.plan();
    expect(planned.tasks.filter((t) => t.isHandler).map((t) => `${t.task} ${t.status}`)).toEqual([
      'sure changed',
      'maybe unknown',
    ]);
  });
});

describe('handlers', () => {
  const handlers = `  handlers:
    - {name: first, shell: echo first >> {T}/log}
    - {name: second, shell: echo second >> {T}/log, notify: third}
    - {name: third, shell: echo third >> {T}/log, listen: topic}
`;
  const log = (p: { path: (n: string) => string }): string =>
    existsSync(p.path('log')) ? readFileSync(p.path('log'), 'utf8') : '';

  it('run once, in the order of their definition, and may notify others', async () => {
    const p = project({
      'site.yml':
        play('- command: echo\n  notify: second\n- command: echo\n  notify: [first, second]\n- debug: msg=before') +
        handlers,
    });
    const ran = await p.apply();
    expect(log(p)).toBe('first\nsecond\nthird\n');
    expect(ran.lines.indexOf('a debug before ok')).toBeLessThan(ran.lines.indexOf('a first changed'));
  });

  it('are flushed by meta, answer to topics, and do not run for an unchanged task', async () => {
    const p = project({
      'site.yml':
        play(
          '- command: echo\n  notify: topic\n- meta: flush_handlers\n- shell: echo after >> {T}/log\n- command: echo\n  changed_when: false\n  notify: first',
        ) + handlers,
    });
    await p.apply();
    expect(log(p)).toBe('third\nafter\n');
  });

  it('notified before a failure run in the next run that reaches them', async () => {
    const p = project({
      'site.yml':
        play("- copy: {dest: '{T}/f', content: x}\n  notify: first\n- fail: msg=stop\n  when: not go") + handlers,
      'hosts.yml': 'all: {vars: {ansible_connection: local, go: false}, hosts: {a: }}',
    });
    expect((await p.apply()).recap.failed).toBe(true);
    expect(log(p)).toBe('');
    expect((await p.apply({ extraVars: ['{"go": true}'] })).recap.failed).toBe(false);
    expect(log(p)).toBe('first\n');
    await p.apply({ extraVars: ['{"go": true}'] });
    expect(log(p)).toBe('first\n');
  });

  it('that succeeded do not run again if a later one fails; only that one does', async () => {
    const p = project({
      'site.yml': `${play("- copy: {dest: '{T}/f', content: x}\n  notify: [plain, judged, each, breaks, never]")}  handlers:
    - {name: plain, shell: echo plain >> {T}/log}
    - {name: judged, shell: echo judged >> {T}/log, failed_when: false}
    - {name: each, shell: "echo {{ item }} >> {T}/log", loop: [x, y]}
    - {name: breaks, shell: "echo breaks >> {T}/log; test -e {T}/go"}
    - {name: never, shell: echo never >> {T}/log}
`,
    });
    const ran = await p.apply();
    expect(ran.recap.failed).toBe(true);
    expect(log(p)).toBe('plain\njudged\nx\ny\nbreaks\n');
    p.write({ go: '', log: '' });
    expect((await p.apply()).recap.failed).toBe(false);
    expect(log(p)).toBe('breaks\nnever\n');
    p.write({ log: '' });
    await p.apply();
    expect(log(p)).toBe('');
  });

  it('cost a plan only their own probe, and none in the next play', async () => {
    const one = (file: string): string => play(`- copy: {dest: '{T}/${file}', content: x}\n  notify: first`) + handlers;
    const planned = await project({ 'site.yml': one('f') + one('g') }).plan();
    expect(planned.tasks.filter((t) => t.isHandler)).toHaveLength(2);
    expect(planned.recap.hosts[0]?.trips).toBe(2);
  });

  it('travel with each other and with the tasks after them, once each, in order', async () => {
    const file = (name: string, more = ''): string => `copy: {dest: '{T}/${name}', content: ${name}${more}}`;
    const p = project({
      'site.yml': `${play(`- ${file('f')}\n  notify: [one, two, tells]\n- meta: flush_handlers\n- ${file('after')}\n  notify: late\n- ${file('last')}`)}  handlers:
    - {name: late, ${file('h5')}}
    - {name: two, ${file('h2')}}
    - {name: one, ${file('h1')}}
    - {name: tells, ${file('h3')}, notify: told}
    - {name: told, ${file('h4')}}
`,
    });
    const ran = await p.apply();
    const names = ran.lines.map((l) => l.replace(/.*\/(\w+) changed$/, '$1').replace(/^a (\w+) changed$/, '$1'));
    expect(names).toEqual(['f', 'two', 'one', 'tells', 'told', 'after', 'last', 'late']);
    expect(['h1', 'h4', 'h5', 'last'].map(p.read)).toEqual(['h1', 'h4', 'h5', 'last']);
  });

  it('travel with the tasks after the flush; handlers that those notify wait for their own flush', async () => {
    const file = (name: string): string => `copy: {dest: '{T}/${name}', content: x}`;
    const p = project({
      'site.yml': `${play(`- ${file('f')}\n  notify: [soon, next]\n- meta: flush_handlers\n- ${file('after')}\n  notify: late\n- ${file('last')}`)}  handlers:
    - {name: late, ${file('h0')}}
    - {name: soon, ${file('h1')}}
    - {name: next, ${file('h2')}}
`,
    });
    const ran = await p.apply();
    const names = ran.lines.map((l) => l.replace(/.*[/ ](\w+) changed$/, '$1'));
    expect(names).toEqual(['f', 'soon', 'next', 'after', 'last', 'late']);
    // One each for the probe, the file, the handlers with the tasks after them, forgetting the handlers, the late
    // handler, and forgetting that.
    expect(ran.recap.hosts[0]?.trips).toBe(6);
    expect((await p.apply()).recap.hosts.map((h) => [h.changed, h.trips])).toEqual([[0, 1]]);
  });

  it('keep waiting if one before them fails, and later tasks do not run', async () => {
    const file = (name: string, more = ''): string => `copy: {dest: '{T}/${name}', content: x${more}}`;
    const site = (more: string): string =>
      `${play(`- ${file('f')}\n  notify: [goes, fails, waits]\n- meta: flush_handlers\n- ${file('after')}`, more)}  handlers:
    - {name: goes, ${file('h1')}}
    - {name: fails, ${file('h2', `, validate: "sh -c 'test -e {T}/go' %s"`)}}
    - {name: waits, ${file('h3')}}
`;
    const made = (p: { path: (n: string) => string }): readonly string[] =>
      ['h1', 'h2', 'h3', 'after'].filter((n) => existsSync(p.path(n)));
    const p = project({ 'site.yml': site('') });
    expect((await p.apply()).lines.slice(-2)).toEqual(['a goes changed', 'a fails failed']);
    expect(made(p)).toEqual(['h1']);
    p.write({ go: '' });
    expect((await p.apply()).recap.failed).toBe(false);
    expect(made(p)).toEqual(['h1', 'h2', 'h3', 'after']);
    const forced = project({ 'site.yml': site('force_handlers: true') });
    const all = await forced.apply();
    expect(all.lines.slice(-3)).toEqual(['a goes changed', 'a fails failed', 'a waits changed']);
    expect(made(forced)).toEqual(['h1', 'h3']);
    forced.write({ go: '' });
    expect((await forced.apply()).recap.failed).toBe(false); // leaves no note on this machine
  });

  it('are forgotten in the round trip that runs them', async () => {
    const p = project({
      'site.yml': play("- copy: {dest: '{T}/f', content: x}\n  notify: [first, topic]") + handlers,
    });
    const ran = await p.apply();
    expect(log(p)).toBe('first\nthird\n');
    expect(ran.recap.hosts[0]?.trips).toBe(4); // one each for the probe, the copy and the two handlers
  });
});

describe('blocks', () => {
  it('rescue a failure, know the failed task, and always run `always`', async () => {
    const p = project({
      'site.yml': play(`
- block:
    - name: breaks
      command: sh -c 'echo oops >&2; exit 3'
    - debug: msg=never
  rescue:
    - debug: msg="{{ ansible_failed_task.name }} {{ ansible_failed_result.rc }}"
  always:
    - debug: msg=always
- debug: msg=on
`),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: breaks 3', 'a: always', 'a: on']);
    expect(ran.recap.hosts[0]).toMatchObject({ failed: 0, rescued: 1 });
    expect(ran.recap.failed).toBe(false);
  });

  it('without a rescue run `always`, then fail', async () => {
    const p = project({
      'site.yml': play('- block:\n    - fail: msg=no\n  always:\n    - debug: msg=always\n- debug: msg=never'),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: always']);
    expect(ran.recap.failed).toBe(true);
  });
});

describe('results', () => {
  it('obey changed_when, then failed_when; ignore_errors continues', async () => {
    const p = project({
      'site.yml': play(`
- name: quiet
  command: echo x
  register: r
  changed_when: "'y' in r.stdout"
- name: picky
  command: echo bad
  register: r
  failed_when: "'bad' in r.stdout"
  ignore_errors: true
- debug: msg="{{ r is failed }} {{ r.rc }} {{ r.stdout_lines }}"
`),
    });
    const ran = await p.apply();
    expect(ran.lines.slice(0, 2)).toEqual(['a quiet ok', 'a picky ignored']);
    expect(ran.said).toEqual(["a: True 0 ['bad']"]);
  });

  it('of loops hold each item, with index and label; a failed item does not stop the others', async () => {
    const p = project({
      'site.yml': play(`
- command: test {{ item.n }} -lt 2
  loop: [{n: 1}, {n: 2}, {n: 0}]
  loop_control: {index_var: i, label: "n{{ item.n }}@{{ i }}"}
  register: r
  ignore_errors: true
- debug: msg="{{ r.results | map(attribute='rc') | list }} {{ r is failed }}"
- debug: msg="{{ item.0 }}{{ item.1 }}"
  with_nested: [[1, 2], [a]]
- debug: msg="{{ item.key }}={{ item.value }}"
  with_dict: {k: v}
`),
    });
    const ran = await p.apply();
    expect(ran.tasks.slice(0, 3).map((t) => t.item)).toEqual(['n1@0', 'n2@1', 'n0@2']);
    expect(ran.said).toEqual(['a: [0, 1, 0] True', 'a: 1a', 'a: 2a', 'a: k=v']);
  });

  it('are retried until a condition holds', async () => {
    const p = project({
      'site.yml': play(`
- shell: echo x >> {T}/n; wc -l < {T}/n
  register: r
  until: r.stdout | int >= 3
  retries: 5
  delay: 0
- debug: msg="{{ r.stdout }} {{ r.attempts }}"
- shell: 'false'
  register: s
  until: s.rc == 0
  retries: 1
  delay: 0
`),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: 3 3']);
    expect(ran.recap.failed).toBe(true);
  });

  it('of a skipped task say that it was skipped', async () => {
    const p = project({
      'site.yml': play(
        "- command: echo\n  when: false\n  register: r\n- debug: msg='{{ r is skipped }} {{ r.changed }}'",
      ),
    });
    expect((await p.apply()).said).toEqual(['a: True False']);
  });
});

describe('several hosts', () => {
  it('run_once runs on the first host, and all get the result', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play(
        '- shell: echo {{ inventory_hostname }} >> {T}/log; cat {T}/log\n  run_once: true\n  register: r\n- debug: msg="{{ r.stdout }}"',
      ),
    });
    const ran = await p.apply();
    expect([...ran.said].sort()).toEqual(['a: a', 'b: a']);
  });

  it("read what others registered in the same play, and others' inventory variables", async () => {
    const p = project({
      'hosts.yml': 'all: {vars: {ansible_connection: local}, hosts: {a: {n: 1}, b: {n: 2}}}',
      'site.yml': play(`
- shell: sleep 0.{{ n }}; echo from {{ inventory_hostname }}
  register: r
- debug: msg="{{ hostvars['b'].r.stdout }} {{ groups.all | map('extract', hostvars, 'n') | list }}"
`),
    });
    const ran = await p.apply();
    expect([...ran.said].sort()).toEqual(['a: from b [1, 2]', 'b: from b [1, 2]']);
  });

  it('run in batches of serial, and a batch that fails completely ends the play', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play("- shell: echo {{ inventory_hostname }} >> {T}/log\n- command: 'false'", 'serial: 1'),
    });
    await p.apply();
    expect(readFileSync(p.path('log'), 'utf8')).toBe('a\n');
  });

  it('skip later plays after their own failure, without affecting other hosts', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': `${play("- fail: msg=no\n  when: inventory_hostname == 'a'\n- debug: msg=one")}${play('- debug: msg=two')}`,
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['b: one', 'b: two']);
    expect(ran.recap.failed).toBe(true);
  });

  it('delegate_to runs on the delegate with the variables of the host', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play(
        "- shell: echo {{ inventory_hostname }} >> {T}/log\n  delegate_to: localhost\n  when: inventory_hostname == 'b'",
      ),
    });
    await p.apply();
    expect(readFileSync(p.path('log'), 'utf8')).toBe('b\n');
  });
});

describe('tags', () => {
  const site = play(`
- debug: msg=one
  tags: [x]
- debug: msg=two
  tags: [y]
- debug: msg=three
  tags: [always]
- debug: msg=four
  tags: [never, z]
- debug: msg=five
`);
  it.each([
    [{}, ['one', 'two', 'three', 'five']],
    [{ tags: ['x'] }, ['one', 'three']],
    [{ skipTags: ['x'] }, ['two', 'three', 'five']],
    [{ tags: ['z'] }, ['three', 'four']],
    [{ tags: ['untagged'] }, ['three', 'five']],
    [{ tags: ['tagged'], skipTags: ['y'] }, ['one', 'three']],
    [{ tags: ['x'], skipTags: ['always'] }, ['one']],
  ])('%j selects %j', async (options, said) => {
    const ran = await project({ 'site.yml': site }).apply(options);
    expect(ran.said).toEqual(said.map((word) => `a: ${word}`));
  });
});

describe('variables', () => {
  const levels = [
    'default',
    'inventory',
    'group',
    'host',
    'play',
    'vars_file',
    'role',
    'task',
    'set_fact',
    'param',
    'extra',
  ];
  it.each(levels.map((top, i) => [top, levels.slice(0, i + 1)] as const))(
    '%s overrides everything below it',
    async (top, given) => {
      const has = (level: string, text: string): string => (given.includes(level) ? text : '');
      const p = project({
        'hosts.yml': `all:\n  vars: {ansible_connection: local${has('inventory', ', v: inventory')}}\n  children: {g: {hosts: {a: }}}\n`,
        ...(given.includes('group') && { 'group_vars/g.yml': 'v: group\n' }),
        ...(given.includes('host') && { 'host_vars/a.yml': 'v: host\n' }),
        'file.yml': has('vars_file', 'v: vars_file\n') || 'other: 1\n',
        'roles/r/defaults/main.yml': 'v: default\n',
        'roles/r/vars/main.yml': has('role', 'v: role\n') || 'other: 1\n',
        'roles/r/tasks/main.yml': `${has('set_fact', '- set_fact: {v: set_fact}\n')}- debug: msg={{ v }}\n${has('task', '  vars: {v: task}\n')}`,
        'site.yml': `- hosts: all\n  gather_facts: false\n  vars: {${has('play', 'v: play')}}\n  vars_files: [file.yml]\n  roles:\n    - role: r\n${has('param', '      vars: {v: param}\n')}`,
      });
      const ran = await p.apply(given.includes('extra') ? { extraVars: ['v=extra'] } : {});
      expect(ran.said).toEqual([`a: ${top}`]);
    },
  );

  it('are evaluated when used; an unknown name or a cycle is reported with its position', async () => {
    const p = project({
      'hosts.yml': 'all: {vars: {ansible_connection: local, a1: "{{ b1 }}", b1: "{{ a1 }}"}, hosts: {a: }}',
      'site.yml': play('- debug: msg={{ a1 }}'),
    });
    const ran = await p.apply();
    expect(ran.tasks[0]?.diagnostic?.message).toContain('a1 -> b1 -> a1');
  });
});

describe('secrets', () => {
  it('of lookup password and of no_log tasks appear in no event', async () => {
    const p = project({
      'site.yml': play(`
- copy: {dest: '{T}/f', content: "key={{ pw }}\\nplain\\n"}
- command: echo {{ pw }}
  register: r
- debug: msg="{{ r.stdout }}"
- name: hidden
  command: sh -c 'echo topsecret >&2; exit 1'
  no_log: true
  ignore_errors: true
- fail: {msg: "it was {{ pw }}"}
`),
      'hosts.yml': `all: {vars: {ansible_connection: local, pw: "{{ lookup('password', '{T}/pw length=20') }}"}, hosts: {a: }}`,
    });
    const ran = await p.apply({ diff: true });
    const password = readFileSync(p.path('pw'), 'utf8').trim();
    expect(password).toHaveLength(20);
    expect(readFileSync(p.path('f'), 'utf8')).toContain(password);
    const told = JSON.stringify(ran.events);
    expect(told).not.toContain(password);
    expect(told).not.toContain('topsecret');
    expect(told).toContain('plain');
    rmSync(p.path('f'));
    rmSync(p.path('pw'));
    await p.plan({ diff: true });
    expect(existsSync(p.path('pw'))).toBe(false);
  });
});

describe('other keywords', () => {
  it('environment, become_user, include_vars, end_host, check_mode', async () => {
    const p = project({
      'extra.yml': 'from_file: 7\n',
      'site.yml': play(`
- shell: echo "$GREETING"
  environment: {GREETING: "it's {{ 1 + 1 }}"}
  register: r
- debug: msg="{{ r.stdout }}"
- include_vars: extra.yml
- debug: msg="{{ from_file }}"
- copy: {dest: '{T}/never', content: x}
  check_mode: true
- meta: end_host
- debug: msg=never
`),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(["a: it's 2", 'a: 7']);
    expect(existsSync(p.path('never'))).toBe(false);
    expect(ran.recap.failed).toBe(false);
  });

  it('a drifted file is found and fixed once', async () => {
    const p = project({ 'site.yml': play('- copy: {dest: \'{T}/f\', content: "right\\n"}') });
    await p.apply();
    writeFileSync(p.path('f'), 'wrong\n');
    const planned = await p.plan({ diff: true });
    expect(planned.tasks[0]?.changes[0]?.diff).toMatchObject({ before: 'wrong\n', after: 'right\n' });
    expect((await p.apply()).lines).toEqual([expect.stringContaining('changed')]);
    expect((await p.apply()).lines).toEqual([expect.stringContaining('ok')]);
  });

  it('an aborted run stops, and reports that it was interrupted', async () => {
    const p = project({ 'site.yml': play('- command: sleep 30\n- debug: msg=never') });
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('interrupted')), 300);
    const ran = await p.apply({ signal: abort.signal });
    expect(ran.recap.interrupted).toBe(true);
    expect(ran.said).toEqual([]);
  });
});

describe('the items of a loop', () => {
  it('see the variables that earlier items set', async () => {
    const p = project({
      'site.yml': play(`- set_fact: {acc: "{{ acc | default([]) + [item] }}"}
  loop: [1, 2, 3]
- set_fact: {all: "{{ all | default({}) | combine({item: item ~ '!'}) }}"}
  loop: [x, y]
- debug: {msg: "{{ acc }} {{ all }}"}`),
    });
    expect((await p.apply()).said).toEqual(["a: [1, 2, 3] {'x': 'x!', 'y': 'y!'}"]);
    expect((await p.plan()).said).toEqual(["a: [1, 2, 3] {'x': 'x!', 'y': 'y!'}"]);
  });

  it('see what earlier items registered: of commands, of files, through another variable, in a condition', async () => {
    const p = project({
      'site.yml': play(
        `- command: "echo {{ (r | default({})).stdout | default('') }}{{ item }}"
  loop: [1, 2, 3]
  register: r
- debug: {msg: "{{ r.results | map(attribute='stdout') | join(' ') }}"}
- copy: {dest: '{T}/{{ item }}', content: "{{ before }}"}
  loop: [one, two, three]
  register: f
- debug: {msg: "{{ lookup('file', '{T}/one') }} {{ lookup('file', '{T}/two') | basename }} {{ lookup('file', '{T}/three') | basename }}"}
- file: {path: '{T}/d{{ item }}', state: directory}
  loop: [1, 2, 3]
  register: d
  when: not ((d | default({})).changed | default(false))
- debug: {msg: "{{ d.results | map(attribute='skipped', default=false) | join(' ') }}"}`,
        `vars: {before: "{{ (f | default({})).dest | default('none') }}"}`,
      ),
    });
    const ran = await p.apply();
    expect(ran.tasks.flatMap((t) => t.diagnostic?.message ?? [])).toEqual([]);
    expect(ran.said).toEqual(['a: 1 12 123', 'a: none one two', 'a: False True False']);
  });

  it('travel together if none reads what another sets', async () => {
    const p = project({
      'site.yml': play("- copy: {dest: '{T}/{{ item }}', content: x}\n  loop: [a, b, c, d, e, f]\n  register: r"),
    });
    expect((await p.apply()).recap.hosts[0]?.trips).toBeLessThanOrEqual(3);
  });
});
