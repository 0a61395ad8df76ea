import pc from 'picocolors';
import type { Figures, Second, StepRun, Verdict } from '../core/drill.ts';
import type { DrillEvent, DrilledEvent } from '../core/event.ts';
import { duration } from '../core/units.ts';
import { table } from './summary.ts';
import { plural, printable, shortPath } from './words.ts';

type Of<T extends DrillEvent['type']> = Extract<DrillEvent, { type: T }>;

/** The report on one drill: the verdict first, then the figures behind it. */
export function drilledText(event: DrilledEvent, verbose = 0): string {
  const mark = event.passed ? pc.green('✓') : event.interrupted ? pc.yellow('!') : pc.red('✗');
  const nth = event.of > 1 ? ` (${event.run} of ${event.of})` : '';
  const head = `${mark} ${pc.bold(printable(event.drill))}${nth}  ${pc.dim(duration(event.ms))}${event.interrupted ? pc.yellow('  interrupted') : ''}`;
  const { figures } = event;
  const shown = event.passed && verbose === 0 ? event.verdicts.filter((v) => v.expected !== 'passes') : event.verdicts;
  const checked = event.verdicts.length - shown.length;
  return [
    head,
    ...shown.map(verdictLine),
    ...(checked > 0 ? [pc.dim(`    ${pc.green('✓')} ${plural(checked, 'check')} passed`)] : []),
    ...(figures === undefined
      ? []
      : [indented(figuresText(figures)), indented(timeline(figures.seconds, event.steps))]),
    ...event.notes.map((note) => `    ${pc.yellow('note:')} ${printable(note)}`),
    ...(event.passed ? [] : [pc.dim(`    ${shortPath(event.at.file)}:${event.at.line}`)]),
  ].join('\n');
}

function verdictLine({ what, expected, seen, passed }: Verdict): string {
  const mark = passed ? pc.green('✓') : pc.red('✗');
  return `    ${mark} ${printable(what)}: ${pc.cyan('expected')} ${printable(expected)}, ${passed ? 'seen' : pc.red('seen')} ${printable(seen)}`;
}

function figuresText({ kinds, causes, backends }: Figures): string {
  const rows = Object.entries(kinds).map(([name, k]) => [
    name,
    `${k.sent} sent`,
    k.failed > 0 ? pc.red(`${k.failed} failed`) : '0 failed',
    `${k.repeated} repeated`,
    `p50 ${duration(k.p50)}`,
    `p95 ${duration(k.p95)}`,
    `p99 ${duration(k.p99)}`,
    `max ${duration(k.max)}`,
    `gap ${duration(k.gap, 2)}`,
  ]);
  const why = causes.slice(0, 8).map((c) => {
    const times = c.first === c.last ? `at ${duration(c.first)}` : `from ${duration(c.first)} to ${duration(c.last)}`;
    return `${pc.red(`${c.count} ×`)} ${printable(c.request)}: ${printable(c.cause)} ${pc.dim(times)}`;
  });
  const by = Object.entries(backends).sort();
  return [
    pc.dim(table(rows)),
    ...(by.length > 0 ? [pc.dim(`answered by ${by.map(([name, n]) => `${printable(name)} ${n}`).join(', ')}`)] : []),
    ...why,
  ].join('\n');
}

const BARS = ' ▁▂▃▄▅▆▇█';
const WIDTH = 100;

/**
 * One column for each second (or for several seconds, if the drill is long): successes, failures, and when the steps
 * ran.
 */
