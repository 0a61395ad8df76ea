import pc from 'picocolors';
import type { CheckEvent, DrilledEvent, Emit, Event, Mode, TaskEvent } from '../core/event.ts';
import { duration } from '../core/units.ts';
import { checksText, tryingText } from './checks.ts';
import { drilledText, drillHead, drillLoadText, drillStepText, drillsText } from './drill.ts';
import {
  changesText,
  doneText,
  type Failed,
  failuresText,
  failureText,
  noticeText,
  type Options,
  recapText,
} from './summary.ts';
import { diagnosticText, plural, printable } from './words.ts';

export type Streams = Readonly<{ out: (text: string) => void; err: (text: string) => void }>;
export type Reporter = Readonly<{ emit: Emit; end: () => Promise<void> }>;

/**
 * Prints one line for each event on stderr as it happens. At the end it prints the changes or the plan and the recap on
 * stdout. Failures are repeated there if many lines followed them.
 */
export function plainReporter(streams: Streams, options: Options): Reporter {
  const tasks: TaskEvent[] = [];
  const lost: Failed[] = [];
  let isBuried = false;
  const drilled: DrilledEvent[] = [];
  const checks: CheckEvent[] = [];
  let mode: Mode = 'apply';
  const emit = (event: Event): void => {
    if (event.type === 'run') mode = event.mode;
    if (event.type === 'task') tasks.push(event);
    if (isFailed(event)) lost.push(event);
    const line = lineOf(event, mode, options);
    if (line !== undefined) streams.err(`${line}\n`);
    isBuried ||= lost.length > 0 && line !== undefined && !isFailed(event);
    if (event.type === 'done') {
      const isLost = event.hosts.some((h) => h.failed > 0 || h.unreachable); // a rescued failure was shown and is over
      streams.out(finalText(event, tasks, isBuried && isLost ? lost : [], options, false));
    }
    if (event.type === 'check') checks.push(event);
    if (event.type === 'power' && event.status === 'done') streams.out(`${powerText(event)}\n`);
    if (event.type === 'state') streams.out(`${stateText(event)}\n`);
    if (event.type === 'checked') streams.out(checksText(checks.splice(0), event, options.verbose));
    if (event.type === 'drilled') drilled.push(event);
    if (event.type === 'drilled') streams.out(`${drilledText(event, options.verbose)}\n\n`);
    if (event.type === 'drills') streams.out(`${drillsText(event, drilled)}\n`);
  };
  return { emit, end: async () => {} };
}

/**
 * @param lost failures to repeat
 * @param listChanges whether to list changes that were not shown during the run
 */
export function finalText(
  event: Extract<Event, { type: 'done' }>,
  tasks: readonly TaskEvent[],
  lost: readonly Failed[],
  options: Options,
  listChanges: boolean,
): string {
  const isPlan = event.mode === 'plan';
  const changes =
    isPlan || options.diff || listChanges || tasks.some((t) => t.showsDiff)
      ? changesText(tasks, event.mode, options)
      : '';
  const failures = failuresText(lost, options.source);
  const parts = [changes, failures, recapText(event.hosts, event.mode), doneText(event)].filter((p) => p !== '');
  return `${parts.join('\n\n')}\n`;
}

/** Whether the event is a failure that was not ignored. */
export function isFailed(event: Event): event is Failed {
  return event.type === 'unreachable' || (event.type === 'task' && event.status === 'failed');
}

function lineOf(event: Event, mode: Mode, options: Options): string | undefined {
  switch (event.type) {
    case 'play':
      return event.hosts.length === 0
        ? undefined
        : pc.bold(`play ${event.play} `) + pc.dim(`(${plural(event.hosts.length, 'host')})`);
    case 'busy':
      return options.verbose > 0 ? pc.dim(`${event.host}  … ${printable(event.doing)}`) : undefined;
    case 'message':
      return `${pc.bold(event.host)}  ${printable(event.text)}`;
    case 'note':
      return event.isWarning || options.verbose > 0 ? noteText(event, options.source) : undefined;
    case 'unreachable':
      return failureText(event, options.source);
    case 'check':
      return options.verbose > 0 && event.status === 'trying' ? pc.dim(`… ${tryingText(event)}`) : undefined;
    case 'waiting':
    case 'took-over':
    case 'stopped':
      return noticeText(event);
    case 'drill':
      return drillHead(event);
    case 'drill-step':
      return drillStepText(event);
    case 'drill-load':
      return options.verbose > 0 ? pc.dim(`  ${drillLoadText(event)}`) : undefined;
    case 'stage':
      return stageText(event, options.source);
    case 'power':
      return event.status === 'failed'
        ? `${pc.bold(event.host)}  ${diagnosticText(event.diagnostic, options.source)}`
        : undefined;
    case 'task':
      return taskLine(event, mode, options);
    default:
      return undefined;
  }
}

function stageText(event: Extract<Event, { type: 'stage' }>, source: Options['source']): string | undefined {
  const { host, stage, status } = event;
  if (status === 'begun') return pc.dim(`  ${host}  ${stage} …`);
  if (status === 'failed') return `${pc.bold(host)}  ${diagnosticText(event.diagnostic, source)}`;
  return `${pc.green('✓')} ${pc.bold(host)}  ${stage}${pc.dim(`: ${event.how} (${duration(event.ms)})`)}`;
}

function stateText({ host, state, known, why, mark }: Extract<Event, { type: 'state' }>): string {
  const lines = [`${pc.bold(host)}  ${state}${pc.dim(`  ${known}`)}`];
  if (why !== undefined) lines.push(`    not further: ${why}`);
  if (mark !== undefined) lines.push(`    ${pc.yellow('marked')}: ${mark}; clear it: bringup host clear ${host}`);
  return lines.join('\n');
}

function powerText({ host, state, how, ms }: Extract<Event, { type: 'power'; status: 'done' }>): string {
  const did = how === '' ? '' : pc.dim(`  ${how} (${duration(ms)})`);
  return `${pc.bold(host)}  ${state === 'on' ? pc.green('on') : 'off'}${did}`;
}

export function noteText(
  { diagnostic, isWarning, isRemark }: Extract<Event, { type: 'note' }>,
  source: Options['source'],
): string {
  const text = diagnosticText(diagnostic, source);
  if (isWarning) return text.replace(/error (?=E_)/, 'warning ');
  if (isRemark) return pc.dim(text.replace(/error (?=E_)/, 'note '));
  return pc.dim(`not reached on any host:\n${text.replace(/^/gm, '    ')}`);
}

function taskLine(event: TaskEvent, mode: Mode, options: Options): string | undefined {
  if (event.status === 'failed' || event.status === 'ignored') {
    const text = failureText(event, options.source);
    return event.status === 'ignored' ? `${text}\n    ${pc.dim('(ignored)')}` : text;
  }
  const item = event.item === undefined ? '' : pc.dim(` (${printable(event.item)})`);
  const name = `${pc.bold(event.host)}  ${printable(event.task)}${item}`;
  if (event.status === 'changed' && mode === 'apply')
    return `${pc.yellow('~')} ${name}: ${event.changes.map((c) => printable(c.what)).join('; ')}`;
  if (options.verbose === 0 || mode === 'plan') return undefined;
  if (event.status === 'ok') return pc.dim(`${pc.green('·')} ${name}`);
  return event.status === 'skipped'
    ? pc.dim(`- ${name}: skipped${event.because === undefined ? '' : `, ${event.because}`}`)
    : undefined;
}
