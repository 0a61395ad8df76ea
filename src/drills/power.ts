import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Whose power.' }),
    state: Type.Union([Type.Literal('cut'), Type.Literal('off'), Type.Literal('on')], {
      description: 'cut: the plug is pulled; off: a clean shutdown; on: and wait until it lets us in.',
    }),
  },
  { additionalProperties: false },
);
const WORDS = { cut: 'loses its power', off: 'is shut down', on: 'is switched on' } as const;
const MANY = { cut: 'lose their power', off: 'are shut down', on: 'are switched on' } as const;

export const power = defineStep({
  name: 'power',
  summary: "A host's power is cut, or comes back.",
  args: Args,
  examples: [{ title: 'The plug is pulled', args: { hosts: 'lb1', state: 'cut' } }],
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
