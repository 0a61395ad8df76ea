import { isBlocked, type Step } from '../../core/module.ts';
import type { Task } from '../../core/playbook.ts';
import { sh } from '../../core/sh.ts';
import { Unknown } from '../../core/value.ts';
import { dependsOn } from '../evaluate/because.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import type { Unit } from '../evaluate/resolve.ts';
import { rcOf, resultOf } from '../evaluate/result.ts';
import type { Probe } from '../host/answers.ts';
import type { HostState, Planned } from '../host/state.ts';
import { changeFailed } from '../make/read-back.ts';

/**
 * The probe of a user's command that only reads, as its author declares with `changed_when: false` and `check_mode:
 * false` (run it even in a plan). It travels with the other probes. If anything changes before its turn, it runs again.
 */
export function userProbeOf(task: Task, { step, ctx, user, environment }: Unit): Probe | undefined {
  if (step === undefined || !['command', 'shell'].includes(step.module)) return undefined;
  const isDeclared = task.changedWhen.length === 1 && task.changedWhen[0] === false && task.checkMode === false;
  const hasMore = task.until.length > 0 || task.timeout !== undefined || task.delegateTo !== undefined;
  const hasMarkers = step.args['creates'] !== undefined || step.args['removes'] !== undefined;
  if (!isDeclared || hasMore || hasMarkers) return undefined;
  const steps = step.plan('', ctx);
  const [change] = isBlocked(steps) ? [] : steps;
  if (change === undefined) return undefined;
  return { script: sh`${environment}${change.run}`, user, needs: ['*'], isUsers: true };
}

/** The outcome of such a command, as if it had run in its turn. */
export async function userProbeOutcome(
  { world, ahead, task }: TaskRun,
  unit: Unit & { step: Step },
  look: Probe,
  { session, planned }: Pick<HostState, 'session' | 'planned'>,
): Promise<Outcome> {
  const { step, ctx, label } = unit;
  // The command may also read the state of other hosts, and changes there are not tracked here. So it runs again,
  // unless its answer came right after this host's own last change.
  if (world.changed.size > 0 && !session.isOfLastChange(look)) session.forget(look);
  const ran = await session.ask(look, ahead);
  const steps = step.plan('', ctx);
  const changes = isBlocked(steps) ? [] : steps;
  if (ran.code === 0)
    return { status: 'changed', result: resultOf(step, '', unit, { changed: true }, ran), changes, label };
  const because = bringsProgram(ran.code, planned);
  if (because !== undefined) return { status: 'unknown', result: new Unknown(because), changes, because, label };
  const diagnostic = { ...changeFailed(changes, [ran], unit), at: task.at };
  const base = { changed: true, failed: true, msg: diagnostic.message, ...rcOf(ran) };
  return { status: 'failed', result: resultOf(step, '', unit, base, ran), changes, diagnostic, label };
}

/** The shell's exit code for a command that it does not find. */
const NOT_FOUND = 127;

/**
 * In a plan: the planned change that may install the program that a command did not find. In apply, nothing is planned.
 */
export function bringsProgram(code: number, planned: readonly Planned[]): string | undefined {
  if (code !== NOT_FOUND) return undefined;
  const change = planned.find((p) => p.touches.some((one) => one.startsWith('package:'))) ?? planned.at(-1);
  return change && dependsOn(change.what);
}
