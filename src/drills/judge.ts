import type { Figures, KindFigures, StepRun, Verdict } from '../core/drill.ts';
import type { Expect } from '../core/drill-args.ts';
import { duration } from '../core/units.ts';
import type { Paid } from './debts.ts';
import { LATE_MS } from './figures.ts';
import { absence, crowdOf, type Recording, spansOf } from './watch.ts';

/** The result of a watch: the samples of each host, or why a host has none. */
export type Watched = Readonly<{
  name: string;
  every: number;
  recordings: readonly Recording[];
  missing: readonly string[];
}>;
export type Evidence = Readonly<{
  figures: Figures;
  steps: readonly StepRun[];
  paid: readonly Paid[];
  watched: readonly Watched[];
  /** When the load began and when the watches ended, in ms since the epoch. */
  from: number;
  to: number;
  /** Whether writes were looked up again. */
  verifies: boolean;
}>;

/** Compares expected and seen values. Pure. */
export function judge(expect: Expect, evidence: Evidence): readonly Verdict[] {
  const { figures, steps, paid } = evidence;
  return [
    ...steps
      .filter((s) => s.failed !== undefined)
      .map((s) => line(`step: ${s.what}`, 'done', `failed: ${s.failed}`, false)),
    ...paid
      .filter((p) => p.failed !== undefined)
      .map((p) => line(`repaired: ${p.what}`, 'done', `failed: ${p.failed}`, false)),
    ...failures(expect, figures),
    ...Object.entries(expect.gap ?? {}).map(([name, most]) => gap(name, most, kind(name, figures))),
    ...(expect.p99 === undefined ? [] : [atMost('p99', expect.p99, Math.round(figures.all.p99), 'ms')]),
    ...ledger(expect, evidence),
    ...shares(expect, figures),
    ...expect.watch.flatMap((wanted) => watch(wanted, evidence)),
  ];
}

/** Notes on how reliable the figures are. */
export function notesOf({ figures }: Pick<Evidence, 'figures'>): readonly string[] {
  const { late, all, ledger } = figures;
  return [
    ...(late.count > 0
      ? [
          `the prober itself was late: ${late.count} of ${all.sent} requests went out more than ${LATE_MS} ms late, at worst ${duration(late.max)}. Times count from the moment when a request was due.`,
        ]
      : []),
    ...(ledger !== undefined && ledger.stale > 0
      ? [`${ledger.stale} of ${ledger.readBack} writes were not seen by their own client right afterwards`]
      : []),
    ...(ledger !== undefined && ledger.unknown > 0
      ? [`${ledger.unknown} acknowledged writes could not be looked up`]
      : []),
  ];
}

function failures(expect: Expect, figures: Figures): readonly Verdict[] {
  const by = Object.entries(expect.failed_by ?? {}).map(([name, most]) => {
    const seen = kind(name, figures);
    return line(
      `failed requests: ${name}`,
      bound(most),
      `${seen?.failed ?? 0} of ${seen?.sent ?? 0}`,
      (seen?.failed ?? 0) <= most,
    );
  });
  if (expect.failed === undefined) return by;
  const failed = Object.values(figures.kinds).reduce((n, k) => n + k.failed, 0);
  const sent = Object.values(figures.kinds).reduce((n, k) => n + k.sent, 0);
  return [line('failed requests', bound(expect.failed), `${failed} of ${sent}`, failed <= expect.failed), ...by];
}

function gap(name: string, most: number, seen: KindFigures | undefined): Verdict {
  const what = name === 'all' ? 'longest time without a success' : `longest time without a success: ${name}`;
  if (seen === undefined) return line(what, `at most ${seconds(most * 1000)}`, 'no such request was sent', false);
  const at = `${seconds(seen.gap)} (from ${seconds(seen.gapFrom)} on)`;
  return line(what, `at most ${seconds(most * 1000)}`, at, seen.gap <= most * 1000);
}

