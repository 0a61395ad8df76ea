import { Type } from 'typebox';
import { type Script, sh } from '../../core/sh.ts';

/** How long a new connection may take to get through. */
export function rollback(undoing: string) {
  return Type.Integer({
    default: 30,
    minimum: 5,
    maximum: 600,
    description: `Seconds after which the host ${undoing}, unless a new connection got through.`,
  });
}

const unitOf = (name: string): string => `bringup-undo-${name}`;
const scriptOf = (name: string): string => `/run/bringup-undo-${name}.sh`;

/**
 * From now on the host undoes the change by itself after `seconds`, whatever becomes of the line. `undo` is sh that stands
 * alone. What an interrupted run has left armed is undone first: the old state is then the one that was confirmed last.
 * For a change script with `set -e`.
 */
export function arm(name: string, seconds: number, undo: Script): Script {
  return sh`${settle(name)}
(umask 077; cat >${scriptOf(name)} <<'UNDO'
set -u
${undo}
rm -f -- "$0"
UNDO
)
systemd-run --quiet --collect --unit=${unitOf(name)} --on-active=${seconds} --timer-property=AccuracySec=100ms sh ${scriptOf(name)}`;
}

/** Undoes at once what is still armed, before anything of now is written down. */
export function settle(name: string): Script {
  return sh`if systemctl is-active --quiet ${`${unitOf(name)}.timer`}; then
  systemctl stop ${`${unitOf(name)}.timer`}
  sh ${scriptOf(name)}
fi`;
}

/** It got through: the timer is stopped. Fails when it has fired before. */
export function disarm(name: string): Script {
  return sh`if systemctl is-active --quiet ${`${unitOf(name)}.timer`}; then
  systemctl stop ${`${unitOf(name)}.timer`}
  rm -f -- ${scriptOf(name)}
else
  echo 'too late: the host has undone the change by itself' >&2
  exit 1
fi`;
}
