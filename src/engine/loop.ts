import { type Change, touchesOf } from '../core/module.ts';
import { overlaps, type Resource } from '../core/resource.ts';
import type { Value } from '../core/value.ts';
import { type Bound, conclude, type Intent, intend, isIntent } from './attempt.ts';
import { INLINE, type Made, makeTogether } from './change.ts';
import { judge } from './judge.ts';
import { notifyPieces } from './notify.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import type { Scope } from './ports.ts';
import { probeOf, unitOf } from './resolve.ts';
import type { Probe } from './session.ts';

/** One item of a loop, with its own variables. */
export type LoopItem = Readonly<{ item: Value; scope: Scope; label: string | undefined }>;

/** What items will ask, as far as it can be known before their turn. */
export function probesOfItems(r: TaskRun, items: readonly LoopItem[]): readonly Probe[] {
  const { impl } = r.task;
  if (impl === undefined || r.task.delegateTo !== undefined) return [];
  return items.flatMap(({ scope, label, item }) => {
    try {
      return probeOf(unitOf(r.world.run, r.task, impl, scope, label, item, true)) ?? [];
    } catch {
      return []; // told in its turn
    }
  });
}

type Taken = Readonly<{ unit: Bound; made: Outcome | Intent }>;

/** Of scripts and files that travel with them, in one trip. Bytes. */
const MOST = 1_000_000;

/**
 * The outcomes of the first items, as many as could be made on one trip: changes that do not depend on each other, by what
 * they need and touch. Each is stopped by its own failure only, as in Ansible. None: the first item has to be run alone.
 */
export async function itemsTogether(r: TaskRun, items: readonly LoopItem[], name: string): Promise<readonly Outcome[]> {
  if (!isJoinable(r)) return [];
  const taken: Taken[] = [];
  const touched: Resource[] = [];
  let size = 0;
  for (const one of items) {
    const next = await begin(r, one, name).catch(() => undefined); // alone it throws again, and is told
    if (next === undefined || overlaps(touched, next.unit.step.needs)) break;
    if (isIntent(next.made)) {
      size += sizeOf(next.made.changes);
      if (!next.made.changes.every(isSimple) || next.made.probe === undefined || size > MOST) break;
      touched.push(...touchesOf(next.unit.step, next.made.changes));
    }
    taken.push(next);
  }
  const firstChange = taken.findIndex(({ made }) => isIntent(made));
  if (firstChange !== 0) return outcomesOf(r, firstChange < 0 ? taken : taken.slice(0, firstChange), []);
  const intents = taken.flatMap(({ made }) => (isIntent(made) ? [made] : []));
  const [first] = intents;
  if (first === undefined || intents.length === 1) return [];
  const { run } = r.world;
  run.emit({ type: 'busy', host: r.host.name, doing: `${name}: ${intents.length} items` });
  const made = await makeTogether(run, first.there.session, intents, notifyPieces(r, first.unit), first.ahead);
  if (made === undefined) return [];
  return outcomesOf(r, taken, made);
}

async function outcomesOf(r: TaskRun, taken: readonly Taken[], made: readonly Made[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const left = [...made];
  for (const { unit, made: one } of taken) {
    if (!isIntent(one)) {
      outcomes.push(judge(r, unit, one, 1));
      continue;
    }
    const own = left.shift();
    if (own === undefined) break;
    outcomes.push(judge(r, unit, await conclude(one, own), 1));
  }
  return outcomes;
}

function isJoinable({ world, task, maybe }: TaskRun): boolean {
  const isPlain = task.until.length === 0 && task.timeout === undefined && task.delegateTo === undefined;
  return (
    isPlain &&
    maybe === undefined &&
    world.run.mode === 'apply' &&
    task.checkMode === undefined &&
    task.loopControl.pause === undefined
  );
}

/** undefined: skipped, or a module that asks nothing of the host. */
async function begin(r: TaskRun, { scope, label, item }: LoopItem, name: string): Promise<Taken | undefined> {
  const { impl } = r.task;
  if (impl === undefined) return undefined;
  const unit = unitOf(r.world.run, r.task, impl, scope, label, item);
  const { step } = unit;
  if (step?.probe === undefined) return undefined;
  const bound: Bound = { ...unit, step };
  return { unit: bound, made: await intend(r, bound, name, false) };
}

function isSimple({ action, harmless, waits, confirm, reboots, upload = [] }: Change): boolean {
  const isSmall = upload.every((u) => ('data' in u ? u.data.length <= INLINE : 'file' in u && u.file.size <= INLINE));
  return isSmall && ![action, harmless, waits, confirm, reboots].some((mark) => mark !== undefined);
}

function sizeOf(changes: readonly Change[]): number {
  return changes.reduce((sum, c) => sum + c.run.text.length + (c.upload?.length ?? 0) * INLINE, 0);
}
