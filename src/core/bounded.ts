import { createContext, Script } from 'node:vm';
import type { Failure } from './diagnostic.ts';
import { failure } from './errors/index.ts';
import { duration } from './units.ts';

/** Milliseconds of this process's own work, after which a piece of it is given up. */
const LIMIT = 500;
type Held = { work?: () => unknown };
/** Made when it is first needed: few runs do. */
let runner: Readonly<{ context: Held; script: Script }> | undefined;

/**
 * Work that may take for ever, such as a user's pattern that backtracks: it is given up after half a second of CPU time, so that
 * the run can be stopped, and tells so. Throws Failure. It costs about 0.1 ms: only for what may be slow.
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
      if ((user + system) / 1000 < LIMIT * 0.8 && tries < 60) continue; // others kept the processor
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

/** Runs a match of a user's pattern with a text: bounded where it may take long, and given up once, not again and again. */
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

/** Whether a pattern repeats a group, or more than one thing: only then can it match one text in very many ways. */
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
