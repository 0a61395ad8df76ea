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

/** The n-th task; 'left out' by its tags; undefined where there is none, or one that is run in another way. Asked in order, once. */
export type TaskAt = (n: number) => TaskRun | 'left out' | undefined;
type Boarded = Named & Readonly<{ r: TaskRun; begun: readonly Begun[] }>;

/**
 * Runs tasks from `first` on, as many as can be made on one trip: the changes of those whose looks do not depend on what the
 * ones before alter, by what they need and touch. They are made in their order, and the first that fails is the last, as if
 * each had come alone.
 *
 * @returns how many are done; 0: the first has to be run alone
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
    isLast = load.intents.length > 0 && r.task.register !== undefined; // what follows may read it
  }
  return (waiting.length === 0 || (await carry(waiting, load)) ? next : told) - first;
}

/** undefined: it has to be run alone. */
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
    Object.assign(load, before); // alone it throws again, and is told
    return undefined;
  }
}
class Alone extends Error {}

/** What is to be changed on this very machine may be what a lookup or a copied file reads. */
function isHere({ host }: TaskRun, scope: Named['scope']): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(host.name) || scope.get('ansible_connection') === 'local';
}

function reachOf({ world: { run } }: TaskRun): number {
  return run.templates.effects() + run.localFiles.asked();
}

/** Written before a task's first change: see notifyPieces. */
function notifiedBy(r: TaskRun, begun: readonly Begun[]) {
  const first = begun.find(({ made }) => isIntent(made));
  return first === undefined ? [] : notifyPieces(r, first.unit);
}

/** false: the host has to be looked at again, and the first to be run alone. */
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
 * In their order. After one whose script failed nothing was done, and so nothing is told; one that only is not as wanted
 * afterwards did not keep the next from being made.
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
