import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { args } from './shared/args.ts';
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
  name: unitArgs.name,
  state: unitArgs.state,
  enabled: unitArgs.enabled,
  use: Type.Enum(['auto', 'systemd', 'service'], {
    default: 'auto',
    description: 'The service manager. Only systemd is supported.',
  }),
  daemon_reload: unitArgs.daemon_reload,
  pattern: Type.Optional(
    Type.String({ description: 'No effect with systemd, as in Ansible: it knows the processes of a unit.' }),
  ),
  sleep: Type.Optional(
    Type.Integer({ description: 'No effect with systemd, as in Ansible: it waits until a unit has stopped.' }),
  ),
  runlevel: Type.Optional(Type.String({ description: 'No effect with systemd, as in Ansible: it has no runlevels.' })),
  arguments: Type.Optional(Type.String({ description: 'No effect with systemd, as in Ansible.' })),
});

export const service = defineModule<typeof Args, UnitSeen>({
  name: 'service',
  summary: 'Manages a systemd unit, now and at boot.',
  args: Args,
  aliases: { args: 'arguments' },
  examples: [
    { title: 'Start now and at boot', args: { name: 'nginx', state: 'started', enabled: true } },
    { title: 'Reload in a handler', args: { name: 'haproxy', state: 'reloaded' } },
  ],
  verify: ({ state, enabled }) =>
    state === undefined && enabled === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'state' or 'enabled'" })]
      : [],
  needs: unitNeeds,
  touches: unitTouches,
  series: unitSeries,
  probe: probeUnit,
  parse: parseUnit,
  plan: planUnit,
  data: (current, given) => unitData(current, given),
});
