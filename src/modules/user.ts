import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, defineModule, isBlocked, type Steps } from '../core/module.ts';
import { answer, type Script, sh } from '../core/sh.ts';
import { ACCOUNT, args, flag, optionalFlag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { noSuch } from './shared/missing.ts';
import { entry, GROUP, GROUPS_OF, PASSWD, SHADOW } from './shared/questions.ts';
import { newShadow, parseShadow, planShadow, type Shadow } from './shared/shadow.ts';
import { UNINTERRUPTED } from './shared/uninterrupted.ts';

const Args = args({
  name: Type.String({
    pattern: '^[A-Za-z0-9_][\\w.@-]*\\$?$',
    expected: 'the name of a user',
    description: 'The name of the user.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the user exists.' }),
  uid: Type.Optional(Type.Integer({ minimum: 0, description: 'The number of the user.' })),
  non_unique: flag('Allow the uid of another user.'),
  comment: text('The full name.'),
  group: Type.Optional(Type.String({ ...ACCOUNT, description: 'The primary group.' })),
  groups: Type.Optional(
    Type.Array(Type.String(ACCOUNT), {
      description: 'The supplementary groups. Exactly these, unless append is set. An empty list means none.',
    }),
  ),
  append: flag("Add groups to the user's present groups."),
  shell: text('The login shell.'),
  home: text('The home directory.'),
  create_home: flag('Create the home directory.', true),
  move_home: flag('Move the content of the home directory if home changes.'),
  skeleton: text('A directory whose content is copied to a new home. Default: /etc/skel.'),
  system: flag('Give a new user a number of the range for system users.'),
  password: Type.Optional(
    Type.String({
      secret: true,
      description: "The hash of the password ('!' or '*': no password), never the password itself.",
    }),
  ),
  update_password: Type.Enum(['always', 'on_create'], {
    default: 'always',
    description: 'With on_create, the password of an existing user is not changed.',
  }),
  password_lock: optionalFlag('Whether login by password is locked.'),
  password_expire_max: Type.Optional(
    Type.Integer({ description: 'The number of days for which a password is valid.' }),
  ),
  password_expire_min: Type.Optional(
    Type.Integer({ description: 'The number of days before a password may be changed again.' }),
  ),
  expires: Type.Optional(
    Type.Number({ description: 'When the account expires, in seconds since 1970. A negative value means never.' }),
  ),
  umask: text('The umask for a new home directory.'),
  uid_min: Type.Optional(Type.Integer({ minimum: 0, description: 'The lowest number for a new user.' })),
  uid_max: Type.Optional(Type.Integer({ minimum: 0, description: 'The highest number for a new user.' })),
  generate_ssh_key: flag('The user has an SSH key. A key that exists is not replaced.'),
  ssh_key_file: Type.String({
    default: '.ssh/id_rsa',
    minLength: 1,
    description: 'The key, relative to the home directory.',
  }),
  ssh_key_type: Type.String({ default: 'rsa', pattern: '^[a-z0-9-]+$', description: 'The type of a new key.' }),
  ssh_key_bits: Type.Optional(
    Type.Integer({ minimum: 256, description: "The size of a new key. Default: ssh-keygen's." }),
  ),
  ssh_key_comment: text('The comment of a new key. Default: ansible-generated on HOST.'),
  remove: flag('With absent: remove the home directory too.'),
  force: flag('With absent: remove the user even while logged in.'),
  seuser: text('The SELinux user of a new user, on a host with SELinux.'),
  hidden: optionalFlag('No effect on Linux, as in Ansible: it is for macOS.'),
  login_class: text('No effect on Linux, as in Ansible: it is for BSD.'),
  profile: text('No effect on Linux, as in Ansible: it is for Solaris.'),
  authorization: text('No effect on Linux, as in Ansible: it is for Solaris.'),
  role: text('No effect on Linux, as in Ansible: it is for Solaris.'),
  local: flag('Look only into /etc/passwd, not at users of a directory service.'),
});
type Args = Static<typeof Args>;

type Account = Readonly<{ uid: number; gid: number; comment: string; home: string; shell: string }>;
type Current = Readonly<{
  account: Account | undefined;
  primary: string;
  groups: readonly string[];
  shadow: Shadow;
  /** The wanted home directory or, without one, the account's. */
  homeExists: boolean;
  /** There is a directory that move_home has to move. */
  movesHome: boolean;
  /** The public part of the user's SSH key, and its fingerprint. undefined: not asked for, or there is none. */
  key: Readonly<{ pub: string; print: string }> | undefined;
  /** The wanted groups that exist on the host: from the name or number as given to the name. */
  known: ReadonlyMap<string, string>;
  wantedGid: number | undefined;
}>;

export const user = defineModule<typeof Args, Current>({
  name: 'user',
  summary: 'Manages a user with its groups, home and shell.',
  args: Args,
  aliases: { user: 'name', createhome: 'create_home' },
  examples: [
    {
      title: 'Create a service user',
      args: { name: 'app', system: true, shell: '/usr/sbin/nologin', home: '/srv/app', create_home: false },
    },
    {
      title: 'Create an administrator',
      args: { name: 'ada', groups: ['sudo', 'adm'], append: true, shell: '/bin/bash' },
    },
    { title: 'Remove a user and the home directory', args: { name: 'pi', state: 'absent', remove: true } },
  ],
  verify({ password, append, groups }) {
    const isHash =
      password === undefined || /^([!*].*|\$.*|_.*|x|)$/.test(password) || /^[./0-9A-Za-z]{13}$/.test(password);
    return [
      ...(isHash
        ? []
        : [
            argError(['password'], 'E_ARGUMENT_VALUE', {
              problem: 'the password is not hashed',
              hint: "use the filter: {{ password | password_hash('sha512') }}",
            }),
          ]),
      ...(append && groups === undefined
        ? [argError(['append'], 'E_ARGUMENT_CONFLICT', { problem: "'append' needs 'groups'" })]
        : []),
    ];
  },
  needs: ({ name, group, groups = [] }) => [
    `user:${name}`,
    ...[...groups, ...(group === undefined ? [] : [group])].map((g) => `group:${g}`),
  ],
  touches: ({ name, home }) => [
    `user:${name}`,
    `group:${name}`,
    'path:/etc/passwd',
    'path:/etc/shadow',
    'path:/etc/group',
    'path:/etc/gshadow',
    'path:/etc/subuid',
    'path:/etc/subgid',
    `path:${home ?? `/home/${name}`}`,
  ],
  probe: ({
    name,
    group,
    groups = [],
    home,
    move_home,
    generate_ssh_key,
    ssh_key_file,
    local,
  }) => sh`${entry(sh`p`, PASSWD, name, local)}
if [ -n "$p" ]; then
  g=${answer(GROUPS_OF, name)}; [ -n "$g" ] || g=$(id -Gn ${name})
  printf 'passwd %s\nprimary %s\ngroups %s\n' "$p" "\${g%% *}" "$g"
  h=\${p%:*}; if [ -d ${home === undefined ? sh`"\${h##*:}"` : home} ]; then echo 'home yes'; fi
  ${generate_ssh_key ? probeKey(home, ssh_key_file) : sh``}
  ${move_home ? sh`if [ -d "\${h##*:}" ]; then echo 'old yes'; fi` : sh``}
  if [ -r /etc/shadow ]; then s=${answer(SHADOW, name)}; [ -n "$s" ] || s=$(grep ${`^${name.replaceAll('.', '\\.')}:`} /etc/shadow); printf 'shadow %s\n' "$s"; fi
fi
${groups.map((g) => sh`${entry(sh`g`, GROUP, g)}; [ -z "$g" ] || printf 'known %s %s\n' ${g} "\${g%%:*}";`)}
${group === undefined ? sh`:` : sh`${entry(sh`g`, GROUP, group)}; if [ -n "$g" ]; then printf 'known %s %s\n' ${group} "\${g%%:*}"; fi; g=\${g#*:*:}; printf 'gid %s\n' "\${g%%:*}"`}`,
  parse(stdout): Current {
    const f = fields(stdout);
    return {
      account: accountOf(f),
      primary: f.get('primary') ?? '',
      groups: f.get('groups')?.split(' ') ?? [],
      shadow: parseShadow(f.get('shadow')),
      homeExists: f.get('home') === 'yes',
      movesHome: f.get('old') === 'yes',
      key: f.get('key') === undefined ? undefined : { pub: f.text('key') ?? '', print: f.get('print') ?? '' },
      known: new Map(f.all('known').map((line) => splitOnce(line, ' '))),
      wantedGid: f.get('gid') === undefined ? undefined : Number(f.get('gid')),
    };
  },
  plan(current, given) {
    const { name, state } = given;
    if (state === 'absent') {
      if (current.account === undefined) return [];
      return [
        {
          what: `remove user ${name}${given.remove ? ' and its home' : ''}`,
          diff: { of: `user ${name}`, before: describe(current), after: null },
          run: sh`${UNINTERRUPTED}; userdel ${given.force ? ['-f'] : []} ${given.remove ? ['-r'] : []} -- ${name}`,
        },
      ];
    }
    const missing = [...(given.groups ?? []), ...(given.group === undefined ? [] : [given.group])].find(
      (g) => !/^\d+$/.test(g) && !current.known.has(g),
    );
    if (missing !== undefined) return noSuch('group', missing);
    const steps = current.account === undefined ? create(given) : modify(current, current.account, given);
    if (!given.generate_ssh_key || current.key !== undefined || isBlocked(steps)) return steps;
    return [...steps, newKey(given)];
  },
  data({ account, primary, groups, key }, given) {
    if (account === undefined) return { name: given.name, state: given.state };
    const { uid, gid, comment, home, shell } = account;
    return {
      name: given.name,
      state: given.state,
      uid,
      group: gid,
      comment,
      home,
      shell,
      groups: groups.filter((g) => g !== primary).join(','),
      append: given.append,
      ...(key !== undefined && {
        ssh_key_file: given.ssh_key_file.startsWith('/') ? given.ssh_key_file : `${home}/${given.ssh_key_file}`,
        ssh_public_key: key.pub.trimEnd(),
        ssh_fingerprint: key.print,
      }),
    };
  },
});

/** Prints the user's public key. `$h` ends in the home directory that the user has now. */
function probeKey(home: string | undefined, file: string): Script {
  return sh`k=${file}; case $k in /*) ;; *) k=${home ?? sh`"\${h##*:}"`}/$k ;; esac
  if [ -f "$k" ] && [ -f "$k.pub" ]; then printf 'key %s\nprint %s\n' "$(base64 -w0 <"$k.pub")" "$(ssh-keygen -lf "$k.pub" 2>/dev/null)"; fi`;
}

/** Makes the key as the user, who may have put anything into the home directory. */
function newKey({
  name,
  ssh_key_file: file,
  ssh_key_type: type,
  ssh_key_bits: bits,
  ssh_key_comment: comment,
}: Args): Change {
  const words = ['-q', '-t', type, ...(bits === undefined ? [] : ['-b', String(bits)])];
  return {
    what: `create the SSH key ${file} of ${name}`,
    run: sh`set -e
command -v ssh-keygen >/dev/null || { echo 'ssh-keygen is missing: install openssh-client' >&2; exit 1; }
c=${comment ?? sh`"ansible-generated on $(hostname)"`}
runuser -u ${name} -- sh -c 'cd; umask 077; mkdir -p -- "$(dirname -- "$1")"; f=$1; c=$2; shift 2; ssh-keygen "$@" -C "$c" -N "" -f "$f"' sh ${file} "$c" ${words} </dev/null`,
  };
}

/** Splits the text at the first separator. */
function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)];
}

