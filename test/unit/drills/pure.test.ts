import { describe, expect, it } from 'vitest';
import { binder } from '../../../src/core/bind.ts';
import { Failure } from '../../../src/core/diagnostic.ts';
import type { Figures, KindFigures } from '../../../src/core/drill.ts';
import { Expect } from '../../../src/core/drill-args.ts';
import { openDebts } from '../../../src/drills/debts.ts';
import { figuresOf, longestGap } from '../../../src/drills/figures.ts';
import { steps } from '../../../src/drills/index.ts';
import { type Evidence, judge, notesOf } from '../../../src/drills/judge.ts';
import { FAILED, OK, READ_BACK, STALE, samplesBuffer, samplesIn } from '../../../src/drills/samples.ts';
import { apportion, dueAt, mixer } from '../../../src/drills/schedule.ts';
import { absence, crowdOf, samplesOf, spansOf } from '../../../src/drills/watch.ts';

describe('the schedule', () => {
  it('does not drift: the millionth request is due to the millisecond', () => {
    expect(dueAt(1_000_000, 300)).toBeCloseTo(3_333_333.333, 2);
    expect(dueAt(0, 300)).toBe(0);
  });
  it('gives every request its share of each hundred, in a changing order', () => {
    const kindOf = mixer([45, 30, 20, 5]);
    const block = (n: number) => Array.from({ length: 100 }, (_, i) => kindOf(n * 100 + i));
    for (const n of [0, 1, 7]) {
      const counts = [0, 1, 2, 3].map((kind) => block(n).filter((k) => k === kind).length);
      expect(counts).toEqual([45, 30, 20, 5]);
    }
    expect(block(0)).not.toEqual(block(1));
    expect(mixer([45, 30, 20, 5])(123)).toBe(kindOf(123));
  });
  it('distributes the remainder', () => {
    expect(apportion([1, 1, 1], 100)).toEqual([34, 33, 33]);
    expect(apportion([0.5], 100)).toEqual([100]);
  });
});

describe('figures', () => {
  /** [due, took, outcome, kind] */
  const of = (rows: readonly (readonly [number, number, number, number])[]) => {
    const samples = samplesIn(samplesBuffer(rows.length), rows.length);
    for (const [i, [due, took, outcome, kind]] of rows.entries()) {
      samples.due[i] = due;
      samples.took[i] = took;
      samples.outcome[i] = outcome;
      samples.kind[i] = kind;
    }
    samples.count[0] = rows.length;
    return samples;
  };
  const names = { causes: ['connection refused'], backends: ['one'] };
  it('count by request, second and cause', () => {
    const samples = of([
      [0, 10, OK, 0],
      [500, 600, OK, 0],
      [1000, 5, FAILED, 1],
      [1500, 5, FAILED, 1],
      [1600, 20, STALE, READ_BACK + 1],
      [2000, 1, OK, 0],
    ]);
    const seen = figuresOf({ samples, names, requests: ['read', 'write'], ledger: undefined });
    expect(seen.kinds['read']).toMatchObject({ sent: 3, ok: 3, failed: 0, p50: 10, max: 600 });
    expect(seen.kinds['write']).toMatchObject({ sent: 2, ok: 0, failed: 2, gap: 2000 });
    expect(seen.kinds['write, read back']).toMatchObject({ sent: 1, ok: 1, failed: 0 });
    expect(seen.all.sent).toBe(5);
    expect(seen.seconds).toEqual([
      { sent: 2, ok: 1, failed: 0 },
      { sent: 3, ok: 2, failed: 2 },
      { sent: 1, ok: 1, failed: 0 },
    ]);
    expect(seen.causes).toEqual([{ request: 'write', cause: 'connection refused', count: 2, first: 1005, last: 1505 }]);
    expect(seen.backends).toEqual({ one: 3 });
  });
  it('find the longest time without a success, also at the start and end', () => {
    expect(longestGap(Float64Array.from([100, 200, 900]), 1000)).toEqual({ gap: 700, from: 200 });
    expect(longestGap(Float64Array.from([100, 200]), 5000)).toEqual({ gap: 4800, from: 200 });
    expect(longestGap(new Float64Array(), 3000)).toEqual({ gap: 3000, from: 0 });
  });
});

