import pc from 'picocolors';
import type { CheckEvent, CheckedEvent } from '../core/event.ts';
import { duration } from '../core/units.ts';
import { table } from './summary.ts';
import { plural, printable, shortPath } from './words.ts';

/**
 * The result of a run of checks: what passed, a line for each group of checks that say the same of several hosts; then
 * the failures, under the causes that explain them; then the verdict.
 */
export function checksText(events: readonly CheckEvent[], checked: CheckedEvent, verbose = 0): string {
  const ended = events.filter((e) => e.status !== 'trying').sort((a, b) => a.index - b.index);
  const failed = ended.filter((e) => e.status === 'failed');
  const parts = [
    ...checked.proofs.map(({ proves }) => proofText(proves, ended, verbose)),
    failuresText(failed, checked.causes),
    checked.proofs.length > 1 ? table(checked.proofs.map(proofRow)) : '',
    checkedText(checked),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function proofText(proves: string, ended: readonly CheckEvent[], verbose: number): string {
  const lines = ended.filter((e) => e.proves === proves && e.status === 'passed');
  if (lines.length === 0) return '';
  const texts = verbose > 0 ? lines.map(passedText) : folded(lines, SHOWN).map(foldedText);
  return [...(proves === '' ? [] : [pc.bold(printable(proves))]), ...texts].join('\n');
}

function passedText(event: CheckEvent): string {
  const tries = event.tries > 1 ? `${event.tries} tries, ` : '';
  return `${pc.green('✓')} ${printable(event.check)}  ${pc.dim(`${printable(event.seen)} (${tries}${duration(event.ms)})`)}`;
}

function foldedText({ name, events }: Folded): string {
  const [first] = events;
  if (events.length === 1 && first !== undefined) return passedText(first);
  const longest = Math.max(...events.map((e) => e.ms));
  return `${pc.green('✓')} ${printable(name)}  ${pc.dim(`(${plural(events.length, 'check')}, ${duration(longest)})`)}`;
}

function failuresText(failed: readonly CheckEvent[], causes: CheckedEvent['causes']): string {
  const explained = new Set(causes.flatMap((cause) => cause.checks));
  const alone = failed.filter((e) => !explained.has(e.index));
  const texts = causes.map(({ what, checks }) => {
    const own = failed.filter((e) => checks.includes(e.index));
    const lines = folded(own, Number.POSITIVE_INFINITY).map(({ name, events }) => {
      const [first] = events;
      return events.length === 1 && first !== undefined ? failedText(first) : `${pc.red('✗')} ${printable(name)}`;
    });
    return [pc.red(pc.bold(printable(what))), ...lines.map((text) => text.replace(/^/gm, '    '))].join('\n');
  });
  return [...texts, ...alone.map(failedText)].join('\n');
}

/** A check that did not pass: expected and seen values, more about it, and its place in the file. */
function failedText(event: CheckEvent): string {
  const tries = event.tries > 1 ? `${event.tries} tries, ` : '';
  return [
    `${pc.red('✗')} ${printable(event.check)}  ${pc.dim(`(${tries}${duration(event.ms)})`)}`,
    ...event.mismatches.map(
      (m) =>
        `    ${printable(m.property)}: ${pc.cyan('expected')} ${printable(m.expected)}, ${pc.red('seen')} ${printable(m.seen)}`,
    ),
    ...(event.detail?.split('\n').map((line) => `    ${pc.dim('│')} ${printable(line)}`) ?? []),
    pc.dim(`    ${shortPath(event.at.file)}:${event.at.line}`),
  ].join('\n');
}

function proofRow({ proves, passed, failed }: CheckedEvent['proofs'][number]): readonly string[] {
  const name = proves === '' ? 'other checks' : printable(proves);
  return failed === 0
    ? [pc.green('✓'), name, pc.green('ok'), pc.dim(plural(passed, 'check'))]
    : [pc.red('✗'), name, pc.red('failed'), `${failed} of ${plural(passed + failed, 'check')}`];
}

function checkedText({ passed, failed, causes, ms }: CheckedEvent): string {
  const time = `in ${duration(ms)}`;
  if (failed === 0) return pc.green(`${plural(passed, 'check')} passed ${time}`);
  const known = causes.reduce((n, cause) => n + cause.checks.length, 0);
  const why =
    causes.length === 0
      ? ''
      : `; ${plural(causes.length, 'cause')} ${causes.length === 1 ? 'explains' : 'explain'} ${known} of them`;
  return pc.red(`${failed} of ${plural(passed + failed, 'check')} failed ${time}${why}`);
}

/** What a check is doing while others run: the observation that does not fit yet. */
export function tryingText({ check, mismatches }: CheckEvent): string {
  const [first] = mismatches;
  const seen = first === undefined ? '' : `: ${first.property}: ${first.seen}`;
  return printable(`${check}${seen}`).replaceAll('\n', ' ');
}

/** How many names a line of checks that passed lists. `-v` shows all. */
const SHOWN = 12;
type Folded = Readonly<{ name: string; events: readonly CheckEvent[] }>;

/**
 * Joins checks of one entry whose names differ in a single word, such as the host's: 'web1, web2 answers ping'. The word
 * is the one that leaves the fewest lines, or the last of those.
 */
function folded(events: readonly CheckEvent[], most: number): readonly Folded[] {
  const entries = new Map<string, CheckEvent[]>();
  for (const event of events) {
    const key = `${event.at.file}:${event.at.line}:${event.at.col} ${words(event).length}`;
    entries.set(key, [...(entries.get(key) ?? []), event]);
  }
  return [...entries.values()].flatMap((entry) => {
    const length = words(entry[0] as CheckEvent).length;
    const ways = Array.from({ length }, (_, at) => joinedAt(entry, at, most));
    return ways.reduce((best, way) => (way.length <= best.length ? way : best));
  });
}

function joinedAt(entry: readonly CheckEvent[], at: number, most: number): readonly Folded[] {
  const groups = new Map<string, CheckEvent[]>();
  for (const event of entry) {
    const key = words(event).with(at, '').join(' ');
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return [...groups.values()].map((group) => {
    const first = words(group[0] as CheckEvent);
    const alike = [...new Set(group.map((event) => words(event)[at] ?? ''))];
    const list = alike.slice(0, most).join(', ');
    const more = alike.length > most ? `, and ${alike.length - most} more` : '';
    return { name: first.with(at, `${list}${more}`).join(' '), events: group };
  });
}

function words({ check }: CheckEvent): readonly string[] {
  return check.split(' ');
}
