import { carryOut, type Intent, isIntent } from './attempt.ts';
import { itemsOf } from './items.ts';
import { type Begun, board, emptyLoad, isJoinable, type Load, type Part } from './join.ts';
import { aheadOfItems, concluded, outcomesOf } from './loop.ts';
import { makeTogether } from './make-together.ts';
import { taskName } from './names.ts';
import { notifyPieces } from './notify.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import { loopItems } from './resolve.ts';
import { TaskFailed } from './state.ts';
import { finish, type Named, scopeOf } from './task.ts';

/**
 * Returns the n-th task; 'left out' if its tags exclude it; undefined if there is none or if it cannot travel with
 * others. Called in order, once for each task.
 */
export type TaskAt = (n: number) => TaskRun | 'left out' | undefined;
type Boarded = Named & Readonly<{ r: TaskRun; begun: readonly Begun[] }>;

/**
 * Runs tasks from `first` on, as many as one round trip can carry: those whose probes do not depend on what earlier
 * ones alter, by `needs` and `touches`. The changes run in order, and the first failure ends the series, as if each
 * task had run alone.
 *
 * @returns how many tasks are done; 0 means that the first one has to run alone
 */
export async function tasksTogether(first: number, runOf: TaskAt): Promise<number> {
  const load = emptyLoad();
  const waiting: Boarded[] = [];
  let [next, told] = [first, first];
  for (let isLast = false; !isLast; next++) {
    const r = runOf(next);
    if (r === 'left out') continue;
    const began = r?.world.run.now() ?? 0;
    const boarded = r === undefined ? undefined : await boardTask(r, load);
    if (r === undefined || boarded === undefined) break;
    if (load.intents.length === 0) {
      finish(r, boarded, await outcomesOf(r, boarded.begun, carryOut), r.world.run.now() - began);
      told = next + 1;
    } else waiting.push(boarded);
    isLast = load.intents.length > 0 && r.task.register !== undefined; // the next task may read the registered result
  }
  return (waiting.length === 0 || (await carry(waiting, load)) ? next : told) - first;
}

/** undefined: the task has to run alone. */
async function boardTask(r: TaskRun, load: Load): Promise<Boarded | undefined> {
  const { task, world } = r;
  const isJudged = task.failedWhen.length > 0 || task.changedWhen.some((c) => typeof c !== 'boolean');
  if (!isJoinable(r) || isJudged || task.ignoreErrors !== false) return undefined;
  const before = { ...load };
  const reached = reachOf(r);
  try {
    const scope = scopeOf(r);
    const name = taskName(task, scope, world);
    const items = loopItems(task, scope, world.run);
    const loop = items === undefined ? undefined : itemsOf(r, items, scope, () => scopeOf(r));
    const parts: Iterable<Part> = loop?.from(0) ?? [{ item: undefined, scope, label: undefined }];
    const ahead = loop === undefined || loop.count < 2 ? r.ahead : () => aheadOfItems(r, loop.from(1));
    const begun: Begun[] = [];
    for (const part of parts) {
      const one = await board({ ...r, ahead }, part, name, load);
      if (one === undefined || (!isIntent(one.made) && one.made.status === 'failed')) throw new Alone();
      begun.push(one);
      if (loop !== undefined && loop.count > 1 && loop.areDependent()) throw new Alone();
    }
    if (before.intents.length > 0 && isHere(r, scope) && reachOf(r) !== reached) throw new Alone();
    notifiedBy(r, begun);
    return { r, scope, name, isLoop: items !== undefined, begun };
  } catch {
    Object.assign(load, before); // when it runs alone it throws again, and the error is reported
    return undefined;
  }
}
class Alone extends Error {}

/** A change on this machine may alter what a lookup or a copied file reads. */
function isHere({ host }: TaskRun, scope: Named['scope']): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(host.name) || scope.get('ansible_connection') === 'local';
}

function reachOf({ world: { run } }: TaskRun): number {
  return run.templates.effects() + run.localFiles.asked();
}

/** Notes that are written before a task's first change (see notifyPieces). */
function notifiedBy(r: TaskRun, begun: readonly Begun[]) {
  const first = begun.find(({ made }) => isIntent(made));
  return first === undefined ? [] : notifyPieces(r, first.unit);
}

/** false: the host has to be probed again, and the first task has to run alone. */
async function carry(tasks: readonly Boarded[], load: Load): Promise<boolean> {
  const { intents } = load;
  const [first] = tasks;
  const [intent, ...others] = intents;
  if (first === undefined || intent === undefined) return true;
  const { run } = first.r.world;
  const began = run.now();
  const each = (): number => Math.round((run.now() - began) / tasks.length);
  if (others.length === 0) {
    const outcome = await carryOut(intent);
    await tellAll(tasks, async () => outcome, each());
    return true;
  }
  const more = tasks.length > 1 ? ` and ${tasks.length - 1} more` : '';
  run.emit({ type: 'busy', host: first.r.host.name, doing: `${first.name}${more}` });
  const all = tasks.flatMap(({ r, begun }) => {
    const before = notifiedBy(r, begun);
    const own = begun.flatMap(({ made }) => (isIntent(made) ? [made] : []));
    return own.map((one, i) => ({ intent: one, isNext: i === 0 || one.follows, before: i === 0 ? before : [] }));
  });
  const made = await makeTogether(run, intent.there.session, all, load, tasks.at(-1)?.r.ahead ?? intent.ahead);
  if (made === undefined) return false;
  await tellAll(tasks, concluded(intents, made), each());
  return true;
}

/**
 * Reports the tasks in order. The tasks after a failed script did not run, so they are not reported. A task that only
 * failed its read-back did not stop the next one.
 */
async function tellAll(
  tasks: readonly Boarded[],
  made: (intent: Intent) => Promise<Outcome>,
  ms: number,
): Promise<void> {
  let failure: TaskFailed | undefined;
  for (const task of tasks) {
    const outcomes = await outcomesOf(task.r, task.begun, made);
    try {
      finish(task.r, task, outcomes, ms);
    } catch (error) {
      if (!(error instanceof TaskFailed)) throw error;
      failure ??= error;
    }
    if (outcomes.some(({ status, diagnostic }) => status === 'failed' && diagnostic?.code !== 'E_DIVERGED')) break;
  }
  if (failure !== undefined) throw failure;
}
