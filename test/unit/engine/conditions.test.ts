import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

/** Tasks, and what is printed. */
const CASES: readonly (readonly [string, string, string, readonly string[]])[] = [
  [
    'braces in a condition',
    "- debug: {msg: yes}\n  when: \"'/root' == '{{ home }}'\"",
    'vars: {home: /root}',
    ['True'],
  ],
  [
    'braces in an assertion',
    '- assert: {that: ["\'/root\' == \'{{ home }}\'", "{{ 1 + 1 }} == 2"]}\n- debug: {msg: end}',
    'vars: {home: /root}',
    ['end'],
  ],
  [
    'a list that is undefined, behind a false condition',
    '- debug: {msg: no}\n  loop: "{{ x }}"\n  when: x is defined\n- debug: {msg: end}',
    '',
    ['end'],
  ],
  ['ansible_facts without facts', '- debug: {msg: "{{ ansible_facts }}"}', '', ['{}']],
  [
    'an undefined variable in a block with a rescue',
    '- block: [{debug: {msg: "{{ missing }}"}}]\n  rescue: [{debug: {msg: rescued}}]',
    '',
    ['rescued'],
  ],
  [
    'an undefined variable with ignore_errors',
    '- debug: {msg: "{{ missing }}"}\n  ignore_errors: true\n- debug: {msg: end}',
    '',
    ['end'],
  ],
  [
    'the name of index_var',
    '- debug: {msg: "{{ ansible_index_var }} {{ i }}"}\n  loop: [a]\n  loop_control: {index_var: i}',
    '',
    ['i 0'],
  ],
  ['a text as one item', '- debug: {msg: "{{ item }}"}\n  with_items: "{{ t }}"', 'vars: {t: abc}', ['abc']],
  [
    'the messages of loops',
    '- debug: {msg: "{{ item }}"}\n  loop: [1]\n  when: false\n  register: r\n- debug: {msg: "{{ r.msg }} {{ r.failed is defined }}"}',
    '',
    ['All items skipped False'],
  ],
  [
    'retries without until',
    '- shell: echo x >>{T}/log; test $(wc -l <{T}/log) -ge 2\n  retries: 3\n  delay: 0\n  register: r\n- debug: {msg: "{{ r.attempts }}"}',
    '',
    ['2'],
  ],
  [
    'failed_when_result',
    '- command: echo\n  failed_when: false\n  register: r\n- debug: {msg: "{{ r.failed_when_result }}"}',
    '',
    ['False'],
  ],
  [
    'the condition of a skipped task',
    '- command: echo\n  when: 1 == 2\n  register: r\n- debug: {msg: "{{ r.false_condition }} {{ r.failed is defined }}"}',
    '',
    ['1 == 2 False'],
  ],
];

describe('as Ansible does it', () => {
  it.each(CASES)('%s', async (_, tasks, more, said) => {
    expect((await project({ 'site.yml': play(tasks, more) }).apply()).said).toEqual(said.map((text) => `a: ${text}`));
  });

  it('notify may name the item of a loop', async () => {
    const p = project({
      'site.yml': `${play('- command: echo\n  loop: [1, 2, 3]\n  changed_when: item > 1\n  notify: "h{{ item }}"')}  handlers:
    - {name: h1, debug: {msg: one}}
    - {name: h2, debug: {msg: two}}
    - {name: h3, debug: {msg: three}}
`,
    });
    // A change of one item notifies what all items name.
    expect((await p.apply()).said).toEqual(['a: one', 'a: two', 'a: three']);
  });

  it('the variables of an include override facts', async () => {
    const p = project({
      'site.yml': play(
        '- set_fact: {v: fact}\n- include_tasks: more.yml\n  vars: {v: include}\n- debug: {msg: "{{ v }}"}',
      ),
      'more.yml': '- debug: {msg: "{{ v }}"}\n',
    });
    expect((await p.apply()).said).toEqual(['a: include', 'a: fact']);
  });

  it('a loop of two kinds is a mistake', async () => {
    const p = project({ 'site.yml': play('- debug: {msg: x}\n  loop: [1]\n  with_items: [2]') });
    expect((await p.mistakes()).map((d) => d.code)).toEqual(['E_TWO_ACTIONS']);
  });
});

describe('facts of modules', () => {
  it('are variables by their own names too', async () => {
    const tasks =
      '- getent: {database: passwd, key: root}\n- debug: {msg: "{{ getent_passwd.root[5] }} {{ ansible_facts.getent_passwd.root[1] }}"}';
    expect((await project({ 'site.yml': play(tasks) }).apply()).said).toEqual(['a: /bin/bash 0']);
  });

  it('of the system do not override a variable of that name', async () => {
    const tasks =
      '- hostname: {name: "{{ lookup(\'pipe\', \'uname -n\') }}"}\n- debug: {msg: "{{ domain }} {{ ansible_facts.domain is defined }}"}';
    const hosts = 'all:\n  vars: {ansible_connection: local, domain: foobar.com}\n  hosts:\n    a:\n';
    const { said } = await project({ 'hosts.yml': hosts, 'site.yml': play(tasks) }).plan();
    expect(said).toEqual(['a: foobar.com True']);
  });

  it('are known after apply in a plan, if the task is', async () => {
    const tasks =
      "- command: 'true'\n  register: r\n- getent: {database: group}\n  when: r is changed\n- debug: {msg: no}\n  when: \"'x' in ansible_facts.getent_group.root\"";
    const { tasks: all } = await project({ 'site.yml': play(tasks) }).plan();
    expect(all.map((t) => t.status)).toEqual(['changed', 'unknown', 'unknown']);
  });
});
