import { describe, expect, it } from 'vitest';
import { ONE_HOST, play, project, TWO_HOSTS } from '../support/project.ts';

const FIVE = `all:\n  vars: {ansible_connection: local}\n  hosts: {c: , a: , e: , b: , d: }\n`;

/** A playbook's tasks, more keywords of the play, and what `debug` says on host a. */
const SAID: readonly (readonly [string, string, string, readonly string[]])[] = [
  ['module_defaults of the play', '- debug:', 'module_defaults: {debug: {msg: from the play}}', ['from the play']],
  [
    'module_defaults of a block, over those of the play',
    '- block: [{debug: }]\n  module_defaults: {ansible.builtin.debug: {msg: from the block}}',
    'module_defaults: {debug: {msg: from the play}}',
    ['from the block'],
  ],
  ['an argument over module_defaults', '- debug: {msg: own}\n  module_defaults: {debug: {msg: default}}', '', ['own']],
  [
    'break_when',
    '- debug: {msg: "{{ item }}"}\n  loop: [1, 2, 3]\n  loop_control: {break_when: item == 2}',
    '',
    ['1', '2'],
  ],
  [
    'break_when, which reads what the item registered',
    '- command: echo {{ item }}\n  register: r\n  loop: [1, 2, 3]\n  loop_control: {break_when: r.stdout == "2"}\n- debug: {msg: "{{ r.results | length }}"}',
    '',
    ['2'],
  ],
  [
    'extended_allitems',
    '- debug: {msg: "{{ ansible_loop.allitems is defined }} {{ ansible_loop.length }}"}\n  loop: [1]\n  loop_control: {extended: true, extended_allitems: false}',
    '',
    ['False 1'],
  ],
  ['local_action', '- local_action: command echo here\n  register: r\n- debug: {msg: "{{ r.stdout }}"}', '', ['here']],
  [
    'delegate_facts',
    '- set_fact: {x: theirs}\n  delegate_to: localhost\n  delegate_facts: true\n- debug: {msg: "{{ x is defined }}"}',
    '',
    ['False'],
  ],
  [
    'async with poll',
    '- command: echo done\n  async: 30\n  poll: 1\n  register: r\n- debug: {msg: "{{ r.stdout }} {{ r.finished }}"}',
    '',
    ['done 1'],
  ],
  [
    'async without poll, and async_status',
    `- shell: sleep 0.2; echo out; echo err >&2
  async: 30
  poll: 0
  register: job
- debug: {msg: "{{ job.started }} {{ job.finished }}"}
- async_status: {jid: "{{ job.ansible_job_id }}"}
  register: r
  until: r is finished
  retries: 100
  delay: 0
- debug: {msg: "{{ r.stdout }} {{ r.stderr }} {{ r.rc }} {{ r is changed }}"}
- async_status: {jid: "{{ job.ansible_job_id }}", mode: cleanup}`,
    '',
    ['1 0', 'out err 0 True'],
  ],
  [
    'the default of a prompt',
    '- debug: {msg: "{{ p }}"}',
    'vars_prompt: [{name: p, default: usual, private: false}]',
    ['usual'],
  ],
  [
    'an item with ignore_unreachable',
    '- ping:\n  delegate_to: lost\n  ignore_unreachable: true\n  register: r\n- debug: {msg: "{{ r.unreachable }} {{ r is unreachable }}"}',
    '',
    ['True True'],
  ],
];

