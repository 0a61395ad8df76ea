import { readFileSync, writeFileSync } from 'node:fs';
import { chart, page, type Report, titleOf } from './report.ts';

const FIGURES = 'docs/benchmark.json';

/** The last run of each kind. */
export function stored(): readonly Report[] {
  return JSON.parse(readFileSync(FIGURES, 'utf8')) as readonly Report[];
}

/** Stores a run and updates the pages that show it. */
export function store(report: Report): void {
  const all = withRun(stored(), report);
  writeFileSync(FIGURES, `${JSON.stringify(all, undefined, 1)}\n`);
  for (const [path, text] of Object.entries(shown(all))) writeFileSync(path, text);
}

/** Adds a run, which replaces the last one of its kind. */
export function withRun(all: readonly Report[], report: Report): readonly Report[] {
  const others = all.filter((r) => titleOf(r) !== titleOf(report));
  return [...others, report].sort((a, b) => compare(order(a), order(b)));
}

/** Path → text of the files that are generated from the stored runs. */
export function shown(all: readonly Report[]): Readonly<Record<string, string>> {
  const [first] = all;
  return { 'docs/benchmark.md': page(all), ...(first && { 'docs/benchmark.svg': chart(first) }) };
}

/** Short delays first, Ansible last, small numbers of hosts first. */
function order({ peers, delay, rows }: Report): readonly number[] {
  return [peers === undefined ? 0 : 1, delay, Math.min(...rows.map((r) => r.hosts)), rows.length];
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((n, i) => n - (b[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
