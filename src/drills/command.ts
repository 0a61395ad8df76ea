import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';
import { verbatim } from '../core/sh.ts';

const Args = Type.Object(
  {
    hosts: Type.Array(Type.String(), { minItems: 1, description: 'Where.' }),
    script: Type.String({ minLength: 1, description: 'What runs on each of them, as root, in sh.' }),
    undo: Type.Optional(
      Type.String({ description: 'What puts it right: runs at the end, whatever happened. Must do no harm twice.' }),
    ),
    timeout: Type.Number({ default: 60, minimum: 1, maximum: 600, description: 'Seconds it may take.' }),
    may_fail: Type.Boolean({ default: false, description: 'Whether the drill goes on when it fails.' }),
  },
  { additionalProperties: false },
);

export const command = defineStep({
  name: 'command',
  summary: 'A script runs on hosts, as root.',
  args: Args,
  examples: [
    { title: 'A clock that is wrong', args: { hosts: 'web1', script: 'date -s +1hour', undo: 'date -s -1hour' } },
  ],
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
