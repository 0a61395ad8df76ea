import { toBoolean } from '../../core/coerce.ts';
import type { Pos } from '../../core/diagnostic.ts';
import { failure } from '../../core/errors/index.ts';
import type { Task } from '../../core/playbook.ts';
import { Float, type Raw, Secret, Unknown, type Value } from '../../core/value.ts';
import type { Run, Scope } from '../host/ports.ts';
import { NotKnown } from '../host/state.ts';

/**
 * The value of a boolean keyword, in Ansible's words: the texts 'false', 'no', 'off' and '0' are false, and so is an
 * absent value. `omitted` is the value of `{{ omit }}`. Throws NotKnown if the value depends on a later change, Failure if it is no boolean.
 */
export function isTrue(
  run: Pick<Run, 'templates'>,
  raw: Raw | undefined,
  scope: Scope,
  keyword: string,
  at: Pos,
  omitted = false,
): boolean {
  if (raw === undefined || typeof raw === 'boolean') return raw === true;
  const { value } = run.templates.resolve({ value: raw }, scope) as { value?: Value }; // omit leaves no value
  if (value instanceof Unknown) throw new NotKnown(value.because);
  if (value === undefined) return omitted;
  if (value === null) return false;
  const plain = value instanceof Secret ? value.reveal() : value instanceof Float ? value.value : value;
  const word = toBoolean(plain);
  if (typeof word === 'boolean') return word;
  const shown = value instanceof Secret ? String(value) : run.templates.print(value);
  const wrong = { keyword, wanted: 'a boolean', found: `'${shown}'`, expected: 'true or false' };
  throw failure('E_KEYWORD_VALUE', wrong, at);
}

/**
 * Checks boolean keywords that are read only after the task ran, so that a wrong value is reported before. Throws
 * Failure.
 */
export function checkBooleans(run: Pick<Run, 'templates'>, task: Task, scope: Scope): void {
  const { at } = task;
  isTrue(run, task.noLog, scope, 'no_log', at);
  try {
    isTrue(run, task.ignoreErrors, scope, 'ignore_errors', at);
    isTrue(run, task.diff, scope, 'diff', at);
    isTrue(run, task.runOnce, scope, 'run_once', at);
    isTrue(run, task.anyErrorsFatal, scope, 'any_errors_fatal', at);
  } catch (error) {
    if (!(error instanceof NotKnown)) throw error; // the value is known, or an error is reported, when it is read
  }
}

/**
 * The value of a keyword that counts (hosts, seconds). Throws NotKnown if the value depends on a later change, Failure
 * if it is no number of 0 or more.
 */
export function wholeNumber(run: Pick<Run, 'templates'>, raw: Raw, scope: Scope, keyword: string, at: Pos): number {
  const value = run.templates.resolve(raw, scope);
  if (value instanceof Unknown) throw new NotKnown(value.because);
  const number = Number(run.templates.print(value));
  if (Number.isInteger(number) && number >= 0) return number;
  const found = `'${run.templates.print(value)}'`;
  throw failure('E_KEYWORD_VALUE', { keyword, wanted: 'a whole number', found, expected: '0, 1, 2 …' }, at);
}
