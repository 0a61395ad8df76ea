import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { args, flag, optionalFlag } from './shared/args.ts';
import { parseUnit, type UnitSeen, unitArgs, unitData } from './shared/unit.ts';
import { planScoped, probeScoped, scopedNeeds, scopedSeries, scopedTouches } from './shared/unit-scope.ts';

const Args = args({
  name: Type.Optional(unitArgs.name),
  state: unitArgs.state,
  enabled: unitArgs.enabled,
  masked: optionalFlag('Whether the unit is masked, so that it cannot start at all.'),
  daemon_reload: unitArgs.daemon_reload,
  daemon_reexec: flag('Restart systemd itself first.'),
  force: flag('Replace existing links when the unit is enabled.'),
  no_block: flag('Do not wait until the job is done.'),
  scope: Type.Enum(['system', 'user', 'global'], {
    default: 'system',
    description:
      "system: the manager of the host. user: the manager of the acting user, which runs if the user is logged in or lingers (loginctl enable-linger). global: enable or mask the unit for all users' managers.",
  }),
});

export const systemd = defineModule<typeof Args, UnitSeen>({
  name: 'systemd',
  summary: 'Manages a systemd unit, now and at boot.',
  args: Args,
  aliases: { service: 'name', unit: 'name', 'daemon-reload': 'daemon_reload', 'daemon-reexec': 'daemon_reexec' },
  examples: [
    { title: 'Start now and at boot', args: { name: 'nginx', state: 'started', enabled: true } },
    { title: 'Reload in a handler', args: { name: 'haproxy', state: 'reloaded' } },
    { title: 'Reload changed unit files', args: { daemon_reload: true } },
    { title: 'Start a unit of a user', args: { name: 'sync.timer', scope: 'user', state: 'started', enabled: true } },
    { title: 'Mask a unit', args: { name: 'apt-daily.timer', masked: true, state: 'stopped' } },
  ],
  verify: (given) => [
    ...(given.name === undefined &&
    (given.state !== undefined || given.enabled !== undefined || given.masked !== undefined)
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name'" })]
      : []),
    ...(given.scope === 'global' && (given.state !== undefined || given.daemon_reload || given.daemon_reexec)
      ? [
          argError(['scope'], 'E_ARGUMENT_CONFLICT', {
            problem: '`scope: global` has no manager that starts or reloads units',
            hint: 'keep enabled and masked only, or set `scope: user`',
          }),
        ]
      : []),
  ],
  needs: scopedNeeds,
  touches: scopedTouches,
  series: scopedSeries,
  probe: probeScoped,
  parse: parseUnit,
  plan: planScoped,
  data: (current, given) => unitData(current, given),
});
