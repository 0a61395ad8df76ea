import { type Change, isBlocked, type Step, touchesOf } from '../../core/module.ts';
import type { Resource } from '../../core/resource.ts';
import type { Value } from '../../core/value.ts';
import { isFalse } from '../evaluate/because.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { allows } from '../evaluate/policy.ts';
import { probeOf, type Unit, unitOf } from '../evaluate/resolve.ts';
import { skippedResult } from '../evaluate/result.ts';
import type { Scope } from '../host/ports.ts';
import { INLINE, lengthOf } from '../make/change.ts';
import { type Intent, intend, isIntent } from './attempt.ts';

/** A task's work, or one item of its loop, with its own variables. */
export type Part = Readonly<{ item: Value | undefined; scope: Scope; label: string | undefined }>;
export type StartedPart = Readonly<{ unit: Unit; result: Outcome | Intent }>;

/** The changes that one round trip carries, and what they are read back by. */
export type TripChanges = {
  intents: readonly Intent[];
  /** The intents whose first changes one script makes, in the place of the first of them. */
  joint: readonly Intent[];
  touched: readonly Resource[];
  needed: readonly Resource[];
  /** The texts that the changes leave in the files that they edit. */
  texts: ReadonlyMap<string, string>;
  size: number;
};
export const emptyTrip = (): TripChanges => ({
  intents: [],
  joint: [],
  touched: [],
  needed: [],
  texts: new Map(),
  size: 0,
});

/** The most bytes of scripts and uploads in one round trip. */
const MOST = 1_000_000;
/** The most edits of one text in one round trip. Each is compared with all edits before it. */
const MOST_EDITS = 32;

export function isJoinable({ world, task, maybe, where }: TaskRun): boolean {
  return maybe === undefined && world.run.mode === 'apply' && allows(task, 'items', where.play);
}

/**
 * Starts a part and adds its changes to the round trip. An edit of a text that the round trip already edits is planned
 * from the text that the earlier edit leaves. Returns undefined, and adds nothing, if the part has to run alone: its
 * probe depends on what the round trip alters, or the other way round; it was not probed yet; its change is not simple;
 * or it fails.
 */
export async function addPart(taskRun: TaskRun, { item, scope, label }: Part, name: string, trip: TripChanges) {
  const started = await startPart(taskRun, { item, scope, label }, name, trip).catch(() => undefined); // when it runs alone it throws again, and the error is reported
  const result = started?.result;
  if (result === undefined || !isIntent(result)) return started;
  const { unit, changes, probe } = result;
  const { overlap } = result.place.session;
  const size = trip.size + sizeOf(changes);
  if (!changes.every((c) => isSimple(c, unit.step)) || probe === undefined || size > MOST) return undefined;
  const touches = touchesOf(unit.step, changes);
  const { edits } = unit.step;
  const leaves = changes.findLast((c) => c.leaves !== undefined)?.leaves;
  if (result.follows) {
    const before = trip.intents.filter((one) => one.unit.step.edits?.of === edits?.of);
    if (trip.joint.length > 0 || before.length >= MOST_EDITS) return undefined;
    if (!trip.intents.every((one) => isFollowed(one, result, leaves))) return undefined;
  } else {
    const joint = jointWith(trip, result);
    const mayFollow = (one: Intent): boolean =>
      isApart(one, result) || isInSeries(one, result) || (joint.includes(one) && isAll(one) && isAll(result));
    const isOverlapping = overlap(trip.touched, unit.step.needs) || overlap(touches, trip.needed);
    if (isOverlapping && !trip.intents.every(mayFollow)) return undefined;
    if (joint.length > 1) trip.joint = joint;
  }
  trip.intents = [...trip.intents, result];
  trip.touched = [...trip.touched, ...touches];
  trip.needed = [...trip.needed, ...unit.step.needs];
  trip.size = size;
  if (edits !== undefined && leaves !== undefined) trip.texts = new Map(trip.texts).set(edits.of, leaves);
  return started;
}

