import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import type { Event, HostRecap, Mode, TaskEvent } from '../core/event.ts';
import { duration } from '../core/units.ts';
import type { Vars } from '../core/value.ts';
import { diffText } from './diff.ts';
import { diagnosticText, plural, printable, type Source, shortPath } from './words.ts';

export type Options = Readonly<{ source: Source; verbose: number; diff: boolean }>;

/** What a plan would change, or what apply changed. Tasks that are alike on several hosts are listed once. */
export function changesText(events: readonly TaskEvent[], mode: Mode, options: Options): string {
  const groups = new Map<string, TaskEvent[]>();
  for (const event of events) {
    if (event.status !== 'changed' && event.status !== 'unknown') continue;
    const key = JSON.stringify([
      event.at,
      event.task,
      event.status,
      event.item,
      event.because,
      event.changes.map((c) => (options.diff || event.showsDiff ? c : c.what)),
    ]);
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return [...groups.values()].map((group) => groupText(group, mode, options)).join('\n');
}

function groupText(group: readonly TaskEvent[], mode: Mode, options: Options): string {
  const [event] = group;
  if (event === undefined) return '';
  const hosts = pc.bold([...new Set(group.map((e) => e.host))].join(' '));
  const item = event.item === undefined ? '' : pc.dim(` (${printable(event.item)})`);
  const mark = event.status === 'unknown' ? pc.magenta('?') : pc.yellow(event.isHandler ? '↻' : '~');
  const lines = [`${mark} ${hosts}  ${printable(event.task)}${item}`];
  if (event.status === 'unknown') {
    lines.push(
      `    ${pc.magenta('known after apply')}${event.because === undefined ? '' : ` (${printable(event.because)})`}`,
    );
    if (event.changes.length > 0)
      lines.push(pc.dim(`    would now: ${event.changes.map((c) => printable(c.what)).join('; ')}`));
  } else
    for (const change of event.changes) {
      lines.push(`    ${printable(change.what)}`);
      if ((options.diff || event.showsDiff === true) && change.diff !== undefined)
        lines.push(diffText(change.diff, '      '));
    }
  if (options.verbose > 0 || mode === 'plan') lines.push(pc.dim(`    ${shortPath(event.at.file)}:${event.at.line}`));
  return lines.join('\n');
}

export type Failed = Extract<Event, { type: 'task' | 'unreachable' }>;

export function failureText(event: Failed, source: Source): string {
  if (event.diagnostic === undefined) return '';
  const what =
    event.type === 'task' ? `${event.task}${event.item === undefined ? '' : ` (${event.item})`}` : 'unreachable';
  return `${pc.red('✗')} ${pc.bold(event.host)}  ${printable(what)}\n${diagnosticText(event.diagnostic, source).replace(/^/gm, '    ')}`;
}

/**
 * Repeats the failures at the end of a run, because their first report is far above by then. A failure that several
 * hosts share is listed once.
 */
export function failuresText(events: readonly Failed[], source: Source): string {
  const hosts = new Map<string, { first: Failed; names: string[] }>();
  for (const event of events) {
    const text = failureText({ ...event, host: '' }, source);
    const alike = hosts.get(text);
    if (alike === undefined) hosts.set(text, { first: event, names: [event.host] });
    else if (!alike.names.includes(event.host)) alike.names.push(event.host);
  }
  return [...hosts.values()]
    .map(({ first, names }) => failureText({ ...first, host: names.join(' ') }, source))
    .join('\n');
}

/** One line for each host: the numbers of ok, changed and failed tasks, and of round trips. */
export function recapText(hosts: readonly HostRecap[], mode: Mode): string {
  const word = mode === 'plan' ? 'to change' : 'changed';
  const rows = hosts.map((h) => [
    h.failed > 0 || h.unreachable ? pc.red(h.host) : h.changed + h.unknown > 0 ? pc.yellow(h.host) : pc.green(h.host),
    `${h.ok} ok`,
    paint(h.changed, word, pc.yellow),
    ...(mode === 'plan' ? [paint(h.unknown, 'known after apply', pc.magenta)] : []),
    paint(h.skipped, 'skipped', pc.dim),
    paint(h.failed, 'failed', pc.red),
    ...(hosts.some((o) => o.rescued > 0) ? [paint(h.rescued, 'rescued', pc.yellow)] : []),
    ...(hosts.some((o) => o.ignored > 0) ? [paint(h.ignored, 'ignored', pc.yellow)] : []),
    pc.dim(plural(h.trips, 'trip')),
    h.unreachable ? pc.red('UNREACHABLE') : '',
  ]);
  return table(rows);
}

function paint(n: number, word: string, colour: (text: string) => string): string {
  return n > 0 ? colour(`${n} ${word}`) : pc.dim(`0 ${word}`);
}

/** Columns, aligned left by visible width (colours do not count). */
export function table(rows: readonly (readonly string[])[], gap = '  '): string {
  const width = (text: string): number => stripVTControlCharacters(text).length;
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - width(cell)))
        .join(gap)
        .trimEnd(),
    )
    .join('\n');
}

type Notice = Extract<Event, { type: 'waiting' | 'took-over' | 'stopped' }>;

/** A notice about other runs on a host, or about work that was stopped there. */
export function noticeText(event: Notice): string {
  const host = pc.bold(event.host);
  switch (event.type) {
    case 'waiting':
      return `${host}  waiting up to ${duration(event.seconds * 1000)} for ${printable(event.for)}`;
    case 'took-over':
      return `${host}  took over the lock of a dead run: ${printable(event.from)}`;
    case 'stopped': {
      const { left } = event;
      const fate =
        left === undefined
          ? pc.red('the host does not answer, and the processes may still run')
          : left.length === 0
            ? 'its processes were ended'
            : pc.red(`these processes could not be ended: ${left.join(' ')}`);
      return `${host}  interrupted in ${printable(event.doing)}: ${fate}`;
    }
  }
}

/** What set_stats collected. */
function statsText(stats: Readonly<Record<string, Vars>> = {}): string {
  return Object.entries(stats)
    .map(
      ([host, values]) =>
        `${pc.bold(host === '' ? 'stats' : `stats of ${host}`)}  ${printable(JSON.stringify(values))}\n`,
    )
    .join('');
}

export function doneText(event: Extract<Event, { type: 'done' }>): string {
  return `${statsText(event.stats)}${lastLine(event)}`;
}

function lastLine(event: Extract<Event, { type: 'done' }>): string {
  const sum = (key: 'changed' | 'unknown' | 'failed'): number => event.hosts.reduce((n, h) => n + h[key], 0);
  const away = event.hosts.filter((h) => h.unreachable).length;
  const how = event.interrupted
    ? pc.red('interrupted')
    : sum('failed') + away > 0
      ? pc.red('failed')
      : pc.green('done');
  const parts =
    event.mode === 'plan'
      ? [plural(sum('changed'), 'change'), `${sum('unknown')} known after apply`]
      : [`${sum('changed')} changed`];
  if (sum('failed') > 0) parts.push(`${sum('failed')} failed`);
  if (away > 0) parts.push(`${away} unreachable`);
  const more = event.interrupted ? '; completed changes stay, run again to continue' : '';
  return `${how}: ${event.mode} on ${plural(event.hosts.length, 'host')} in ${duration(event.ms)}: ${parts.join(', ')}${more}`;
}
