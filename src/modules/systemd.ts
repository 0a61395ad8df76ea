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
  masked: optionalFlag('It cannot be started at all.'),
  daemon_reload: unitArgs.daemon_reload,
  daemon_reexec: flag('Start systemd itself anew first.'),
  force: flag('Existing links are replaced when it is enabled.'),
  no_block: flag('Do not wait until it is done.'),
  scope: Type.Enum(['system'], { default: 'system', description: 'Only the system manager is known.' }),
});

export const systemd = defineModule<typeof Args, UnitSeen>({
  name: 'systemd',
  summary: 'A systemd unit runs or not, now and at boot.',
  args: Args,
  aliases: { service: 'name', unit: 'name', 'daemon-reload': 'daemon_reload', 'daemon-reexec': 'daemon_reexec' },
  examples: [
    { title: 'Now and at boot', args: { name: 'nginx', state: 'started', enabled: true } },
    { title: 'For a handler', args: { name: 'haproxy', state: 'reloaded' } },
    { title: 'Unit files that changed', args: { daemon_reload: true } },
    { title: 'Never', args: { name: 'apt-daily.timer', masked: true, state: 'stopped' } },
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
