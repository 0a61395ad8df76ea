import pLimit from 'p-limit';
import type { BoundCheck, Mismatch, Scene } from '../core/check.ts';
import { withDeadline } from '../core/deadline.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import type { CheckEvent, Emit } from '../core/event.ts';
import { type Judged, NO_ANSWER, verdictOn } from './verdict.ts';

export type Planned = Readonly<{
  name: string;
  kind: string;
  at: Pos;
  check: BoundCheck;
  /** What the check proves, in a word or two. Empty: nothing is said. */
  proves: string;
  /** The hosts of the inventory that the arguments name, by name or by address. */
  hosts: readonly string[];
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
/** How many attempts run at the same time. */
const AT_ONCE = 32;

/**
 * Runs checks side by side, each until it passes or its time is up. The time of all begins at once, so that the run takes
 * no longer than its longest check; but each check is tried at least once. Returns how many did not pass.
 */
export async function runAll({ checks, scene, emit, signal, now }: ChecksRun): Promise<number> {
  const began = now();
  const slot = pLimit(AT_ONCE);
  emit({ type: 'checking', checks: checks.length });
  const run = { scene, emit, signal, began, now, slot, refusals: new Map<string, string>() };
  const judged = await Promise.all(checks.map((planned, index) => untilPassed(planned, index, run)));
  emit({ type: 'checked', ...verdictOn(judged), ms: now() - began });
  return judged.filter((one) => one.event.status === 'failed').length;
}

type Run = Omit<ChecksRun, 'checks'> &
  Readonly<{
    began: number;
    slot: ReturnType<typeof pLimit>;
    /** Why hosts refused a connection, of all checks: an attempt at the end of its time may be too short to find out. */
    refusals: Map<string, string>;
  }>;

async function untilPassed(planned: Planned, index: number, run: Run): Promise<Judged> {
  const { emit, signal, began, now, slot } = run;
  const { name: check, kind, at, proves, hosts } = planned;
  for (let tries = 1; ; tries++) {
    const { isFinal, unreachable, ...looked } = await slot(() => {
      const left = planned.within * 1000 - (now() - began);
      const longest = Math.ceil(Math.max(1000, Math.min(left, ATTEMPT_MS)));
      return withDeadline(signal, longest, (own) => attempt(planned, run, own));
    });
    const ms = now() - began;
    const isPassed = looked.mismatches.length === 0;
    const isOver = isPassed || signal.aborted || isFinal || ms + PAUSE_MS > planned.within * 1000;
    const status = isPassed ? 'passed' : isOver ? 'failed' : 'trying';
    const event: CheckEvent = { type: 'check', check, kind, at, index, proves, status, ...looked, tries, ms };
    emit(event);
    if (isOver) return { event, hosts, unreachable };
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

type Attempt = Readonly<{
  mismatches: readonly Mismatch[];
  seen: string;
  detail?: string | undefined;
  isFinal: boolean;
  /** The hosts to which no connection could be opened, and why. */
  unreachable: ReadonlyMap<string, string>;
}>;

/**
 * An error of the observation counts as a mismatch. A Failure means a mistake on the controller, so retrying cannot
 * help.
 */
async function attempt({ check }: Planned, { scene, refusals }: Run, signal: AbortSignal): Promise<Attempt> {
  const unreachable = new Map<string, string>();
  const connect: Scene['connect'] = (host) =>
    untilAborted(scene.connect(host), signal).catch((error: unknown) => {
      if (!signal.aborted) refusals.set(host, reason(error));
      unreachable.set(host, refusals.get(host) ?? 'no connection in time');
      throw error;
    });
  try {
    return { ...(await check.attempt({ ...scene, connect, signal })), isFinal: false, unreachable };
  } catch (error) {
    const isFinal = error instanceof Failure && error.diagnostics[0]?.code === 'E_PING';
    if (error instanceof Failure) {
      const seen = reason(error);
      return { mismatches: [{ property: 'check', expected: 'the check runs', seen }], seen, isFinal, unreachable };
    }
    const seen = signal.aborted ? 'no answer in time' : reason(error);
    return { mismatches: [{ property: NO_ANSWER, expected: 'an answer', seen }], seen, isFinal, unreachable };
  }
}

/** A connection has a time limit of its own, which may be longer than what is left for the check. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error('no connection in time'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function reason(error: unknown): string {
  if (error instanceof Failure) {
    const [first] = error.diagnostics;
    return `${first?.message ?? error.message}${first?.hint === undefined ? '' : `: ${first.hint}`}`;
  }
  if (error instanceof Error && error.message !== '') return error.message;
  return String((error as { code?: string }).code ?? error);
}
