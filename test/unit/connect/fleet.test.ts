import { expect, test } from 'vitest';
import { play, project } from '../support/project.ts';
import { simulated } from '../support/simulated.ts';

// The bench's hosts recognise the end of a program by its text. If frame.ts ends programs differently, they would wait
// for ever.
test('each host of the simulated fleet answers the script that it got', async () => {
  const { fleet, inventory } = await simulated(10);
  const p = project({
    'hosts.yml': inventory,
    'site.yml': play(
      "- command: echo I am {{ inventory_hostname }}\n  register: it\n- debug: {msg: '{{ it.stdout }}'}\n- copy: {dest: '{T}/f', content: x}\n  check_mode: true",
    ),
  });
  const { recap, said, lines } = await p.apply();
  expect([...said].sort()).toEqual(fleet.ports.map((_, i) => `n${10 + i}: I am n${10 + i}`));
  expect(lines.filter((line) => line.endsWith('changed'))).toHaveLength(10);
  expect(lines.filter((line) => /copy .* ok$/.test(line))).toHaveLength(10);
  expect(recap.failed).toBe(false);
});
