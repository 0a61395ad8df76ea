import { Type } from 'typebox';
import { blocked, type Change, type Steps } from '../../core/module.ts';
import { answer, type Script, sh } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import { flag, optionalFlag } from './args.ts';
import { UNIT, UNIT_PROPERTIES } from './questions.ts';
import { isUp, running, VERBS } from './unit-run.ts';

/** What service and systemd take alike. */
export const unitArgs = {
  name: Type.String({
    pattern: '^[\\w@.:\\\\-]+$',
    expected: 'the name of a unit',
    description: 'The unit; without an ending it is a .service.',
  }),
  state: Type.Optional(
    Type.Enum(['started', 'stopped', 'restarted', 'reloaded'], {
      description:
        'started and stopped: as it should be. restarted: always. reloaded: always, and started if it does not run.',
    }),
  ),
  enabled: optionalFlag('Started at boot.'),
  daemon_reload: flag('Read all unit files anew first. (Changed ones are, without being asked.)'),
};

export type UnitArgs = Readonly<{
  name?: string;
  state?: 'started' | 'stopped' | 'restarted' | 'reloaded';
  enabled?: boolean;
  masked?: boolean;
  daemon_reload?: boolean;
  daemon_reexec?: boolean;
  force?: boolean;
  no_block?: boolean;
}>;

const RELOAD = sh`systemctl daemon-reload`;

/** Links are made in one go, before units are read anew, once for all of a trip. */
function linking(units: readonly string[]): NonNullable<Change['joins']> {
  const [by, enable] = ['systemctl enable', sh`systemctl enable --no-reload --`];
  return {
    by,
    after: [by],
    words: units,
    run: (all) =>
      all.length === 0
        ? RELOAD
        : sh`${enable} ${all} 2>&1 || exit
${RELOAD}`,
    undo: (all) => (all.length === 0 ? sh`:` : sh`systemctl disable -- ${all} 2>&1`),
  };
}

/** systemd's properties of the unit, and whether systemd is what runs the host. */
export type UnitSeen = Readonly<{ systemd: boolean; booted: boolean; properties: Readonly<Record<string, string>> }>;

function unitName(name: string): string {
  return /\.(service|socket|timer|target|mount|automount|path|slice|scope|swap|device)$/.test(name)
    ? name
    : `${name}.service`;
}

export function probeUnit({ name }: UnitArgs): Script {
  return sh`if command -v systemctl >/dev/null; then echo systemd=yes; fi
if [ -d /run/systemd/system ]; then echo booted=yes; fi
${
  name === undefined
    ? sh`:`
    : sh`u=${answer(UNIT, unitName(name))}; [ -n "$u" ] || u=$(systemctl show --property=${UNIT_PROPERTIES} -- ${unitName(name)} 2>/dev/null)
printf '%s\n' "$u"
${lookAtBoot(unitName(name))}`
}`;
}

/**
 * The word of `systemctl is-enabled`, of the unit whose properties are in $u. systemd's own UnitFileState is from when it
 * last read the unit's files: it holds where the links say the same, which are all that is-enabled goes by there. Not
 * for an alias, which is a word of its own. Of what is nowhere only a script in /etc/init.d may tell more.
 */
function lookAtBoot(unit: string): Script {
  return sh`e=; l=; for f in /etc/systemd/system/*/${unit} /run/systemd/system/*/${unit}; do if [ -L "$f" ]; then l=\${f%%/systemd*}; break; fi; done
case "$u." in *Id=${unit}[!a-zA-Z0-9@.:_-]*) case $l\ $u in
/etc\ *UnitFileState=enabled[!-]*) e=enabled ;;
\ *NeedDaemonReload=yes*) ;;
\ *UnitFileState=disabled*) e=disabled ;;
\ *UnitFileState=static*) e=static ;;
esac ;; esac
case $l\ $u in \ *LoadState=not-found*) [ -e /etc/init.d/${unit.replace(/\.service$/, '')} ] || e=not-found ;; esac
[ -n "$e" ] || e=$(systemctl is-enabled -- ${unit} 2>/dev/null); printf 'Enabled=%s\n' "$e"`;
}

export function parseUnit(stdout: string): UnitSeen {
  const properties: Record<string, string> = {};
  for (const line of stdout.split(/[\n\x1f]/)) {
    const at = line.indexOf('=');
    if (at > 0) properties[line.slice(0, at)] = line.slice(at + 1);
  }
  return { systemd: properties['systemd'] === 'yes', booted: properties['booted'] === 'yes', properties };
}