function accountOf(f: Fields): Account | undefined {
  const line = f.get('passwd');
  if (line === undefined) return undefined;
  const [, , uid, gid, comment = '', home = '', shell = ''] = line.split(':');
  return { uid: Number(uid), gid: Number(gid), comment, home, shell };
}

function describe({ account, groups }: Current): string {
  if (account === undefined) return '';
  const { uid, comment, home, shell } = account;
  return `uid ${uid}\ncomment ${comment}\nhome ${home}\nshell ${shell}\ngroups ${groups.join(' ')}\n`;
}

function create(given: Args): readonly Change[] {
  const { name, uid, non_unique, comment, group, groups, shell, home, create_home, skeleton, system } = given;
  const option = (letter: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [letter, String(value)];
  const options = [
    ...(system ? ['-r'] : []),
    ...option('-u', uid),
    ...(non_unique ? ['-o'] : []),
    ...option('-c', comment),
    ...option('-g', group),
    ...(groups === undefined || groups.length === 0 ? [] : ['-G', groups.join(',')]),
    ...option('-s', shell),
    ...option('-Z', given.seuser),
    ...option('-d', home),
    ...(create_home ? ['-m', ...option('-k', skeleton)] : ['-M']),
    ...(given.umask === undefined ? [] : ['-K', `UMASK=${given.umask}`]),
    ...(given.uid_min === undefined ? [] : ['-K', `UID_MIN=${given.uid_min}`]),
    ...(given.uid_max === undefined ? [] : ['-K', `UID_MAX=${given.uid_max}`]),
  ];
  const shown = [
    ['uid', uid],
    ['group', group],
    ['groups', groups?.join(' ')],
    ['home', home],
    ['shell', shell],
    ['comment', comment],
  ];
  return [
    {
      what: `create user ${name}`,
      diff: {
        of: `user ${name}`,
        before: null,
        after: shown
          .filter(([, value]) => value !== undefined)
          .map(([key, value]) => `${key} ${value}\n`)
          .join(''),
      },
      run: sh`set -e
${UNINTERRUPTED}
# useradd makes no group where one of the user's name is there already
${group === undefined ? sh`if getent group ${name} >/dev/null; then set -- -g ${name}; else set --; fi` : sh`set --`}
useradd ${options} "$@" -- ${name}
${newShadow(given)}`,
    },
  ];
}

function modify(current: Current, account: Account, given: Args): Steps {
  const { name, uid, comment, group, groups, append, shell, home, move_home } = given;
  const options: string[] = [];
  const before: string[] = [];
  const after: string[] = [];
  const differ = (key: string, was: string, wanted: string, ...option: readonly string[]): void => {
    options.push(...option);
    before.push(`${key} ${was}\n`);
    after.push(`${key} ${wanted}\n`);
  };
  if (uid !== undefined && uid !== account.uid)
    differ('uid', String(account.uid), String(uid), '-u', String(uid), ...(given.non_unique ? ['-o'] : []));
  if (comment !== undefined && comment !== account.comment) differ('comment', account.comment, comment, '-c', comment);
  if (group !== undefined && (current.wantedGid ?? Number(group)) !== account.gid)
    differ('group', current.primary, group, '-g', group);
  if (shell !== undefined && shell !== account.shell) differ('shell', account.shell, shell, '-s', shell);
  if (home !== undefined && home !== account.home)
    differ('home', account.home, home, '-d', home, ...(move_home ? ['-m'] : []));
  const others = current.groups.filter((g) => g !== current.primary);
  const nameOf = (given: string): string => current.known.get(given) || given;
  const primary = group === undefined ? current.primary : nameOf(group);
  const wanted = groups?.map(nameOf).filter((g) => g !== primary);
  if (wanted !== undefined) {
    const goal = append ? [...new Set([...others, ...wanted])] : [...new Set(wanted)];
    if (goal.length !== others.length || goal.some((g) => !others.includes(g))) {
      differ('groups', others.join(' '), goal.join(' '), '-G', goal.join(','));
    }
  }
  const steps: Change[] = [];
  if (options.length > 0) {
    steps.push({
      what: `user ${name}: ${after.map((line) => line.split(' ')[0]).join(', ')}`,
      diff: { of: `user ${name}`, before: before.join(''), after: after.join('') },
      run: sh`${UNINTERRUPTED}; usermod ${options} -- ${name}`,
    });
  }
  const wantedHome = home ?? account.home;
  const isMoved = move_home && wantedHome !== account.home && current.movesHome;
  if (given.create_home && !current.homeExists && !isMoved && wantedHome !== '/nonexistent') {
    steps.push({ what: `create ${wantedHome}`, run: makeHome(wantedHome, given) });
  }
  return [...steps, ...planShadow(current.shadow, given)];
}

function makeHome(home: string, { name, skeleton = '/etc/skel' }: Args): Script {
  return sh`set -e
mkdir -p -- ${home}
if [ -d ${skeleton} ]; then cp -R -- ${skeleton}/. ${home}; fi
chown -R -- ${`${name}:`} ${home}
chmod 0700 ${home}`;
}
