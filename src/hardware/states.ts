// Where a host is on its way from off to proven, judged from what was observed of it. Pure.
import type { PowerState } from './contract.ts';

/** The states of a host in their order. Each includes those before it, apart from off. */
export const STATES = ['off', 'on', 'firmware', 'booted', 'reachable', 'provisioned', 'proven'] as const;
export type State = (typeof STATES)[number];

/** What was observed of a host. */
export type Observed = Readonly<{
  /** The word of the power driver, or why nobody knows. */
  power: Readonly<{ state: PowerState; by: string } | { unknown: string }>;
  /** What the console printed since the last power on. undefined: nobody knows. */
  log: string | undefined;
  /** Why SSH accepts no login. undefined: it accepts one. */
  noLogin: string | undefined;
  /** What the playbook would change, or why nobody knows. undefined: it was not asked. */
  plan?: Readonly<{ changes: number } | { unknown: string }> | undefined;
  /** The checks of the site. undefined: they did not run. */
  checks?: Readonly<{ passed: number; failed: readonly string[] }> | undefined;
}>;

/** Where a host is. `known`: how that is known. `why`: what keeps it from the next state; undefined: nothing is known. */
export type Where = Readonly<{ state: State | 'unknown'; known: string; why: string | undefined }>;

export function whereIs(seen: Observed): Where {
  if (seen.noLogin === undefined) return afterLogin(seen);
  const { power } = seen;
  if ('state' in power && power.state === 'off')
    return { state: 'off', known: `the power driver ${power.by} says off`, why: 'it has no power' };
  const on = 'state' in power ? `the power driver ${power.by} says on` : undefined;
  const stage = stageOf(seen.log ?? '');
  const trouble = troubleOf(seen.log ?? '') ?? seen.noLogin;
  if (stage === 'booted') return { state: 'booted', known: 'the console shows a system', why: trouble };
  if (stage === 'firmware') return { state: 'firmware', known: 'the console shows no system yet', why: trouble };
  if (on !== undefined) return { state: 'on', known: on, why: trouble };
  return { state: 'unknown', known: 'unknown' in power ? power.unknown : '', why: trouble };
}

function afterLogin({ plan, checks }: Observed): Where {
  const known = 'SSH accepts a login';
  if (plan === undefined) return { state: 'reachable', known, why: undefined };
  if ('unknown' in plan) return { state: 'reachable', known, why: plan.unknown };
  if (plan.changes > 0) {
    const count = plan.changes === 1 ? '1 change' : `${plan.changes} changes`;
    return { state: 'reachable', known, why: `the playbook would make ${count}` };
  }
  const clean = 'the playbook has nothing to change';
  if (checks === undefined) return { state: 'provisioned', known: clean, why: undefined };
  if (checks.failed.length > 0)
    return { state: 'provisioned', known: clean, why: `checks fail: ${checks.failed.join('; ')}` };
  return { state: 'proven', known: `${clean}, and ${checks.passed} checks pass`, why: undefined };
}

/** What a boot has reached by what its console printed. Lines of bringup begin with ---. undefined: it printed nothing. */
export function stageOf(log: string): 'firmware' | 'booted' | undefined {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('--- '));
  if (lines.some((line) => SYSTEM.test(line))) return 'booted';
  return lines.length > 0 ? 'firmware' : undefined;
}
/** What a kernel or an init prints, and no firmware. */
const SYSTEM = /Linux version \d|Run \/\S*init as init|systemd\[1\]: |Welcome to .*!|\[ {2}OK {2}\]|\blogin: *$/;

/** What a console says when a boot ends in trouble. */
function troubleOf(log: string): string | undefined {
  const [found] =
    /Kernel panic[^\r\n]*|You are in (emergency|rescue) mode|Give root password for maintenance|No bootable (device|medium)[^\r\n]*/i.exec(
      log,
    ) ?? [];
  return found === undefined ? undefined : `the console says: ${found.trim()}`;
}

/** Whether a host in this state has reached another one. */
export const hasReached = (state: Where['state'], wanted: State): boolean =>
  state !== 'unknown' && (wanted === 'off' ? state === 'off' : STATES.indexOf(state) >= STATES.indexOf(wanted));
