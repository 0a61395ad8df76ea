import { createTwoFilesPatch } from 'diff';
import pc from 'picocolors';
import type { Diff } from '../core/module.ts';
import { printable } from './words.ts';

/** A unified diff in colour, of at most `most` lines. */
export function diffText(diff: Diff, indent: string, most = 200): string {
  const { before, after, of } = diff;
  const patch = createTwoFilesPatch(
    before === null ? '/dev/null' : of,
    after === null ? '/dev/null' : of,
    before ?? '',
    after ?? '',
    undefined,
    undefined,
    {
      context: 3,
      timeout: 500,
      maxEditLength: 2000,
    },
  );
  if (patch === undefined) return `${indent}${pc.dim('(too different to show)')}`;
  const lines = patch
    .split('\n')
    .slice(1)
    .filter((line) => line !== '' && !line.startsWith('===='));
  const shown = lines.slice(0, most).map((line) => indent + coloured(printable(line)));
  return [...shown, ...(lines.length > most ? [`${indent}${pc.dim(`… ${lines.length - most} more lines`)}`] : [])].join(
    '\n',
  );
}

function coloured(line: string): string {
  if (line.startsWith('+')) return pc.green(line);
  if (line.startsWith('-')) return pc.red(line);
  return line.startsWith('@') ? pc.cyan(line) : pc.dim(line);
}
