import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Context, defineModule, type Steps } from '../core/module.ts';
import { sh, staged } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { decodeBytes, decodeText } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';
import { fingerprintsOf } from './shared/openpgp.ts';
import { dirname, spoolOf } from './shared/paths.ts';

const Args = args({
  key: Type.String({
    pattern: '^(https?://.+|/.+|(0x)?([0-9A-Fa-f]{8}|[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}))$',
    expected: 'an address, a file on the host, or the id of a key (8, 16 or 40 hexadecimal digits)',
    description: 'The key: an address that the controller fetches, a file on the host, or the id of a key.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether rpm trusts the key.' }),
  fingerprint: Type.Optional(
    Type.String({
      pattern: '^([0-9A-Fa-f]{4} *){10}$',
      expected: 'a fingerprint: 40 hexadecimal digits',
      description: 'The fingerprint that the key must have. With it, an address is fetched only if the key is missing.',
    }),
  ),
});
type Args = Static<typeof Args>;

export const rpm_key = defineModule<typeof Args, Fields>({
  name: 'rpm_key',
  summary: 'rpm trusts a key, or no longer does.',
  args: Args,
  examples: [
    { title: 'Trust a key', args: { key: '/etc/pki/rpm-gpg/RPM-GPG-KEY-foobar' } },
    { title: 'Remove a key', args: { key: 'da206d2b', state: 'absent' } },
  ],
  verify: ({ key, state, fingerprint }) =>
    isId(key) && state === 'present'
      ? [
          argError(['key'], 'E_ARGUMENT_CONFLICT', {
            problem: 'an id does not contain the key',
            hint: 'name a file or an address',
          }),
        ]
      : isUrl(key) && state === 'absent' && fingerprint === undefined
        ? [
            argError(['key'], 'E_ARGUMENT_CONFLICT', {
              problem: 'the key of an address is not known',
              hint: 'give its id, or its `fingerprint`',
            }),
          ]
        : [],
  needs: ({ key }) => ['package:*', ...(key.startsWith('/') ? [`path:${key}`] : [])],
  touches: () => ['package:gpg-pubkey'],
  probe: ({ key }) => sh`command -v rpm >/dev/null || { echo 'tool missing'; exit 0; }
rpm -q gpg-pubkey --qf 'key %{VERSION}-%{RELEASE}\n' | grep '^key' || :
printf 'keys %s\n' "$(rpm -q gpg-pubkey --qf '%{DESCRIPTION}\n' | base64 | tr -d '\n')"
${key.startsWith('/') ? sh`if [ -f ${key} ]; then printf 'file %s\n' "$(base64 <${key} | tr -d '\n')"; fi` : sh`:`}`,
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const { key, state } = given;
    if (f.get('tool') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'rpm', hint: 'add a condition on ansible_os_family' });
    }
    const sent = f.get('file');
    if (key.startsWith('/') && sent === undefined) {
      return blocked('E_PATH_MISSING', { path: key, hint: 'put it there in an earlier task (copy)' });
    }
    const own = sent === undefined ? [] : fingerprintsOf(decodeBytes(sent));
    if (sent !== undefined && own.length === 0) return blocked('E_KEY_INVALID', { problem: `${key} is no public key` });
    const wanted = given.fingerprint?.replaceAll(' ', '').toUpperCase();
    if (wanted !== undefined && own.length > 0 && !own.includes(wanted)) {
      return blocked('E_KEY_INVALID', { problem: `the key is ${own[0]}, not ${given.fingerprint}` });
    }
    const id = isId(key) ? key.replace(/^0x/, '').toUpperCase() : (wanted ?? own[0]);
    const has =
      id === undefined ? [] : trusted(f).filter(({ fingerprints }) => fingerprints.some((one) => one.endsWith(id)));
    if (state === 'absent') {
      if (has.length === 0) return [];
      return [
        {
          what: `no longer trust the key ${id}`,
          diff: { of: 'keys of rpm', before: `${id}\n`, after: null },
          run: sh`rpm --erase --allmatches ${has.map(({ version }) => `gpg-pubkey-${version}`)}`,
        },
      ];
    }
    return has.length > 0 ? [] : [imported(given, id, ctx)];
  },
});

const isUrl = (key: string): boolean => /^https?:/.test(key);
const isId = (key: string): boolean => !isUrl(key) && !key.startsWith('/');

/** The keys that rpm has, in the order of its answers. */
function trusted(f: Fields): readonly Readonly<{ version: string; fingerprints: readonly string[] }>[] {
  const blocks = decodeText(f.get('keys') ?? '').match(/-----BEGIN PGP[\s\S]*?-----END PGP[^\n]*/g) ?? [];
  return f.all('key').map((version, i) => ({
    version,
    fingerprints: fingerprintsOf(new TextEncoder().encode(blocks[i] ?? '')),
  }));
}

const SAME = 'bringup: the same keys';

/** What a server sends is checked against the fingerprint before rpm trusts it. */
function imported({ key }: Args, id: string | undefined, ctx: Context) {
  const change = {
    what: `trust the key ${id ?? `of ${key}`}`,
    diff: { of: 'keys of rpm', before: null, after: `${id ?? key}\n` },
  };
  if (!isUrl(key)) return { ...change, run: sh`rpm --import ${key}` };
  const at = spoolOf('/etc/pki/rpm-gpg', key, ctx);
  const checked =
    id === undefined
      ? sh`:`
      : sh`command -v gpg >/dev/null || { echo 'gpg is needed to check the fingerprint; nothing was changed' >&2; exit 1; }
gpg --batch --show-keys --with-colons "$f" 2>/dev/null | grep -q ${`^fpr:.*${id}:`} || { printf 'the key of %s is not %s; nothing was changed\n' ${key} ${id} >&2; exit 1; }`;
  return {
    ...change,
    upload: [{ to: at, url: key, isSpooled: true as const }],
    // Without a fingerprint it is known only after the key was fetched.
    ...(id === undefined && { action: true as const, unaltered: SAME }),
    run: sh`set -e
d=${staged(dirname(at))}; f=${at}
trap 'rm -rf -- "$d"' EXIT
${checked}
was=$(rpm -q gpg-pubkey || :)
rpm --import "$f"
if [ "$was" = "$(rpm -q gpg-pubkey || :)" ]; then echo ${SAME}; fi`,
  };
}
