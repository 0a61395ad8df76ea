import type { Probe } from './answers.ts';
import { attempt, carryOut, conclude, type Intent, isIntent } from './attempt.ts';
import type { Made } from './change.ts';
import type { Items } from './items.ts';
import { type Begun, board, emptyLoad, isJoinable, type Part } from './join.ts';
import { judge } from './judge.ts';
import { makeTogether } from './make-together.ts';
import { notifyPieces } from './notify.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import { probeOf, unitOf } from './resolve.ts';

/** The probes of a loop's items as far as they are known before their turn, then those of the tasks after the loop. */
export function* aheadOfItems(r: TaskRun, items: Iterable<Part>): Iterable<Probe> {
  for (const item of items) yield* probesOf(r, item);
  yield* r.ahead();
}

function probesOf(r: TaskRun, { scope, label, item }: Part): readonly Probe[] {
  const { impl } = r.task;
  if (impl === undefined || r.task.delegateTo !== undefined) return [];
  try {
    return [probeOf(unitOf(r.world.run, r.task, impl, scope, label, item, true)) ?? []].flat();
  } catch {
    return []; // the item reports the error in its turn
  }
}

/**
 * The outcomes of the first items: as many as one round trip can carry, if their changes do not depend on each other by
 * `needs` and `touches`. As in Ansible, a failed item does not stop the others. An empty list means that the first item
 * has to run alone.
 */
export async function itemsTogether(r: TaskRun, items: Items, from: number, name: string): Promise<readonly Outcome[]> {
  if (!isJoinable(r) || items.areDependent()) return [];
  const load = emptyLoad();
  const begun: Begun[] = [];
  for (const one of items.from(from)) {
    const before = { ...load };
    const next = await board(r, one, name, load);
    if (next === undefined) break;
    if (begun.length > 0 && items.areDependent()) {
      Object.assign(load, before);
      break;
    }
    begun.push(next);
  }
  const firstChange = begun.findIndex(({ made }) => isIntent(made));
  if (firstChange !== 0) return outcomesOf(r, firstChange < 0 ? begun : begun.slice(0, firstChange), carryOut);
  const [first, ...others] = load.intents;
  if (first === undefined || others.length === 0) return [];
  const { run } = r.world;
  run.emit({ type: 'busy', host: r.host.name, doing: `${name}: ${load.intents.length} items` });
  const before = notifyPieces(r, first.unit);
  const all = load.intents.map((intent, i) => ({ intent, isNext: intent.follows, before: i === 0 ? before : [] }));
  const made = await makeTogether(run, first.there.session, all, load, first.ahead);
  if (made === undefined) return [];
  return outcomesOf(r, begun, concluded(load.intents, made));
}

/** The outcomes of parts. `made` gives the outcome of each part that has changes to make. */
export async function outcomesOf(
  r: TaskRun,
  begun: readonly Begun[],
  made: (intent: Intent) => Promise<Outcome>,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { unit, made: one } of begun) outcomes.push(judge(r, unit, isIntent(one) ? await made(one) : one, 1));
  return outcomes;
}

/** Maps each intent to the result that `makeTogether` gave for it. An intent that was left out runs now. */
export function concluded(intents: readonly Intent[], made: readonly Made[]): (intent: Intent) => Promise<Outcome> {
  return (intent) => {
    const own = made[intents.indexOf(intent)];
    return own === undefined ? attempt(intent.r, intent.unit, intent.name, false) : conclude(intent, own);
  };
}
