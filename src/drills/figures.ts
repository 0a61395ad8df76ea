import type { Cause, Figures, KindFigures, LedgerFigures, Second } from '../core/drill.ts';
import { FAILED, type Names, OK, READ_BACK, type Samples, STALE } from './samples.ts';

/**
 * The lateness of the prober in ms from which on it is reported, because a slow answer may then be the prober's fault.
 */
export const LATE_MS = 50;

type FiguresInput = Readonly<{
  samples: Samples;
  names: Names;
  requests: readonly string[];
  ledger: LedgerFigures | undefined;
}>;
type Group = { indexes: number[] };

/** Computes the figures from the samples. Pure. A stale read-back is an answer and no failure; the ledger counts it. */
export function figuresOf({ samples, names, requests, ledger }: FiguresInput): Figures {
  const total = samples.count[0] ?? 0;
  const groups = new Map<string, Group>();
  const scheduled: number[] = [];
  const seconds: { sent: number; ok: number; failed: number }[] = [];
  const backends: Record<string, number> = {};
  const late = { max: 0, count: 0 };
  const end = endOf(samples, total);
  for (let i = 0; i < total; i++) {
    const name = nameOf(samples.kind[i] ?? 0, requests);
    const group = groups.get(name) ?? { indexes: [] };
    groups.set(name, group);
    group.indexes.push(i);
    const isRead = (samples.kind[i] ?? 0) >= READ_BACK;
    if (!isRead) scheduled.push(i);
    count(samples, i, seconds);
    const lateness = samples.late[i] ?? 0;
    if (!isRead && lateness > LATE_MS) late.count++;
    if (!isRead) late.max = Math.max(late.max, lateness);
    if (samples.outcome[i] === OK) {
      const backend = names.backends[samples.detail[i] ?? 0] ?? '';
      if (!isRead && backend !== '') backends[backend] = (backends[backend] ?? 0) + 1;
    }
  }
  const kinds = Object.fromEntries([...groups].map(([name, g]) => [name, kindFigures(samples, g.indexes, end)]));
  return {
    all: kindFigures(samples, scheduled, end),
    kinds,
    backends,
    causes: causesOf(samples, total, names, requests),
    seconds: Array.from(seconds, (s): Second => s ?? { sent: 0, ok: 0, failed: 0 }),
    late,
    ledger,
  };
}

export function nameOf(kind: number, requests: readonly string[]): string {
  return kind >= READ_BACK ? `${requests[kind - READ_BACK] ?? ''}, read back` : (requests[kind] ?? '');
}

/** When the last request was due. */
function endOf(samples: Samples, total: number): number {
  let end = 0;
  for (let i = 0; i < total; i++) end = Math.max(end, samples.due[i] ?? 0);
  return end;
}

/**
 * A success or failure counts in the second in which it was known; a sent request counts in the second in which it was
 * due.
 */
function count(samples: Samples, i: number, seconds: { sent: number; ok: number; failed: number }[]): void {
  const second = (ms: number) => {
    const s = Math.floor(ms / 1000);
    const found = seconds[s] ?? { sent: 0, ok: 0, failed: 0 };
    seconds[s] = found;
    return found;
  };
  const due = samples.due[i] ?? 0;
  second(due).sent++;
  const known = due + (samples.took[i] ?? 0);
  if (samples.outcome[i] === OK || samples.outcome[i] === STALE) second(known).ok++;
  if (samples.outcome[i] === FAILED) second(known).failed++;
}

function kindFigures(samples: Samples, indexes: readonly number[], end: number): KindFigures {
  const good = indexes.filter((i) => samples.outcome[i] === OK || samples.outcome[i] === STALE);
  const times = Float64Array.from(good, (i) => samples.took[i] ?? 0).sort();
  const { gap, from } = longestGap(
    Float64Array.from(good, (i) => (samples.due[i] ?? 0) + (samples.took[i] ?? 0)).sort(),
    end,
  );
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    sent: indexes.length,
    ok: good.length,
    failed: indexes.filter((i) => samples.outcome[i] === FAILED).length,
    repeated: indexes.filter((i) => samples.repeated[i] === 1).length,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    max: times[times.length - 1] ?? 0,
    gap,
    gapFrom: from,
  };
}

/** The longest time without a success between start and end of the load. `times` must be sorted. */
export function longestGap(times: Float64Array, end: number): Readonly<{ gap: number; from: number }> {
  let longest = { gap: 0, from: 0 };
  let last = 0;
  for (const time of [...times, end]) {
    if (time - last > longest.gap) longest = { gap: time - last, from: last };
    last = Math.max(last, time);
  }
  return longest;
}

function causesOf(samples: Samples, total: number, names: Names, requests: readonly string[]): readonly Cause[] {
  const causes = new Map<string, { request: string; cause: string; count: number; first: number; last: number }>();
  for (let i = 0; i < total; i++) {
    if (samples.outcome[i] !== FAILED) continue;
    const request = nameOf(samples.kind[i] ?? 0, requests);
    const cause = names.causes[samples.detail[i] ?? 0] ?? '';
    const when = (samples.due[i] ?? 0) + (samples.took[i] ?? 0);
    const key = `${request}\n${cause}`;
    const known = causes.get(key) ?? { request, cause, count: 0, first: when, last: when };
    known.count++;
    known.first = Math.min(known.first, when);
    known.last = Math.max(known.last, when);
    causes.set(key, known);
  }
  return [...causes.values()].sort((a, b) => b.count - a.count);
}