export function timeline(seconds: readonly Second[], steps: readonly StepRun[]): string {
  const per = Math.max(1, Math.ceil(seconds.length / WIDTH));
  const columns = Array.from({ length: Math.ceil(seconds.length / per) }, (_, i) =>
    seconds.slice(i * per, (i + 1) * per),
  );
  const sum = (column: readonly Second[], key: keyof Second): number => column.reduce((n, s) => n + s[key], 0);
  const most = Math.max(1, ...columns.map((c) => sum(c, 'sent')));
  const bar = (n: number): string =>
    n === 0 ? ' ' : (BARS[Math.max(1, Math.min(8, Math.round((n / most) * 8)))] ?? ' ');
  const marks = new Array<string>(columns.length).fill(' ');
  const legend = steps.map((step, i) => {
    const letter = String.fromCharCode(97 + (i % 26));
    const column = Math.min(columns.length - 1, Math.max(0, Math.floor(step.from / 1000 / per)));
    marks[column] = marks[column] === ' ' ? letter : '+';
    const took = step.to - step.from;
    const how = step.failed === undefined ? pc.dim(`(${duration(Math.max(0, took))})`) : pc.red(step.failed);
    return `${letter} ${duration(step.from).padStart(7)}  ${printable(step.what)} ${how}`;
  });
  const failed = columns.map((c) => {
    const n = sum(c, 'failed');
    return n === 0 ? pc.dim('·') : pc.red(n > 9 ? '#' : String(n));
  });
  const unit = per === 1 ? 'good/s ' : `good/${per} s`;
  return [
    `${pc.dim(unit.padEnd(8))}${columns.map((c) => bar(sum(c, 'ok'))).join('')}`,
    `${pc.dim('failed'.padEnd(8))}${failed.join('')}`,
    ...(steps.length > 0 ? [`${''.padEnd(8)}${marks.join('').trimEnd()}`] : []),
    ...legend,
  ].join('\n');
}

const indented = (text: string): string => text.replace(/^/gm, '    ');

export function drillHead({ drill, hosts, run, of }: Of<'drill'>): string {
  const nth = of > 1 ? ` (${run} of ${of})` : '';
  return `${pc.bold(`drill ${printable(drill)}`)}${nth} ${pc.dim(`(may break ${hosts.join(' ')})`)}`;
}

export function drillStepText({ what, status, ms, failed }: Of<'drill-step'>): string {
  const mark = { begun: pc.cyan('▸'), done: pc.dim('·'), failed: pc.red('✗'), righted: pc.green('↺') }[status];
  const word = { begun: '', done: ' done', failed: ` failed: ${failed ?? ''}`, righted: '' }[status];
  return `${mark} ${duration(ms).padStart(7)}  ${printable(status === 'righted' ? `repaired: ${what}` : what)}${printable(word)}`;
}

export function drillLoadText({ ms, of, sent, failed, lastOk }: Of<'drill-load'>): string {
  return `${duration(ms)} of ${duration(of)}: ${sent} sent, ${failed} failed, ${lastOk} good in the last second`;
}

/** The summary of all drills. With --times, it also shows what the runs of a drill have in common. */
export function drillsText(event: Of<'drills'>, all: readonly DrilledEvent[]): string {
  const total = plural(event.passed + event.failed, 'drill');
  const last = event.interrupted
    ? pc.yellow('interrupted')
    : event.failed === 0
      ? pc.green(`${total} passed`)
      : pc.red(`${event.failed} of ${total} failed`);
  const spread = spreadText(all);
  return `${spread === '' ? '' : `${spread}\n\n`}${last} ${pc.dim(`in ${duration(event.ms)}`)}`;
}

function spreadText(all: readonly DrilledEvent[]): string {
  const groups = new Map<string, DrilledEvent[]>();
  for (const event of all) if (event.of > 1) groups.set(event.drill, [...(groups.get(event.drill) ?? []), event]);
  const rows = [...groups].flatMap(([drill, runs]) => {
    const figures = runs.flatMap((r) => r.figures ?? []);
    const line = (what: string, of: (f: Figures) => number, show: (n: number) => string): readonly string[] => {
      const sorted = figures.map(of).sort((a, b) => a - b);
      const at = (i: number): string => show(sorted[i] ?? 0);
      return ['', what, at(0), at(Math.floor((sorted.length - 1) / 2)), at(sorted.length - 1)];
    };
    const kinds = [...new Set(figures.flatMap((f) => Object.keys(f.kinds)))];
    const whole = (n: number): string => String(n);
    return [
      [
        pc.bold(printable(drill)),
        `${runs.filter((r) => r.passed).length} of ${runs.length} passed`,
        'min',
        'median',
        'max',
      ],
      line('failed', (f) => Object.values(f.kinds).reduce((n, k) => n + k.failed, 0), whole),
      line('p99', (f) => f.all.p99, duration),
      ...kinds.map((k) =>
        line(
          `gap: ${k}`,
          (f) => f.kinds[k]?.gap ?? 0,
          (n) => duration(n, 2),
        ),
      ),
    ];
  });
  return table(rows);
}
