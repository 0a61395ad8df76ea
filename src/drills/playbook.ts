import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';

const Args = Type.Object(
  {
    file: Type.String({ description: 'The playbook, from where bringup is run.' }),
    limit: Type.Optional(Type.String({ description: 'Only these hosts, as --limit.' })),
    vars: Type.Record(Type.String(), Type.Unknown(), { default: {}, description: 'As -e: they win over all.' }),
  },
  { additionalProperties: false },
);

export const playbook = defineStep({
  name: 'playbook',
  summary: 'A playbook is applied while requests flow: a rolling deploy, a switchover.',
  args: Args,
  examples: [{ title: 'A new release, host by host', args: { file: 'playbooks/deploy.yml', vars: { release: '2' } } }],
  hosts: (args) => [args.limit ?? 'all'],
  tell: ({ file, limit }) => `${file} is applied${limit === undefined ? '' : ` to ${limit}`}`,
  run: ({ file, vars, limit }, scene) => scene.playbook(file, vars, limit),
});
