import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';

const Args = Type.Object(
  { hosts: Type.Array(Type.String(), { minItems: 1, description: 'Whose disk.' }) },
  { additionalProperties: false },
);

/** What makes it again what it was is a playbook, as in life: a step of the drill, and its cleanup for when that did not come. */
export const reset = defineStep({
  name: 'reset',
  summary: 'A host loses its disk, and is put up anew: a bare machine with its address and host key.',
  args: Args,
  examples: [{ title: 'A new disk', args: { hosts: 'web1' } }],
  wants: 'disk',
  hosts: (args) => args.hosts,
  tell: (_, hosts) =>
    hosts.length > 1 ? `${hosts.join(', ')} get fresh disks` : `${hosts.join(', ')} gets a fresh disk`,
  async run({ hosts }, scene) {
    const chosen = scene.select(hosts);
    // one that is cut short between power off and on would leave it dark
    for (const host of chosen) scene.owe(`power ${host}`, `switch ${host} on`, (later) => later.power([host], 'on'));
    await scene.reset(chosen);
    for (const host of chosen) scene.settle(`power ${host}`);
  },
});