const kind = (more: Partial<KindFigures>): KindFigures => ({
  sent: 100,
  ok: 100,
  failed: 0,
  repeated: 0,
  p50: 1,
  p95: 2,
  p99: 3,
  max: 4,
  gap: 100,
  gapFrom: 0,
  ...more,
});
const figures = (more: Partial<Figures>): Figures => ({
  all: kind({}),
  kinds: { read: kind({}), write: kind({}) },
  backends: { a: 50, b: 50 },
  causes: [],
  seconds: [],
  late: { max: 0, count: 0 },
  ledger: undefined,
  ...more,
});
const evidence = (more: Partial<Evidence>): Evidence => ({
  figures: figures({}),
  steps: [],
  paid: [],
  watched: [],
  from: 0,
  to: 10_000,
  verifies: false,
  ...more,
});
const expected = (args: Record<string, unknown>): Expect => {
  const bound = binder(Expect, 'a test')(args);
  if ('errors' in bound) throw new Error(JSON.stringify(bound.errors));
  return bound.args;
};
const lines = (args: Record<string, unknown>, more: Partial<Evidence>) =>
  judge(expected(args), evidence(more)).map((v) => `${v.passed ? 'ok' : 'no'} ${v.what}: ${v.expected}; ${v.seen}`);

describe('the judge', () => {
  it('counts failures, in total and by name', () => {
    const seen = figures({ kinds: { read: kind({}), write: kind({ failed: 3 }) } });
    expect(lines({ failed: 2, failed_by: { read: 0, write: 3 } }, { figures: seen })).toEqual([
      'no failed requests: at most 2; 3 of 200',
      'ok failed requests: read: none; 0 of 100',
      'ok failed requests: write: at most 3; 3 of 100',
    ]);
  });
  it('measures gaps in seconds, and reports when they start', () => {
    const seen = figures({ kinds: { write: kind({ gap: 5500, gapFrom: 5020 }) } });
    expect(lines({ gap: { write: 5 } }, { figures: seen })).toEqual([
      'no longest time without a success: write: at most 5.00 s; 5.50 s (from 5.02 s on)',
    ]);
    expect(lines({ gap: { all: 1 } }, {})[0]).toMatch(/^ok /);
  });
  it('names lost writes, and fails if a write could not be looked up', () => {
    const ledger = { acknowledged: 9, lost: ['x-1 on db2'], unknown: 0, readBack: 9, stale: 2 };
    const at = (more: object) => ({ verifies: true, figures: figures({ ledger: { ...ledger, ...more } }) });
    expect(lines({ stale: 0 }, at({}))).toEqual([
      'no lost acknowledged writes: none; 1 of 9: x-1 on db2',
      'no stale reads of own writes: none; 2 of 9',
    ]);
    expect(lines({}, at({ lost: [], unknown: 1 }))[0]).toMatch(/^no .*1 could not be looked up$/);
    expect(lines({}, at({ lost: [], acknowledged: 0 }))[0]).toMatch(/^no /);
    expect(lines({}, at({ lost: [] }))[0]).toMatch(/^ok /);
  });
  it('fails for a step that failed, and for a fault that could not be repaired', () => {
    const at = { file: 'd.yml', line: 1, col: 1 };
    const step = { what: 'nginx is stopped', at, from: 0, to: 1, failed: 'no such unit' };
    expect(lines({}, { steps: [step], paid: [{ what: 'a has power', failed: 'no' }] })).toEqual([
      'no step: nginx is stopped: done; failed: no such unit',
      'no repaired: a has power: done; failed: no',
    ]);
  });
  it('compares shares', () =>
    expect(lines({ shares: { a: 50, c: 50 } }, {})).toEqual([
      'ok share of a: 50 % ± 10; 50.0 %',
      'no share of c: 50 % ± 10; 0.0 %',
    ]));
  it('detects two hosts at the same time, and missing records', () => {
    const samples = (texts: string) => [...texts].map((text, i) => ({ from: i * 100, to: i * 100 + 10, text }));
    const watched = (a: string, b: string, missing: string[] = []) => ({
      watched: [
        {
          name: 'w',
          every: 100,
          missing,
          recordings: [
            { host: 'a', samples: samples(a) },
            { host: 'b', samples: samples(b) },
          ],
        },
      ],
    });
    const wanted = { watch: [{ name: 'w', prints: '^0$', at_most: 1 }] };
    expect(lines(wanted, watched('0001111', '1110000'))[0]).toMatch(/^ok .*never on more \(on a, b; 14 samples\)/);
    expect(lines(wanted, watched('0000011', '1110000'))[0]).toMatch(/^no .*on a and b for 90 ms \(from 310 ms on\)/);
    expect(lines(wanted, watched('0', '0', ['c']))[0]).toMatch(/^no .*no record of c$/);
    expect(lines(wanted, watched('', ''))[0]).toMatch(/^no /);
    expect(lines({ watch: [{ name: 'w', prints: '^0$', gap: 1 }] }, watched('0011', '1111'))[0]).toMatch(
      /^no .*9\.89 s/,
    );
  });
  it('reports when the prober was late', () => {
    expect(notesOf({ figures: figures({ late: { count: 2, max: 80.4 } }) })[0]).toContain('at worst 80 ms');
    expect(notesOf({ figures: figures({}) })).toEqual([]);
  });
});