function ledger(expect: Expect, { figures, verifies }: Evidence): readonly Verdict[] {
  const { ledger: seen } = figures;
  if (seen === undefined) return [];
  const named = seen.lost.length > 5 ? `${seen.lost.slice(0, 5).join(', ')} …` : seen.lost.join(', ');
  const lost = expect.lost ?? 0;
  return [
    ...(verifies
      ? [
          line(
            'lost acknowledged writes',
            bound(lost),
            `${seen.lost.length} of ${seen.acknowledged}${named === '' ? '' : `: ${named}`}${seen.unknown > 0 ? `; ${seen.unknown} could not be looked up` : ''}`,
            seen.lost.length <= lost && seen.unknown === 0 && seen.acknowledged > 0,
          ),
        ]
      : []),
    ...(expect.stale === undefined
      ? []
      : [
          line(
            'stale reads of own writes',
            bound(expect.stale),
            `${seen.stale} of ${seen.readBack}`,
            seen.stale <= expect.stale && seen.readBack > 0,
          ),
        ]),
  ];
}

function shares(expect: Expect, { backends }: Figures): readonly Verdict[] {
  const total = Object.values(backends).reduce((a, b) => a + b, 0);
  return Object.entries(expect.shares ?? {}).map(([name, share]) => {
    const seen = total === 0 ? 0 : (100 * (backends[name] ?? 0)) / total;
    return line(
      `share of ${name}`,
      `${share} % ± ${expect.tolerance}`,
      `${seen.toFixed(1)} %`,
      Math.abs(seen - share) <= expect.tolerance,
    );
  });
}

function watch(wanted: Expect['watch'][number], { watched, from, to }: Evidence): readonly Verdict[] {
  const seen = watched.find((w) => w.name === wanted.name);
  const what = `${wanted.name}: /${wanted.prints}/`;
  if (seen === undefined) return [line(what, 'a watch', 'no watch has this name', false)];
  const pattern = new RegExp(wanted.prints);
  const records = seen.recordings;
  const verdicts: Verdict[] = [];
  if (seen.missing.length > 0)
    verdicts.push(line(what, 'a record of each host', `no record of ${seen.missing.join(', ')}`, false));
  if (wanted.at_most !== undefined) {
    const spans = records.flatMap((r) => spansOf(r, pattern, seen.every));
    const crowd = crowdOf(spans, wanted.at_most);
    const samples = records.reduce((n, r) => n + r.samples.length, 0);
    const found = new Set(spans.map((s) => s.host));
    verdicts.push(
      line(
        what,
        `on at most ${wanted.at_most} at the same time`,
        crowd === undefined
          ? `never on more (${found.size === 0 ? 'on no host' : `on ${[...found].sort().join(', ')}`}; ${samples} samples)`
          : `on ${crowd.hosts.join(' and ')} for ${seconds(crowd.ms)} (from ${seconds(crowd.from - from)} on)`,
        crowd === undefined && samples > 0,
      ),
    );
  }
  if (wanted.gap !== undefined) {
    const longest = absence(records, pattern, from, to);
    verdicts.push(
      line(
        `${what} on no host`,
        `at most ${seconds(wanted.gap * 1000)}`,
        `${seconds(longest.ms)} (from ${seconds(longest.from - from)} on)`,
        longest.ms <= wanted.gap * 1000,
      ),
    );
  }
  return verdicts;
}

function kind(name: string, figures: Figures): KindFigures | undefined {
  return name === 'all' ? figures.all : Object.hasOwn(figures.kinds, name) ? figures.kinds[name] : undefined;
}

function atMost(what: string, most: number, seen: number, unit: string): Verdict {
  return line(what, `at most ${most} ${unit}`, `${seen} ${unit}`, seen <= most);
}

const bound = (most: number): string => (most === 0 ? 'none' : `at most ${most}`);
const seconds = (ms: number): string => duration(ms, 2);
const line = (what: string, expected: string, seen: string, passed: boolean): Verdict => ({
  what,
  expected,
  seen,
  passed,
});
