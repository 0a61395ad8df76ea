import { Failure } from '../../core/diagnostic.ts';
import { tell } from '../../core/errors/index.ts';
import type { Condition, Task } from '../../core/playbook.ts';
import { isDict, Unknown, type Value } from '../../core/value.ts';
import { ONLY_APPLY_RUNS } from '../evaluate/because.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { falseCondition, type Unit } from '../evaluate/resolve.ts';
import type { Scope } from '../host/ports.ts';
import { NotKnown } from '../host/state.ts';
import { tail } from '../make/read-back.ts';

/** Applies changed_when and failed_when, in this order. They override the module's result. */
export function judge(taskRun: TaskRun, unit: Unit, outcome: Outcome, attempts: number): Outcome {
  const judged = judgedBy(taskRun, unit, outcome, attempts);
  return unit.item === undefined ? judged : { ...judged, scope: unit.scope };
}

function judgedBy(taskRun: TaskRun, unit: Unit, outcome: Outcome, attempts: number): Outcome {
  const { task, world } = taskRun;
  if (outcome.status === 'skipped' || (task.changedWhen.length === 0 && task.failedWhen.length === 0)) return outcome;
  if (outcome.result instanceof Unknown) return unknownJudged(taskRun, unit, outcome);
  const result = isDict(outcome.result) ? outcome.result : {};
  let { status, diagnostic } = outcome;
  let changed = result['changed'] === true;
  let failed = status === 'failed';
  const holdsFor = (conditions: readonly Condition[]): boolean =>
    falseCondition(conditions, withResult(task, unit.scope, { ...result, changed, failed }, attempts), world.run) ===
    undefined;
  /** As in Ansible, a condition that cannot be evaluated fails the task, which keeps the module's result. */
  const broken = (name: string, error: unknown): Outcome => {
    const wrong = error instanceof Failure ? error.diagnostics[0] : undefined;
    if (wrong === undefined) throw error;
    const said = { [name]: wrong.message, failed: true, msg: wrong.message };
    return { ...outcome, status: 'failed', diagnostic: wrong, result: { ...result, changed, ...said } };
  };
  try {
    if (task.changedWhen.length > 0) changed = holdsFor(task.changedWhen);
  } catch (error) {
    return broken('changed_when_result', error);
  }
  if (task.failedWhen.length > 0) {
    try {
      failed = holdsFor(task.failedWhen);
    } catch (error) {
      return broken('failed_when_result', error);
    }
    const text = task.failedWhen.map((c) => (typeof c === 'boolean' ? String(c) : c.text.trim())).join(' and ');
    diagnostic = failed
      ? (diagnostic ??
        tell('E_FAILED_WHEN', { condition: text, detail: tail(String(result['stderr'] ?? '')) }, task.at))
      : undefined;
  }
  status = failed ? 'failed' : changed ? 'changed' : 'ok';
  const said = task.failedWhen.length > 0 ? { failed_when_result: failed } : {};
  return { ...outcome, status, diagnostic, result: { ...result, changed, failed, ...said } };
}

/** A plan knows the result of `changed_when: false`, but not of a condition that reads the task's result. */
export function unknownJudged(taskRun: TaskRun, unit: Unit, outcome: Outcome): Outcome {
  if (taskRun.task.changedWhen.length === 0) return outcome;
  try {
    const changed =
      falseCondition(
        taskRun.task.changedWhen,
        withResult(taskRun.task, unit.scope, outcome.result, 1),
        taskRun.world.run,
      ) === undefined;
    return changed || outcome.status !== 'changed'
      ? outcome
      : { ...outcome, status: 'unknown', because: ONLY_APPLY_RUNS };
  } catch (error) {
    if (!(error instanceof NotKnown)) throw error;
    return { ...outcome, status: 'unknown', because: error.because };
  }
}

export function withResult(task: Task, scope: Scope, result: Value, attempts: number): Scope {
  const full = isDict(result) ? { ...result, attempts } : result;
  return task.register === undefined ? scope : scope.with({ [task.register]: full });
}

export function holds(taskRun: TaskRun, unit: Unit, outcome: Outcome, attempts: number): boolean {
  const scope = withResult(taskRun.task, unit.scope, outcome.result, attempts);
  return falseCondition(taskRun.task.until, scope, taskRun.world.run) === undefined;
}

export function withAttempts(outcome: Outcome, attempts: number): Outcome {
  return isDict(outcome.result) ? { ...outcome, result: { ...outcome.result, attempts } } : outcome;
}

/** The tries are over. As in Ansible, `failed_when` decides whether the task fails; its result is failed anyway. */
export function gaveUp(outcome: Outcome, retries: number, task: Task): Outcome {
  const until = task.until.map((c) => (typeof c === 'boolean' ? String(c) : c.text)).join(' and ');
  const result = isDict(outcome.result) ? { ...outcome.result, failed: true, attempts: retries } : outcome.result;
  if (task.failedWhen.length > 0 || outcome.status === 'failed') return { ...outcome, result };
  return {
    ...outcome,
    status: 'failed',
    result,
    diagnostic: tell('E_RETRIES', { retries, condition: until }, task.at),
  };
}
