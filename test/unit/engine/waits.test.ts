// What was asked before a task waited for something may be stale afterwards.
import { expect, test } from 'vitest';
import { project, TWO_HOSTS } from '../support/project.ts';

test.each(['', 'delegate_to: b'])(
  'after a task was retried, later tasks see what happened meanwhile %s',
  async (where) => {
    const site = project({
      'hosts.yml': TWO_HOSTS,
      'site.yml': `- hosts: a
  gather_facts: false
  tasks:
    - shell: (sleep 1; echo written >{T}/late) >/dev/null 2>&1 &
    - stat: {path: '{T}/late'}
      register: file
      until: file.stat.exists and file.stat.size > 0
      retries: 300
      delay: 0.2
      ${where}
    - slurp: {src: '{T}/late'}
      register: late
      ${where}
    - debug: {msg: "{{ late.content | b64decode | trim }}"}
`,
    });
    expect((await site.apply()).said).toEqual(['a: written']);
  },
);
