import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule } from '../core/module.ts';
import { answer, type Script, sh } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
import { onSeen } from './shared/attributes.ts';
import { joinLines, splitLines, withField } from './shared/edit.ts';
import { fields } from './shared/fields.ts';
import { makeDirectory } from './shared/file-directory.ts';
import { noSuch } from './shared/missing.ts';
import { probePath, type Seen, type Stat, seen, statOf, textOf } from './shared/path-state.ts';
import { dirname } from './shared/paths.ts';
import { place } from './shared/place.ts';
import { entry, PASSWD, STAT, STAT_FORMAT } from './shared/questions.ts';

const Args = args({
  user: Type.String({
    pattern: '^[A-Za-z0-9_][\\w.@-]*$',
    expected: 'the name of a user',
    description: 'The user whose keys are managed.',
  }),
  key: Type.String({
    minLength: 1,
    description: 'Public keys, one on each line, or a URL of such a list. The host fetches it, in a plan too.',
  }),
  validate_certs: flag("Verify the server's certificate if key is a URL.", true),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the keys are in the file.' }),
  exclusive: flag('Remove all other keys.'),
  manage_dir: flag('Create the directory, and set its owner and mode.', true),
  path: text('The file. Default: ~/.ssh/authorized_keys.'),
  key_options: text('Options in front of each key: from="10.0.0.0/8",no-pty'),
  comment: text('A comment that replaces the one of the key.'),
  follow: flag('Follow a symlink at the path. (It is always followed.)'),
});
type Args = Static<typeof Args>;

type Current = Readonly<{
  now: Seen;
  path: string;
  home: string | undefined;
  /** What the URL of the keys brought, and why it brought nothing. */
  fetched: string | undefined;
  problem: string | undefined;
  uid: number;
  gid: number;
  folder: Stat | undefined;
}>;

export const authorized_key = defineModule<typeof Args, Current>({
  name: 'authorized_key',
  summary: 'Adds or removes public keys that may log in as a user.',
  args: Args,
  examples: [
    {
      title: 'Add one key',
      args: {
        user: 'ada',
        key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada@laptop',
      },
    },
    {
      title: 'Allow only these keys',
      args: {
        user: 'root',
        exclusive: true,
        key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada\n',
      },
    },
  ],
  verify: ({ key, exclusive, state }) => [
    ...(isAddress(key) ? [] : keyLines(key))
      .filter((line) => parseKey(line) === undefined)
      .map((line) =>
        argError(['key'], 'E_ARGUMENT_VALUE', {
          problem: `'${line.slice(0, 40)}' is not a public key`,
          expected: 'type, key in base64, comment',
        }),
      ),
    ...(exclusive && state === 'absent'
      ? [argError(['exclusive'], 'E_ARGUMENT_CONFLICT', { problem: "'exclusive' is for state: present" })]
      : []),
  ],
  needs: ({ user, path, key }) => [
    ...(isAddress(key) ? ['live:*', 'package:*'] : []),
    `user:${user}`,
    `path:${likelyFile(user, path)}`,
  ],
  touches: ({ user, path }) => [`path:${path === undefined ? dirname(likelyFile(user)) : likelyFile(user, path)}`],
  edits: {
    of: ({ user, path, manage_dir }) => JSON.stringify(['authorized keys', user, path, manage_dir]),
    seeing: (stdout, text) => withField(stdout, 'content', text),
  },
  probe: ({ user, path, key, validate_certs }) => sh`${isAddress(key) ? fetched(key, validate_certs) : sh`:`}
${entry(sh`e`, PASSWD, user)}
if [ -n "$e" ]; then
h=\${e%:*}; h=\${h##*:}
i=\${e#*:*:}; u=\${i%%:*}; i=\${i#*:}
printf 'home %s\nids %s:%s\n' "$h" "$u" "\${i%%:*}"
f=${fileScript(path)}
d=; [ "$f" != ${likelyFile(user, path)} ] || d=${answer(STAT, dirname(likelyFile(user, path)))}
[ -n "$d" ] || d=$(stat -L -c ${STAT_FORMAT} -- "\${f%/*}" 2>/dev/null); [ -z "$d" ] || printf 'folder %s\n' "$d"
${probePath(sh`"$f"`, {}, { content: 'always', limit: 1_048_576 }, { likely: likelyFile(user, path) })}
fi`,
  parse(stdout, given) {
    const f = fields(stdout);
    const home = f.get('home');
    const [uid = 0, gid = 0] = (f.get('ids') ?? '').split(':').map(Number);
    const path = given.path?.replace(/^~(?=\/)/, home ?? '') ?? `${home ?? ''}/.ssh/authorized_keys`;
    return {
      now: seen(f, path, {}),
      path,
      home,
      uid,
      gid,
      folder: statOf(f.get('folder')),
      fetched: f.text('fetched'),
      problem: f.text('problem'),
    };
  },
  plan(current, given, ctx) {
    const { now, path, home, uid, gid, folder } = current;
    if (home === undefined) return noSuch('user', given.user);
    const keys = isAddress(given.key) ? (current.fetched ?? '') : given.key;
    if (isAddress(given.key) && keyLines(keys).every((line) => parseKey(line) === undefined)) {
      const why = current.problem?.trim() || 'it brought no public key';
      return blocked('E_FETCH', { url: given.key, why });
    }
    if (now.stat === undefined && given.state === 'absent') return [];
    const before = textOf(now);
    if (before === undefined) return blocked('E_NOT_TEXT', { path });
    const after = edit(before, { ...given, key: keys });
    if (typeof after !== 'string') return after;
    const manages = given.manage_dir && given.path === undefined;
    const ownership = given.manage_dir ? { owner: String(uid), group: String(gid), mode: '0600' } : {};
    const isFolderRight = folder?.mode === 0o700 && folder.uid === uid && folder.gid === gid;
    const dir = dirname(path);
    const own = (target: Script): Script => sh`chown -- ${`${uid}:${gid}`} ${target}
chmod 00700 ${target}`;
    const inFolder = { ...now, real: dir };
    const isNew = manages && folder === undefined;
    const isInNew = isNew && !now.trusted && now.stat === undefined;
    const words = `${dir}: mode 0700, owner ${given.user}`;
    const owns = { owner: String(uid), group: String(gid) };
    const mkdir =
      manages && !isFolderRight && !isInNew
        ? [
            {
              what: words,
              run:
                folder === undefined
                  ? makeDirectory(now, dir, owns, '00700', ctx)
                  : onSeen(inFolder, folder, dir, own, { ctx, follow: true }),
            },
          ]
        : [];
    const known = { ...now, owner: uid, group: gid, parent: now.parent || isNew };
    const what = `authorized keys of ${given.user}`;
    const steps = place(
      known,
      {
        path,
        source: { text: after },
        same: now.stat !== undefined && after === before,
        isEdit: true,
        what: isInNew ? `${words}; ${what}` : what,
        ...(isInNew && { inNew: owns }),
      },
      ownership,
      ctx,
    );
    return 'blocked' in steps ? steps : [...mkdir, ...steps];
  },
  data: ({ path }, { user, key, state, exclusive, manage_dir }) => ({
    user,
    key,
    state,
    exclusive,
    manage_dir,
    path,
    keyfile: path,
  }),
});

