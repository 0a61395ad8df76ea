import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts whose network link is cut.' }),
    state: Type.Union([Type.Literal('cut'), Type.Literal('healed')], {
      description: 'cut: no frame passes. healed: all cuts of these hosts are removed.',
    }),
    from: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'Cut the hosts off from these hosts only. Default: from everybody.',
      }),
    ),
    direction: Type.Union([Type.Literal('both'), Type.Literal('in'), Type.Literal('out')], {
      default: 'both',
      description: 'in: drop what is sent to `hosts`. out: drop what they send. both: drop both.',
    }),
  },
  { additionalProperties: false },
);

export const network = defineStep({
  name: 'network',
  summary: 'Cuts the network link of hosts: from all others or from some, in both directions or one.',
  args: Args,
  examples: [
    { title: 'Complete isolation', args: { hosts: 'db1', state: 'cut' } },
    { title: 'Split brain', args: { hosts: 'db1', from: ['db2', 'lb1'], state: 'cut' } },
  ],
  wants: 'wire',
  hosts: (args) => args.hosts,
  tell({ state, from, direction }, hosts) {
    if (state === 'healed')
      return `${hosts.join(', ')} ${hosts.length > 1 ? 'are' : 'is'} connected to the network again`;
    const way = direction === 'both' ? '' : direction === 'in' ? ' (what comes in)' : ' (what goes out)';
    return `${hosts.join(', ')} ${hosts.length > 1 ? 'are' : 'is'} cut off from ${from === undefined ? 'all hosts' : from.join(', ')}${way}`;
  },
  async run({ hosts, state, from, direction }, scene) {
    const chosen = scene.select(hosts);
    const debt = (host: string): string => `wire ${host}`;
    if (state === 'healed') {
      await scene.wire('heal', chosen);
      for (const host of chosen) scene.settle(debt(host));
      return;
    }
    for (const host of chosen)
      scene.owe(debt(host), `reconnect ${host} to the network`, (later) => later.wire('heal', [host]));
    await scene.wire({ from: from === undefined ? undefined : scene.select(from), direction }, chosen);
  },
});
