import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, type Context, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh, staged } from '../core/sh.ts';
import { absolutePath, args, exclude, flag } from './shared/args.ts';
import { decodeBytes } from './shared/bytes.ts';
import { type Download, download } from './shared/download.ts';
import { type Fields, fields } from './shared/fields.ts';
import { getRequest, probeClient } from './shared/http.ts';
import { fingerprintsOf } from './shared/openpgp.ts';
import { dirname, spoolOf } from './shared/paths.ts';

const Args = args({
  id: Type.Optional(
    Type.String({
      pattern: '^(0x)?([0-9A-Fa-f]{8}|[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40})$',
      expected: 'the id or the fingerprint of a key: 8, 16 or 40 hexadecimal digits',
      description: 'The id or the fingerprint of the key. With url: the key is fetched only if it is missing.',
    }),
  ),
  url: Type.Optional(
    Type.String({
      pattern: '^https?://',
      expected: 'an address',
      description: 'Where to fetch the key. The host fetches it, or the controller if the host cannot.',
    }),
  ),
  data: Type.Optional(Type.String({ minLength: 1, description: 'The key itself, armoured.' })),
  file: Type.Optional(absolutePath('A file with the key, on the host.')),
  keyserver: Type.Optional(
    Type.String({ pattern: '^[\\w.:/-]+$', expected: 'an address', description: 'The key server to ask for the id.' }),
  ),
  keyring: Type.Optional(absolutePath('A file in /etc/apt/trusted.gpg.d, instead of /etc/apt/trusted.gpg.')),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether apt trusts the key.' }),
  validate_certs: flag("Verify the server's certificate.", true),
});
type Args = Static<typeof Args>;

export const apt_key = defineModule<typeof Args, Fields>({
  name: 'apt_key',
  summary: 'apt trusts a key for all repositories. Only up to Debian 12; use deb822_repository instead.',
  args: Args,
  aliases: { key: 'id' },
  examples: [
    {
      title: 'A key with its id',
      args: { url: 'https://packages.foobar.com/key.asc', id: '9DC858229FC7DD38854AE2D88D81803C0EBFCD88' },
    },
    { title: 'Gone', args: { id: '0EBFCD88', state: 'absent' } },
  ],
  verify: (given) => [
    ...exclude(given, 'url', 'data'),
    ...exclude(given, 'url', 'file'),
    ...exclude(given, 'data', 'file'),
    ...exclude(given, 'url', 'keyserver'),
    ...exclude(given, 'data', 'keyserver'),
    ...exclude(given, 'file', 'keyserver'),
    ...(given.keyserver !== undefined && given.id === undefined
      ? [argError(['keyserver'], 'E_ARGUMENT_CONFLICT', { problem: "'keyserver' needs 'id'" })]
      : []),
    ...(given.state === 'present' && sourceOf(given) === undefined
      ? [argError([], 'E_ARGUMENT_CONFLICT', { problem: "one of 'url', 'data', 'file' and 'keyserver' is needed" })]
      : []),
    ...(given.state === 'absent' && (given.id ?? given.data ?? given.file) === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'id'" })]
      : []),
    ...(given.data !== undefined ? dataErrors(given, given.data) : []),
  ],
  needs: ({ file }) => ['package:*', 'path:/etc/apt', ...(file === undefined ? [] : [`path:${file}`])],
  touches: () => ['path:/etc/apt/trusted.gpg', 'path:/etc/apt/trusted.gpg.d'],
  probe: ({ keyring, file, url }) => sh`command -v apt-key >/dev/null || { echo 'apt-key missing'; exit 0; }
command -v gpg >/dev/null || { echo 'gpg missing'; exit 0; }
export APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE=1
apt-key ${keyringOption(keyring)} adv --list-public-keys --with-colons --with-subkey-fingerprint 2>/dev/null | sed -n 's/^fpr:*\([0-9A-F]*\):.*$/has \1/p'
${url === undefined ? sh`:` : probeClient()}
${file === undefined ? sh`:` : sh`if [ -f ${file} ]; then printf 'file %s\n' "$(base64 -w0 <${file})"; fi`}`,
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const { id, file, state, keyring } = given;
    if (f.get('apt-key') !== undefined) {
      return blocked('E_TOOL_MISSING', {
        tool: 'apt-key, which Debian 13 has removed',
        hint: 'use deb822_repository, with the key in `signed_by`',
      });
    }
    if (f.get('gpg') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'gpg', hint: 'install the package gnupg in an earlier task' });
    }
    const sent = f.get('file');
    if (file !== undefined && sent === undefined) {
      return blocked('E_PATH_MISSING', { path: file, hint: 'put it there in an earlier task (copy)' });
    }
    const own = given.data !== undefined ? new TextEncoder().encode(given.data) : sent && decodeBytes(sent);
    const found = own ? fingerprintsOf(own) : [];
    if (own && found.length === 0) return blocked('E_KEY_INVALID', { problem: `${file} is no public key` });
    const key = plain(id) ?? found[0];
    if (own && key !== undefined && !found.some((one) => one.endsWith(key))) {
      return blocked('E_KEY_INVALID', { problem: `the key is ${found[0]}, not ${id}` });
    }
    const has = f.all('has').filter((one) => one !== '');
    const isThere = key !== undefined && has.some((one) => one.endsWith(key));
    if (isThere === (state === 'present')) return [];
    if (state === 'absent') {
      return [
        {
          what: `no longer trust the key ${key}`,
          diff: { of: keyring ?? 'keys of apt', before: `${key}\n`, after: null },
          run: sh`export APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE=1
apt-key ${keyringOption(keyring)} del ${key ?? ''}`,
        },
      ];
    }
    const { url, validate_certs } = given;
    const from = url === undefined ? undefined : download(getRequest(url, validate_certs), CONNECT, f);
    if (from !== undefined && 'blocked' in from) return from;
    return [add(given, key, from, ctx)];
  },
  data: (f, { id, state }) => ({ id: id ?? null, state, after: f.all('has').filter((one) => one !== '') }),
});

