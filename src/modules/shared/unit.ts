import { Type } from 'typebox';
import { blocked, type Change, type Steps } from '../../core/module.ts';
import { answer, type Script, sh } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import { flag, optionalFlag } from './args.ts';
import { UNIT, UNIT_PROPERTIES } from './questions.ts';
import { isUp, running, VERBS } from './unit-run.ts';

/** Arguments that service and systemd have in common. */
export const unitArgs = {
  name: Type.String({
    pattern: '^[\\w@.:\\\\-]+$',
    expected: 'the name of a unit',
    description: 'The unit. A name without a suffix is a .service.',
  }),
  state: Type.Optional(
    Type.Enum(['started', 'stopped', 'restarted', 'reloaded'], {
      description:
        'started, stopped: start or stop the unit if needed. restarted: always restart. reloaded: always reload, or start the unit if it does not run.',
    }),
  ),
  enabled: optionalFlag('Whether the unit starts at boot.'),
  daemon_reload: flag('Reload all unit files first. (Changed files are reloaded in any case.)'),
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

/** The links of all units of a round trip are created together, before systemd reloads its units. */
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

/** The unit's properties, whether the host has systemd, and whether systemd runs it. */
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
${probeBootState(unitName(name))}`
}`;
}

/**
 * The word of `systemctl is-enabled` for the unit whose properties are in $u. systemd's UnitFileState dates from when
 * systemd last read the unit's files. It is used if the links agree with it, because is-enabled goes by the links alone
 * in that case. It is not used for an alias, which has a state of its own. For a unit that does not exist, only a
 * script in /etc/init.d can tell more.
 */
function probeBootState(unit: string): Script {
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
  // systemd itself reports whether a unit's files changed since it read them
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
  // If systemd does not run (an image that is being built), the unit can only be enabled.
  const willRun = state === undefined || !booted ? undefined : VERBS[state](isUp(active));
  // systemctl would make systemd reload all units after each change of links. One reload is enough: at the end of the
  // round trip, or before a unit starts that depends on it.
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
      // Disabling cannot restore a state other than disabled, so only disabled units join. An indirect unit enables
      // other units and stays indirect.
      {
        ...unread,
        ...(enabledWord === 'indirect' && { excused: true as const }),
        ...(booted && enabledWord === 'disabled' && args.force !== true && { joins: linking([unit]) }),
      },
    );
  if (enabled === false && !isOff) {
    // Links that last only until the next boot are separate from the lasting ones.
    const runtime = enabledWord.endsWith('-runtime') ? ['--runtime'] : [];
    turn(
      'at boot',
      enabledWord,
      'disabled',
      linked(sh`systemctl disable --no-reload ${runtime} -- ${unit} 2>&1`),
      unread,
    );
  }
  // The connection broke after the links were made, or somebody made them by hand: systemd still has the old state. For
  // an instance and under another name, the property may describe another unit.
  const knownState = unit === properties['Id'] && !unit.includes('@') ? properties['UnitFileState'] : undefined;
  const isUnread = (enabled === true && knownState === 'disabled') || (enabled === false && knownState === 'enabled');
  if (
    booted &&
    knownState !== undefined &&
    isUnread &&
    enabledWord === (enabled ? 'enabled' : 'disabled') &&
    !isReadNow
  )
    turn('at boot, as systemd knows it', knownState, enabledWord, RELOAD);
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
 * systemctl silently skips a unit that is already started or enabled, and restarting or reloading is right whatever was
 * started before. Such changes therefore form a series.
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
