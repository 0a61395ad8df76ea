import { type Change, isBlocked, type Step, touchesOf } from '../core/module.ts';
import type { Resource } from '../core/resource.ts';
import type { Value } from '../core/value.ts';
import { type Intent, intend, isIntent } from './attempt.ts';
import { isFalse } from './because.ts';
import { INLINE, lengthOf } from './change.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import type { Scope } from './ports.ts';
import { probeOf, type Unit, unitOf } from './resolve.ts';
import { skippedResult } from './result.ts';

/** A task's work, or one item of its loop, with its own variables. */
export type Part = Readonly<{ item: Value | undefined; scope: Scope; label: string | undefined }>;
export type Begun = Readonly<{ unit: Unit; made: Outcome | Intent }>;

/** What is to be changed on one trip, and what it is read back by. */
export type Load = {
  intents: readonly Intent[];
  /** Those whose first changes one script makes, in the place of the first of them. */
  joint: readonly Intent[];
  touched: readonly Resource[];
  needed: readonly Resource[];
  /** What the changes leave of the texts that they edit. */
  texts: ReadonlyMap<string, string>;
  size: number;
};
export const emptyLoad = (): Load => ({
  intents: [],
  joint: [],
  touched: [],
  needed: [],
  texts: new Map(),
  size: 0,
});

/** Of scripts and files that travel with them, in one trip. Bytes. */
const MOST = 1_000_000;
/** Edits of one text on a trip: each is held against all before it. */
const MOST_EDITS = 32;

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
 * Begins a part: what is to be changed joins the load. An edit of a text that the load edits is planned by what the load
 * leaves of it. undefined, and nothing joins: it has to be run alone, since its look
 * depends on what the load alters, or the load's on what it alters; since it was not looked at yet, since its change is no
 * simple one, or since it fails.
 */
export async function board(r: TaskRun, { item, scope, label }: Part, name: string, load: Load) {
  const begun = await begin(r, { item, scope, label }, name, load).catch(() => undefined); // alone it throws again, and is told
  const made = begun?.made;
  if (made === undefined || !isIntent(made)) return begun;
  const { unit, changes, probe } = made;
  const { overlap } = made.there.session;
  const size = load.size + sizeOf(changes);
  if (!changes.every((c) => isSimple(c, unit.step)) || probe === undefined || size > MOST) return undefined;
  const touches = touchesOf(unit.step, changes);
  const { edits } = unit.step;
  const leaves = changes.findLast((c) => c.leaves !== undefined)?.leaves;
  if (made.follows) {
    const before = load.intents.filter((one) => one.unit.step.edits?.of === edits?.of);
    if (load.joint.length > 0 || before.length >= MOST_EDITS) return undefined;
    if (!load.intents.every((one) => isFollowed(one, made, leaves))) return undefined;
  } else {
    const joint = jointWith(load, made);
    const mayFollow = (one: Intent): boolean =>
      isApart(one, made) || isInSeries(one, made) || (joint.includes(one) && isAll(one) && isAll(made));
    const isOverlapping = overlap(load.touched, unit.step.needs) || overlap(touches, load.needed);
    if (isOverlapping && !load.intents.every(mayFollow)) return undefined;
    if (joint.length > 1) load.joint = joint;
  }
  load.intents = [...load.intents, made];
  load.touched = [...load.touched, ...touches];
  load.needed = [...load.needed, ...unit.step.needs];
  load.size = size;
  if (edits !== undefined && leaves !== undefined) load.texts = new Map(load.texts).set(edits.of, leaves);
  return begun;
}

