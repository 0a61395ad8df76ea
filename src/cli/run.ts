// `bringup run`: one task on the hosts of a pattern, without a playbook.

import { keyValues } from '../config/freeform.ts';
import { parseYaml, toVars } from '../config/source.ts';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Mode } from '../core/event.ts';
import type { RawVars } from '../core/value.ts';
import type { Recap } from '../engine/play/run.ts';
import { modules } from '../modules/index.ts';
import { adHocReporter } from '../report/ad-hoc.ts';
import { type RunOptions, runPlays } from './apply.ts';
import { source, streams } from './output.ts';

/** The name of the file that the task would stand in, for messages. */
const NOWHERE = 'bringup run';

export type Task = Readonly<{
  pattern: string;
  /** Default: command, or shell for a command of one word. */
  module: string | undefined;
  /** `key=value …`, a JSON object, or the command itself. */
  args: string | undefined;
  /** What stands after `--`. */
  command: readonly string[];
  /** `async` and `poll` of the task, in seconds. */
  background?: number | undefined;
  poll?: number | undefined;
}>;

/**
 * Runs one task, and prints what it returns, by host. Ansible's forms work: `-m MODULE -a ARGS`. A command after `--`
 * runs as it stands if it has several words, and in a shell if it has one.
 */
export async function runTask(mode: Mode, task: Task, options: RunOptions, signal: AbortSignal): Promise<Recap> {
  const text = playbookOf(task);
  const reporter =
    options.output === 'json'
      ? undefined
      : adHocReporter(streams, { source, verbose: options.verbose, diff: options.diff });
  return await runPlays(mode, NOWHERE, { ...options, text, results: true }, signal, reporter);
}

/** The playbook with the task, as text. JSON is YAML. */
function playbookOf({ pattern, module, args, command, background, poll }: Task): string {
  const at: Pos = { file: NOWHERE, line: 1, col: 1 };
  if (command.length > 0 && (module !== undefined || args !== undefined)) throw failure('E_RUN_TWICE', {});
  if (command.length === 0 && module === undefined && args === undefined) throw failure('E_RUN_NOTHING', {});
  const own =
    command.length > 0 ? ofCommand(command) : { [module ?? 'command']: argsOf(module ?? 'command', args ?? '', at) };
  const task = { ...own, ...(background !== undefined && { async: background }), ...(poll !== undefined && { poll }) };
  return JSON.stringify([{ name: 'run', hosts: pattern, gather_facts: false, tasks: [task] }]);
}

function ofCommand(command: readonly string[]): RawVars {
  const [line = ''] = command;
  return command.length === 1 ? { shell: line } : { command: { argv: [...command], expand_argument_vars: false } };
}

/** The arguments of -a. A module that takes a command takes the text as it stands. */
function argsOf(module: string, text: string, at: Pos): RawVars[string] {
  const short = module.split('.').at(-1) ?? module;
  if (/^\s*\{/.test(text)) {
    const problems: Diagnostic[] = [];
    const node = parseYaml(text, '-a', problems);
    if (problems.length > 0) throw new Failure(problems);
    if (node?.kind === 'map') return toVars(node);
  }
  if (text.trim() === '') return null;
  const takesText = Object.hasOwn(modules, short) && modules[short]?.freeForm !== undefined;
  if (!takesText && keyValues(text, at) === undefined) throw failure('E_RUN_ARGS', { module, text });
  return text;
}
