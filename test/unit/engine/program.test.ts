import { describe, expect, it } from 'vitest';
import { play, project } from '../support/project.ts';

describe('a command that also runs in a plan, and whose program is missing', () => {
  const make = "- copy: {dest: '{T}/tool', content: \"#!/bin/sh\\necho hello\\n\", mode: '0755'}\n";
  const run = (more = ''): string => `- command: '{T}/tool'\n  check_mode: false\n  register: out\n${more}`;

  it.each([
    ['that may change something', ''],
    ['that only looks', '  changed_when: false\n'],
  ])('%s: known after apply, with everything that reads it', async (_, more) => {
    const p = project({ 'site.yml': play(`${make}${run(more)}- debug: {msg: '{{ out.stdout }}'}\n`) });
    const planned = await p.plan();
    expect(planned.tasks.map((t) => t.status)).toEqual(['changed', 'unknown', 'unknown']);
    expect((await p.apply()).said).toEqual(['a: hello']);
  });

  it.each([[''], ['  changed_when: false\n']])(
    'fails at its position if no change would install the program',
    async (more) => {
      const p = project({ 'site.yml': play(run(more)) });
      const [task] = (await p.plan()).tasks;
      expect(task?.status).toBe('failed');
      expect(task?.diagnostic?.at).toMatchObject({ line: 4 });
    },
  );
});
