import pc from 'picocolors';
import type { Diagnostic } from '../core/diagnostic.ts';

/** Returns a file's text, for the line that a diagnostic points at. undefined if the file cannot be read. */
export type Source = (file: string) => string | undefined;

/**
 * Escapes control characters in text from a host, because they could move the cursor or hide text. Characters for
 * bidirectional text could show it in another order.
 */
export function printable(text: string): string {
  return text.replace(HIDDEN, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * playbooks/site.yml:7:9: error E_UNKNOWN_ARGUMENT: unknown argument 'mtach'
 *   7 |     mtach: yes
 *     |     ^^^^^
 *   expected: …
 *   hint: …
 */
export function diagnosticText(d: Diagnostic, source: Source): string {
  const where = d.at === undefined ? '' : `${shortPath(d.at.file)}:${d.at.line}:${d.at.col}: `;
  const head = `${pc.bold(where)}${pc.red(`error ${d.code}`)}: ${printable(d.message)}`;
  const more = [
    ...caret(d, source),
    ...(d.detail === undefined || d.detail === ''
      ? []
      : printable(d.detail)
          .split('\n')
          .map((line) => `  ${pc.dim('│')} ${line}`)),
    ...(d.expected === undefined ? [] : [`  ${pc.cyan('expected:')} ${printable(d.expected)}`]),
    ...(d.hint === undefined ? [] : [`  ${pc.green('hint:')} ${printable(d.hint)}`]),
  ];
  return [head, ...more].join('\n');
}

function caret({ at }: Diagnostic, source: Source): readonly string[] {
  const line = at === undefined ? undefined : source(at.file)?.split('\n')[at.line - 1];
  if (at === undefined || line === undefined || line.trim() === '') return [];
  const number = String(at.line);
  const shown = printable(line.replaceAll('\t', ' '));
  const length = Math.max(1, Math.min(at.length ?? 1, shown.length - at.col + 1));
  return [
    `  ${pc.dim(`${number} │`)} ${shown}`,
    `  ${pc.dim(`${' '.repeat(number.length)} │`)} ${' '.repeat(at.col - 1)}${pc.red('^'.repeat(length))}`,
  ];
}

/** The path relative to the working directory. */
export function shortPath(file: string): string {
  const here = `${process.cwd()}/`;
  return file.startsWith(here) ? file.slice(here.length) : file;
}

export function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}
