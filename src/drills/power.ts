import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts whose power is switched.' }),
    state: Type.Union([Type.Literal('cut'), Type.Literal('off'), Type.Literal('on')], {
      description: 'cut: cut the power. off: shut down cleanly. on: power on and wait until the host accepts logins.',
    }),
  },
  { additionalProperties: false },
);
const WORDS = { cut: 'loses its power', off: 'is shut down', on: 'is switched on' } as const;
const MANY = { cut: 'lose their power', off: 'are shut down', on: 'are switched on' } as const;

export const power = defineStep({
  name: 'power',
  summary: 'Cuts or restores the power of hosts.',
  args: Args,
  examples: [{ title: 'Power cut', args: { hosts: 'lb1', state: 'cut' } }],
  wants: 'power',
  hosts: (args) => args.hosts,
  tell: ({ state }, hosts) => `${hosts.join(', ')} ${hosts.length > 1 ? MANY[state] : WORDS[state]}`,
  async run({ hosts, state }, scene) {
    const chosen = scene.select(hosts);
    if (state !== 'on')
      for (const host of chosen) scene.owe(`power ${host}`, `switch ${host} on`, (later) => later.power([host], 'on'));
    await scene.power(chosen, state);
    if (state === 'on') for (const host of chosen) scene.settle(`power ${host}`);
  },
});
