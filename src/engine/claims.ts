// One run at a time on a host: what is done when another one holds it, and what is told of scripts that were ended.
import { type Claim, type Held, Stopped } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { pause } from './pause.ts';
import type { Run } from './ports.ts';

/** What a host is claimed with; undefined in a plan. */
export function claimFor({ claim, emit }: Run, host: string): Claim | undefined {
  return claim && { ...claim, lost: new Set(), tookOver: (from) => emit({ type: 'took-over', host, from }) };
}

/** Milliseconds before the first tries, and between all others. A run that has just ended frees its hosts within the first ones. */
const FIRST = [50, 100, 200];
const AGAIN = 1000;

/**
 * Two runs that each hold a host which the other one waits for would wait for ever. The younger one gives way: while it waits
 * for an older run it stands still, and leaves every host that it holds.
 */
export type Gate = Readonly<{
  /** Undefined: the run goes on. */
  standing: () => Promise<void> | undefined;
  close: () => void;
  open: () => void;
}>;

export function newGate(): Gate {
  let waits = 0;
  let standing: Promise<void> | undefined;
  let goOn = (): void => {};
  return {
    standing: () => standing,
    close() {
      waits++;
      standing ??= new Promise((resolve) => {
        goOn = resolve;
      });
    },
    open() {
      waits--;
      if (waits > 0) return;
      standing = undefined;
      goOn();
    },
  };
}

/** What is done while another run works on a host, for one trip. `end`: the trip is over. */
export type Waiter = Readonly<{ wait: (held: Held) => Promise<void>; end: () => void }>;

/** Waits before the next try; says for whom, once for each. Throws Failure E_LOCKED when it has waited long enough. */
export function waitingFor(run: Run, host: string, gate: Gate): Waiter {
  let since: number | undefined;
  let told: string | undefined;
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
      throw new Failure({
        code: 'E_LOCKED',
        message: `${host} is locked by ${by}`,
        expected: `the host to be free within ${run.lockWait} s`,
        mend: 'wait until the other run has ended, or end it; --lock-wait sets how long this one waits',
      });
    }
    if (by !== told) run.emit({ type: 'waiting', host, for: by, seconds: Math.ceil(left / 1000) });
    told = by;
    await pause(Math.min(AGAIN, left), run.signal);
  };
  return { wait, end: () => (gaveWay ? gate.open() : undefined) };
}

/** Whether a script was ended because the run was interrupted; tells what it was. */
export function tellStopped(run: Run, host: string, doing: string, error: unknown): boolean {
  if (!(error instanceof Stopped) || error.why !== 'interrupted') return false;
  run.emit({ type: 'stopped', host, doing, left: error.left });
  return true;
}
