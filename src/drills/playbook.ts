import { Type } from 'typebox';
import { defineStep } from '../core/drill.ts';

const Args = Type.Object(
  {
    file: Type.String({ description: 'The playbook, relative to the working directory.' }),
    limit: Type.Optional(Type.String({ description: 'Apply to these hosts only, as with --limit.' })),
    vars: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: 'Extra variables, as with -e. They override all others.',
    }),
  },
  { additionalProperties: false },
);

export const playbook = defineStep({
  name: 'playbook',
  summary: 'Applies a playbook while requests flow: a rolling deploy, a switchover.',
  args: Args,
  examples: [{ title: 'New release, host by host', args: { file: 'playbooks/deploy.yml', vars: { release: '2' } } }],
  hosts: (args) => [args.limit ?? 'all'],
  tell: ({ file, limit }) => `${file} is applied${limit === undefined ? '' : ` to ${limit}`}`,
  run: ({ file, vars, limit }, scene) => scene.playbook(file, vars, limit),
});