function sourceOf({ url, data, file, keyserver }: Args): string | undefined {
  return url ?? data ?? file ?? keyserver;
}

function dataErrors({ id }: Args, data: string) {
  const found = fingerprintsOf(new TextEncoder().encode(data));
  const key = plain(id);
  if (found.length === 0)
    return [argError(['data'], 'E_ARGUMENT_VALUE', { problem: 'it is no public key of OpenPGP' })];
  return key === undefined || found.some((one) => one.endsWith(key))
    ? []
    : [argError(['id'], 'E_ARGUMENT_VALUE', { problem: `the key is ${found[0]}, not ${id}` })];
}

function plain(id: string | undefined): string | undefined {
  return id?.replace(/^0x/, '').toUpperCase();
}

function keyringOption(keyring: string | undefined): readonly string[] {
  return keyring === undefined ? [] : ['--keyring', keyring];
}

/** In seconds. */
const CONNECT = 10;

const SAME = 'bringup: the same keys';

/** What a server sends is checked against the id before apt trusts it. */
function add(given: Args, key: string | undefined, from: Download | undefined, ctx: Context): Change {
  const { url, data, file, keyserver, keyring } = given;
  const at = spoolOf('/etc/apt/trusted.gpg', url ?? '', ctx);
  const list = sh`apt-key ${keyringOption(keyring)} adv --list-public-keys --with-colons 2>/dev/null || :`;
  const checked =
    url === undefined || key === undefined
      ? sh`:`
      : sh`gpg --batch --show-keys --with-colons --with-subkey-fingerprint "$f" | grep -q ${`^fpr:.*${key}:`} || { printf 'the key of %s is not %s; nothing was changed\n' ${url} ${key} >&2; exit 1; }`;
  const run: Script =
    keyserver !== undefined
      ? sh`apt-key ${keyringOption(keyring)} adv --no-tty --keyserver ${keyserver} --recv ${key ?? ''}`
      : data !== undefined
        ? sh`printf '%s\n' ${data} | apt-key ${keyringOption(keyring)} add -`
        : file !== undefined
          ? sh`apt-key ${keyringOption(keyring)} add ${file}`
          : sh`${from !== undefined && 'fill' in from ? fetched(from.fill) : sh`d=${staged(dirname(at))}; f=${at}; trap 'rm -rf -- "$d"' EXIT`}
${checked}
apt-key ${keyringOption(keyring)} add "$f"`;
  return {
    what: `trust the key ${key ?? `of ${url}`}`,
    diff: { of: keyring ?? 'keys of apt', before: null, after: `${key ?? url}\n` },
    ...(from !== undefined && 'fetched' in from && { upload: [{ to: at, ...from.fetched, isSpooled: true as const }] }),
    // Without an id it is known only after the key was fetched.
    ...(key === undefined && { action: true as const, unaltered: SAME }),
    run: sh`set -e
export APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE=1
was=$(${list})
${run}
if [ "$was" = "$(${list})" ]; then echo ${SAME}; fi`,
  };
}

/** Fetches the key to "$f". */
function fetched(fill: Script): Script {
  return sh`d=$(mktemp -d) || exit 1
trap 'rm -rf -- "$d"' EXIT
f=$d/key; s=$f
${fill}`;
}
