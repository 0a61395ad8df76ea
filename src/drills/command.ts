import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';
import { verbatim } from '../core/sh.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'The hosts on which the script runs.' }),
    script: Type.String({ minLength: 1, description: 'The sh script to run on each host as root.' }),
    undo: Type.Optional(
      Type.String({
        description:
          'A script that reverts the change. It always runs at the end, and must do no harm if it runs twice.',
      }),
    ),
    timeout: Type.Number({ default: 60, minimum: 1, maximum: 600, description: 'The time limit in seconds.' }),
    may_fail: Type.Boolean({ default: false, description: 'Whether the drill continues if the script fails.' }),
  },
  { additionalProperties: false },
);

export const command = defineStep({
  name: 'command',
  summary: 'Runs a script on hosts as root.',
  args: Args,
  examples: [{ title: 'Wrong clock', args: { hosts: 'web1', script: 'date -s +1hour', undo: 'date -s -1hour' } }],
  hosts: (args) => args.hosts,
  tell: ({ script }, hosts) => `'${(script.trim().split('\n')[0] ?? '').slice(0, 60)}' on ${hosts.join(', ')}`,
  async run({ hosts, script, undo, timeout, may_fail }, scene) {
    const chosen = scene.select(hosts);
    if (undo !== undefined)
      for (const host of chosen)
        scene.owe(
          `command ${host} ${script}`,
          `'${undo.trim().split('\n')[0]?.slice(0, 60)}' on ${host}`,
          async (later) => {
            await later.root(host, verbatim(undo), { timeout });
          },
        );
    await Promise.all(chosen.map((host) => scene.root(host, verbatim(script), { timeout, mayFail: may_fail })));
  },
});
