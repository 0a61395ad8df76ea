// What follows a task on a host: its result, its handlers, its event.

import type { Diagnostic } from '../../core/diagnostic.ts';
import { tell } from '../../core/errors/index.ts';
import type { TaskEvent, TaskStatus } from '../../core/event.ts';
import { SPREAD, type Task } from '../../core/playbook.ts';
import { isDict, Unknown } from '../../core/value.ts';
import { dependsOn, EMPTY_LOOP } from '../evaluate/because.ts';
import { isTrue } from '../evaluate/booleans.ts';
import { handlersFor } from '../evaluate/notify.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { loopResult } from '../evaluate/result.ts';
import type { Scope } from '../host/ports.ts';
import { noteRole, TaskFailed } from '../host/state.ts';
import { dueAfter, notifiedAnew } from '../trip/recall.ts';

/** A task's variables, and its name rendered with them. */
export type Named = Readonly<{ scope: Scope; name: string; isLoop: boolean }>;

/** Registers the result, notifies handlers, counts and reports the outcome. Throws if the task failed. */
export function finish(
  taskRun: TaskRun,
  { scope, name, isLoop }: Named,
  outcomes: readonly Outcome[],
  ms: number,
): void {
  const { host, task, world, after } = taskRun;
  const { run } = world;
  if (after !== undefined) after.isReported = true;
  const isHidden = isHiding(taskRun, scope);
  const ignores = outcomes.some((o) => o.status === 'failed') && isIgnoring(taskRun, scope);
  const result = isLoop ? loopResult(outcomes) : (outcomes[0]?.result ?? {});
  keepUnknownFacts(taskRun, outcomes);
  if (task.register !== undefined) {
    // A result that no_log hides stays hidden when a later task prints it.
    host.set = { ...host.set, [task.register]: isHidden ? run.templates.seal(result) : result };
  }
  const worst = WORST.find((s) => outcomes.some((o) => o.status === s)) ?? 'skipped';
  if (worst === 'changed' || worst === 'unknown' || outcomes.some((o) => o.status === 'changed')) {
    const isCertain = outcomes.some((o) => o.status === 'changed');
    const because = isCertain ? undefined : (outcomes.find((o) => o.because !== undefined)?.because ?? dependsOn(name));
    // As in Ansible, a change of one item notifies what all items name.
    const asking = outcomes.filter((o) => o.status !== 'skipped');
    const scopes = isLoop ? asking.map((o) => o.scope ?? scope) : [scope];
    for (const handler of new Set(scopes.flatMap((one) => handlersFor(taskRun, one)))) {
      if (!host.notified.has(handler) || isCertain) host.notified.set(handler, because);
      if (isCertain) notifiedAnew(host, handler);
    }
  }
  dueAfter(taskRun);
  const status = worst === 'failed' && ignores ? 'ignored' : worst;
  host.counts[status]++;
  if (task.role !== undefined && worst !== 'skipped') noteRole(host, task.role);
  if (run.mode === 'plan' && (status === 'changed' || status === 'unknown') && canFail(task)) host.mayFail.push(name);
  for (const o of outcomes.length === 0
    ? [{ status, changes: [], because: EMPTY_LOOP, result: null } as Outcome]
    : outcomes) {
    run.emit(taskEvent(taskRun, scope, name, o, ignores, isHidden, ms));
  }
  const failed = outcomes.find((o) => o.status === 'failed');
  if (failed === undefined || ignores) return;
  if (after !== undefined) after.isFailed = true;
  const diagnostic = failed.diagnostic ?? tell('E_TASK_FAILED', { name }, task.at);
  throw new TaskFailed(diagnostic, result, { name, action: task.module, at: task.at });
}

