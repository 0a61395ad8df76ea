import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { noSelinux, PROBE_SELINUX } from './shared/selinux.ts';

/** The types of files, as semanage and the files of SELinux name them. */
const TYPES = { a: '', b: '-b', c: '-c', d: '-d', f: '--', l: '-l', p: '-p', s: '-s' } as const;

const Args = args({
  target: Type.String({
    pattern: '^/\\S*$',
    expected: 'a regular expression for paths, as /srv/web(/.*)?',
    description: 'A regular expression for paths.',
  }),
  setype: text('The type of the files, for example httpd_sys_content_t.'),
  substitute: Type.Optional(
    Type.String({
      pattern: '^/',
      expected: 'a path',
      description: 'The files are labelled like those below this path.',
    }),
  ),
  ftype: Type.Enum(['a', 'b', 'c', 'd', 'f', 'l', 'p', 's'], {
    default: 'a',
    description:
      'Which files: a (all), b (block devices), c (character devices), d (directories), f (regular files), l (links), p (pipes), s (sockets).',
  }),
  seuser: text('The user of SELinux. Default: system_u.'),
  selevel: text('The level. Default: s0.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the rule exists.' }),
  reload: flag('Reload the policy.', true),
  ignore_selinux_state: flag('Work although SELinux is disabled.'),
});

export const sefcontext = defineModule<typeof Args, Fields>({
  name: 'sefcontext',
  summary: 'Sets which SELinux label files get. It labels no file; run restorecon after it.',
  args: Args,
  aliases: { path: 'target', equal: 'substitute', serange: 'selevel' },
  examples: [
    { title: 'Label the files of a site', args: { target: '/srv/web(/.*)?', setype: 'httpd_sys_content_t' } },
    { title: 'Label like another directory', args: { target: '/srv/home', substitute: '/home' } },
  ],
  verify: ({ setype, substitute, state, seuser, selevel }) => {
    const others = [setype, seuser, selevel].filter((one) => one !== undefined);
    if (substitute !== undefined && others.length > 0)
      return [
        argError(['substitute'], 'E_ARGUMENT_CONFLICT', {
          problem: "'substitute' excludes 'setype', 'seuser' and 'selevel'",
        }),
      ];
    if (state === 'present' && (setype ?? substitute) === undefined)
      return [argError([], 'E_MISSING_ARGUMENT', { name: "'setype' or 'substitute'" })];
    return [];
  },
  needs: () => ['package:*', 'path:/etc/selinux'],
  touches: () => ['path:/etc/selinux', 'path:/var/lib/selinux'],
  probe: ({ target }) => sh`command -v semanage >/dev/null || { echo 'tool missing'; exit 0; }
${PROBE_SELINUX}
d=/etc/selinux/$t/contexts/files
t=${target}; export t
for f in file_contexts file_contexts.local file_contexts.subs; do
  if [ -f "$d/$f" ]; then awk -v f="$f" '$1 == ENVIRON["t"] { print f, (NF > 2 ? $2 : ""), $NF }' "$d/$f"; fi
done`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const { target, setype, substitute, ftype, state, seuser, selevel, reload } = given;
    const wrong = noSelinux(f, 'semanage', given.ignore_selinux_state);
    if (wrong !== undefined) return wrong;
    const common = reload ? [] : ['--noreload'];
    const isPresent = state === 'present';
    if (substitute !== undefined || (setype === undefined && f.get('file_contexts.subs') !== undefined)) {
      const is = f.get('file_contexts.subs')?.trim();
      if (isPresent ? is === substitute : is === undefined || (substitute !== undefined && is !== substitute))
        return [];
      const verb = isPresent ? (is === undefined ? '--add' : '--modify') : '--delete';
      return [
        {
          what: isPresent ? `label ${target} like ${substitute}` : `no longer label ${target} like ${is}`,
          diff: diffOf(target, is, isPresent ? substitute : undefined),
          run: sh`semanage fcontext ${common} ${verb} --equal ${(isPresent ? substitute : is) ?? ''} ${target}`,
        },
      ];
    }
    const mine = (file: string): string | undefined =>
      f
        .all(file)
        .map((line) => line.split(' '))
        .findLast(([type]) => type === TYPES[ftype])?.[1];
    const local = mine('file_contexts.local');
    const is = local ?? mine('file_contexts');
    if (!isPresent) {
      if (local === undefined) return [];
      return [
        {
          what: `remove the label of ${target}`,
          diff: diffOf(target, local, undefined),
          run: sh`semanage fcontext ${common} --delete --ftype ${ftype} ${target}`,
        },
      ];
    }
    const [user = 'system_u', , type, level = 's0'] = is === undefined ? [] : splitLabel(is);
    if (type === setype && (seuser ?? user) === user && (selevel ?? level) === level) return [];
    const label = `${seuser ?? user}:object_r:${setype}:${selevel ?? level}`;
    return [
      {
        what: `label ${target} as ${setype}`,
        diff: diffOf(target, is, label),
        run: sh`semanage fcontext ${common} ${is === undefined ? '--add' : '--modify'} --type ${setype ?? ''} --ftype ${ftype} --seuser ${seuser ?? user} --range ${selevel ?? level} ${target}`,
      },
    ];
  },
  data: (_, { target, ftype, setype, seuser, selevel, state }) => ({
    target,
    ftype,
    setype: setype ?? null,
    seuser: seuser ?? null,
    serange: selevel ?? null,
    state,
  }),
});

/** user, role, type and level. The level may contain colons. */
function splitLabel(label: string): readonly string[] {
  const [user = '', role = '', type = '', ...level] = label.split(':');
  return [user, role, type, level.join(':')];
}

function diffOf(target: string, before: string | undefined, after: string | undefined) {
  const line = (label: string | undefined): string | null => (label === undefined ? null : `${target} ${label}\n`);
  return { of: 'file contexts', before: line(before), after: line(after) };
}
