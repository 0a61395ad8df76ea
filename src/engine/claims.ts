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

/** Waits before the next try; says for whom, once for each. Throws Failure E_LOCKED when it has waited long enough. */
export function waitingFor(run: Run, host: string): (held: Held) => Promise<void> {
  let since: number | undefined;
  let told: string | undefined;
  let tries = 0;
  return async ({ by }) => {
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
}

/** Whether a script was ended because the run was interrupted; tells what it was. */
export function tellStopped(run: Run, host: string, doing: string, error: unknown): boolean {
  if (!(error instanceof Stopped) || error.why !== 'interrupted') return false;
  run.emit({ type: 'stopped', host, doing, left: error.left });
  return true;
}
