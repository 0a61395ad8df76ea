import { describe, expect, test } from 'vitest';
import type { HostRecap } from '../../../src/core/event.ts';
import { mergeReports } from '../../../src/report/merge.ts';

const recap = (host: string, more: Partial<HostRecap> = {}): HostRecap => ({
  ...{
    host,
    ok: 2,
    changed: 1,
    unknown: 0,
    skipped: 0,
    failed: 0,
    rescued: 0,
    ignored: 0,
    unreachable: false,
    trips: 1,
  },
  ...more,
});
const run = (hosts: readonly HostRecap[], mode = 'apply', more = {}): string =>
  [
    { type: 'run', mode, playbook: 'site.yml', hosts: hosts.map((h) => h.host) },
    { type: 'busy', host: 'a', doing: 'connecting' },
    { type: 'done', mode, hosts, ms: 1000, interrupted: false, ...more },
  ]
    .map((e) => `${JSON.stringify(e)}\n`)
    .join('');

describe('reports of shards', () => {
  test('merge to one recap: all hosts, and the longest time', () => {
    const { done, unfinished } = mergeReports([
      { name: '1', text: run([recap('a')]) },
      { name: '2', text: run([recap('b', { failed: 1 })], 'apply', { ms: 3000 }) },
    ]);
    expect(done).toEqual({
      ...{ type: 'done', mode: 'apply', ms: 3000, interrupted: false },
      hosts: [recap('a'), recap('b', { failed: 1 })],
    });
    expect(unfinished).toEqual([]);
  });

  test('add the counts of a host that occurs in two runs', () => {
    const { done } = mergeReports([
      { name: '1', text: run([recap('a', { unreachable: true })]) },
      { name: '2', text: run([recap('a')]) },
    ]);
    expect(done.hosts).toEqual([recap('a', { ok: 4, changed: 2, trips: 2, unreachable: true })]);
  });

  test('name a run that was killed in the middle of a line', () => {
    const text = run([recap('a')])
      .split('\n')
      .slice(0, 1)
      .join('\n');
    expect(mergeReports([{ name: 'dead', text: `${text}\n{"type":"ta` }]).unfinished).toEqual(['dead']);
  });

  test('reject a line that is no output of bringup', () => {
    expect(() => mergeReports([{ name: 'x', text: 'hello\nworld\n' }])).toThrow(/this line is not JSON/);
    const two = [run([recap('a')]), run([recap('b')], 'plan')].map((text, i) => ({ name: String(i), text }));
    expect(() => mergeReports(two)).toThrow("this is the output of 'plan', and the files before it are of 'apply'");
  });
});