export function planUnit({ systemd, booted, properties }: UnitSeen, args: UnitArgs): Steps {
  const { name, state, enabled, masked, daemon_reload, daemon_reexec } = args;
  if (!systemd)
    return blocked('E_TOOL_MISSING', {
      tool: 'systemctl',
      hint: 'use a host with systemd: no other service manager is supported',
    });
  // systemd says itself whether a unit's files changed since it read them
  const isFresh = name !== undefined && properties['LoadState'] === 'loaded' && properties['NeedDaemonReload'] === 'no';
  const manager: Change[] = [
    ...(daemon_reexec === true
      ? [
          {
            what: 'systemd: daemon-reexec',
            run: sh`systemctl daemon-reexec`,
            action: true as const,
            harmless: true as const,
          },
        ]
      : []),
    ...(daemon_reload === true && !isFresh
      ? [
          {
            what: 'systemd: daemon-reload',
            run: RELOAD,
            joins: linking([]),
            action: true as const,
            harmless: true as const,
          },
        ]
      : []),
  ];
  if (name === undefined) return manager;
  const unit = unitName(name);
  const {
    LoadState: load = 'not-found',
    ActiveState: active = 'inactive',
    Enabled: enabledWord = '',
    NeedDaemonReload: stale,
  } = properties;
  const isMasked = load === 'masked' || /^masked/.test(enabledWord);
  if (load === 'not-found' && /^(not-found)?$/.test(enabledWord) && daemon_reload !== true) {
    if (state === 'stopped' && enabled === undefined && masked !== true) return manager;
    if (masked !== true) return blocked('E_UNIT_MISSING', { unit });
  }
  if (isMasked && masked !== false && (state === 'started' || state === 'restarted' || enabled === true)) {
    return blocked('E_UNIT_MASKED', { unit });
  }
  const mustReload = stale === 'yes' && state !== undefined && state !== 'stopped' && daemon_reload !== true;
  const steps: Change[] = [];
  const turn = (of: string, before: string, after: string, run: Script, more: Partial<Change> = {}): void => {
    steps.push({
      what: `${unit}: ${after}`,
      diff: { of: `${unit} ${of}`, before: `${before}\n`, after: `${after}\n` },
      run,
      ...more,
    });
  };
  // No running systemd (an image that is being built): enabling is all that can be done.
  const willRun = state === undefined || !booted ? undefined : VERBS[state](isUp(active));
  // systemctl would have systemd read all units anew for each one. Once after all is enough, or before what then starts.
  const isReadNow = booted && mustReload && willRun !== undefined;
  const unread: Partial<Change> = !booted || isReadNow ? {} : { closing: RELOAD };
  const linked = (links: Script): Script =>
    isReadNow
      ? sh`${links} || exit
${RELOAD}`
      : links;
  if (masked === true && !isMasked) turn('mask', 'unmasked', 'masked', sh`systemctl mask -- ${unit}`);
  if (masked === false && isMasked) turn('mask', 'masked', 'unmasked', sh`systemctl unmask -- ${unit}`);
  const isEnabled = /^(enabled|alias|static|generated|indirect)$/.test(enabledWord);
  const isOff = /^(disabled|static|masked.*|indirect|not-found|)$/.test(enabledWord);
  if (enabled === true && !(isEnabled && enabledWord !== 'indirect'))
    turn(
      'at boot',
      enabledWord || 'disabled',
      'enabled',
      linked(sh`systemctl enable --no-reload ${args.force === true ? ['--force'] : []} -- ${unit} 2>&1`),
      // What was something else than disabled is not put back by disabling it.
      // An indirect unit enables others, and stays what it is.
      {
        ...unread,
        ...(enabledWord === 'indirect' && { excused: true as const }),
        ...(booted && enabledWord === 'disabled' && args.force !== true && { joins: linking([unit]) }),
      },
    );
  if (enabled === false && !isOff) {
    // Links that last until the next boot only are others than the lasting ones.
    const runtime = enabledWord.endsWith('-runtime') ? ['--runtime'] : [];
    turn(
      'at boot',
      enabledWord,
      'disabled',
      linked(sh`systemctl disable --no-reload ${runtime} -- ${unit} 2>&1`),
      unread,
    );
  }
  // A line that broke after the links were made, or a hand that made them: systemd goes by what it read before. Of an
  // instance and under another name it may tell another unit's state.
  const told = unit === properties['Id'] && !unit.includes('@') ? properties['UnitFileState'] : undefined;
  const isUnread = (enabled === true && told === 'disabled') || (enabled === false && told === 'enabled');
  if (booted && told !== undefined && isUnread && enabledWord === (enabled ? 'enabled' : 'disabled') && !isReadNow)
    turn('at boot, as systemd knows it', told, enabledWord, RELOAD);
  if (state === undefined || willRun === undefined) return [...manager, ...steps];
  const stillStale = sh`case $(systemctl show --property=NeedDaemonReload -- ${unit}) in *=no) ;; *) ${RELOAD} ;; esac`;
  return [...manager, ...steps, running(unit, properties, state, willRun, mustReload ? stillStale : sh`:`, args)];
}

export function unitData({ properties }: UnitSeen, { name, state, enabled }: UnitArgs): Vars {
  const { systemd: _systemd, booted: _booted, Enabled: _enabled, ...status } = properties;
  return {
    ...(name !== undefined && { name, status }),
    ...(state !== undefined && { state: state === 'stopped' ? 'stopped' : 'started' }),
    ...(enabled !== undefined && { enabled }),
  };
}

export function unitNeeds({ name }: UnitArgs): readonly string[] {
  return name === undefined
    ? []
    : [
        `unit:${unitName(name)}`,
        'package:*',
        'path:/etc/systemd/system',
        'path:/lib/systemd/system',
        'path:/usr/lib/systemd/system',
        'live:*',
      ];
}

export function unitTouches({ name }: UnitArgs): readonly string[] {
  return [name === undefined ? 'unit:*' : `unit:${unitName(name)}`, 'path:/etc/systemd/system', 'path:/run', 'live:*'];
}

/**
 * What is started or enabled already systemctl leaves alone, without a word; a restart is right whatever was started before
 * it, and so is reading the units anew.
 */
export function unitSeries({
  name,
  state,
  enabled,
  masked,
  daemon_reload,
  daemon_reexec,
}: UnitArgs): string | undefined {
  if (masked !== undefined || daemon_reexec === true) return undefined;
  if (name === undefined) return daemon_reload === true ? 'systemctl start' : undefined;
  if (state !== 'stopped' && (enabled ?? true)) return 'systemctl start';
  return (state ?? 'stopped') === 'stopped' && !enabled && daemon_reload !== true ? 'systemctl stop' : undefined;
}
