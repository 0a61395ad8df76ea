import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { makeLab, type Rack, type Ran } from './rack.ts';

type OneDebian = Readonly<{
  lab: Rack;
  /** A playbook with these tasks. */
  file: (tasks: string) => string;
  /** The statuses of the tasks, or why one failed. */
  statuses: (ran: Ran) => readonly string[];
  /** Applies tasks twice and returns the first statuses. The second time must change nothing. */
  converge: (tasks: string) => Promise<readonly string[]>;
}>;

/** A lab with the host d13 alone. */
export function oneDebian(net: string): OneDebian {
  const lab = makeLab(
    `all:\n  vars: {lab_name: x, lab_subnet: ${net}.0/24}\n  hosts:\n    d13: {ansible_host: ${net}.13, lab_image: debian-13}\n`,
    net,
  );
  let count = 0;
  const file = (tasks: string): string => {
    const path = join(lab.folder, `play-${count++}.yml`);
    const indented = tasks.trim().replace(/^/gm, '    ');
    writeFileSync(path, `- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n${indented}\n`);
    return path;
  };
  const statuses = (ran: Ran): readonly string[] =>
    ran.tasks.map((t) => (t.status === 'failed' ? `${t.diagnostic?.message} ${t.diagnostic?.detail ?? ''}` : t.status));
  return {
    lab,
    file,
    statuses,
    async converge(tasks) {
      const playbook = file(tasks);
      const first = statuses(await lab.apply(playbook));
      const again = statuses(await lab.apply(playbook));
      expect(again.filter((status) => status !== 'ok')).toEqual([]);
      return first;
    },
  };
}
