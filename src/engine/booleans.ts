import { toBoolean } from '../core/coerce.ts';
import type { Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Task } from '../core/playbook.ts';
import { Float, type Raw, Secret, Unknown } from '../core/value.ts';
import type { Run, Scope } from './ports.ts';
import { NotKnown } from './state.ts';

/**
 * A boolean keyword's value, by Ansible's words: the text 'false' is false, and so are 'no', 'off' and '0'. Nothing is false.
 * Throws NotKnown where only a later change tells, Failure for what is no boolean.
 */
export function isTrue(
  run: Pick<Run, 'templates'>,
  raw: Raw | undefined,
  scope: Scope,
  keyword: string,
  at: Pos,
): boolean {
  if (raw === undefined || typeof raw === 'boolean') return raw === true;
  const value = run.templates.resolve(raw, scope);
  if (value instanceof Unknown) throw new NotKnown(value.because);
  if (value === null || value === undefined) return false;
  const plain = value instanceof Secret ? value.reveal() : value instanceof Float ? value.value : value;
  const word = toBoolean(plain);
  if (typeof word === 'boolean') return word;
  const shown = value instanceof Secret ? String(value) : run.templates.print(value);
  const wrong = { keyword, wanted: 'a boolean', found: `'${shown}'`, expected: 'true or false' };
  throw failure('E_KEYWORD_VALUE', wrong, at);
}

/** Boolean keywords that are read once the task is done: a wrong one has to be told before. Throws Failure. */
export function checkBooleans(run: Pick<Run, 'templates'>, task: Task, scope: Scope): void {
  const { at } = task;
  isTrue(run, task.noLog, scope, 'no_log', at);
  try {
    for (const [keyword, raw] of [
      ['ignore_errors', task.ignoreErrors],
      ['diff', task.diff],
      ['run_once', task.runOnce],
      ['any_errors_fatal', task.anyErrorsFatal],
    ] as const)
      isTrue(run, raw, scope, keyword, at);
  } catch (error) {
    if (!(error instanceof NotKnown)) throw error; // known by the time that it counts, or told then
  }
}
