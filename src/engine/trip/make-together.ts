import { Lost, type Piece } from '../../core/connection.ts';
import { type Change, isBlocked, type Output, touchesOf } from '../../core/module.ts';
import { lines, type Script, sh } from '../../core/sh.ts';
import type { Probe } from '../host/answers.ts';
import type { Run } from '../host/ports.ts';
import type { Session } from '../host/session.ts';
import {
  type ChangeResult,
  closingOf,
  type ExtraPieces,
  isAction,
  isUnaltered,
  joined,
  makeChanges,
  uploadsOf,
} from '../make/change.ts';
import { changeFailed, readBack, tail } from '../make/read-back.ts';
import { type Intent, isLast } from './attempt.ts';
import type { TripChanges } from './join.ts';

/**
 * One of many changes in a round trip. With `isNext`, a failure before it stops it and all after it, as between tasks.
 * Without, it still runs, as between items of one loop.
 */
export type Turn = Readonly<{ intent: Intent; isNext: boolean; before: readonly Piece[] }>;

/** The extra pieces around a turn's changes. The piece that ends a task travels with the task's last change. */
function aroundOf({ intent, before }: Turn): ExtraPieces {
  const { after } = intent.taskRun;
  return {
    before,
    after: after?.piece !== undefined && isAction(intent.changes) && isLast(intent) ? after : undefined,
  };
}

/**
 * Makes changes of which none needs a probe after another one, in one round trip, and reads each back. Returns as many
 * results as changes ran. undefined: the connection broke, and the host must be probed again for each change.
 */
export async function makeTogether(
  run: Run,
  session: Session,
  all: readonly Turn[],
  { joint }: Pick<TripChanges, 'joint'>,
  ahead: () => Iterable<Probe>,
): Promise<readonly ChangeResult[] | undefined> {
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
  const results: ChangeResult[] = [];
  let failedIn = Number.POSITIVE_INFINITY;
  for (const [i, turn] of all.entries()) {
    const { unit, changes, probe } = turn.intent;
    const { before, after } = aroundOf(turn);
    if ((turns[i] ?? 0) > failedIn) return putBack(session, results, joint, all.slice(i)); // the remaining changes did not run
    const given = outputs[i] ?? [];
    const own = given.slice(before.length);
    if (turn.intent === joint[0] && given.length > 0 && own[0]?.code !== 0)
      return [...results, ...(await oneByOne(run, session, all.slice(i), joint, ahead))];
    const [rode] = after !== undefined ? own.splice(changes.length, 1) : [];
    if (after !== undefined) after.isDone = rode?.code === 0;
    const isDone = own.length === changes.length && own.at(-1)?.code === 0;
    if (!isDone || after?.isDone === false) failedIn = turns[i] ?? 0;
    const isReadBack = probe !== undefined && !isAction(changes);
    const failedResult = !isDone
      ? { failed: changeFailed(changes, own, unit) }
      : isReadBack
        ? await readBack({ session, unit, changes, probe, ahead })
        : { failed: undefined };
    results.push({ ran: joined(own, changes), unchanged: isUnaltered(changes, own), ...failedResult });
  }
  return results;
}

/** Numbers the turns for Session.changeAll. Changes with the same number do not stop each other. */
function turnsOf(all: readonly Turn[]): readonly number[] {
  let turn = 0;
  return all.map(({ isNext }, i) => (isNext && i > 0 ? ++turn : turn));
}

/** The first joint change does the work of all, and the others do nothing. */
function ownRun(joint: readonly Intent[], change: Change): Script {
  const firsts = joint.flatMap(({ changes }) => changes[0] ?? []);
  if (!firsts.includes(change)) return change.run;
  const [first] = firsts;
  return change === first ? (first.joins?.run(wordsOf(joint)) ?? change.run) : sh`:`;
}

function wordsOf(joint: readonly Intent[]): readonly string[] {
  return [...new Set(joint.flatMap(({ changes }) => changes[0]?.joins?.words ?? []))];
}

/** Undoes the work that the joint script did ahead of time for changes whose turn never came. */
async function putBack(
  session: Session,
  results: readonly ChangeResult[],
  joint: readonly Intent[],
  left: readonly Turn[],
): Promise<readonly ChangeResult[]> {
  const undone = left.flatMap(({ intent }) => (joint.includes(intent) ? [intent] : []));
  if (undone[0] === joint[0]) return results; // the joint script did not run either
  const [one] = undone;
  const undo = one?.changes[0]?.joins?.undo;
  const last = results.at(-1);
  if (one === undefined || undo === undefined || last === undefined) return results;
  const kept = wordsOf(joint.filter((intent) => !undone.includes(intent))); // a change that had its turn asked for these words too
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
  if (trouble === undefined || last.failed === undefined) return results;
  const what = undone.map(({ changes }) => changes[0]?.what).join('; ');
  const detail = [last.failed.detail, `made ahead of its turn, and not put back: ${what}`, trouble];
  return [...results.slice(0, -1), { ...last, failed: { ...last.failed, detail: detail.filter(Boolean).join('\n') } }];
}

/** The joint script failed. Makes each change by itself, as far as it is not done, to find the one at fault. */
async function oneByOne(
  run: Run,
  session: Session,
  all: readonly Turn[],
  joint: readonly Intent[],
  ahead: () => Iterable<Probe>,
): Promise<readonly ChangeResult[]> {
  const results: ChangeResult[] = [];
  for (const turn of all) {
    const { unit, probe } = turn.intent;
    const now = probe === undefined ? '' : (await session.ask(probe, ahead)).stdout;
    const left = unit.step.plan(now, unit.ctx);
    const ran: Output = { code: 0, stdout: '', stderr: '' };
    if (isBlocked(left)) {
      results.push({ ran, failed: left.blocked, unchanged: false });
    } else if (left.length === 0) results.push({ ran, failed: undefined, unchanged: false });
    else results.push(await makeChanges(run, session, unit, left, probe, ahead, aroundOf(turn), undefined));
    if (all[results.length]?.isNext === true && results.some(({ failed }) => failed !== undefined))
      return putBack(session, results, joint, all.slice(results.length)); // the next task does not run any more
  }
  return results;
}
