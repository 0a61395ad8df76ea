import pc from 'picocolors';
import type { Event, TaskEvent } from '../core/event.ts';
import { diffText } from './diff.ts';
import type { Reporter, Streams } from './plain.ts';
import { failureText, type Options } from './summary.ts';
import { diagnosticText, printable } from './words.ts';

/** One part for each host: its name, what happened, and what the module returned. */
export function adHocReporter({ out, err }: Streams, options: Options): Reporter {
  const emit = (event: Event): void => {
    if (event.type === 'task') out(taskText(event, options));
    if (event.type === 'unreachable') err(`${failureText(event, options.source)}\n`);
    if (event.type === 'message') out(`${pc.bold(event.host)}  ${event.text}\n`);
    if (event.type === 'note' && event.isWarning) err(`warning: ${event.diagnostic.message}\n`);
  };
  return { emit, end: async () => {} };
}

function taskText(event: TaskEvent, options: Options): string {
  const { host, status, result = {}, changes, diagnostic } = event;
  const isCommand = typeof result['rc'] === 'number';
  const paint = status === 'failed' ? pc.red : status === 'changed' ? pc.yellow : pc.green;
  const head = paint(`${pc.bold(host)} | ${status}${isCommand ? ` | rc=${result['rc']}` : ''}`);
  const output = ['stdout', 'stderr'].flatMap((name) => linesOf(result[name]));
  const made = changes.map(({ what, diff }) => {
    return `  ${what}${options.diff && diff !== undefined ? `\n${diffText(diff, '    ')}` : ''}`;
  });
  const whole = Object.keys(result).length === 0 ? [] : [JSON.stringify(result, null, 2)];
  const failed = diagnostic === undefined ? [] : [diagnosticText({ ...diagnostic, at: undefined }, () => undefined)];
  const body = isCommand && options.verbose === 0 ? output : [...made, ...failed, ...whole];
  return `${[head, ...body].join('\n')}\n`;
}

function linesOf(text: unknown): readonly string[] {
  return typeof text === 'string' && text !== '' ? text.split('\n').map(printable) : [];
}
