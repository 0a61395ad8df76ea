// Only one run at a time works on a host. This file handles waiting for another run, and reports scripts that were
// ended.

import { type Claim, type Held, Stopped } from '../../core/connection.ts';
import { failure } from '../../core/errors/index.ts';
import { pause } from './pause.ts';
import type { Run } from './ports.ts';

/** The lock of this run on a host. undefined in a plan. */
export function claimFor({ claim, emit }: Run, host: string): Claim | undefined {
  return claim && { ...claim, lost: new Set(), tookOver: (from) => emit({ type: 'took-over', host, from }) };
}

/**
 * Milliseconds before the first attempts, and between all later ones. A run that has just ended releases its hosts
 * within the first ones.
 */
const FIRST = [50, 100, 200];
const AGAIN = 1000;

/**
 * Avoids deadlocks. Two runs would wait for ever if each held a host that the other one waits for. The younger run
 * gives way: while it waits for an older run, it stands still and releases every host that it holds. A host that is
 * done and waits at the end of a play makes no round trip on which it would notice, so `onClose` tells it.
 */
export type Gate = Readonly<{
  /** undefined: the run goes on. */
  standing: () => Promise<void> | undefined;
  /** `leave` is called whenever the run starts to stand still. */
  onClose: (leave: () => void) => void;
  close: () => void;
  open: () => void;
}>;

export function newGate(): Gate {
  let waits = 0;
  let standing: Promise<void> | undefined;
  let goOn = (): void => {};
  const leavers: (() => void)[] = [];
  return {
    standing: () => standing,
    onClose: (leave) => leavers.push(leave),
    close() {
      waits++;
      if (standing !== undefined) return;
      standing = new Promise((resolve) => {
        goOn = resolve;
      });
      for (const leave of leavers) leave();
    },
    open() {
      waits--;
      if (waits > 0) return;
      standing = undefined;
      goOn();
    },
  };
}

/**
 * The start of a run. Nothing changes on any of its first hosts before all of them are locked. If two runs start
 * together, one of them waits before it has changed anything, so neither finds a half-done change of the other.
 */
export type Start = Readonly<{
  /**
   * Sets the run's first hosts, and a function that locks one at once. It is called when a change waits for that host.
   * Later calls of `expect` do nothing.
   */
  expect: (hosts: readonly string[], claim: (host: string) => Promise<void>) => void;
  claimed: (host: string) => void;
  /** The host was left to another run and has to be locked again. */
  left: (host: string) => void;
  /** The host does not take part any more. */
  gone: (host: string) => void;
  /** Resolves when all hosts are locked, and at once from then on. */
  all: () => Promise<void>;
}>;

/** `signal`: the run is interrupted and waits for nothing any more. */
export function newStart(signal: AbortSignal): Start {
  let claim: ((host: string) => Promise<void>) | undefined;
  const expected = new Set<string>();
  const missing = new Set<string>();
  const waiting: (() => void)[] = [];
  let isOver = false;
  const goOn = (): void => {
    for (const next of waiting.splice(0)) next();
  };
  const claimed = (host: string): void => {
    if (missing.delete(host) && missing.size === 0) goOn();
  };
  signal.addEventListener('abort', goOn, { once: true });
  const gone = (host: string): void => {
    expected.delete(host);
    claimed(host);
  };
  // A host that cannot be locked reports the reason when its own task needs it.
  const call = (host: string): void => void claim?.(host).catch(() => gone(host));
  return {
    expect(hosts, how) {
      if (claim !== undefined) return;
      claim = how;
      for (const host of hosts) {
        expected.add(host);
        missing.add(host);
      }
    },
    claimed,
    left(host) {
      if (isOver || !expected.has(host)) return;
      missing.add(host);
      if (waiting.length > 0) call(host);
    },
    gone,
    async all() {
      while (!isOver && missing.size > 0 && !signal.aborted) {
        if (waiting.length === 0) for (const host of missing) call(host);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      isOver = true;
    },
  };
}

/** Waits while another run works on a host, for one round trip. `end`: the round trip is over. */
export type Waiter = Readonly<{ wait: (held: Held) => Promise<void>; end: () => void }>;

/**
 * Waits before the next attempt, and reports for whom, once for each other run. Throws Failure E_LOCKED after the wait
 * limit.
 */
export function waitingFor(run: Run, host: string, gate: Gate): Waiter {
  let since: number | undefined;
  let reportedFor: string | undefined;
  let tries = 0;
  let gaveWay = false;
  const wait = async ({ by, run: other }: Held): Promise<void> => {
    const isOlder = /^[0-9a-f]{28}$/.test(other) && other < (run.claim?.run ?? '');
    if (isOlder && !gaveWay) {
      gaveWay = true;
      gate.close();
    }
    const soon = run.lockWait > 0 ? FIRST[tries++] : undefined;
    if (soon !== undefined) return pause(soon, run.signal);
    since ??= run.now();
    const left = since + run.lockWait * 1000 - run.now();
    if (left <= 0) {
      throw failure('E_LOCKED', { host, by, seconds: run.lockWait });
    }
    if (by !== reportedFor) run.emit({ type: 'waiting', host, for: by, seconds: Math.ceil(left / 1000) });
    reportedFor = by;
    await pause(Math.min(AGAIN, left), run.signal);
  };
  return { wait, end: () => (gaveWay ? gate.open() : undefined) };
}

/** Whether a script was ended because the run was interrupted. If so, reports which. */
export function tellStopped(run: Run, host: string, doing: string, error: unknown): boolean {
  if (!(error instanceof Stopped) || error.why !== 'interrupted') return false;
  run.emit({ type: 'stopped', host, doing, left: error.left });
  return true;
}
