import { type Change, touchesOf } from '../core/module.ts';
import { overlaps, type Resource } from '../core/resource.ts';
import type { Value } from '../core/value.ts';
import { type Intent, intend, isIntent } from './attempt.ts';
import { INLINE } from './change.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import type { Scope } from './ports.ts';
import { probeOf, type Unit, unitOf } from './resolve.ts';
import { skippedResult } from './result.ts';

/** A task's work, or one item of its loop, with its own variables. */
export type Part = Readonly<{ item: Value | undefined; scope: Scope; label: string | undefined }>;
export type Begun = Readonly<{ unit: Unit; made: Outcome | Intent }>;

/** What is to be changed on one trip, and what it is read back by. `isJoined`: one script does it all. */
export type Load = {
  intents: readonly Intent[];
  touched: readonly Resource[];
  needed: readonly Resource[];
  size: number;
  isJoined: boolean;
};
export const emptyLoad = (): Load => ({ intents: [], touched: [], needed: [], size: 0, isJoined: false });

/** Of scripts and files that travel with them, in one trip. Bytes. */
const MOST = 1_000_000;

export function isJoinable({ world, task, maybe }: TaskRun): boolean {
  const isPlain = task.until.length === 0 && task.timeout === undefined && task.delegateTo === undefined;
  return (
    isPlain &&
    maybe === undefined &&
    world.run.mode === 'apply' &&
    task.checkMode === undefined &&
    task.loopControl.pause === undefined
  );
}

/**
 * Begins a part: what is to be changed joins the load. undefined, and nothing joins: it has to be run alone, since its look
 * depends on what the load alters, or the load's on what it alters; since it was not looked at yet, since its change is no
 * simple one, or since it fails.
 */
export async function board(r: TaskRun, { item, scope, label }: Part, name: string, load: Load) {
  const begun = await begin(r, { item, scope, label }, name, load).catch(() => undefined); // alone it throws again, and is told
  const made = begun?.made;
  if (made === undefined || !isIntent(made)) return begun;
  const { unit, changes, probe } = made;
  const size = load.size + sizeOf(changes);
  if (!changes.every(isSimple) || probe === undefined || size > MOST) return undefined;
  const touches = touchesOf(unit.step, changes);
  if (load.isJoined || overlaps(load.touched, unit.step.needs) || overlaps(touches, load.needed)) {
    if (!load.intents.every((one) => isJoinedTo(one, made))) return undefined;
    load.isJoined = true;
  }
  load.intents = [...load.intents, made];
  load.touched = [...load.touched, ...touches];
  load.needed = [...load.needed, ...unit.step.needs];
  load.size = size;
  return begun;
}

async function begin(r: TaskRun, part: Part, name: string, load: Load): Promise<Begun | undefined> {
  const { impl } = r.task;
  if (impl === undefined) return undefined;
  const { label } = part;
  const unit = unitOf(r.world.run, r.task, impl, part.scope, label, part.item);
  const { step, skipped } = unit;
  if (step === undefined)
    return { unit, made: { status: 'skipped', result: skippedResult(unit), changes: [], because: skipped, label } };
  const probe = probeOf(unit);
  if (probe === undefined) return undefined;
  if (load.intents.length > 0 && !r.host.session.knows(probe)) return undefined; // it is asked with the load
  const made = await intend(r, { ...unit, step }, name, false);
  return !isIntent(made) && overlaps(load.touched, step.needs) ? undefined : { unit, made };
}

/** Whether what is to be changed can be made by the script of one before it, as that script is run. */
function isJoinedTo(before: Intent, { unit, changes: [change, ...more] }: Intent): boolean {
  const [first, ...others] = before.changes;
  if (change?.joins === undefined || first?.joins === undefined || more.length + others.length > 0) return false;
  const isSameWay = before.unit.user === unit.user && before.unit.environment.text === unit.environment.text;
  return isSameWay && change.joins.after.includes(first.joins.by);
}

function isSimple({ action, harmless, waits, confirm, reboots, upload = [] }: Change): boolean {
  const isSmall = upload.every((u) => ('data' in u ? u.data.length <= INLINE : 'file' in u && u.file.size <= INLINE));
  return isSmall && ![action, harmless, waits, confirm, reboots].some((mark) => mark !== undefined);
}

function sizeOf(changes: readonly Change[]): number {
  return changes.reduce((sum, c) => sum + c.run.text.length + (c.upload?.length ?? 0) * INLINE, 0);
}
