import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args, flag } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { probePath, type Seen, seen, textOf } from './shared/path-state.ts';
import { place } from './shared/place.ts';

const word = (expected: string, description: string, more = {}) =>
  Type.String({ pattern: '^[^\\s:=,()]+$', expected, description, ...more });

const Args = args({
  name: Type.String({
    pattern: '^[^./~][^./~]*$',
    expected: 'a file name without a dot, a slash or ~, because sudo reads no other files',
    description: 'The name of the rule, and of its file.',
  }),
  user: Type.Optional(word('the name of a user', 'Who may run the commands. Either this or group.')),
  group: Type.Optional(word('the name of a group', 'Whose members may run the commands.')),
  commands: Type.Optional(
    Type.Array(Type.String({ pattern: '^[^\\n]+$', expected: 'one line', minLength: 1 }), {
      minItems: 1,
      description: 'The commands, with their full paths, or ALL. Needed with present.',
    }),
  ),
  runas: Type.Optional(
    Type.String({
      pattern: '^[^\\n()]+$',
      expected: 'users, and groups after a colon: postgres, ALL:ALL',
      description: 'As whom the commands may run. Default: root.',
    }),
  ),
  host: word('the name of a host, or ALL', 'On which host the rule holds.', { default: 'ALL' }),
  nopassword: flag('Do not ask for a password.', true),
  noexec: flag('Keep the commands from running others.'),
  setenv: flag('Let the user set environment variables for the commands.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the rule is there.' }),
  sudoers_path: { ...absolutePath('The directory of the rules.'), default: '/etc/sudoers.d' },
  validation: Type.Enum(['detect', 'required', 'absent'], {
    default: 'detect',
    description: 'Check the rule with visudo: if the host has it, always, or never.',
  }),
});
type Args = Static<typeof Args>;
type Current = Readonly<{ fields: Fields; now: Seen }>;

export const sudoers = defineModule<typeof Args, Current>({
  name: 'sudoers',
  summary: 'A rule of sudo in a file of its own.',
  args: Args,
  examples: [
    {
      title: 'Let a deploy user restart a service',
      args: { name: 'deploy', user: 'deploy', commands: ['/usr/bin/systemctl restart app'] },
    },
  ],
  verify: ({ state, user, group, commands }) => [
    ...(user !== undefined && group !== undefined
      ? [argError(['group'], 'E_ARGUMENT_CONFLICT', { problem: "'user' and 'group' exclude each other" })]
      : []),
    ...(state === 'present' && user === undefined && group === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'user' or 'group'" })]
      : []),
    ...(state === 'present' && commands === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'commands'" })]
      : []),
  ],
  needs: (given) => [`path:${fileOf(given)}`, 'package:sudo'],
  touches: (given) => [`path:${fileOf(given)}`],
  probe: (given) => sh`${probePath(fileOf(given), {}, { content: 'always' })}
if command -v visudo >/dev/null; then echo 'visudo yes'; fi`,
  parse(stdout, given) {
    const f = fields(stdout);
    return { fields: f, now: seen(f, fileOf(given), {}) };
  },
  plan({ fields: f, now }, given, ctx): Steps {
    const { state, validation } = given;
    const path = fileOf(given);
    if (state === 'absent') {
      if (now.stat === undefined) return [];
      return [
        {
          what: `remove ${path}`,
          diff: { of: path, before: textOf(now) ?? '', after: null },
          run: sh`rm -f -- ${path}`,
        },
      ];
    }
    const hasVisudo = f.get('visudo') === 'yes';
    if (validation === 'required' && !hasVisudo) {
      return blocked('E_TOOL_MISSING', { tool: 'visudo', hint: 'install the package sudo in an earlier task' });
    }
    const text = ruleOf(given);
    const validate = validation === 'absent' || !hasVisudo ? undefined : 'visudo -cf %s';
    const same = now.stat !== undefined && textOf(now) === text;
    return place(now, { path, source: { text }, same }, { mode: '0440', validate }, ctx);
  },
});

function fileOf({ sudoers_path, name }: Args): string {
  return `${sudoers_path.replace(/\/+$/, '')}/${name}`;
}

function ruleOf({ user, group, host, runas, noexec, nopassword, setenv, commands = [] }: Args): string {
  const tags = [noexec && 'NOEXEC:', nopassword && 'NOPASSWD:', setenv && 'SETENV:'].filter((one) => one !== false);
  const as = runas === undefined ? '' : `(${runas})`;
  return `${user ?? `%${group}`} ${host}=${as}${tags.join('')} ${commands.join(', ')}\n`;
}
