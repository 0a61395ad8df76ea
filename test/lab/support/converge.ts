import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Ran, twoDebians } from './rack.ts';

const HOSTS = ['d12', 'd13'];

export const both = <T>(...all: readonly T[]): readonly T[] => all.flatMap((one) => [one, one]);

export const troubles = (ran: Ran): readonly string[] =>
  ran.tasks.flatMap((e) =>
    e.diagnostic === undefined
      ? []
      : [`${e.host} ${e.item ?? e.task}: ${e.diagnostic.message} ${e.diagnostic.detail ?? ''}`],
  );

/** Debian 12 and 13, and what tests of modules do with them. */
export function moduleLab(net: string) {
  const lab = twoDebians(net);
  const everywhere = async (command: string): Promise<readonly string[]> =>
    Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
  function tasks(text: string): string {
    const file = join(lab.folder, `tasks-${Math.random().toString(36).slice(2)}.yml`);
    writeFileSync(
      file,
      `- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n${text.trim().replace(/^/gm, '    ')}\n`,
    );
    return file;
  }

  /**
   * The tasks are planned as changes that touch nothing, made once, and found as wanted after that. What depends on an earlier
   * one is known after apply.
   */
  async function converges(task: string, state: string): Promise<readonly string[]> {
    const playbook = tasks(task);
    const before = await everywhere(state);
    const planned = await lab.plan(playbook);
    expect(troubles(planned)).toEqual([]);
    const statuses = new Set(planned.tasks.map((e) => e.status));
    expect([...statuses].filter((one) => one !== 'unknown')).toEqual(['changed']);
    expect(await everywhere(state)).toEqual(before);
    const first = await lab.apply(playbook);
    expect(troubles(first)).toEqual([]);
    expect([...new Set(first.tasks.map((e) => e.status))]).toEqual(['changed']);
    const after = await everywhere(state);
    const again = await lab.apply(playbook);
    expect(troubles(again)).toEqual([]);
    expect([...new Set(again.tasks.map((e) => e.status))]).toEqual(['ok']);
    expect(await everywhere(state)).toEqual(after);
    return after;
  }

  return { lab, everywhere, tasks, converges };
}
