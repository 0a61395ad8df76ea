import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args } from './shared/args.ts';
import { fields } from './shared/fields.ts';
import { fileData, statOf } from './shared/path-state.ts';
import { STAT_FORMAT } from './shared/questions.ts';

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
      run: sh`set -e
p=$(mktemp ${state === 'directory' ? ['-d'] : []} ${`--suffix=${suffix}`} -p ${path === undefined ? sh`"\${TMPDIR:-/tmp}"` : path} -- ${`${prefix}XXXXXXXX`})
printf 'path %s\nstat %s\n' "$p" "$(stat -c ${STAT_FORMAT} -- "$p")"`,
      action: true,
    },
  ],
  data(_, { state }: Args, _ctx, ran) {
    const printed = fields(ran?.stdout ?? '');
    const [path, stat] = [printed.get('path'), statOf(printed.get('stat'))];
    return path === undefined || stat === undefined ? { state } : fileData(path, { stat });
  },
});
