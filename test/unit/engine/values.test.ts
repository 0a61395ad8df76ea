// What a host prints is a value. It is never read as a template, and an expression that it holds reaches nothing here.
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ONE_HOST, project } from '../support/project.ts';

/** A host that prints an expression, which would run a program on this machine. */
const EVIL = `lookup('pipe', 'echo ran > {T}/ran')`;

const USES = {
  'a condition with braces': `debug: {msg: x}
      when: "'x' in {{ r.stdout }}"`,
  'a condition that is a template': `debug: {msg: x}
      when: "{{ r.stdout }}"`,
  'failed_when with braces': `debug: {msg: x}
      failed_when: "{{ r.stdout }} == 'x'"`,
  'an assertion that is a template': `assert: {that: "{{ r.stdout }}"}`,
  'arguments as one template': `assert: "{{ {'that': r.stdout} }}"`,
  'the variable of debug': `debug: {var: "{{ r.stdout }}"}`,
  'a name of set_fact': `set_fact: "{{ {'{{ ' ~ r.stdout ~ ' }}': 1} }}"`,
  'a name of a variable': `debug: {msg: "{{ lookup('vars', r.stdout) }}"}`,
};

test.each(Object.entries(USES))('%s does not run what a host printed', async (_, task) => {
  const site = project({
    'hosts.yml': ONE_HOST,
    evil: EVIL,
    'site.yml': `- hosts: a
  gather_facts: false
  tasks:
    - command: cat {T}/evil
      register: r
      changed_when: false
    - ${task}
      ignore_errors: true
`,
  });
  const { recap } = await site.apply();
  expect(recap.failed).toBe(false);
  expect(existsSync(site.path('ran'))).toBe(false);
});

test('the same lookup in the playbook runs', async () => {
  const site = project({
    'hosts.yml': ONE_HOST,
    'site.yml': `- hosts: a
  gather_facts: false
  tasks:
    - debug: {msg: x}
      when: ${EVIL} == ''
`,
  });
  await site.apply();
  expect(existsSync(site.path('ran'))).toBe(true);
});

test('an expression that a value holds may use variables', async () => {
  const site = project({
    'hosts.yml': ONE_HOST,
    'site.yml': `- hosts: a
  gather_facts: false
  vars: {condition: "n > 1", n: 2}
  tasks:
    - debug: {msg: one}
      when: "{{ condition }}"
    - debug: {msg: two}
      when: "not ({{ condition }})"
    - assert: {that: "{{ condition }}", quiet: true}
`,
  });
  expect((await site.apply()).said).toEqual(['a: one']);
});
