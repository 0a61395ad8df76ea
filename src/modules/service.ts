import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { args, flag, optionalFlag } from './shared/args.ts';
import { parseUnit, planUnit, probeUnit, type UnitSeen, unitData, unitNeeds, unitTouches } from './shared/unit.ts';

const Args = args({
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
  use: Type.Enum(['auto', 'systemd', 'service'], {
    default: 'auto',
    description: 'The service manager. Only systemd is known.',
  }),
  daemon_reload: flag('Read all unit files anew first. (Changed ones are, without being asked.)'),
  pattern: Type.Optional(Type.String({ description: 'Ignored: systemd knows.' })),
  sleep: Type.Optional(Type.Integer({ description: 'Ignored: systemd waits.' })),
  arguments: Type.Optional(Type.String({ description: 'Ignored with systemd.' })),
});

export const service = defineModule<typeof Args, UnitSeen>({
  name: 'service',
  summary: 'A systemd unit runs or not, now and at boot.',
  args: Args,
  aliases: { args: 'arguments' },
  examples: [
    { title: 'Now and at boot', args: { name: 'nginx', state: 'started', enabled: true } },
    { title: 'For a handler', args: { name: 'haproxy', state: 'reloaded' } },
  ],
  verify: ({ state, enabled }) =>
    state === undefined && enabled === undefined
      ? [{ path: [], message: "argument 'state' or 'enabled' is missing" }]
      : [],
  needs: unitNeeds,
  touches: unitTouches,
  probe: probeUnit,
  parse: parseUnit,
  plan: planUnit,
  data: (current, given) => unitData(current, given),
});
