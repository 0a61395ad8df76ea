import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9-]*\\.([^\\n]*\\.)?[A-Za-z][A-Za-z0-9-]*$',
    expected: 'a section, a dot and a name, as user.name',
    description: 'The setting: user.name, remote.origin.url.',
  }),
  value: text('The value. Needed with present. Users of the host can read it while git runs: never a secret.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the setting is there.' }),
  scope: Type.Enum(['system', 'global', 'local', 'file'], {
    default: 'system',
    description:
      "Whose setting: of all users, of the task's user (global), of one repository (needs repo), or in one file (needs file).",
  }),
  repo: Type.Optional(absolutePath('The repository, for the scope local.')),
  file: Type.Optional(absolutePath('The file, for the scope file.')),
  add_mode: Type.Enum(['replace-all', 'add'], {
    default: 'replace-all',
    description: 'add: keep other values of the setting.',
  }),
});
type Args = Static<typeof Args>;

export const git_config = defineModule<typeof Args, Fields>({
  name: 'git_config',
  summary: 'A setting of git has a value, or is not set.',
  args: Args,
  examples: [
    { title: 'For all users', args: { name: 'init.defaultBranch', value: 'main' } },
    {
      title: 'Of one repository',
      args: { name: 'user.email', value: 'ci@example.com', scope: 'local', repo: '/srv/app' },
    },
  ],
  verify: ({ state, value = '', scope, repo, file }) => [
    ...(state === 'present' && value === '' ? [argError([], 'E_MISSING_ARGUMENT', { name: "'value'" })] : []),
    ...(scope === 'local' && repo === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'repo'" })] : []),
    ...(scope === 'file' && file === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'file'" })] : []),
  ],
  needs: (given) => ['package:git', ...filesOf(given)],
  touches: filesOf,
  probe: (given) => sh`if ! command -v git >/dev/null; then echo 'missing git'
elif ! cd ${directory(given)} 2>/dev/null; then echo 'missing directory'
else
  values=$(${git(given)} --get-all ${given.name} 2>&1 >/dev/null)
  case $? in
  0) printf 'values %s\n' "$(${git(given)} -z --get-all ${given.name} | base64 | tr -d '\n')" ;;
  1) echo 'values' ;;
  *) printf 'refused %s\n' "$(printf %s "$values" | base64 | tr -d '\n')" ;;
  esac
fi`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const { name, value = '', state, add_mode, repo = '' } = given;
    if (f.get('missing') === 'git') {
      return blocked('E_TOOL_MISSING', { tool: 'git', hint: 'install the package git in an earlier task' });
    }
    if (f.get('missing') === 'directory') return blocked('E_PATH_MISSING', { path: repo });
    const refused = f.text('refused');
    if (refused !== undefined) return blocked('E_TOOL_REFUSED', { tool: 'git config', detail: refused.trim() });
    const is = valuesOf(f);
    const isGood = state === 'absent' ? is.length === 0 : is.includes(value) && (is.length === 1 || add_mode === 'add');
    if (isGood) return [];
    const after = state === 'absent' ? [] : add_mode === 'add' ? [...is, value] : [value];
    const how = state === 'absent' ? ['--unset-all', name] : [`--${add_mode}`, name, value];
    return [
      {
        what: state === 'absent' ? `unset ${name}` : `${name}: ${value}`,
        diff: { of: name, before: linesOf(is), after: linesOf(after) },
        run: sh`set -e
cd ${directory(given)}
${git(given)} ${how}`,
      },
    ];
  },
});

const linesOf = (values: readonly string[]): string => values.map((value) => `${value}\n`).join('');

function valuesOf(f: Fields): readonly string[] {
  const all = f.text('values') ?? '';
  return all === '' ? [] : all.replace(/\0$/, '').split('\0');
}

/** Outside of the repository of another task, git reads no other settings. */
function directory({ scope, repo = '/' }: Args): string {
  return scope === 'local' ? repo : '/';
}

function git({ scope, file = '' }: Args) {
  return sh`LC_ALL=C git config --includes ${scope === 'file' ? ['-f', file] : [`--${scope}`]}`;
}

/** The home of the task's user is not known here. */
function filesOf({ scope, repo = '/', file = '/' }: Args): readonly string[] {
  return { system: ['path:/etc/gitconfig'], global: ['path:*'], local: [`path:${repo}`], file: [`path:${file}`] }[
    scope
  ];
}
