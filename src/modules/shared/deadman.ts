import { Type } from 'typebox';
import { lines, type Script, sh } from '../../core/sh.ts';
import { dirname } from './paths.ts';

/** The argument for how long a new connection may take to confirm the change. */
export function rollback(undoing: string) {
  return Type.Integer({
    default: 30,
    minimum: 5,
    maximum: 600,
    description: `Seconds after which the host ${undoing}, unless a new connection succeeded.`,
  });
}

export type Undo = Readonly<{
  /** Restores what the change alters on disk. With it, the undo also runs at the next boot, before sshd starts. */
  restore?: Script;
  /** Applies the old state to the running system. */
  activate: Script;
}>;

const FOLDER = '/var/lib/bringup/undo';
const timerOf = (name: string): string => `bringup-undo-${name}`;
const bootUnitOf = (name: string): string => `bringup-undo-at-boot-${name}.service`;
/** A change of the running system alone is gone after a reboot, so its undo script is on a tmpfs. */
const volatileOf = (name: string): string => `/run/bringup-undo-${name}.sh`;
const lastingOf = (name: string): string => `${FOLDER}/${name}.sh`;
const bootFiles = (name: string): readonly string[] => [
  `/etc/systemd/system/sysinit.target.wants/${bootUnitOf(name)}`,
  `/etc/systemd/system/${bootUnitOf(name)}`,
];

/** The copy of a file's old content until the change is confirmed. */
export const oldCopyOf = (name: string): string => `${FOLDER}/${name}.before`;

/**
 * Saves a file, or the fact that it does not exist, so that the copy survives a power cut. For a change script with
 * `set -e`.
 */
export function keep(name: string, file: string): Script {
  const old = oldCopyOf(name);
  return sh`(umask 077; mkdir -p ${FOLDER})
rm -f -- ${old}
if [ -f ${file} ]; then cp -p -- ${file} ${old}; sync -- ${old}; fi`;
}

/**
 * Arms the timer: the host undoes the change after `seconds`, whatever happens to the connection, and at its next boot.
 * If an interrupted run left a timer armed, its change is undone first, so that the old state is the last confirmed
 * one. For a change script with `set -e`.
 */
export function arm(name: string, seconds: number, { restore, activate }: Undo): Script {
  const script = restore === undefined ? volatileOf(name) : lastingOf(name);
  const text = lines([
    sh`set -u`,
    ...(restore === undefined ? [] : [restore]),
    sh`if [ "\${1-}" != at-boot ]; then
${activate}
fi
rm -f -- "$0" ${restore === undefined ? [] : [oldCopyOf(name), ...bootFiles(name)]}`,
  ]).text;
  return sh`${settle(name)}
(umask 077; mkdir -p ${FOLDER}; printf '%s\n' ${text} >${script})
${restore === undefined ? sh`:` : undoAtBoot(name)}
systemd-run --quiet --collect --unit=${timerOf(name)} --on-active=${seconds} --timer-property=AccuracySec=100ms sh ${script}`;
}

/** The link alone makes the unit run at the next boot, so systemd need not reload its units now. */
function undoAtBoot(name: string): Script {
  const [link = '', unit = ''] = bootFiles(name);
  const text = `# Written by bringup while a change waits for its confirmation
[Unit]
Description=Undo the unconfirmed change ${name}
DefaultDependencies=no
ConditionPathExists=${lastingOf(name)}
RequiresMountsFor=${FOLDER}
After=local-fs.target systemd-remount-fs.service
Before=sysinit.target network-pre.target ufw.service ssh.service ssh.socket sshd.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh ${lastingOf(name)} at-boot
`;
  return sh`printf %s ${text} >${unit}
chmod 644 ${unit}
mkdir -p ${dirname(link)}
ln -sfn ${unit} ${link}
sync -- ${lastingOf(name)} ${FOLDER} ${unit} ${dirname(unit)} ${dirname(link)}`;
}

/** Undoes a change whose timer is still armed, before the present state is saved. */
export function settle(name: string): Script {
  return sh`systemctl stop ${`${timerOf(name)}.timer`} 2>/dev/null || :
for f in ${volatileOf(name)} ${lastingOf(name)}; do if [ -f "$f" ]; then sh "$f"; fi; done`;
}

/**
 * Disarms the timer, because a new connection succeeded. Fails if the host has already undone the change: the timer
 * fired, or the host rebooted.
 */
export function disarm(name: string): Script {
  return sh`if systemctl is-active --quiet ${`${timerOf(name)}.timer`}; then
  systemctl stop ${`${timerOf(name)}.timer`}
  rm -f -- ${[volatileOf(name), lastingOf(name)]}
  if [ -d ${FOLDER} ]; then sync -- ${FOLDER}; fi
  rm -f -- ${[oldCopyOf(name), ...bootFiles(name)]}
else
  echo 'too late: the host has undone the change by itself' >&2
  exit 1
fi`;
}