function isAddress(key: string): boolean {
  return /^(https?|ftp):\/\/\S+$/.test(key);
}

/** Reads the keys at a URL. It alters nothing, so a probe may do it. */
function fetched(url: string, verify: boolean): Script {
  return sh`if command -v curl >/dev/null; then k=$(curl -q -fsSL ${verify ? [] : ['-k']} --max-time 30 -- ${url} 2>&1)
elif command -v wget >/dev/null; then k=$(wget -nv -O - --timeout=30 --tries=1 ${verify ? [] : ['--no-check-certificate']} -- ${url} 2>&1)
else k='the host has neither curl nor wget'; false; fi && w=fetched || w=problem
printf '%s %s\n' "$w" "$(printf %s "$k" | base64 -w0)"`;
}

function fileScript(path: string | undefined): Script {
  if (path === undefined) return sh`"$h/.ssh/authorized_keys"`;
  return path.startsWith('~/') ? sh`"$h"${path.slice(1)}` : sh`${path}`;
}

/** The usual path of the file, for probing before the home directory is known. */
function likelyFile(user: string, path = '~/.ssh/authorized_keys'): string {
  return path.startsWith('~/') ? `${user === 'root' ? '/root' : `/home/${user}`}${path.slice(1)}` : path;
}

type Key = Readonly<{ options: string; type: string; data: string; comment: string }>;

function keyLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Options may contain blanks inside double quotes. */
export function parseKey(line: string): Key | undefined {
  const match =
    /^(?:((?:[^\s"]|"(?:[^"\\]|\\.)*")+)\s+)??((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+)\s+([A-Za-z0-9+/]{16,}={0,3})(?:\s+(.*))?$/.exec(
      line.trim(),
    );
  if (match === null) return undefined;
  const [, options = '', type = '', data = '', comment = ''] = match;
  return { options, type, data, comment };
}

/** The file's text with the keys added or removed. Lines that are not keys stay. */
function edit(
  before: string,
  given: Pick<Args, 'key' | 'state' | 'exclusive' | 'key_options' | 'comment'>,
): string | Blocked {
  const was = splitLines(before);
  const wanted = keyLines(given.key).flatMap((line) => {
    const key = parseKey(line);
    return key === undefined
      ? []
      : [{ ...key, options: given.key_options ?? key.options, comment: given.comment ?? key.comment }];
  });
  const isWanted = (line: string): boolean => {
    const key = parseKey(line);
    return key !== undefined && wanted.some((w) => w.type === key.type && w.data === key.data);
  };
  if (given.state === 'absent') {
    const left = was.list.filter((line) => !isWanted(line));
    return left.length === was.list.length ? before : joinLines(left, was);
  }
  const kept = was.list.filter((line) => !given.exclusive || parseKey(line) === undefined || isWanted(line));
  const list = [...kept];
  for (const key of wanted) {
    const at = list.findIndex((line) => parseKey(line)?.data === key.data && parseKey(line)?.type === key.type);
    const line = [key.options, key.type, key.data, key.comment].filter((part) => part !== '').join(' ');
    const old = at < 0 ? undefined : parseKey(list[at] ?? '');
    if (old === undefined) list.push(line);
    else if (old.options !== key.options || (key.comment !== '' && old.comment !== key.comment)) list[at] = line;
  }
  return list.length === was.list.length && list.every((line, at) => line === was.list[at])
    ? before
    : joinLines(list, { eol: was.eol, final: true });
}
