import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Context, defineModule, isBlocked, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { absolutePath, args, flag, ownership } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { encodeBase64 } from './shared/bytes.ts';
import { editTouches, joinLines, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import { type Fields, fields } from './shared/fields.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData, type Seen, textOf } from './shared/path-state.ts';
import { sha1 } from './shared/sha1.ts';

const SCHEMES = ['apr_md5_crypt', 'md5_crypt', 'sha256_crypt', 'sha512_crypt', 'ldap_sha1', 'plaintext'] as const;

const Args = args({
  path: absolutePath('The file.'),
  name: Type.String({ pattern: '^[^:\\s]+$', expected: 'a name without a colon', description: 'The user.' }),
  password: Type.Optional(
    Type.String({
      secret: true,
      pattern: '^[^\\n]+$',
      expected: 'one line',
      description: 'The password. Needed with present.',
    }),
  ),
  hash_scheme: Type.Enum(SCHEMES, {
    default: 'apr_md5_crypt',
    description: 'How a new password is stored. One that is stored already in another way stays.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the user is in the file.' }),
  create: flag('Create the file if it does not exist.', true),
  ...ownership,
});
type Args = Static<typeof Args>;
type Current = Readonly<{ fields: Fields; now: Seen }>;

export const htpasswd = defineModule<typeof Args, Current>({
  name: 'htpasswd',
  summary: 'A user with a password is in a file for basic authentication, or is not.',
  args: Args,
  aliases: { dest: 'path', destfile: 'path', username: 'name', crypt_scheme: 'hash_scheme' },
  examples: [
    {
      title: 'For nginx',
      args: {
        path: '/etc/nginx/passwd',
        name: 'ada',
        password: 'secret',
        owner: 'root',
        group: 'www-data',
        mode: '0640',
      },
    },
  ],
  verify: ({ state, password, mode }) => [
    ...modeErrors(mode),
    ...(state === 'present' && password === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'password'" })]
      : []),
  ],
  needs: (given) => [`path:${given.path}`, 'package:openssl', ...ownerNeeds(given)],
  touches: editTouches,
  probe: (given, ctx) => sh`${probeText(given)}
${given.state === 'absent' ? sh`:` : hashes(given, ctx)}`,
  parse: (stdout, given) => ({ fields: fields(stdout), now: parseText(stdout, given) }),
  plan({ fields: f, now }, given, ctx): Steps {
    const { name, password = '', state, hash_scheme } = given;
    const before = textOf(now) ?? '';
    const is = storedFor(before, name);
    const own = hash_scheme in OPENSSL ? f.get('new') : ownHash(hash_scheme, password);
    const isGood =
      is !== undefined && (f.get('matches') === 'yes' || is === ownHash('ldap_sha1', password) || is === password);
    if (state === 'present' && !isGood && (own === undefined || own === '')) {
      return blocked('E_TOOL_MISSING', { tool: 'openssl', hint: 'install the package openssl in an earlier task' });
    }
    const steps = planEdit(
      now,
      given,
      ctx,
      (text) => (state === 'absent' ? edit(text, name, undefined) : isGood ? text : edit(text, name, own)),
      state === 'absent',
    );
    if (isBlocked(steps)) return steps;
    // Hashes are not for everybody's eyes.
    const users = (text: string): string =>
      splitLines(text)
        .list.map((line) => `${line.split(':')[0]}\n`)
        .join('');
    return steps.map((step) =>
      step.diff === undefined
        ? step
        : {
            ...step,
            what: `${given.path}: ${state === 'absent' ? 'remove' : 'set the password of'} ${name}`,
            diff: {
              of: given.path,
              before: now.stat === undefined ? null : users(before),
              after: `${users(edit(before, name, state === 'absent' ? undefined : ''))}`,
            },
          },
    );
  },
  data: ({ now }, given) => fileData(given.path, now),
});

const OPENSSL: Readonly<Record<string, string>> = {
  apr_md5_crypt: '-apr1',
  md5_crypt: '-1',
  sha256_crypt: '-5',
  sha512_crypt: '-6',
};

/** The password goes through stdin. What is stored is compared by its own scheme and salt. */
function hashes({ path, name, password = '', hash_scheme }: Args, ctx: Context): Script {
  const secret = new Secret(password);
  const salt = ctx.sha256(`${ctx.nonce}\0${path}\0${name}`).slice(0, 8);
  const make = OPENSSL[hash_scheme];
  return sh`if command -v openssl >/dev/null; then
  ${make === undefined ? sh`:` : sh`printf 'new %s\n' "$(printf '%s\n' ${secret} | openssl passwd ${make} -salt ${salt} -stdin)"`}
  if [ -f ${path} ]; then
    while IFS= read -r l || [ -n "$l" ]; do case $l in ${name}:*)
      l=\${l#*:}; o=
      case $l in '$apr1$'*) o=-apr1 ;; '$1$'*) o=-1 ;; '$5$'*) o=-5 ;; '$6$'*) o=-6 ;; esac
      s=\${l#?*'$'}; s=\${s%%'$'*}
      if [ -n "$o" ] && [ "$(printf '%s\n' ${secret} | openssl passwd "$o" -salt "$s" -stdin 2>/dev/null)" = "$l" ]; then echo 'matches yes'; fi
    esac; done <${path}
  fi
fi`;
}

function ownHash(scheme: string, password: string): string | undefined {
  if (scheme === 'plaintext') return password;
  return scheme === 'ldap_sha1' ? `{SHA}${encodeBase64(sha1(new TextEncoder().encode(password)))}` : undefined;
}

function storedFor(text: string, name: string): string | undefined {
  const line = splitLines(text).list.find((one) => one.startsWith(`${name}:`));
  return line?.slice(name.length + 1);
}

/** undefined: the user is removed. */
export function edit(text: string, name: string, hash: string | undefined): string {
  const was = splitLines(text);
  const at = was.list.findIndex((line) => line.startsWith(`${name}:`));
  if (hash === undefined && at < 0) return text;
  const line = `${name}:${hash}`;
  const list = hash === undefined ? was.list.toSpliced(at, 1) : at < 0 ? [...was.list, line] : was.list.with(at, line);
  return joinLines(list, { eol: was.eol, final: true });
}
