import { Lost, type Piece } from '../core/connection.ts';
import { type Change, isBlocked, type Output, type Step, touchesOf } from '../core/module.ts';
import { lines, type Script, sh } from '../core/sh.ts';
import type { Probe } from './answers.ts';
import { changeFailed, closingOf, diverged, joined, type Made, makeChanges, uploadsOf } from './change.ts';
import type { Run } from './ports.ts';
import type { Unit } from './resolve.ts';
import type { Session } from './session.ts';

/**
 * One of many changes on a trip. `isNext`: it is not made once one before it has failed, nor is any after it; the others
 * have their turn beside those that they follow, as a task's items have. `before` is done ahead of it.
 */
export type Joined = Readonly<{
  unit: Unit & { step: Step };
  changes: readonly Change[];
  probe: Probe | undefined;
  isNext: boolean;
  before: readonly Piece[];
}>;

/**
 * Changes that do not depend on each other, or that one script makes (`isJoined`), on one trip, each read back: as many as
 * were run. undefined: the line broke; what was done is done, and the host has to be looked at again for each.
 */
export async function makeTogether(
  run: Run,
  session: Session,
  all: readonly Joined[],
  isJoined: boolean,
  ahead: () => Iterable<Probe>,
): Promise<readonly Made[] | undefined> {
  const turns = turnsOf(all);
  const parts = await Promise.all(
    all.map(async ({ unit, changes, probe, before }, i) => {
      const pieces: Piece[] = [...before];
      for (const change of changes) {
        const { inline } = await uploadsOf(run, change);
        const script = isJoined ? joinedRun(all, change) : change.run;
        pieces.push({ script: lines([...inline, unit.environment, script]), user: unit.user });
      }
      return {
        pieces,
        touches: touchesOf(unit.step, changes),
        own: probe,
        task: turns[i] ?? 0,
        closing: closingOf(unit, changes),
      };
    }),
  );
  let outputs: readonly (readonly Output[])[];
  try {
    outputs = await session.changeAll(parts, ahead, undefined);
  } catch (error) {
    if (!(error instanceof Lost) || run.signal.aborted) throw error;
    return undefined;
  }
  if (isJoined && outputs[0]?.at(-1)?.code !== 0) return oneByOne(run, session, all, ahead);
  const made: Made[] = [];
  let failedIn = Number.POSITIVE_INFINITY;
  for (const [i, { unit, changes, probe, before }] of all.entries()) {
    const turn = turns[i] ?? 0;
    if (turn > failedIn) break; // it was not run
    const own = (outputs[i] ?? []).slice(before.length);
    const ran = joined(own);
    const isDone = own.length === changes.length && own.at(-1)?.code === 0;
    if (!isDone) failedIn = turn;
    const failed = !isDone ? changeFailed(changes, own) : probe && (await diverged(session, unit, probe, ahead));
    made.push({ ran, failed, unchanged: false });
  }
  return made;
}

/** As Session.changeAll numbers them: of one turn are those that do not stop each other. */
function turnsOf(all: readonly Joined[]): readonly number[] {
  let turn = 0;
  return all.map(({ isNext }, i) => (isNext && i > 0 ? ++turn : turn));
}

/** The first does the work of all; for the others nothing is left to do. */
function joinedRun(all: readonly Joined[], change: Change): Script {
  const joins = all.flatMap(({ changes }) => changes[0]?.joins ?? []);
  const isFirst = all[0]?.changes[0] === change;
  return isFirst ? (joins[0]?.run([...new Set(joins.flatMap((j) => j.words))]) ?? change.run) : sh`:`;
}

/** The one script failed, whoever's fault it was: each is made by itself, as far as it was not done all the same. */
async function oneByOne(
  run: Run,
  session: Session,
  all: readonly Joined[],
  ahead: () => Iterable<Probe>,
): Promise<readonly Made[]> {
  const made: Made[] = [];
  for (const { unit, probe, before } of all) {
    const now = probe === undefined ? '' : (await session.look(probe, ahead)).stdout;
    const left = unit.step.plan(now, unit.ctx);
    const ran: Output = { code: 0, stdout: '', stderr: '' };
    if (isBlocked(left)) {
      const { blocked: message, mend, detail } = left;
      made.push({ ran, failed: { code: 'E_BLOCKED', message, mend, detail }, unchanged: false });
    } else if (left.length === 0) made.push({ ran, failed: undefined, unchanged: false });
    else made.push(await makeChanges(run, session, unit, left, probe, ahead, { before }, undefined));
    if (all[made.length]?.isNext === true && made.some(({ failed }) => failed !== undefined)) break; // the next task has its turn no more
  }
  return made;
}
