import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../core/diagnostic.ts';
import type { DrillScene } from '../core/drill.ts';
import { failure } from '../core/errors/index.ts';
import type { Act, TimedStep } from './contract.ts';
import type { Running } from './load.ts';

/**
 * Runs the steps one after the other, each at its time. A failed step ends them, because the following ones would run
 * in an unintended state.
 */
export async function walk(act: Act, steps: readonly TimedStep[]): Promise<void> {
  const { given, load } = act;
  if (load === undefined) return;
  for (const step of steps) {
    const wait = step.at === undefined ? step.after * 1000 : step.at * 1000 - load.now();
    await sleep(Math.max(0, wait), undefined, { signal: given.signal }).catch(() => {});
    if (given.signal.aborted) return;
    if (!(await oneStep(act, step, given.signal, load))) return;
  }
}

export async function oneStep(
  act: Act,
  step: TimedStep,
  signal: AbortSignal,
  load: Running | undefined,
): Promise<boolean> {
  const { emit, drill } = act.given;
  const now = (): number => load?.now() ?? 0;
  const from = now();
  emit({ type: 'drill-step', drill: drill.name, what: step.what, at: step.pos, status: 'begun', ms: from });
  const failed = await step.run(sceneOf(act, signal)).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Error) return textOf(error);
      throw error;
    },
  );
  const isCut = failed !== undefined && signal.aborted;
  const to = now();
  act.steps.push({ what: step.what, at: step.pos, from, to, failed: isCut ? 'interrupted' : failed });
  emit({
    type: 'drill-step',
    drill: drill.name,
    what: step.what,
    at: step.pos,
    status: failed === undefined ? 'done' : 'failed',
    ms: to,
    failed,
  });
  return failed === undefined;
}

export function sceneOf({ given, debts }: Act, signal: AbortSignal): DrillScene {
  const { hands, nonce } = given;
  return {
    select: hands.select,
    async root(host, script, { timeout, mayFail = false } = {}) {
      const { code, stdout, stderr } = await hands.root(host, script, signal, timeout);
      if (code === 0 || mayFail) return stdout;
      const why = (stderr || stdout).trim().split('\n').slice(-3).join(' ');
      throw failure('E_STEP_FAILED', { host, exit: code, why });
    },
    power: (hosts, to) => hands.power(hosts, to, signal),
    reset: (hosts) => hands.reset(hosts, signal),
    wire: hands.wire,
    playbook: (file, extraVars, limit) => hands.playbook(file, extraVars, limit, signal),
    owe: debts.owe,
    settle: debts.settle,
    signal,
    nonce,
  };
}

export function textOf(error: Error): string {
  if (!(error instanceof Failure)) return error.message;
  return error.diagnostics.map((d) => `${d.message}${d.hint === undefined ? '' : `: ${d.hint}`}`).join('; ');
}

/** Every host listens to it. */
export function within(ms: number): AbortSignal {
  const signal = AbortSignal.timeout(ms);
  setMaxListeners(0, signal);
  return signal;
}