describe('a watch', () => {
  it('converts times to our clock', () =>
    expect(samplesOf('1000 1010 0\n2000 2005 \nbroken\n', 100)).toEqual([
      { from: 900, to: 910, text: '0' },
      { from: 1900, to: 1905, text: '' },
    ]));
  it('counts only time between two samples, and no pause', () => {
    const at = (from: number, text: string) => ({ from, to: from + 10, text });
    const spans = spansOf(
      { host: 'a', samples: [at(0, '0'), at(100, '1'), at(200, '0'), at(300, '0'), at(9000, '0'), at(9100, '0')] },
      /^0$/,
      100,
    );
    expect(spans).toEqual([
      { host: 'a', from: 210, to: 300 },
      { host: 'a', from: 9010, to: 9100 },
    ]);
    expect(crowdOf([...spans, { host: 'b', from: 250, to: 400 }], 1)).toEqual({ hosts: ['a', 'b'], from: 250, ms: 50 });
    expect(crowdOf([...spans, { host: 'b', from: 300, to: 400 }], 1)).toBeUndefined();
    expect(absence([{ host: 'a', samples: [at(100, '0')] }], /0/, 0, 1000)).toEqual({ ms: 890, from: 110 });
  });
});

describe('debts', () => {
  const scene = {} as never;
  it('are repaired once each, the last one first, and a failed repair does not stop the others', async () => {
    const debts = openDebts();
    const paid: string[] = [];
    const pay = (name: string) => async () => void paid.push(name);
    debts.owe('a', 'a is up', pay('a'));
    debts.owe('b', 'b is up', async () => {
      throw new Failure({ code: 'E_NO_LAB', message: 'no b' });
    });
    debts.owe('c', 'c is up', pay('c'));
    debts.owe('d', 'd is up', pay('d'));
    debts.settle('d');
    expect(await debts.payAll(scene, () => {})).toEqual([
      { what: 'c is up', failed: undefined },
      { what: 'b is up', failed: 'no b' },
      { what: 'a is up', failed: undefined },
    ]);
    expect(paid).toEqual(['c', 'a']);
    expect((await debts.payAll(scene, () => {})).map((p) => p.what)).toEqual(['b is up']);
  });
});

describe('examples of steps', () => {
  it.each([...steps.values()].flatMap((s) => s.examples.map((e) => [s.name, e.title, e.args] as const)))(
    '%s: %s binds',
    (name, _, args) => expect(steps.get(name)?.bind(args)).toHaveProperty('run'),
  );
});
