import { expect, test } from 'vitest';
import { page, type Report } from '../../bench/report.ts';
import { withRun } from '../../bench/stored.ts';

function report(hosts: readonly number[], date: string, more: Partial<Report> = {}): Report {
  const rows = hosts.map((n) => ({ hosts: n, what: 'rerun' as const, tool: 'bringup', wall: n, runs: 1 }));
  return { date, machine: 'm', load: [1], delay: 0, runs: 1, rows, ...more };
}

test('a stored run replaces the last one of its kind, and no other', () => {
  const kinds = [report([24], 'c'), report([6], 'e', { delay: 20 }), report([6], 'd', { delay: 5 })];
  const more = [report([1], 'f', { peers: 'ansible-core 2' }), report([1], 'b'), report([1, 6], 'a')];
  const all = [...kinds, ...more].reduce<readonly Report[]>(withRun, []);
  expect(all.map((r) => r.date).join('')).toBe('bacdef');
  expect(withRun(all, report([6], 'D', { delay: 5 })).map((r) => r.date)).toEqual(['b', 'a', 'c', 'D', 'e', 'f']);
  expect(page(all).match(/^## .*/gm)).toEqual([
    '## 1 host',
    '## 1 and 6 hosts',
    '## 24 hosts',
    '## 6 hosts, 10 ms round trip',
    '## 6 hosts, 40 ms round trip',
    '## 1 host, with Ansible',
  ]);
});
