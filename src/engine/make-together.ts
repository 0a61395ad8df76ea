import { Lost, type Piece } from '../core/connection.ts';
import { type Change, isBlocked, type Output, touchesOf } from '../core/module.ts';
import { lines, type Script, sh } from '../core/sh.ts';
import type { Probe } from './answers.ts';
import { type Intent, isLast } from './attempt.ts';
import { type Around, closingOf, isAction, isUnaltered, joined, type Made, makeChanges, uploadsOf } from './change.ts';
import type { Load } from './join.ts';
import type { Run } from './ports.ts';
import { changeFailed, readBack, tail } from './read-back.ts';
import type { Session } from './session.ts';

/**
 * One of many changes on a trip. `isNext`: it is not made once one before it has failed, nor is any after it; the others
 * have their turn beside those that they follow, as a task's items have.
 */
export type Turn = Readonly<{ intent: Intent; isNext: boolean; before: readonly Piece[] }>;

/** What is done around a turn's changes. What ends a task rides with its last one. */
function aroundOf({ intent, before }: Turn): Around {
  const { after } = intent.r;
  return {
    before,
    after: after?.piece !== undefined && isAction(intent.changes) && isLast(intent) ? after : undefined,
  };
}

/**
 * Changes of which none has to be looked for after another was made, on one trip, each read back: as many as were run.
 * undefined: the line broke; what was done is done, and the host has to be looked at again for each.
 */
export async function makeTogether(
  run: Run,
  session: Session,
  all: readonly Turn[],
  { joint }: Pick<Load, 'joint'>,
  ahead: () => Iterable<Probe>,
): Promise<readonly Made[] | undefined> {
  const turns = turnsOf(all);
  const parts = await Promise.all(
    all.map(async (turn, i) => {
      const { unit, changes, probe } = turn.intent;
      const { before, after } = aroundOf(turn);
      const pieces: Piece[] = [...before];
      for (const change of changes) {
        const { inline } = await uploadsOf(run, change);
        pieces.push({ script: lines([...inline, unit.environment, ownRun(joint, change)]), user: unit.user });
      }
      if (after?.piece !== undefined) pieces.push(after.piece);
      return {
        pieces,
        touches: touchesOf(unit.step, changes),
        own: isAction(changes) ? undefined : probe,
        task: turns[i] ?? 0,
        isPlanned: true,
        closing: closingOf(unit, joint.includes(turn.intent) ? changes.slice(1) : changes),
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
  const made: Made[] = [];
  let failedIn = Number.POSITIVE_INFINITY;
  for (const [i, turn] of all.entries()) {
    const { unit, changes, probe } = turn.intent;
    const { before, after } = aroundOf(turn);
    if ((turns[i] ?? 0) > failedIn) return putBack(session, made, joint, all.slice(i)); // they were not run
    const given = outputs[i] ?? [];
    const own = given.slice(before.length);
    if (turn.intent === joint[0] && given.length > 0 && own[0]?.code !== 0)
      return [...made, ...(await oneByOne(run, session, all.slice(i), joint, ahead))];
    const [rode] = after !== undefined ? own.splice(changes.length, 1) : [];
    if (after !== undefined) after.isDone = rode?.code === 0;
    const isDone = own.length === changes.length && own.at(-1)?.code === 0;
    if (!isDone || after?.isDone === false) failedIn = turns[i] ?? 0;
    const isReadBack = probe !== undefined && !isAction(changes);
    const told = !isDone
      ? { failed: changeFailed(changes, own, unit) }
      : isReadBack
        ? await readBack({ session, unit, changes, probe, ahead })
        : { failed: undefined };
    made.push({ ran: joined(own), unchanged: isUnaltered(changes, own), ...told });
  }
  return made;
}

/** As Session.changeAll numbers them: of one turn are those that do not stop each other. */
function turnsOf(all: readonly Turn[]): readonly number[] {
  let turn = 0;
  return all.map(({ isNext }, i) => (isNext && i > 0 ? ++turn : turn));
}

/** The first of the joint ones does the work of all; for the others nothing is left to do. */
function ownRun(joint: readonly Intent[], change: Change): Script {
  const firsts = joint.flatMap(({ changes }) => changes[0] ?? []);
  if (!firsts.includes(change)) return change.run;
  const [first] = firsts;
  return change === first ? (first.joins?.run(wordsOf(joint)) ?? change.run) : sh`:`;
}

function wordsOf(joint: readonly Intent[]): readonly string[] {
  return [...new Set(joint.flatMap(({ changes }) => changes[0]?.joins?.words ?? []))];
}

/** Of those whose turn never came, what was made ahead of it is undone: nothing of them was done, then. */
async function putBack(
  session: Session,
  made: readonly Made[],
  joint: readonly Intent[],
  left: readonly Turn[],
): Promise<readonly Made[]> {
  const undone = left.flatMap(({ intent }) => (joint.includes(intent) ? [intent] : []));
  if (undone[0] === joint[0]) return made; // nor was their script run
  const [one] = undone;
  const undo = one?.changes[0]?.joins?.undo;
  const last = made.at(-1);
  if (one === undefined || undo === undefined || last === undefined) return made;
  const kept = wordsOf(joint.filter((intent) => !undone.includes(intent))); // asked for by one that had its turn, too
  const words = wordsOf(undone).filter((word) => !kept.includes(word));
  const script = lines([one.unit.environment, undo(words)]);
  const touches = undone.flatMap(({ unit, changes }) => touchesOf(unit.step, changes));
  const trouble = await session
    .change({ pieces: [{ script, user: one.unit.user }], touches }, () => [], undefined)
    .then(([output]) => (output?.code === 0 ? undefined : tail(output?.stderr || output?.stdout || 'no answer')))
    .catch((error: unknown) => {
      if (error instanceof Lost) return error.message;
      throw error;
    });
  if (trouble === undefined || last.failed === undefined) return made;
  const what = undone.map(({ changes }) => changes[0]?.what).join('; ');
  const detail = [last.failed.detail, `made ahead of its turn, and not put back: ${what}`, trouble];
  return [...made.slice(0, -1), { ...last, failed: { ...last.failed, detail: detail.filter(Boolean).join('\n') } }];
}

/** The one script failed, whoever's fault it was: each is made by itself, as far as it was not done all the same. */
async function oneByOne(
  run: Run,
  session: Session,
  all: readonly Turn[],
  joint: readonly Intent[],
  ahead: () => Iterable<Probe>,
): Promise<readonly Made[]> {
  const made: Made[] = [];
  for (const turn of all) {
    const { unit, probe } = turn.intent;
    const now = probe === undefined ? '' : (await session.look(probe, ahead)).stdout;
    const left = unit.step.plan(now, unit.ctx);
    const ran: Output = { code: 0, stdout: '', stderr: '' };
    if (isBlocked(left)) {
      made.push({ ran, failed: left.blocked, unchanged: false });
    } else if (left.length === 0) made.push({ ran, failed: undefined, unchanged: false });
    else made.push(await makeChanges(run, session, unit, left, probe, ahead, aroundOf(turn), undefined));
    if (all[made.length]?.isNext === true && made.some(({ failed }) => failed !== undefined))
      return putBack(session, made, joint, all.slice(made.length)); // the next task has its turn no more
  }
  return made;
}
