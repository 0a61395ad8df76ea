import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { args, flag, optionalFlag } from './shared/args.ts';
import {
  parseUnit,
  planUnit,
  probeUnit,
  type UnitSeen,
  unitArgs,
  unitData,
  unitNeeds,
  unitSeries,
  unitTouches,
} from './shared/unit.ts';

const Args = args({
  name: Type.Optional(unitArgs.name),
  state: unitArgs.state,
  enabled: unitArgs.enabled,
  masked: optionalFlag('Whether the unit is masked, so that it cannot start at all.'),
  daemon_reload: unitArgs.daemon_reload,
  daemon_reexec: flag('Restart systemd itself first.'),
  force: flag('Replace existing links when the unit is enabled.'),
  no_block: flag('Do not wait until the job is done.'),
  scope: Type.Enum(['system'], { default: 'system', description: 'Only the system manager is supported.' }),
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
    { title: 'Mask a unit', args: { name: 'apt-daily.timer', masked: true, state: 'stopped' } },
  ],
  verify: (given) =>
    given.name === undefined && (given.state !== undefined || given.enabled !== undefined || given.masked !== undefined)
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name'" })]
      : [],
  needs: unitNeeds,
  touches: unitTouches,
  series: unitSeries,
  probe: probeUnit,
  parse: parseUnit,
  plan: planUnit,
  data: (current, given) => unitData(current, given),
});