async function startPart(
  taskRun: TaskRun,
  part: Part,
  name: string,
  trip: TripChanges,
): Promise<StartedPart | undefined> {
  const { impl } = taskRun.task;
  if (impl === undefined) return undefined;
  const { label } = part;
  const unit = unitOf(taskRun.world.run, taskRun.task, impl, part.scope, label, part.item);
  const { step, skipped } = unit;
  if (step === undefined)
    return {
      unit,
      result: { status: 'skipped', result: skippedResult(unit), changes: [], because: isFalse(skipped), label },
    };
  const probe = probeOf(unit);
  if (probe === undefined) return undefined;
  if (trip.intents.length > 0 && !taskRun.host.session.knows(probe)) return undefined; // it is probed on this round trip
  const left = step.edits && trip.texts.get(step.edits.of);
  if (left === undefined || step.edits === undefined) {
    const result = await intend(taskRun, { ...unit, step }, name, false);
    return !isIntent(result) && taskRun.host.session.overlap(trip.touched, step.needs) ? undefined : { unit, result };
  }
  const seen = step.edits.seeing((await taskRun.host.session.ask(probe, taskRun.ahead)).stdout, left);
  const result = seen === undefined ? undefined : await intend(taskRun, { ...unit, step }, name, false, seen);
  return result !== undefined && isIntent(result) ? { unit, result } : undefined;
}

/** Whether neither change alters a resource that the other one needs. */
function isApart({ unit: one, changes, place }: Intent, other: Intent): boolean {
  const { unit } = other;
  return (
    !place.session.overlap(touchesOf(one.step, changes), unit.step.needs) &&
    !place.session.overlap(touchesOf(unit.step, other.changes), one.step.needs)
  );
}

/**
 * Whether an edit may follow a change in its round trip. It may if the two are independent, or if both edit the same
 * text as the same user and the remaining text still holds what the earlier edit made.
 */
function isFollowed(one: Intent, edit: Intent, leaves: string | undefined): boolean {
  if (isApart(one, edit)) return true;
  const { step, ctx, user, environment } = one.unit;
  const { unit } = edit;
  if (step.edits === undefined || step.edits.of !== unit.step.edits?.of || leaves === undefined) return false;
  if (user !== unit.user || environment.text !== unit.environment.text) return false;
  const seen = step.edits.seeing(one.stdout, leaves);
  const again = seen === undefined ? undefined : step.plan(seen, ctx);
  return again !== undefined && !isBlocked(again) && again.every((c) => c.leaves === undefined);
}

/**
 * The intents whose first changes one script can make together with the first change of the new intent. That script
 * runs ahead of other changes of the round trip. Those must belong to it as well, or the script must be able to undo
 * its work. An empty list means that the change runs by itself.
 */
function jointWith(trip: TripChanges, intent: Intent): readonly Intent[] {
  const joins = joinsOf(intent);
  if (joins === undefined) return [];
  const isAfter = (one: Intent): boolean => joins.after.includes(joinsOf(one)?.by ?? '');
  const lead = trip.joint[0] ?? trip.intents.find(isAfter);
  if (lead === undefined) return [];
  const joint = trip.joint.length > 0 ? trip.joint : [lead];
  const { unit } = intent;
  const isSameWay = lead.unit.user === unit.user && lead.unit.environment.text === unit.environment.text;
  const passed = trip.intents.slice(trip.intents.indexOf(lead));
  const mayPass = (one: Intent): boolean => joins.undo !== undefined || (joint.includes(one) && isAll(one));
  return isSameWay && joint.every(isAfter) && passed.every(mayPass) ? [...joint, intent] : [];
}

function joinsOf({ changes }: Intent): Change['joins'] {
  return changes[0]?.joins;
}

/** Whether the change that joins is the only one of the intent. */
function isAll({ changes }: Intent): boolean {
  return changes.length === 1;
}

function isInSeries(before: Intent, { unit }: Intent): boolean {
  return unit.step.series !== undefined && unit.step.series === before.unit.step.series;
}

/**
 * A change that can be made again if the connection breaks or the result is not known. An action qualifies only if it
 * belongs to a series.
 */
function isSimple(
  { action, harmless, waits, confirm, reboots, verdict, upload = [] }: Change,
  { series }: Step,
): boolean {
  const isSmall = upload.every((u) => 'content' in u && lengthOf(u.content) <= INLINE);
  const isAction = action ?? harmless ?? false;
  return isSmall && (!isAction || series !== undefined) && (waits ?? confirm ?? reboots ?? verdict) === undefined;
}

function sizeOf(changes: readonly Change[]): number {
  return changes.reduce((sum, c) => sum + c.run.text.length + (c.upload?.length ?? 0) * INLINE, 0);
}
