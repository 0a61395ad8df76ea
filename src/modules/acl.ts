import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args, flag } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  path: absolutePath('The file or directory.'),
  state: Type.Enum(['query', 'present', 'absent'], {
    default: 'query',
    description: 'present: the entry is there. absent: it is not. query: only return the entries.',
  }),
  entity: Type.String({
    default: '',
    pattern: '^[^:\\s-]?[^:\\s]*$',
    expected: 'a user or a group',
    description: 'The user or group of the entry. Empty: the owner, the owning group, the mask or others.',
  }),
  etype: Type.Optional(Type.Enum(['user', 'group', 'mask', 'other'], { description: 'What the entry is about.' })),
  permissions: Type.Optional(
    Type.String({ pattern: '^[rwxX-]*$', expected: 'letters of rwxX', description: 'The permissions: rwx.' }),
  ),
  entry: Type.Optional(
    Type.String({
      pattern: '^(d(efault)?:)?(u|user|g|group|m|mask|o|other)(:[^:\\s]*)?(:[rwxX-]*)?$',
      expected: 'an entry, as user:app:rx or default:group:web:rwx',
      description: 'The entry in one: user:app:rx. Instead of entity, etype, permissions and default.',
    }),
  ),
  default: flag('The entry is a default for what is made in the directory.'),
  recursive: flag('The same for all that is below the directory.'),
  follow: flag('A symbolic link is followed.', true),
  recalculate_mask: Type.Enum(['default', 'mask', 'no_mask'], {
    default: 'default',
    description: 'mask: recalculate the mask always. no_mask: never. default: unless it is given.',
  }),
});
type Args = Static<typeof Args>;

export const acl = defineModule<typeof Args, Fields>({
  name: 'acl',
  summary: 'An entry of the access control list of a file or directory is there, or is not.',
  args: Args,
  aliases: { name: 'path' },
  examples: [
    {
      title: 'A user may read',
      args: { path: '/var/log/app', entity: 'monitor', etype: 'user', permissions: 'rx', state: 'present' },
    },
    {
      title: 'Default of all below',
      args: { path: '/srv/www', entry: 'default:group:web:rwX', recursive: true, state: 'present' },
    },
  ],
  verify: (given) => {
    const { state, entry, etype, permissions, entity } = given;
    const isApart = etype !== undefined || permissions !== undefined || entity !== '';
    const perms = entry === undefined ? permissions : entryPermissions(entry);
    return [
      ...(entry !== undefined && isApart
        ? [
            argError(['entry'], 'E_ARGUMENT_CONFLICT', {
              problem: "'entry' excludes 'entity', 'etype' and 'permissions'",
            }),
          ]
        : []),
      ...(state !== 'query' && entry === undefined && etype === undefined
        ? [argError([], 'E_MISSING_ARGUMENT', { name: "'etype' or 'entry'" })]
        : []),
      ...(state === 'present' && perms === undefined
        ? [
            argError([], 'E_ARGUMENT_VALUE', {
              problem: 'permissions are missing',
              hint: 'write `permissions: rx`, or entry: user:app:rx',
            }),
          ]
        : []),
      ...(state === 'absent' && perms !== undefined && perms !== ''
        ? [argError([], 'E_ARGUMENT_VALUE', { problem: 'an entry that is to be absent has no permissions' })]
        : []),
    ];
  },
  needs: (given) => [`path:${given.path}`, 'package:acl', ...accounts(given)],
  touches: ({ path }) => [`path:${path}`],
  probe: (given) => sh`command -v setfacl >/dev/null || { echo 'setfacl missing'; exit 0; }
if [ ! -e ${given.path} ]; then echo 'path missing'; exit 0; fi
export LC_ALL=C
getfacl -cp ${given.follow ? [] : ['-P']} -- ${given.path} 2>/dev/null | sed -n '/./s/^/acl /p'
${
  given.state === 'query'
    ? sh`:`
    : sh`if t=$(setfacl --test ${optionsOf(given)} -- ${given.path} 2>&1); then
  printf '%s\n' "$t" | grep -v '\*,\*$' | head -n 20 | sed 's/^/differs /'
else printf 'refused %s\n' "$(printf '%s\n' "$t" | base64 -w0)"; fi`
}
:`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const { path, state } = given;
    if (f.get('setfacl') === 'missing') {
      return blocked('E_TOOL_MISSING', { tool: 'setfacl', hint: 'install the package acl in an earlier task' });
    }
    if (f.get('path') === 'missing') {
      return blocked('E_PATH_MISSING', { path: path, hint: 'make it in an earlier task (file)' });
    }
    const refused = f.text('refused');
    if (refused !== undefined) {
      return blocked('E_CONFIG_REFUSED', { program: 'setfacl', what: 'entry', detail: refused });
    }
    const differ = f.all('differs');
    if (differ.length === 0 || state === 'query') return [];
    const entry = entryOf(given);
    return [
      {
        what: `${path}: ${state === 'present' ? 'set' : 'remove'} the entry ${entry}`,
        diff: { of: `entries of ${path}`, before: `${f.all('acl').join('\n')}\n`, after: `${differ.join('\n')}\n` },
        run: sh`setfacl ${optionsOf(given)} -- ${path}`,
      },
    ];
  },
  data: (f) => ({ acl: f.all('acl') }),
});

/** The account of an entry has to be there first. */
function accounts(given: Args): readonly string[] {
  const [, kind = '', name = ''] = /^(?:d(?:efault)?:)?([ug])[a-z]*:([^:]+)/.exec(entryOf(given)) ?? [];
  return name === '' ? [] : [`${kind === 'u' ? 'user' : 'group'}:${name}`];
}

function entryPermissions(entry: string): string | undefined {
  return entry.replace(/^d(efault)?:/, '').split(':')[2];
}

/** As setfacl takes it. Permissions are left out where the entry is to be removed. */
function entryOf({ entry, etype = 'user', entity, permissions, default: isDefault, state }: Args): string {
  const whole = entry ?? `${isDefault ? 'default:' : ''}${etype}:${entity}:${permissions ?? ''}`;
  return state === 'absent'
    ? whole.replace(/:[rwxX-]*$/, (last, at: number) => (whole.slice(0, at).includes(':') ? '' : last))
    : whole;
}

function optionsOf(given: Args): readonly string[] {
  const { state, recursive, follow, recalculate_mask } = given;
  return [
    ...(recalculate_mask === 'mask' ? ['--mask'] : recalculate_mask === 'no_mask' ? ['--no-mask'] : []),
    ...(recursive ? ['--recursive'] : []),
    ...(follow ? [] : ['--physical']),
    ...(state === 'absent' ? ['-x', entryOf(given)] : ['-m', entryOf(given)]),
  ];
}
