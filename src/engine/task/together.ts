import { THIS_MACHINE } from '../../core/this-machine.ts';
import { notifyPieces } from '../evaluate/notify.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { allows } from '../evaluate/policy.ts';
import { loopItems } from '../evaluate/resolve.ts';
import { TaskFailed } from '../host/state.ts';
import { carryOut, type Intent, isIntent } from '../trip/attempt.ts';
import { addPart, emptyTrip, isJoinable, type Part, type StartedPart, type TripChanges } from '../trip/join.ts';
import { makeTogether } from '../trip/make-together.ts';
import { finish, type Named } from './finish.ts';
import { itemsOf } from './items.ts';
import { aheadOfItems, concluded, outcomesOf } from './loop.ts';
import { taskName } from './names.ts';
import { scopeOf } from './task.ts';

/**
 * Returns the n-th task; 'left out' if its tags exclude it; undefined if there is none or if it cannot travel with
 * others. Called in order, once for each task.
 */
export type TaskAt = (n: number) => TaskRun | 'left out' | undefined;
type StartedTask = Named & Readonly<{ taskRun: TaskRun; started: readonly StartedPart[] }>;

/**
 * Runs tasks from `first` on, as many as one round trip can carry: those whose probes do not depend on what earlier
 * ones alter, by `needs` and `touches`. The changes run in order, and the first failure ends the series, as if each
 * task had run alone.
 *
 * @returns how many tasks are done; 0 means that the first one has to run alone
 */
export async function tasksTogether(first: number, runOf: TaskAt): Promise<number> {
  const trip = emptyTrip();
  const waiting: StartedTask[] = [];
  let [next, reported] = [first, first];
  for (let isLast = false; !isLast; next++) {
    const taskRun = runOf(next);
    if (taskRun === 'left out') continue;
    const began = taskRun?.world.run.now() ?? 0;
    const startedTask = taskRun === undefined ? undefined : await addTask(taskRun, trip);
    if (taskRun === undefined || startedTask === undefined) break;
    if (trip.intents.length === 0) {
      finish(
        taskRun,
        startedTask,
        await outcomesOf(taskRun, startedTask.started, carryOut),
        taskRun.world.run.now() - began,
      );
      reported = next + 1;
    } else waiting.push(startedTask);
    isLast = trip.intents.length > 0 && taskRun.task.register !== undefined; // the next task may read the registered result
  }
  return (waiting.length === 0 || (await makeChangesOf(waiting, trip)) ? next : reported) - first;
}

/** any_errors_fatal and max_fail_percentage matter only if there are other hosts. */
function mayShare({ task, where }: TaskRun): boolean {
  const isOnly = where.batch.length < 2;
  if (!isOnly && where.play.maxFailPercentage !== undefined) return false;
  return allows(isOnly ? { ...task, anyErrorsFatal: false } : task, 'tasks', where.play);
}

/** undefined: the task has to run alone. */
async function addTask(taskRun: TaskRun, trip: TripChanges): Promise<StartedTask | undefined> {
  const { task, world } = taskRun;
  if (!isJoinable(taskRun) || !mayShare(taskRun)) return undefined;
  const before = { ...trip };
  const reached = reachOf(taskRun);
  try {
    const scope = scopeOf(taskRun);
    const name = taskName(task, scope, world);
    const items = loopItems(task, scope, world.run);
    const loop = items === undefined ? undefined : itemsOf(taskRun, items, scope, () => scopeOf(taskRun));
    const parts: Iterable<Part> = loop?.from(0) ?? [{ item: undefined, scope, label: undefined }];
    const ahead = loop === undefined || loop.count < 2 ? taskRun.ahead : () => aheadOfItems(taskRun, loop.from(1));
    const started: StartedPart[] = [];
    for (const part of parts) {
      const one = await addPart({ ...taskRun, ahead }, part, name, trip);
      if (one === undefined || (!isIntent(one.result) && one.result.status === 'failed')) throw new Alone();
      started.push(one);
      if (loop !== undefined && loop.count > 1 && loop.areDependent()) throw new Alone();
    }
    if (before.intents.length > 0 && isHere(taskRun, scope) && reachOf(taskRun) !== reached) throw new Alone();
    notifiedBy(taskRun, started);
    return { taskRun, scope, name, isLoop: items !== undefined, started };
  } catch {
    Object.assign(trip, before); // when it runs alone it throws again, and the error is reported
    return undefined;
  }
}
class Alone extends Error {}

/** A change on this machine may alter what a lookup or a copied file reads. */
function isHere({ host }: TaskRun, scope: Named['scope']): boolean {
  return THIS_MACHINE.includes(host.name) || scope.get('ansible_connection') === 'local';
}

function reachOf({ world: { run } }: TaskRun): number {
  return run.templates.effects() + run.localFiles.asked();
}

/** Notes that are written before a task's first change (see notifyPieces). */
function notifiedBy(taskRun: TaskRun, started: readonly StartedPart[]) {
  const first = started.find(({ result }) => isIntent(result));
  return first === undefined ? [] : notifyPieces(taskRun, first.unit);
}

/** false: the host has to be probed again, and the first task has to run alone. */
async function makeChangesOf(tasks: readonly StartedTask[], trip: TripChanges): Promise<boolean> {
  const { intents } = trip;
  const [first] = tasks;
  const [intent, ...others] = intents;
  if (first === undefined || intent === undefined) return true;
  const { run } = first.taskRun.world;
  const began = run.now();
  const each = (): number => Math.round((run.now() - began) / tasks.length);
  if (others.length === 0) {
    const outcome = await carryOut(intent);
    await reportAll(tasks, async () => outcome, each());
    return true;
  }
  const more = tasks.length > 1 ? ` and ${tasks.length - 1} more` : '';
  run.emit({ type: 'busy', host: first.taskRun.host.name, doing: `${first.name}${more}` });
  const all = tasks.flatMap(({ taskRun, started }) => {
    const before = notifiedBy(taskRun, started);
    const own = started.flatMap(({ result }) => (isIntent(result) ? [result] : []));
    return own.map((one, i) => ({ intent: one, isNext: i === 0 || one.follows, before: i === 0 ? before : [] }));
  });
  const results = await makeTogether(run, intent.place.session, all, trip, tasks.at(-1)?.taskRun.ahead ?? intent.ahead);
  if (results === undefined) return false;
  await reportAll(tasks, concluded(intents, results), each());
  return true;
}

/**
 * Reports the tasks in order. The tasks after a failed script did not run, so they are not reported. A task that only
 * failed its read-back did not stop the next one.
 */
async function reportAll(
  tasks: readonly StartedTask[],
  outcomeFor: (intent: Intent) => Promise<Outcome>,
  ms: number,
): Promise<void> {
  let failure: TaskFailed | undefined;
  for (const task of tasks) {
    const outcomes = await outcomesOf(task.taskRun, task.started, outcomeFor);
    try {
      finish(task.taskRun, task, outcomes, ms);
    } catch (error) {
      if (!(error instanceof TaskFailed)) throw error;
      failure ??= error;
    }
    if (outcomes.some(({ status, diagnostic }) => status === 'failed' && diagnostic?.code !== 'E_DIVERGED')) break;
  }
  if (failure !== undefined) throw failure;
}