/** A fact that a plan cannot know is unknown, not undefined, and so is everything that reads it. */
function keepUnknownFacts({ host, task }: TaskRun, outcomes: readonly Outcome[]): void {
  const unknown = outcomes.find((o) => o.status === 'unknown');
  if (unknown === undefined) return;
  const value = new Unknown(unknown.because ?? dependsOn('a task before it'));
  const all = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, value]));
  if (task.impl?.sets === 'vars')
    host.set = { ...host.set, ...all(Object.keys(task.args).filter((one) => one !== SPREAD)) };
  const gathered = task.impl?.facts?.(task.args) ?? [];
  if (gathered.length === 0) return;
  host.facts = { ...host.facts, ...all(gathered) };
  host.moduleFacts = { ...host.moduleFacts, ...all(gathered) };
}

function canFail({ ignoreErrors, failedWhen }: Task): boolean {
  return ignoreErrors !== true && !(failedWhen.length === 1 && failedWhen[0] === false);
}

/** An error about `no_log` itself contains no secret. */
function isOfNoLog({ code, message }: Diagnostic): boolean {
  return code === 'E_KEYWORD_VALUE' && message.startsWith("'no_log' ");
}

/** The name of an undefined variable is no secret if the playbook itself writes it. */
function isOfName({ reads }: Task, { code, message }: Diagnostic): boolean {
  const name = /^'([^']+)' is undefined$/.exec(message)?.[1];
  return code === 'E_UNDEFINED_VARIABLE' && name !== undefined && reads.some((names) => names.has(name));
}

/** If no_log cannot be evaluated, the output is hidden. The error was reported before the task ran. */
function isHiding({ world: { run }, task }: TaskRun, scope: Scope): boolean {
  try {
    return isTrue(run, task.noLog, scope, 'no_log', task.at);
  } catch {
    return true;
  }
}

/** The value of the keyword `diff`. undefined: --diff decides. */
function diffKeyword({ world: { run }, task }: TaskRun, scope: Scope): boolean | undefined {
  if (task.diff === undefined) return undefined;
  try {
    return isTrue(run, task.diff, scope, 'diff', task.at);
  } catch {
    return undefined; // reported before the task ran
  }
}

function isIgnoring({ world: { run }, task }: TaskRun, scope: Scope): boolean {
  try {
    return isTrue(run, task.ignoreErrors, scope, 'ignore_errors', task.at);
  } catch {
    return false;
  }
}
const WORST: readonly TaskStatus[] = ['failed', 'ignored', 'changed', 'unknown', 'ok', 'skipped'];

function plainResult({ world: { run } }: TaskRun, { result }: Outcome): Readonly<Record<string, unknown>> | undefined {
  if (!isDict(result)) return undefined;
  return run.templates.toPlain(result, run.redactor.add) as Readonly<Record<string, unknown>>;
}

function taskEvent(
  taskRun: TaskRun,
  scope: Scope,
  name: string,
  o: Outcome,
  ignores: boolean,
  isHidden: boolean,
  ms: number,
): TaskEvent {
  const { task, host, where } = taskRun;
  const hidden = "hidden by 'no_log: true'";
  const isShown = diffKeyword(taskRun, scope);
  const changes = o.changes.map(({ what, diff }) =>
    isHidden ? { what: hidden } : { what, ...(diff !== undefined && isShown !== false && { diff }) },
  );
  const outcomeSummary =
    isHidden && o.diagnostic !== undefined && !isOfNoLog(o.diagnostic) && !isOfName(task, o.diagnostic)
      ? { ...o.diagnostic, message: hidden, detail: undefined }
      : o.diagnostic;
  return {
    type: 'task',
    host: host.name,
    play: where.play.name,
    task: name,
    module: task.module,
    at: task.at,
    role: task.role?.name,
    isHandler: taskRun.isHandler,
    status: o.status === 'failed' && ignores ? ('ignored' as const) : o.status,
    changes,
    ...(isShown === true && { showsDiff: true }),
    because: o.because,
    item: isHidden && o.label !== undefined ? hidden : o.label,
    diagnostic: outcomeSummary,
    delegate: typeof task.delegateTo === 'string' ? task.delegateTo : undefined,
    ...(taskRun.world.run.results && !isHidden && { result: plainResult(taskRun, o) }),
    ms,
  };
}
