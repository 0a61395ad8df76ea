import type { BoundCheck, Mismatch, Scene } from '../core/check.ts';
import { withDeadline } from '../core/deadline.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import type { Emit } from '../core/event.ts';

export type Planned = Readonly<{
  name: string;
  kind: string;
  at: Pos;
  check: BoundCheck;
  /** The check has to pass within this many seconds. */
  within: number;
}>;
export type ChecksRun = Readonly<{
  checks: readonly Planned[];
  scene: Omit<Scene, 'signal'>;
  emit: Emit;
  signal: AbortSignal;
  now: () => number;
}>;

/** The pause between two attempts, and the time limit of one attempt. */
const PAUSE_MS = 500;
const ATTEMPT_MS = 30_000;

/** Runs checks one after the other, each until it passes or its time is up. Returns how many did not pass. */
export async function runAll({ checks, scene, emit, signal, now }: ChecksRun): Promise<number> {
  const began = now();
  let failed = 0;
  for (const planned of checks) {
    if (signal.aborted) break;
    if (!(await untilPassed(planned, scene, emit, signal, now))) failed++;
  }
  emit({ type: 'checked', passed: checks.length - failed, failed, ms: now() - began });
  return failed;
}

async function untilPassed(
  planned: Planned,
  scene: Omit<Scene, 'signal'>,
  emit: Emit,
  signal: AbortSignal,
  now: () => number,
): Promise<boolean> {
  const began = now();
  const { name: check, kind, at } = planned;
  for (let tries = 1; ; tries++) {
    const left = planned.within * 1000 - (now() - began);
    const longest = Math.ceil(Math.max(1000, Math.min(left, ATTEMPT_MS)));
    const { mismatches, seen, isFinal } = await withDeadline(signal, longest, (own) => attempt(planned, scene, own));
    const ms = now() - began;
    if (mismatches.length === 0) {
      emit({ type: 'check', check, kind, at, status: 'passed', seen, mismatches, tries, ms });
      return true;
    }
    if (signal.aborted || isFinal || ms + PAUSE_MS > planned.within * 1000) {
      emit({ type: 'check', check, kind, at, status: 'failed', seen, mismatches, tries, ms });
      return false;
    }
    emit({ type: 'check', check, kind, at, status: 'trying', seen, mismatches, tries, ms });
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

type Attempt = Readonly<{ mismatches: readonly Mismatch[]; seen: string; isFinal: boolean }>;

/**
 * An error of the observation counts as a mismatch. A Failure means a mistake on the controller, so retrying cannot
 * help.
 */
async function attempt({ check }: Planned, scene: Omit<Scene, 'signal'>, signal: AbortSignal): Promise<Attempt> {
  try {
    return { ...(await check.attempt({ ...scene, signal })), isFinal: false };
  } catch (error) {
    if (error instanceof Failure) {
      const [first] = error.diagnostics;
      const seen = `${first?.message ?? error.message}${first?.hint === undefined ? '' : `: ${first.hint}`}`;
      return {
        mismatches: [{ property: 'check', expected: 'the check runs', seen }],
        seen,
        isFinal: first?.code === 'E_PING',
      };
    }
    const seen = signal.aborted ? 'no answer in time' : reason(error);
    return { mismatches: [{ property: 'answer', expected: 'an answer', seen }], seen, isFinal: false };
  }
}

function reason(error: unknown): string {
  if (error instanceof Error && error.message !== '') return error.message;
  return String((error as { code?: string }).code ?? error);
}
