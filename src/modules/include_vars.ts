import { basename } from 'node:path/posix';
import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Context, defineModule } from '../core/module.ts';
import { isDict, type Raw, type RawVars } from '../core/value.ts';
import { args, exclude, text } from './shared/args.ts';

const Args = args({
  file: text("The file, searched in the role's vars/ and beside the task's file."),
  dir: text('A directory whose files are loaded, sorted by their paths, searched as `file` is.'),
  name: text('The variable that takes all of them. Default: each becomes a variable of its own.'),
  depth: Type.Integer({ default: 0, minimum: 0, description: 'With dir: how many levels are searched. 0: all.' }),
  files_matching: text('With dir: a regular expression that the names of files must match.'),
  ignore_files: Type.Array(Type.String(), {
    default: [],
    description: 'With dir: regular expressions of names to leave out.',
  }),
  extensions: Type.Array(Type.String(), {
    default: ['yaml', 'yml', 'json'],
    description: 'With dir: the extensions of files of variables.',
  }),
  ignore_unknown_extensions: Type.Boolean({
    default: false,
    description: 'With dir: files with other extensions are left out. Default: they are an error.',
  }),
  hash_behaviour: Type.Enum(['replace', 'merge'], {
    default: 'replace',
    description: 'merge: dicts of several files are merged, key by key.',
  }),
});
type Args = Static<typeof Args>;

export const include_vars = defineModule<typeof Args, null>({
  name: 'include_vars',
  summary: 'Loads variables from files of the controller, for the rest of the run.',
  args: Args,
  aliases: { _raw_params: 'file' },
  freeForm: 'file',
  defines: () => ['*'],
  sources: ({ file }) => [{ path: file, folder: 'vars' }],
  examples: [
    { title: 'Variables by operating system', args: { file: 'Debian.yml' } },
    { title: 'All files of a directory into one variable', args: { dir: 'users', name: 'users', extensions: ['yml'] } },
  ],
  verify: (given) => [
    ...exclude(given, 'file', 'dir'),
    ...(given.file === undefined && given.dir === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'file' or 'dir'" })]
      : []),
  ],
  parse: () => null,
  plan(_, given, ctx) {
    const strange = filesOf(given, ctx).find((path) => !hasExtension(path, given));
    if (strange === undefined || given.ignore_unknown_extensions || given.dir === undefined) return [];
    return blocked('E_VARS_EXTENSION', { path: strange, known: given.extensions });
  },
  loads(given, ctx) {
    const files = filesOf(given, ctx).filter((path) => given.dir === undefined || hasExtension(path, given));
    const all = files.map((path) => ctx.variables(path));
    const vars = given.hash_behaviour === 'merge' ? all.reduce(merged, {}) : Object.assign({}, ...all);
    return given.name === undefined ? vars : { [given.name]: vars };
  },
  data: (_, given, ctx) => ({ ansible_included_var_files: [...filesOf(given, ctx)] }),
});

function filesOf(given: Args, ctx: Context): readonly string[] {
  if (given.dir === undefined) return [ctx.file(given.file ?? '', 'vars').path];
  const matches = (name: string, pattern: string): boolean => new RegExp(pattern).test(name);
  return ctx.tree(given.dir, 'vars').flatMap((node) => {
    if (!('file' in node)) return [];
    const isDeep = given.depth > 0 && node.path.split('/').length > given.depth;
    const name = basename(node.path);
    const isWanted = given.files_matching === undefined || matches(name, given.files_matching);
    return isDeep || !isWanted || given.ignore_files.some((one) => matches(name, one)) ? [] : [node.file.path];
  });
}

function hasExtension(path: string, { extensions }: Args): boolean {
  return extensions.some((one) => path.endsWith(`.${one}`));
}

function merged(one: RawVars, other: RawVars): RawVars {
  const both = Object.entries(other).map(([name, value]): [string, Raw] => {
    const was = one[name];
    return [name, isDict(was) && isDict(value) ? (merged(was as RawVars, value as RawVars) as Raw) : value];
  });
  return { ...one, ...Object.fromEntries(both) };
}
