import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { absolutePath, args, flag, ownership, text } from './shared/args.ts';
import { fixAttributes, ownerNeeds, ownerWord } from './shared/attributes.ts';
import { type Fields, fields } from './shared/fields.ts';
import { noFolder } from './shared/missing.ts';
import { modeErrors, modeWord, resolveMode } from './shared/mode.ts';
import { fileData, probePath, type Seen, seen } from './shared/path-state.ts';
import { dirname } from './shared/paths.ts';

const Args = args({
  path: absolutePath('The private key. The public key is beside it, with .pub at its end.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the two files exist.' }),
  type: Type.Enum(['rsa', 'ecdsa', 'ed25519'], { default: 'rsa', description: 'The algorithm.' }),
  size: Type.Optional(
    Type.Integer({ minimum: 256, maximum: 16_384, description: 'The bits. Default: rsa 4096, ecdsa 256.' }),
  ),
  comment: text('The comment at the end of the public key.'),
  passphrase: Type.Optional(
    Type.String({
      secret: true,
      minLength: 5,
      pattern: '^[^\\n]+$',
      expected: 'one line of 5 characters or more',
      description: 'Encrypt the key with this passphrase.',
    }),
  ),
  private_key_format: Type.Enum(['auto', 'ssh', 'pkcs1', 'pkcs8'], {
    default: 'auto',
    description: 'The format of a new key. auto: the one of OpenSSH.',
  }),
  force: flag('Make a new key each time.'),
  regenerate: Type.Enum(['never', 'fail', 'partial_idempotence', 'full_idempotence', 'always'], {
    default: 'partial_idempotence',
    description:
      'When a key is replaced. never: not at all. fail: the task fails if the key differs. partial_idempotence: if it differs and can be read. full_idempotence: also if it cannot be read.',
  }),
  ...ownership,
});
type Args = Static<typeof Args>;
type Current = Readonly<{ f: Fields; now: Seen }>;

export const openssh_keypair = defineModule<typeof Args, Current>({
  name: 'openssh_keypair',
  summary: 'A private and a public key of OpenSSH, made on the host.',
  args: Args,
  examples: [
    {
      title: 'A key of a user',
      args: { path: '/home/ada/.ssh/id_ed25519', type: 'ed25519', owner: 'ada', group: 'ada' },
    },
  ],
  verify: ({ mode, type, size }) => [
    ...modeErrors(mode),
    ...(size !== undefined &&
    (type === 'ed25519' || (type === 'ecdsa' && ![256, 384, 521].includes(size)) || (type === 'rsa' && size < 1024))
      ? [
          argError(['size'], 'E_ARGUMENT_VALUE', {
            problem: `a key of type ${type} cannot have ${size} bits`,
            expected: type === 'ecdsa' ? '256, 384 or 521' : type === 'rsa' ? '1024 or more' : 'no size for ed25519',
          }),
        ]
      : []),
  ],
  needs: (given) => [`path:${given.path}`, `path:${given.path}.pub`, 'package:openssh-client', ...ownerNeeds(given)],
  touches: ({ path }) => [`path:${path}`, `path:${path}.pub`],
  probe: (given) => sh`${probePath(given.path, given, { content: 'none' })}
command -v ssh-keygen >/dev/null || { echo 'keygen missing'; exit 0; }
if [ -e ${`${given.path}.pub`} ]; then printf 'public %s\n' "$(base64 -w0 <${`${given.path}.pub`})"; fi
if [ -s ${given.path} ]; then
  (
  ${asking(given.passphrase)}
  # ssh-keygen refuses a file that others can read, and an encrypted one it reads twice.
  if k=$(${given.passphrase === undefined ? sh`cat -- ${given.path} | asked ssh-keygen -y -f /dev/stdin` : sh`umask 077; cat -- ${given.path} >"$a/key"; asked ssh-keygen -y -f "$a/key"`} 2>/dev/null); then
    printf 'key %s\n' "$(printf %s "$k" | base64 -w0)"
    printf 'print %s\n' "$(printf '%s\n' "$k" | ssh-keygen -l -f /dev/stdin)"
  fi )
  ${given.passphrase === undefined ? sh`:` : sh`if cat -- ${given.path} | ssh-keygen -y -P '' -f /dev/stdin >/dev/null 2>&1; then echo 'open yes'; fi`}
fi
:`,
  parse(stdout, given) {
    const f = fields(stdout);
    return { f, now: seen(f, given.path, given) };
  },
  plan({ f, now }, given, ctx): Steps {
    const { path, state, force, regenerate } = given;
    if (state === 'absent') {
      if (now.stat === undefined && f.get('public') === undefined) return [];
      return [
        {
          what: `remove ${path} and ${path}.pub`,
          diff: { of: path, before: 'key pair\n', after: null },
          run: sh`rm -f -- ${path} ${`${path}.pub`}`,
        },
      ];
    }
    if (f.get('keygen') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'ssh-keygen', hint: 'install openssh-client in an earlier task' });
    }
    if (now.stat?.kind === 'directory') return blocked('E_PATH_KIND', { path, is: 'a directory', wanted: 'a key' });
    if (!now.parent) return noFolder(dirname(now.real));
    const why = now.stat === undefined ? ['there is none'] : differences(f, given);
    const isForced = force || regenerate === 'always';
    const isThere = now.stat !== undefined;
    if (isThere && why.length > 0 && !isForced && regenerate !== 'full_idempotence' && regenerate !== 'never') {
      if (regenerate === 'fail' || why.includes(UNREADABLE)) return blocked('E_KEY_KEPT', { path, why });
    }
    if (isForced || (why.length > 0 && (regenerate !== 'never' || !isThere))) {
      const mode = modeWord(resolveMode(given.mode ?? '0600', 0o600, false, now.umask), false);
      const owner = ownerWord(given);
      return [
        {
          what: `${path}: ${given.type} key: ${isForced && isThere ? 'force is set' : why.join(', ')}`,
          diff: { of: path, before: isThere ? `${why.join('\n')}\n` : null, after: `${given.type} key\n` },
          ...(isForced && { action: true as const }),
          run: sh`set -e
umask 077
d=$(mktemp -d ${`${path}.XXXXXXXX`})
${asking(given.passphrase)}
trap 'rm -rf -- "$d" "\${a:-$d}"' EXIT
asked ssh-keygen -q -t ${given.type} ${bits(given)} ${format(given)} -C ${given.comment ?? ''} ${given.passphrase === undefined ? ['-N', ''] : []} -f "$d/key" >/dev/null
chmod ${mode} "$d/key"
chmod 644 "$d/key.pub"
${owner === undefined ? sh`:` : sh`chown -- ${owner} "$d/key" "$d/key.pub"`}
sync -- "$d/key"
mv -fT -- "$d/key" ${path}
mv -fT -- "$d/key.pub" ${`${path}.pub`}`,
        },
      ];
    }
    const [type = '', data = ''] = (f.text('key') ?? '').split(' ');
    const [isType, isData, ...rest] = (f.text('public') ?? '').trim().split(' ');
    const comment = given.comment ?? rest.join(' ');
    const isSame = data === '' || (isType === type && isData === data && rest.join(' ') === comment);
    const line = `${[type, data, comment].join(' ').trim()}\n`;
    const publicKey = isSame
      ? []
      : [
          {
            what: `${path}.pub: ${isData === data ? 'another comment' : 'the public key of it'}`,
            diff: { of: `${path}.pub`, before: f.text('public') ?? null, after: line },
            run: sh`set -e
umask 022
s=${`${path}.pub`}.$$
printf %s ${line} >"$s"
${now.stat === undefined ? sh`:` : sh`chown --reference=${path} -- "$s"`}
mv -fT -- "$s" ${`${path}.pub`}`,
          },
        ];
    return [...publicKey, ...fixAttributes(now, path, given, ctx)];
  },
  data({ f, now }, given) {
    const { path: _, state: __, ...file } = fileData(given.path, now);
    const [size, print] = (f.get('print') ?? '').split(' ');
    return {
      ...file,
      filename: given.path,
      type: given.type,
      size: Number(size ?? given.size ?? 0),
      fingerprint: print ?? '',
      public_key: (f.text('public') ?? '').trim(),
      comment: given.comment ?? (f.text('public') ?? '').trim().split(' ').slice(2).join(' '),
    };
  },
});

