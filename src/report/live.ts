import { type DefaultRenderer, Listr, type ListrTaskWrapper, type SimpleRenderer } from 'listr2';
import pc from 'picocolors';
import type { CheckEvent, DrilledEvent, Event, TaskEvent } from '../core/event.ts';
import { checksText, tryingText } from './checks.ts';
import { drilledText, drillLoadText, drillsText } from './drill.ts';
import { finalText, isFailed, noteText, plainReporter, type Reporter, type Streams } from './plain.ts';
import { type Failed, failureText, noticeText, type Options } from './summary.ts';
import { printable } from './words.ts';

type Row = {
  title: (text: string) => void;
  output: (text: string) => void;
  done: () => void;
  fail: (why: string) => void;
};
type Counts = { ok: number; changed: number; unknown: number };

/**
 * The live display for terminals: one line for each host with its current activity; failures and results follow at the
 * end. If there are more hosts than rows, listr2 would repeat itself, so the plain reporter is used.
 */
export function liveReporter(streams: Streams, options: Options, rows: number): Reporter {
  const plain = plainReporter(streams, options);
  const events: TaskEvent[] = [];
  const messages: string[] = [];
  const lost: Failed[] = [];
  const counts = new Map<string, Counts>();
  const panel = new Map<string, Row>();
  let view: Promise<unknown> | undefined;
  let usePlain = false;
  const start = (hosts: readonly string[]): void => {
    const opened = hosts.map((host) => openRow(host));
    for (const { host, row } of opened) panel.set(host, row);
    const listr = new Listr<unknown, 'default', 'simple'>(
      opened.map((o) => o.task),
      {
        concurrent: true,
        exitOnError: false,
        registerSignalListeners: false,
        renderer: 'default',
        fallbackRenderer: 'simple',
        rendererOptions: { collapseErrors: false, showErrorMessage: false },
      },
    );
    view = listr.run();
  };
  const close = async (): Promise<void> => {
    for (const row of panel.values()) row.done();
    panel.clear();
    await view;
    view = undefined;
  };
  let closing: Promise<void> = Promise.resolve();
  const emit = (event: Event): void => {
    if (usePlain) return plain.emit(event);
    if (isFailed(event)) lost.push(event);
    switch (event.type) {
      case 'run':
        if (event.hosts.length > rows - 6) {
          usePlain = true;
          return plain.emit(event);
        }
        return start(event.hosts);
      case 'busy':
        return panel.get(event.host)?.output(event.doing);
      case 'task':
        events.push(event);
        return update(event);
      case 'message':
        messages.push(`${pc.bold(event.host)}  ${printable(event.text)}`);
        return;
      case 'note':
        if (event.isWarning || options.verbose > 0) messages.push(noteText(event, options.source));
        return;
      case 'waiting':
        return panel.get(event.host)?.output(noticeText(event));
      case 'took-over':
      case 'stopped':
        messages.push(noticeText(event));
        return;
      case 'unreachable':
        return panel.get(event.host)?.fail('unreachable');
      case 'done':
        closing = close().then(() => {
          for (const text of messages) streams.err(`${text}\n`);
          streams.out(`\n${finalText(event, events, lost, options, true)}`);
        });
        return;
      case 'checking':
        return start(['checks']);
      case 'check':
        return checking(event);
      case 'checked':
        closing = close().then(() => streams.out(checksText(checks.splice(0), event, options.verbose)));
        return;
      default:
        return drill(event);
    }
  };
  /** Checks have one line: how many are over, and what the last attempt of one that is not over saw. */
  const checks: CheckEvent[] = [];
  const checking = (event: CheckEvent): void => {
    const row = panel.get('checks');
    checks.push(event);
    const ended = checks.filter((e) => e.status !== 'trying');
    const failed = ended.filter((e) => e.status === 'failed').length;
    row?.title(
      `${pc.bold('checks')}  ${ended.length - failed} passed${failed > 0 ? pc.red(`, ${failed} failed`) : ''}`,
    );
    if (event.status === 'trying') row?.output(tryingText(event));
  };
  /** A drill has one line that shows the progress of the load and the current step. Its verdict follows below. */
  const drilled: DrilledEvent[] = [];
  const drill = (event: Event): void => {
    if (event.type === 'drill') {
      const title = `${pc.bold(printable(event.drill))}${event.of > 1 ? ` (${event.run} of ${event.of})` : ''}`;
      closing = closing.then(() => start([event.drill]));
      closing = closing.then(() => panel.get(event.drill)?.title(title));
    } else if (event.type === 'drill-load') panel.get(event.drill)?.output(drillLoadText(event));
    else if (event.type === 'drill-step' && event.status === 'begun') {
      panel.get(event.drill)?.title(`${pc.bold(printable(event.drill))}  ${pc.dim(printable(event.what))}`);
    } else if (event.type === 'drilled') {
      drilled.push(event);
      closing = closing
        .then(() => (event.passed ? undefined : panel.get(event.drill)?.fail('failed')))
        .then(close)
        .then(() => streams.out(`${drilledText(event, options.verbose)}\n\n`));
    } else if (event.type === 'drills') {
      closing = closing.then(() => streams.out(`${drillsText(event, drilled)}\n`));
    }
  };
  const update = (event: TaskEvent): void => {
    const hostCounts = counts.get(event.host) ?? { ok: 0, changed: 0, unknown: 0 };
    counts.set(event.host, hostCounts);
    if (event.status === 'ok' || event.status === 'changed' || event.status === 'unknown') hostCounts[event.status]++;
    const row = panel.get(event.host);
    row?.title(titleOf(event.host, hostCounts));
    row?.output(event.task);
    if (event.status === 'ignored') messages.push(failureText(event, options.source));
    if (event.status === 'failed') row?.fail('failed');
  };
  return { emit, end: () => closing };
}

function titleOf(host: string, { ok, changed, unknown }: Counts): string {
  const parts = [
    `${ok} ok`,
    ...(changed > 0 ? [pc.yellow(`${changed} changed`)] : []),
    ...(unknown > 0 ? [pc.magenta(`${unknown} known after apply`)] : []),
  ];
  return `${pc.bold(host)}  ${pc.dim(parts.join(', '))}`;
}

/** A listr2 task that ends when its host finishes. Its output is updated at most ten times a second. */
function openRow(host: string) {
  let task: ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer> | undefined;
  let settle: { yes: () => void; no: (error: Error) => void } | undefined;
  let shownAt = 0;
  const ended = new Promise<void>((yes, no) => {
    settle = { yes, no };
  });
  ended.catch(() => {});
  const row: Row = {
    title: (text) => {
      if (task !== undefined) task.title = text;
    },
    output: (text) => {
      if (task === undefined || Date.now() - shownAt < 100) return;
      shownAt = Date.now();
      task.output = printable(text).replaceAll('\n', ' ').slice(0, 100);
    },
    done: () => settle?.yes(),
    fail: (why) => settle?.no(new Error(why)),
  };
  return {
    host,
    row,
    task: {
      title: pc.bold(host),
      task: (_: unknown, wrapper: ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>) => {
        task = wrapper;
        return ended;
      },
    },
  };
}
