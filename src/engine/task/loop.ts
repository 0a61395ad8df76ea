import { notifyPieces } from '../evaluate/notify.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { allows } from '../evaluate/policy.ts';
import { probeOf, unitOf } from '../evaluate/resolve.ts';
import type { Probe } from '../host/answers.ts';
import type { ChangeResult } from '../make/change.ts';
import { attempt, carryOut, conclude, type Intent, isIntent } from '../trip/attempt.ts';
import { addPart, emptyTrip, isJoinable, type Part, type StartedPart } from '../trip/join.ts';
import { makeTogether } from '../trip/make-together.ts';
import type { Items } from './items.ts';
import { judge } from './judge.ts';

/** The probes of a loop's items as far as they are known before their turn, then those of the tasks after the loop. */
export function* aheadOfItems(taskRun: TaskRun, items: Iterable<Part>): Iterable<Probe> {
  for (const item of items) yield* probesOf(taskRun, item);
  yield* taskRun.ahead();
}

function probesOf(taskRun: TaskRun, { scope, label, item }: Part): readonly Probe[] {
  const { impl } = taskRun.task;
  if (impl === undefined || !allows(taskRun.task, 'ahead', taskRun.where.play)) return [];
  try {
    const { run } = taskRun.world;
    return run.templates.ahead(() => [probeOf(unitOf(run, taskRun.task, impl, scope, label, item, true)) ?? []].flat());
  } catch {
    return []; // the item reports the error in its turn
  }
}

/**
 * The outcomes of the first items: as many as one round trip can carry, if their changes do not depend on each other by
 * `needs` and `touches`. As in Ansible, a failed item does not stop the others. An empty list means that the first item
 * has to run alone.
 */
export async function itemsTogether(
  taskRun: TaskRun,
  items: Items,
  from: number,
  name: string,
): Promise<readonly Outcome[]> {
  if (!isJoinable(taskRun) || items.areDependent()) return [];
  const trip = emptyTrip();
  const started: StartedPart[] = [];
  for (const one of items.from(from)) {
    const before = { ...trip };
    const next = await addPart(taskRun, one, name, trip);
    if (next === undefined) break;
    if (started.length > 0 && items.areDependent()) {
      Object.assign(trip, before);
      break;
    }
    started.push(next);
  }
  const firstChange = started.findIndex(({ result }) => isIntent(result));
  if (firstChange !== 0)
    return outcomesOf(taskRun, firstChange < 0 ? started : started.slice(0, firstChange), carryOut);
  const [first, ...others] = trip.intents;
  if (first === undefined || others.length === 0) return [];
  const { run } = taskRun.world;
  run.emit({ type: 'busy', host: taskRun.host.name, doing: `${name}: ${trip.intents.length} items` });
  const before = notifyPieces(taskRun, first.unit);
  const all = trip.intents.map((intent, i) => ({ intent, isNext: intent.follows, before: i === 0 ? before : [] }));
  const results = await makeTogether(run, first.place.session, all, trip, first.ahead);
  if (results === undefined) return [];
  return outcomesOf(taskRun, started, concluded(trip.intents, results));
}

/** The outcomes of parts. `outcomeFor` returns the outcome of each part that has changes to make. */
export async function outcomesOf(
  taskRun: TaskRun,
  started: readonly StartedPart[],
  outcomeFor: (intent: Intent) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { unit, result: one } of started)
    outcomes.push(judge(taskRun, unit, isIntent(one) ? await outcomeFor(one) : one, 1));
  return outcomes;
}

/** Maps each intent to the result that `makeTogether` gave for it. An intent that was left out runs now. */
export function concluded(
  intents: readonly Intent[],
  results: readonly ChangeResult[],
): (intent: Intent) => Promise<Outcome> {
  return (intent) => {
    const result = results[intents.indexOf(intent)];
    return result === undefined ? attempt(intent.taskRun, intent.unit, intent.name, false) : conclude(intent, result);
  };
}
