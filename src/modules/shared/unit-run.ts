// Starts, stops, restarts and reloads a unit, and explains why that had no effect.
import type { Change } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import type { UnitArgs, UnitSeen } from './unit.ts';

export function isUp(active: string): boolean {
  return active === 'active' || active === 'reloading' || active === 'activating' || active === 'refreshing';
}

/** `reload` makes systemd read the unit's files first. */
export function running(
  unit: string,
  { ActiveState: active = 'inactive', ConditionResult, Type: type, Result: result }: UnitSeen['properties'],
  state: NonNullable<UnitArgs['state']>,
  verb: string,
  reload: Script,
  { no_block }: UnitArgs,
): Change {
  const isSkipped = state === 'started' && active === 'inactive' && ConditionResult === 'no';
  const isOver = state === 'started' && active === 'inactive' && type === 'oneshot' && result === 'success';
  const isAction = state === 'restarted' || state === 'reloaded';
  const job = sh`systemctl ${verb} ${no_block === true ? ['--no-block'] : []} -- ${unit}`;
  return {
    what: `${verb} ${unit}`,
    diff: { of: unit, before: `${active}\n`, after: state === 'stopped' ? 'inactive\n' : 'active\n' },
    run: sh`${reload}
${job} || { rc=$?
  # It was started too often of late: systemd refuses until it is told to forget that.
  case $(systemctl show --property=Result -- ${unit}) in *=start-limit-hit)
    systemctl reset-failed -- ${unit}; ${job} && exit 0
    rc=$?
  esac
  systemctl status --no-pager --full --lines=0 -- ${unit} >&2
  journalctl --no-pager --quiet -n 20 -o cat -u ${unit} >&2 2>/dev/null
  exit "$rc"
}`,
    ...(isAction && { action: true as const }),
    ...(isSkipped && {
      excused: `${unit} was not started, as a condition of the unit is not met`,
      explain: unmet(unit),
    }),
    ...(isOver && { excused: true as const }),
    ...(!isSkipped && {
      explain: sh`systemctl status --no-pager --full --lines=0 -- ${unit}
journalctl --no-pager --quiet -n 20 -o cat -u ${unit} 2>/dev/null
:`,
    }),
  };
}

/**
 * systemd forgets the result of such a unit at once, so its conditions are evaluated again. Prints nothing if they are
 * met.
 */
function unmet(unit: string): Script {
  return sh`systemd-analyze condition --unit=${unit} 2>&1 | sed -n 's/^.*: \(Condition[A-Za-z]*=.*\) failed\.*$/\1/p'`;
}

export const VERBS: Readonly<Record<NonNullable<UnitArgs['state']>, (isUp: boolean) => string | undefined>> = {
  started: (isUp) => (isUp ? undefined : 'start'),
  stopped: (isUp) => (isUp ? 'stop' : undefined),
  restarted: () => 'restart',
  reloaded: (isUp) => (isUp ? 'reload' : 'start'),
};