const UNREADABLE = 'it cannot be read with this passphrase';

function differences(f: Fields, given: Args): readonly string[] {
  const [size, , ...rest] = (f.get('print') ?? '').split(' ');
  if (f.get('key') === undefined) return [UNREADABLE];
  const kind = rest.at(-1)?.replace(/[()]/g, '').toLowerCase();
  const wanted = given.size ?? (given.type === 'rsa' ? 4096 : given.type === 'ecdsa' ? 256 : undefined);
  return [
    ...(kind === given.type ? [] : [`it is a key of type ${kind}`]),
    ...(kind === given.type && wanted !== undefined && size !== String(wanted) ? [`it has ${size} bits`] : []),
    ...(f.get('open') === undefined ? [] : ['it is not encrypted']),
  ];
}

function bits({ type, size }: Args): readonly string[] {
  const wanted = size ?? (type === 'rsa' ? 4096 : undefined);
  return wanted === undefined ? [] : ['-b', String(wanted)];
}

function format({ private_key_format: is }: Args): readonly string[] {
  if (is === 'pkcs1') return ['-m', 'PEM'];
  return is === 'pkcs8' ? ['-m', 'PKCS8'] : [];
}

/**
 * Defines `asked`, which runs ssh-keygen and answers its questions for the passphrase. The answer is in an open file: not
 * in arguments, where ssh-keygen takes it too, and not in the environment. Who answers has to be a program.
 */
function asking(passphrase: string | undefined): Script {
  if (passphrase === undefined) return sh`asked() { SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=/bin/false "$@"; }`;
  return sh`pass=${new Secret(passphrase)}
a=$(mktemp -d)
trap 'rm -rf -- "$a"' EXIT
printf '#!/bin/sh\nIFS= read -r l <&3; printf "%%s\\n" "$l"\n' >"$a/ask"
chmod 700 "$a/ask"
asked() {
  SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=$a/ask DISPLAY=: "$@" 3<<END
$pass
$pass
END
}`;
}