async function begin(r: TaskRun, part: Part, name: string, load: Load): Promise<Begun | undefined> {
  const { impl } = r.task;
  if (impl === undefined) return undefined;
  const { label } = part;
  const unit = unitOf(r.world.run, r.task, impl, part.scope, label, part.item);
  const { step, skipped } = unit;
  if (step === undefined)
    return {
      unit,
      made: { status: 'skipped', result: skippedResult(unit), changes: [], because: isFalse(skipped), label },
    };
  const probe = probeOf(unit);
  if (probe === undefined) return undefined;
  if (load.intents.length > 0 && !r.host.session.knows(probe)) return undefined; // it is asked with the load
  const left = step.edits && load.texts.get(step.edits.of);
  if (left === undefined || step.edits === undefined) {
    const made = await intend(r, { ...unit, step }, name, false);
    return !isIntent(made) && r.host.session.overlap(load.touched, step.needs) ? undefined : { unit, made };
  }
  const seen = step.edits.seeing((await r.host.session.look(probe, r.ahead)).stdout, left);
  const made = seen === undefined ? undefined : await intend(r, { ...unit, step }, name, false, seen);
  return made !== undefined && isIntent(made) ? { unit, made } : undefined;
}

/** Whether neither alters what the other needs. */
function isApart({ unit: one, changes, there }: Intent, other: Intent): boolean {
  const { unit } = other;
  return (
    !there.session.overlap(touchesOf(one.step, changes), unit.step.needs) &&
    !there.session.overlap(touchesOf(unit.step, other.changes), one.step.needs)
  );
}

/**
 * Whether an edit may follow a change on its trip: one that it has nothing to do with, or an edit of the same text, by the
 * same user, that finds what it made still so in the text which is left.
 */
function isFollowed(one: Intent, made: Intent, leaves: string | undefined): boolean {
  if (isApart(one, made)) return true;
  const { step, ctx, user, environment } = one.unit;
  const { unit } = made;
  if (step.edits === undefined || step.edits.of !== unit.step.edits?.of || leaves === undefined) return false;
  if (user !== unit.user || environment.text !== unit.environment.text) return false;
  const seen = step.edits.seeing(one.stdout, leaves);
  const again = seen === undefined ? undefined : step.plan(seen, ctx);
  return again !== undefined && !isBlocked(again) && again.every((c) => c.leaves === undefined);
}

/**
 * Those by whose script the first change of what boards can be made, and it: what it is put ahead of in that way is of that
 * script, too, or may be put back after. None: it goes by itself.
 */
function jointWith(load: Load, made: Intent): readonly Intent[] {
  const joins = joinsOf(made);
  if (joins === undefined) return [];
  const isAfter = (one: Intent): boolean => joins.after.includes(joinsOf(one)?.by ?? '');
  const lead = load.joint[0] ?? load.intents.find(isAfter);
  if (lead === undefined) return [];
  const joint = load.joint.length > 0 ? load.joint : [lead];
  const { unit } = made;
  const isSameWay = lead.unit.user === unit.user && lead.unit.environment.text === unit.environment.text;
  const passed = load.intents.slice(load.intents.indexOf(lead));
  const mayPass = (one: Intent): boolean => joins.undo !== undefined || (joint.includes(one) && isAll(one));
  return isSameWay && joint.every(isAfter) && passed.every(mayPass) ? [...joint, made] : [];
}

function joinsOf({ changes }: Intent): Change['joins'] {
  return changes[0]?.joins;
}

/** Whether nothing is to be changed beside what joins. */
function isAll({ changes }: Intent): boolean {
  return changes.length === 1;
}

function isInSeries(before: Intent, { unit }: Intent): boolean {
  return unit.step.series !== undefined && unit.step.series === before.unit.step.series;
}

/** An action of a series may be made once more: when the line breaks, or it is not known whether it was made. */
function isSimple({ action, harmless, waits, confirm, reboots, upload = [] }: Change, { series }: Step): boolean {
  const isSmall = upload.every((u) => 'content' in u && lengthOf(u.content) <= INLINE);
  const isAction = action ?? harmless ?? false;
  return isSmall && (!isAction || series !== undefined) && (waits ?? confirm ?? reboots) === undefined;
}

function sizeOf(changes: readonly Change[]): number {
  return changes.reduce((sum, c) => sum + c.run.text.length + (c.upload?.length ?? 0) * INLINE, 0);
}
