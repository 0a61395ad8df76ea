import { Lost, NotRun, type Piece, Stopped } from '../../core/connection.ts';
import { Failure } from '../../core/diagnostic.ts';
import { failure, isOfConnection } from '../../core/errors/index.ts';
import type { Change, Output } from '../../core/module.ts';
import { sh } from '../../core/sh.ts';
import type { Unit } from '../evaluate/resolve.ts';
import type { Probe } from '../host/answers.ts';
import { pause } from '../host/pause.ts';
import type { Run } from '../host/ports.ts';
import type { Session } from '../host/session.ts';

type Risky = Readonly<{
  pieces: readonly Piece[];
  own: Probe | undefined;
  ahead: () => Iterable<Probe>;
  risk: NonNullable<Change['confirm']>;
  timeout: number | undefined;
}>;

/**
 * Makes a change that may cut off our own access. The change runs over the old connection; a new connection confirms it
 * and reads it back. If no new connection succeeds, the host reverts the change by its timer. This function waits for
 * that, so that the report matches the host's state. Throws Failure.
 */
export function makeAndConfirm(
  run: Run,
  session: Session,
  unit: Unit & { step: NonNullable<Unit['step']> },
  risky: Risky,
): Promise<readonly Output[]> {
  return session.keep(() => makeThenConfirm(run, session, unit, risky));
}

async function makeThenConfirm(
  run: Run,
  session: Session,
  { step, user }: Unit & { step: NonNullable<Unit['step']> },
  { pieces, own, ahead, risk, timeout }: Risky,
): Promise<readonly Output[]> {
  const began = run.now();
  const touches = step.touches;
  const within = Math.min(timeout ?? risk.seconds, risk.seconds);
  const outputs = await session
    .change({ pieces, touches, isPlanned: true }, () => [], within)
    .catch((error: unknown) => {
      // The change itself may have cut the answer off. The new connection shows what happened.
      if (run.signal.aborted || error instanceof NotRun || !isLineTrouble(error)) throw error;
      return undefined;
    });
  if (outputs !== undefined && outputs.at(-1)?.code !== 0) return outputs;
  const deadline = began + risk.seconds * 1000;
  const trouble = await reach(run, session, deadline);
  if (trouble !== undefined) throw await lockedOut(run, session, risk.seconds, deadline, trouble);
  const confirmed = await session.change({ pieces: [{ script: risk.script, user }], touches, own }, ahead, timeout);
  return [...(outputs ?? []), ...confirmed];
}

/** Opens a new connection before the host's timer fires. Returns the last error if none succeeded. */
async function reach(run: Run, session: Session, deadline: number): Promise<Failure | Lost | Stopped | undefined> {
  for (;;) {
    try {
      await within(session.reconnect(), deadline - run.now());
      return undefined;
    } catch (error) {
      if (run.signal.aborted || !isLineTrouble(error)) throw error;
      if (run.now() + 1000 > deadline) return error;
    }
    await pause(1000, run.signal);
  }
}

/** An attempt that is still running when the host's timer fires counts as failed. */
async function within(trying: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failure('E_NO_NEW_CONNECTION', {})), Math.max(1, ms));
  });
  trying.catch(() => {}); // it may be rejected after its time; that error is of no interest
  try {
    await Promise.race([trying, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Time in seconds after the timer fired in which the host must be reachable again. */
const GRACE = 30;

async function lockedOut(
  run: Run,
  session: Session,
  seconds: number,
  deadline: number,
  trouble: Failure | Lost | Stopped,
): Promise<Failure> {
  const what = `the change shut this machine out: no new connection within ${seconds} s`;
  session.forgetAll();
  const end = deadline + GRACE * 1000;
  await pause(Math.max(0, deadline - run.now()) + 1000, run.signal);
  for (;;) {
    try {
      await within(session.reconnect(), 10_000);
      await session.change({ pieces: [{ script: sh`:`, user: undefined }] }, () => [], 10);
      return failure('E_UNDONE', { what, detail: trouble.message }, undefined, { cause: trouble });
    } catch (error) {
      if (run.signal.aborted || !isLineTrouble(error)) throw error;
      if (run.now() > end) {
        return failure('E_LOCKED_OUT', { what, grace: GRACE }, undefined, { cause: trouble });
      }
    }
    await pause(1000, run.signal);
  }
}

function isLineTrouble(error: unknown): error is Failure | Lost | Stopped {
  return (
    error instanceof Lost ||
    (error instanceof Stopped && error.why === 'timeout') ||
    (error instanceof Failure && isOfConnection(error.diagnostics[0]?.code))
  );
}
