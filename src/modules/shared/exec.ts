import { Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';
import type { Output, Steps } from '../../core/module.ts';
import { type Script, sh, verbatim } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import { flag, text } from './args.ts';

/** What command, shell and script have in common. */
export const running = {
  chdir: text('The directory to run in.'),
  creates: text('Nothing is run where this path (or a glob) is there already.'),
  removes: text('Nothing is run where this path (or a glob) is not there.'),
  stdin: Type.Optional(Type.String({ description: 'What the command reads from its standard input.' })),
  stdin_add_newline: flag('A newline is added to stdin.', true),
  strip_empty_ends: flag('Empty lines at the end of stdout and stderr are dropped.', true),
};

export type Running = Readonly<{
  chdir?: string;
  creates?: string;
  removes?: string;
  stdin?: string;
  stdin_add_newline?: boolean;
  strip_empty_ends?: boolean;
}>;

export type Markers = Readonly<{ created: boolean; removable: boolean }>;

/** Looks whether `creates` and `removes` are there. */
export function probeMarkers({ chdir, creates, removes }: Running): Script {
  return sh`${chdir === undefined ? sh`:` : sh`cd -- ${chdir} 2>/dev/null || exit 0`}
${creates === undefined ? sh`:` : exists(creates, 'created')}
${removes === undefined ? sh`:` : exists(removes, 'removable')}
:`;
}

function exists(path: string, word: string): Script {
  return sh`for f in ${glob(path)}; do if [ -e "$f" ] || [ -L "$f" ]; then echo ${word}; break; fi; done`;
}

/** A pattern's own *, ? and [] stay, all else is quoted. */
function glob(pattern: string): Script {
  return verbatim(pattern.replace(/[^\w@%+=:,./*?[\]-]/g, (c) => (c === '\n' ? "'\n'" : `\\${c}`)));
}

export function parseMarkers(stdout: string): Markers {
  const found = stdout.split('\n');
  return { created: found.includes('created'), removable: found.includes('removable') };
}

/** Why nothing is to be run; undefined: it is. */
export function skipReason({ created, removable }: Markers, { creates, removes }: Running): string | undefined {
  if (creates !== undefined && created) return `skipped, since ${creates} exists`;
  if (removes !== undefined && !removable) return `skipped, since ${removes} does not exist`;
  return undefined;
}

export function planRun(markers: Markers, args: Running, what: string, command: Script): Steps {
  if (skipReason(markers, args) !== undefined) return [];
  const { chdir, stdin, stdin_add_newline = true } = args;
  const input = stdin === undefined ? undefined : stdin_add_newline && !stdin.endsWith('\n') ? `${stdin}\n` : stdin;
  const run = sh`${
    chdir === undefined
      ? sh``
      : sh`cd -- ${chdir} || exit 1
`
  }${input === undefined ? sh`` : sh`printf %s ${input} | `}${command}`;
  return [{ what, run, action: true }];
}

export function runData(
  markers: Markers,
  args: Running,
  cmd: string | readonly string[],
  ran: Output | undefined,
): Vars {
  const skipped = skipReason(markers, args);
  if (ran === undefined) {
    return skipped === undefined
      ? { cmd }
      : { cmd, rc: 0, stdout: skipped, stderr: '', msg: skipped, stdout_lines: [skipped], stderr_lines: [] };
  }
  const clean = (text: string): string => (args.strip_empty_ends === false ? text : text.replace(/[\r\n]+$/, ''));
  const [stdout, stderr] = [clean(ran.stdout), clean(ran.stderr)];
  return { cmd, rc: ran.code, stdout, stderr, stdout_lines: linesOf(stdout), stderr_lines: linesOf(stderr) };
}

/** As Python's splitlines. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r\n|\r|\n/);
}

/** A command line's words, by the shell's rules for quotes; nothing is expanded. Undefined: a quote is not closed. */
export function splitWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? '';
    if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      word ??= '';
      for (at++; line[at] !== '"'; at++) {
        if (at >= line.length) return undefined;
        if (line[at] === '\\' && /["\\$`]/.test(line[at + 1] ?? '')) at++;
        word += line[at] ?? '';
      }
    } else if (char === '\\') {
      at++;
      if (line[at] !== '\n') word = (word ?? '') + (line[at] ?? '');
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The program a user wrote, given to an interpreter without passing through any argv. */
export function interpreted(executable: string, program: string, nonce: string): Script {
  const end = verbatim(`END_${nonce}`);
  return sh`${executable} /dev/fd/3 3<<'${end}'
${verbatim(program)}
${end}`;
}

export function commandErrors(cmd: string | undefined, argv: readonly string[] | undefined): readonly ArgError[] {
  if (cmd === undefined && argv === undefined) return [argError([], 'E_MISSING_ARGUMENT', { name: "'cmd'" })];
  if (cmd !== undefined && argv !== undefined)
    return [argError(['argv'], 'E_ARGUMENT_CONFLICT', { problem: "'cmd' and 'argv' exclude each other" })];
  if (cmd !== undefined && splitWords(cmd) === undefined)
    return [argError(['cmd'], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })];
  if (cmd !== undefined && cmd.trim() === '')
    return [argError(['cmd'], 'E_ARGUMENT_VALUE', { problem: 'no command is given' })];
  return [];
}
