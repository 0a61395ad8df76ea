import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args } from './shared/args.ts';

const Args = args({
  state: Type.Enum(['file', 'directory'], { default: 'file', description: 'The type to create.' }),
  path: Type.Optional(absolutePath("The parent directory. Default: the host's temporary directory.")),
  prefix: Type.String({ default: 'ansible.', pattern: '^[^/]*$', description: 'The beginning of the name.' }),
  suffix: Type.String({ default: '', pattern: '^[^/]*$', description: 'The end of the name.' }),
});
type Args = Static<typeof Args>;

export const tempfile = defineModule<typeof Args, null>({
  name: 'tempfile',
  summary: 'Creates a temporary file or directory with a unique name.',
  args: Args,
  examples: [{ title: 'Create a directory', args: { state: 'directory', suffix: 'build' } }],
  parse: () => null,
  plan: (_, { state, path, prefix, suffix }) => [
    {
      what: `make a temporary ${state}`,
      run: sh`mktemp ${state === 'directory' ? ['-d'] : []} ${`--suffix=${suffix}`} -p ${path === undefined ? sh`"\${TMPDIR:-/tmp}"` : path} -- ${`${prefix}XXXXXXXX`}`,
      action: true,
    },
  ],
  data: (_, given: Args, _ctx, ran) =>
    ran === undefined ? { state: given.state } : { path: ran.stdout.trim(), state: given.state },
});