describe('keywords', () => {
  it.each(SAID)('%s', async (_, tasks, more, said) => {
    const p = project({
      'hosts.yml': `${ONE_HOST}    lost: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 9, ansible_user: nobody}\n`,
      'site.yml': play(tasks, more).replace('hosts: all', 'hosts: a'),
    });
    const ran = await p.apply();
    expect(
      ran.events.flatMap((e) => (e.type === 'task' && e.diagnostic && e.status === 'failed' ? [e.diagnostic] : [])),
    ).toEqual([]);
    expect(ran.said).toEqual(said.map((text) => `a: ${text}`));
  });

  it.each([
    ['inventory', 'caebd'],
    ['reverse_inventory', 'dbeac'],
    ['sorted', 'abcde'],
    ['reverse_sorted', 'edcba'],
  ])('order: %s', async (order, wanted) => {
    const p = project({ 'hosts.yml': FIVE, 'site.yml': play('- debug: {msg: x}', `order: ${order}\nserial: 1`) });
    const { said } = await p.apply();
    expect(said.map((line) => line[0]).join('')).toBe(wanted);
  });

  it('order: shuffle takes every host once', async () => {
    const p = project({ 'hosts.yml': FIVE, 'site.yml': play('- debug: {msg: x}', 'order: shuffle\nserial: 1') });
    const { said } = await p.apply();
    expect(
      said
        .map((line) => line[0])
        .sort()
        .join(''),
    ).toBe('abcde');
  });

  it('throttle bounds how many hosts run a task at the same time', async () => {
    const count = 'ls {T}/in | wc -l >>{T}/seen';
    const task = (more: string): string =>
      play(
        `- shell: mkdir -p {T}/in; touch {T}/in/{{ inventory_hostname }}; sleep 0.2; ${count}; rm {T}/in/{{ inventory_hostname }}\n${more}`,
      );
    const p = project({ 'hosts.yml': FIVE, 'site.yml': task('  throttle: 2') });
    await p.apply();
    const seen = p.read('seen').trim().split('\n').map(Number);
    expect(seen).toHaveLength(5);
    expect(Math.max(...seen)).toBeLessThanOrEqual(2);
  });

  it('timeout of a block ends its tasks', async () => {
    const p = project({
      'site.yml': play(
        '- block: [{command: sleep 30, register: r, ignore_errors: true}]\n  timeout: 1\n- debug: {msg: "{{ r.msg }}"}',
      ),
    });
    const { tasks, said } = await p.apply();
    expect(tasks[0]?.diagnostic?.code).toBe('E_TASK_TIMEOUT');
    expect(said[0]).toContain('timed out after 1 s');
  });

  it('async ends a task that takes too long', async () => {
    const p = project({ 'site.yml': play('- command: sleep 30\n  async: 1') });
    const { tasks } = await p.apply();
    expect(tasks[0]?.diagnostic?.code).toBe('E_TASK_TIMEOUT');
  });

  it('a background job that fails is told', async () => {
    const p = project({
      'site.yml': play(
        '- shell: echo bad >&2; exit 3\n  async: 30\n  poll: 0\n  register: job\n- async_status: {jid: "{{ job.ansible_job_id }}"}\n  register: r\n  until: r is finished\n  retries: 100\n  delay: 0',
      ),
    });
    const { tasks } = await p.apply();
    expect(tasks.at(-1)?.diagnostic).toMatchObject({ code: 'E_JOB_FAILED', detail: 'bad\n' });
  });

  it('a prompt without a default and without a terminal is an error before the run', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play('- debug: {msg: "{{ p }}"}', 'vars_prompt: [{name: p}]'),
    });
    expect((await p.mistakes()).map((d) => d.code)).toEqual(['E_NO_ANSWER']);
    expect((await p.apply({ extraVars: ['p=given'] })).said).toEqual(['a: given', 'b: given']);
  });

  it('max_fail_percentage stops a play between two tasks, and no rescue or always runs for that', async () => {
    const tasks = (most: number): string =>
      play(
        `- block:
    - fail: {msg: x}
      when: inventory_hostname == "b"
    - debug: {msg: next}
  rescue:
    - fail: {msg: again}
- block:
    - debug: {msg: last}
  rescue:
    - debug: {msg: caught}
  always:
    - debug: {msg: always}`,
        `max_fail_percentage: ${most}`,
      );
    const p = project({ 'hosts.yml': TWO_HOSTS, 'site.yml': tasks(50) });
    expect((await p.apply()).said).toEqual(['a: next', 'a: last', 'a: always']);
    p.write({ 'site.yml': tasks(49) });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: next', 'a: stopped: 1 of 2 hosts failed, and max_fail_percentage is 49']);
    expect(ran.recap.hosts.map((h) => h.failed)).toEqual([0, 1]);
  });

  it('any_errors_fatal: only the host that failed counts as rescued', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play(
        '- block:\n    - fail: {msg: x}\n      when: inventory_hostname == "b"\n  rescue:\n    - debug: {msg: rescue}',
        'any_errors_fatal: true',
      ),
    });
    const ran = await p.apply();
    expect(ran.said).toEqual(['a: rescue', 'b: rescue']);
    expect(ran.recap.hosts.map((h) => [h.failed, h.rescued])).toEqual([
      [0, 0],
      [0, 1],
    ]);
  });

  it('a failed validation says so in the result, and wait_for what is at the path', async () => {
    const p = project({
      'site.yml': play(`- copy: {dest: '{T}/f', content: x, validate: 'sh -c "echo why; exit 3" %s'}
  register: r
  ignore_errors: true
- debug: {msg: '{{ r.changed }} {{ r.msg }} {{ r.exit_status }} {{ r.stdout == "" }}'}
- wait_for: {path: '{T}'}
  register: r
- debug: {msg: '{{ r.state }} {{ r.mode is defined }}'}
- wait_for: {path: '{T}/none', state: absent}
  register: r
- debug: {msg: '{{ r.state }}'}`),
    });
    expect((await p.apply()).said).toEqual(
      ['False failed to validate 3 True', 'directory True', 'absent'].map((text) => expect.stringContaining(text)),
    );
  });

  it('meta: clear_host_errors lets failed hosts take part in the next play', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': `${play('- fail: {msg: x}\n  when: inventory_hostname == "b"\n- meta: clear_host_errors')}${play('- debug: {msg: back}')}`,
    });
    expect((await p.apply()).said).toEqual(['a: back', 'b: back']);
  });

  it('diff: false hides the diff of one task, diff: true shows it without --diff', async () => {
    const p = project({
      'hosts.yml': ONE_HOST,
      'site.yml': play(
        "- copy: {dest: '{T}/x', content: x}\n  diff: false\n- copy: {dest: '{T}/y', content: y}\n  diff: true",
      ),
    });
    const { tasks } = await p.apply();
    expect(tasks.map((t) => [t.changes.some((c) => c.diff !== undefined), t.showsDiff])).toEqual([
      [false, undefined],
      [true, true],
    ]);
  });

  it('collections finds roles by their short names', async () => {
    const p = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': play('- include_role: {name: own_app}', 'collections: [my.col]'),
      'collections/ansible_collections/my/col/roles/own_app/tasks/main.yml': '- include_role: {name: own_other}\n',
      'collections/ansible_collections/my/col/roles/own_other/tasks/main.yml': '- debug: {msg: found}\n',
    });
    expect((await p.apply()).said).toEqual(['a: found', 'b: found']);
    p.write({ 'site.yml': play('- include_role: {name: my.col.own_app}') });
    expect((await p.apply()).said).toEqual(['a: found', 'b: found']);
  });
});
