import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, optionalFlag, ownership, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { type Fields, fields } from './shared/fields.ts';
import { modeErrors } from './shared/mode.ts';
import { probePath, type Seen, seen, textOf } from './shared/path-state.ts';
import { place } from './shared/place.ts';

const list = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));

const Args = args({
  name: Type.String({
    pattern: '^[\\w .-]+$',
    description: 'The name of the file in /etc/apt/sources.list.d, without .sources.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the repository is configured.' }),
  enabled: optionalFlag('Whether apt uses the repository.'),
  types: Type.Array(Type.Enum(['deb', 'deb-src']), {
    default: ['deb'],
    description: 'deb for binary packages, deb-src for sources.',
  }),
  uris: list('The URLs of the repository.'),
  suites: list('The suites, for example trixie.'),
  components: list('The components, for example main.'),
  architectures: list('Use only these architectures.'),
  languages: list('The languages of translations to download.'),
  targets: list('The indexes to download.'),
  signed_by: text('The key: a path on the host, a URL, or the armoured key itself.'),
  trusted: optionalFlag('Use the repository even without a valid signature.'),
  allow_insecure: optionalFlag('Allow an insecure repository.'),
  check_valid_until: optionalFlag('Reject an index that has expired.'),
  by_hash: optionalFlag('Download indexes by their hash.'),
  pdiffs: optionalFlag('Download differences of indexes.'),
  ...ownership,
});
type Args = Static<typeof Args>;

type Current = Readonly<{ fields: Fields; now: Seen }>;

export const deb822_repository = defineModule<typeof Args, Current>({
  name: 'deb822_repository',
  summary: 'Configures a package repository of apt: a .sources file and its key.',
  args: Args,
  examples: [
    {
      title: 'Add backports',
      args: {
        name: 'backports',
        uris: 'https://deb.debian.org/debian',
        suites: 'trixie-backports',
        components: ['main'],
        signed_by: '/usr/share/keyrings/debian-archive-keyring.gpg',
      },
    },
    {
      title: "Add a vendor's repository",
      args: {
        name: 'vendor',
        uris: ['https://apt.example.com'],
        suites: ['stable'],
        components: ['main'],
        signed_by: 'https://apt.example.com/key.asc',
      },
    },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...(given.state === 'present' && (given.uris === undefined || given.suites === undefined)
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'uris' and 'suites'" })]
      : []),
  ],
  needs: (given) => ['path:/etc/apt', ...ownerNeeds(given)],
  touches: () => ['path:/etc/apt', 'package:*'],
  probe: (given) => sh`${probePath(fileOf(given), given, { content: 'always' })}
k=${keyOf(given)}
if [ -e "$k" ]; then printf 'key %s\n' "$(base64 -w0 <"$k")"; fi`,
  parse(stdout, given) {
    const f = fields(stdout);
    return { fields: f, now: seen(f, fileOf(given), given) };
  },
  plan({ fields: f, now }, given, ctx): Steps {
    const { state, signed_by } = given;
    const path = fileOf(given);
    if (state === 'absent')
      return now.stat === undefined
        ? []
        : [
            {
              what: `remove ${path}`,
              diff: { of: path, before: textOf(now) ?? '', after: null },
              run: sh`rm -f -- ${path}`,
            },
          ];
    const text = content(given);
    const steps = place(
      now,
      { path, source: { text }, same: now.stat !== undefined && textOf(now) === text },
      { mode: given.mode ?? '0644', owner: given.owner, group: given.group },
      ctx,
    );
    if ('blocked' in steps) return steps;
    const key: Change[] = [];
    const at = keyOf(given);
    if (signed_by !== undefined && isAddress(signed_by) && f.get('key') === undefined) {
      key.push({
        what: `fetch the key ${at}`,
        upload: [{ to: `${at}.part`, url: signed_by }],
        run: sh`set -e
chmod 0644 ${`${at}.part`}
mv -fT -- ${`${at}.part`} ${at}`,
      });
    }
    if (signed_by !== undefined && isInline(signed_by) && f.text('key') !== inlineKey(signed_by)) {
      key.push({
        what: `put the key ${at}`,
        run: sh`set -e
mkdir -p /etc/apt/keyrings
printf %s ${inlineKey(signed_by)} >${at}
chmod 0644 ${at}`,
      });
    }
    return [...key, ...steps];
  },
  data: (_, given) => ({
    dest: fileOf(given),
    repo: content(given),
    key_filename: given.signed_by === undefined ? null : keyOf(given),
  }),
});

function slug({ name }: Args): string {
  return name.toLowerCase().replace(/[^a-z0-9.-]+/g, '-');
}

function fileOf(given: Args): string {
  return `/etc/apt/sources.list.d/${slug(given)}.sources`;
}

function isAddress(key: string): boolean {
  return /^https?:\/\//.test(key);
}

function isInline(key: string): boolean {
  return key.includes('-----BEGIN');
}

function inlineKey(key: string): string {
  return `${key.trim()}\n`;
}

function keyOf(given: Args): string {
  const { signed_by = '' } = given;
  if (isInline(signed_by)) return `/etc/apt/keyrings/${slug(given)}.asc`;
  if (!isAddress(signed_by)) return signed_by || '/nonexistent';
  return `/etc/apt/keyrings/${slug(given)}.${/\.gpg$/.test(signed_by) ? 'gpg' : 'asc'}`;
}

function content(given: Args): string {
  const yes = (on: boolean | undefined): string | undefined => (on === undefined ? undefined : on ? 'yes' : 'no');
  const words = (all: readonly string[] | undefined): string | undefined => all?.join(' ');
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['X-Repolib-Name', given.name],
    ['Enabled', yes(given.enabled)],
    ['Types', words(given.types)],
    ['URIs', words(given.uris)],
    ['Suites', words(given.suites)],
    ['Components', words(given.components)],
    ['Architectures', words(given.architectures)],
    ['Languages', words(given.languages)],
    ['Targets', words(given.targets)],
    ['Signed-By', given.signed_by === undefined ? undefined : keyOf(given)],
    ['Trusted', yes(given.trusted)],
    ['Allow-Insecure', yes(given.allow_insecure)],
    ['Check-Valid-Until', yes(given.check_valid_until)],
    ['By-Hash', yes(given.by_hash)],
    ['PDiffs', yes(given.pdiffs)],
  ];
  return rows.flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}\n`])).join('');
}
