import { createContext, Script } from 'node:vm';
import type { Failure } from './diagnostic.ts';
import { failure } from './errors/index.ts';
import { duration } from './units.ts';

/** CPU time in milliseconds after which one piece of work is aborted. */
const LIMIT = 500;
type Holder = { work?: () => unknown };
/** Created at the first use, because most runs never need it. */
let runner: Readonly<{ context: Holder; script: Script }> | undefined;

/**
 * Runs work that may never end, such as a user's pattern that backtracks. After half a second of CPU time the work is
 * aborted and the error is reported; otherwise the run could not be interrupted. Throws Failure. A call costs about 0.1
 * ms, so use it only for work that may be slow.
 */
function bounded<T>(what: string, work: () => T, onGivenUp: (failure: Failure) => void): T {
  runner ??= { context: createContext({}), script: new Script('work()') };
  const { context, script } = runner;
  const began = process.cpuUsage();
  for (let tries = 1; ; tries++) {
    try {
      context.work = work;
      return script.runInContext(context, { timeout: LIMIT }) as T;
    } catch (error) {
      if (!isTimeout(error)) throw error;
      const { user, system } = process.cpuUsage(began);
      if ((user + system) / 1000 < LIMIT * 0.8 && tries < 60) continue; // other processes used the CPU, so this work did not have its time
      const givenUp = failure('E_SLOW_PATTERN', { what, limit: duration(LIMIT) });
      onGivenUp(givenUp);
      throw givenUp;
    } finally {
      delete context.work;
    }
  }
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

/**
 * Matches a user's pattern against a text. A pattern that may be slow runs with a time limit, and a match that exceeded
 * the limit is not tried a second time.
 */
export function matching<T>(pattern: string, work: () => T, text?: string): T {
  if (!mayBeSlow(pattern)) return work();
  const key = `${pattern}\0${text ?? ''}`;
  const over = text === undefined ? undefined : givenUp.get(key);
  if (over !== undefined) throw over;
  const shown = pattern.length > 60 ? `${pattern.slice(0, 59)}…` : pattern;
  return bounded(`matching the pattern '${shown}'`, work, (failure) => {
    if (text !== undefined) givenUp.set(key, failure);
  });
}
const givenUp = new Map<string, Failure>();

/**
 * Whether a pattern repeats a group, or repeats more than one thing. Only such a pattern can match one text in very
 * many ways.
 */
export function mayBeSlow(pattern: string): boolean {
  let repeats = 0;
  for (let at = 0; at < pattern.length && repeats < 2; at++) {
    const char = pattern[at];
    if (char === '\\') at++;
    else if (char === '*' || char === '+' || (char === '{' && /^\{\d*,?\d*\}/.test(pattern.slice(at, at + 20))))
      repeats += pattern[at - 1] === ')' ? 2 : 1;
  }
  return repeats > 1;
}
