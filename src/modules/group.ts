import { Type } from 'typebox';
import { type Change, defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { entry, GROUP } from './shared/questions.ts';
import { UNINTERRUPTED } from './shared/uninterrupted.ts';

const Args = args({
  name: Type.String({
    pattern: '^[A-Za-z0-9_][\\w.-]*\\$?$',
    expected: 'the name of a group',
    description: 'The name of the group.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the group exists.' }),
  gid: Type.Optional(Type.Integer({ minimum: 0, description: 'The number of the group.' })),
  system: flag('Give a new group a number of the range for system groups.'),
  gid_min: Type.Optional(Type.Integer({ minimum: 0, description: 'The lowest number for a new group.' })),
  gid_max: Type.Optional(Type.Integer({ minimum: 0, description: 'The highest number for a new group.' })),
  non_unique: flag('Allow the gid of another group.'),
  local: flag('Look only into /etc/group, not at groups of a directory service.'),
  force: flag("With absent: remove the group even if it is a user's primary group."),
});

export const group = defineModule<typeof Args, Fields>({
  name: 'group',
  summary: 'Manages a group.',
  args: Args,
  examples: [
    { title: 'Create a system group', args: { name: 'app', system: true } },
    { title: 'Remove a group', args: { name: 'games', state: 'absent' } },
  ],
  needs: ({ name }) => [`group:${name}`],
  touches: ({ name }) => [`group:${name}`, 'path:/etc/group', 'path:/etc/gshadow'],
  probe: ({ name, local }) => sh`${entry(sh`g`, GROUP, name, local)}; [ -z "$g" ] || printf 'group %s\n' "$g"`,
  parse: (stdout) => fields(stdout),
  plan(f, { name, state, gid, system, non_unique, force, gid_min, gid_max }): readonly Change[] {
    const now = gidOf(f);
    if (state === 'absent') {
      return now === undefined
        ? []
        : [
            {
              what: `remove group ${name}`,
              diff: { of: `group ${name}`, before: `${name} ${now}\n`, after: null },
              run: sh`${UNINTERRUPTED}; groupdel ${force ? ['-f'] : []} -- ${name}`,
            },
          ];
    }
    const options = [...(gid === undefined ? [] : ['-g', String(gid)]), ...(non_unique ? ['-o'] : [])];
    if (now === undefined) {
      return [
        {
          what: `create group ${name}`,
          diff: { of: `group ${name}`, before: null, after: `${name} ${gid ?? '(next free)'}\n` },
          run: sh`${UNINTERRUPTED}; groupadd ${system ? ['-r'] : []} ${[...range('GID_MIN', gid_min), ...range('GID_MAX', gid_max)]} ${options} -- ${name}`,
        },
      ];
    }
    if (gid === undefined || gid === now) return [];
    return [
      {
        what: `group ${name}: gid ${now} → ${gid}`,
        diff: { of: `group ${name}`, before: `${name} ${now}\n`, after: `${name} ${gid}\n` },
        run: sh`${UNINTERRUPTED}; groupmod ${options} -- ${name}`,
      },
    ];
  },
  data(f, { name, state, system }) {
    const gid = gidOf(f);
    return { name, state, system, ...(gid !== undefined && { gid }) };
  },
});

/** An option of groupadd that sets a limit of login.defs for this once. */
function range(name: string, value: number | undefined): readonly string[] {
  return value === undefined ? [] : ['-K', `${name}=${value}`];
}

function gidOf(f: Fields): number | undefined {
  const line = f.get('group');
  return line === undefined ? undefined : Number(line.split(':')[2]);
}
