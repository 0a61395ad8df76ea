import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';

const Args = Type.Object(
  { hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts whose disk is replaced.' }) },
  { additionalProperties: false },
);

/**
 * A playbook restores the host, as in real life: as a step of the drill, and as its cleanup in case that step was not
 * reached.
 */
export const reset = defineStep({
  name: 'reset',
  summary: 'Replaces the disk of hosts. They become bare machines with the same address and host key.',
  args: Args,
  examples: [{ title: 'New disk', args: { hosts: 'web1' } }],
  wants: 'disk',
  hosts: (args) => args.hosts,
  tell: (_, hosts) =>
    hosts.length > 1 ? `${hosts.join(', ')} get fresh disks` : `${hosts.join(', ')} gets a fresh disk`,
  async run({ hosts }, scene) {
    const chosen = scene.select(hosts);
    // an interruption between power off and on would leave the host without power
    for (const host of chosen) scene.owe(`power ${host}`, `switch ${host} on`, (later) => later.power([host], 'on'));
    await scene.reset(chosen);
    for (const host of chosen) scene.settle(`power ${host}`);
  },
});
