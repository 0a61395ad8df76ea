import { Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';
import type { Output, Steps } from '../../core/module.ts';
import { type Script, sh, verbatim } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import { splitWords } from '../../core/words.ts';
import { flag, text } from './args.ts';

/** Arguments that command, shell and script have in common. */
export const running = {
  chdir: text('The working directory.'),
  creates: text('A path or glob. If it exists, nothing runs.'),
  removes: text('A path or glob. If it does not exist, nothing runs.'),
  stdin: Type.Optional(Type.String({ description: 'The standard input of the command.' })),
  stdin_add_newline: flag('Add a newline to stdin.', true),
  strip_empty_ends: flag('Remove empty lines at the end of stdout and stderr.', true),
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

/** Checks whether the paths of `creates` and `removes` exist. */
export function probeMarkers({ chdir, creates, removes }: Running): Script {
  return sh`${chdir === undefined ? sh`:` : sh`cd -- ${chdir} 2>/dev/null || exit 0`}
${creates === undefined ? sh`:` : exists(creates, 'created')}
${removes === undefined ? sh`:` : exists(removes, 'removable')}
:`;
}

function exists(path: string, word: string): Script {
  return sh`for f in ${glob(path)}; do if [ -e "$f" ] || [ -L "$f" ]; then echo ${word}; break; fi; done`;
}

/** Quotes a pattern except for *, ? and []. */
export function glob(pattern: string): Script {
  return verbatim(pattern.replace(/[^\w@%+=:,./*?[\]-]/g, (c) => (c === '\n' ? "'\n'" : `\\${c}`)));
}

export function parseMarkers(stdout: string): Markers {
  const found = stdout.split('\n');
  return { created: found.includes('created'), removable: found.includes('removable') };
}

/** Why the command is skipped. undefined: it runs. */
export function skipReason({ created, removable }: Markers, { creates, removes }: Running): string | undefined {
  if (creates !== undefined && created) return `skipped, since ${creates} exists`;
  if (removes !== undefined && !removable) return `skipped, since ${removes} does not exist`;
  return undefined;
}

/** Ansible's `msg` of a command that did not run. */
function unrunMessage({ created }: Markers, { creates, removes }: Running): string {
  return creates !== undefined && created
    ? `Did not run command since '${creates}' exists`
    : `Did not run command since '${removes}' does not exist`;
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
      : {
          cmd,
          rc: 0,
          stdout: skipped,
          stderr: '',
          msg: unrunMessage(markers, args),
          stdout_lines: [skipped],
          stderr_lines: [],
        };
  }
  const clean = (text: string): string => (args.strip_empty_ends === false ? text : text.replace(/[\r\n]+$/, ''));
  const [stdout, stderr] = [clean(ran.stdout), clean(ran.stderr)];
  const msg = ran.code === 0 ? '' : 'non-zero return code';
  return { cmd, rc: ran.code, msg, stdout, stderr, stdout_lines: linesOf(stdout), stderr_lines: linesOf(stderr) };
}

/** Like Python's splitlines. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r\n|\r|\n/);
}

/**
 * Passes a user's program to an interpreter through a file descriptor, so that it does not show up in any argument
 * list.
 */
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
