import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
import { decodeText } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.Optional(
    Type.String({
      pattern: '^[^-\\s*]\\S*$',
      expected: 'the alias of a repository',
      description: 'The alias of the repository.',
    }),
  ),
  repo: Type.Optional(
    Type.String({ pattern: '^[^-\\s]\\S*$', expected: 'an address', description: 'The address of the repository.' }),
  ),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the repository is configured.' }),
  description: text('The name of the repository for people.'),
  disable_gpg_check: flag('Do not check the signatures of the repository.'),
  autorefresh: flag('Refresh the repository before it is used.', true),
  priority: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'The priority. The lowest wins.' })),
  enabled: flag('Whether the repository is used.', true),
  overwrite_multiple: flag('Replace several repositories that have this alias or this address.'),
  auto_import_keys: flag('Trust the key of a repository that was added or changed.'),
  runrefresh: flag('Refresh the repository in each run.'),
});
type Args = Static<typeof Args>;
type Repo = Readonly<Record<string, string>>;

export const zypper_repository = defineModule<typeof Args, Fields>({
  name: 'zypper_repository',
  summary: 'Configures a repository of zypper.',
  args: Args,
  aliases: { refresh: 'autorefresh' },
  examples: [
    {
      title: 'Add a repository',
      args: { name: 'nvidia', repo: 'https://download.foobar.com/leap/15.6', priority: 90 },
    },
    { title: 'Remove it', args: { name: 'nvidia', state: 'absent' } },
  ],
  verify: ({ name, repo, state }) => [
    ...(state === 'present' && name === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name'" })] : []),
    ...(state === 'present' && repo === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'repo'" })] : []),
    ...(state === 'absent' && (name ?? repo) === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name' or 'repo'" })]
      : []),
    ...(repo?.endsWith('.repo') === true
      ? [
          argError(['repo'], 'E_ARGUMENT_VALUE', {
            problem: 'files of repositories are not supported',
            expected: 'the address of the repository',
            hint: 'download the file to /etc/zypp/repos.d with get_url',
          }),
        ]
      : []),
  ],
  needs: () => ['path:/etc/zypp', 'package:*'],
  touches: () => ['path:/etc/zypp', 'package:*'],
  probe: () => sh`command -v zypper >/dev/null || { echo 'tool missing'; exit 0; }
x=0; out=$(LC_ALL=C zypper --non-interactive --quiet --xmlout repos 2>&1) || x=$?
case $x in 0 | 6) printf 'repos %s\n' "$(printf %s "$out" | base64 | tr -d '\n')" ;; *) printf 'error %s\n' "$(printf %s "$out" | base64 | tr -d '\n')" ;; esac`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    if (f.get('tool') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'zypper', hint: 'add a condition on ansible_os_family' });
    }
    const error = f.text('error');
    if (error !== undefined) return blocked('E_TOOL_REFUSED', { tool: 'zypper', detail: error });
    const { name, repo, state } = given;
    const found = reposIn(f).filter(
      ({ alias, url }) => alias === name || (repo !== undefined && bare(url) === bare(repo)),
    );
    if (found.length > 1 && !given.overwrite_multiple) {
      const detail = found.map((one) => `${one['alias']} ${one['url']}`).join('\n');
      return blocked('E_TOOL_REFUSED', {
        tool: 'zypper',
        detail: `several repositories have this alias or address:\n${detail}`,
      });
    }
    const before = found.length === 0 ? null : found.map(lineOf).join('');
    const removed = found.map(({ alias = '' }) => sh`zypper --non-interactive --quiet removerepo ${alias}`);
    if (state === 'absent') {
      if (found.length === 0) return [];
      const what = `remove the repository ${found.map(({ alias }) => alias).join(', ')}`;
      return [
        {
          what,
          diff: { of: 'repositories', before, after: null },
          run: sh`set -e
${removed.map(
  (one) => sh`${one}
`,
)}`,
        },
      ];
    }
    const [is, ...others] = found;
    const isSame =
      is !== undefined && others.length === 0 && wantedOf(given).every(([key, value]) => is[key] === value);
    if (isSame) return given.runrefresh ? [refreshing(given)] : [];
    const after = lineOf({ ...is, ...Object.fromEntries(wantedOf(given)), alias: name ?? '', url: repo ?? '' });
    return [
      {
        what: `${found.length === 0 ? 'add' : 'change'} the repository ${name}`,
        diff: { of: 'repositories', before, after },
        run: sh`set -e
${removed.map(
  (one) => sh`${one}
`,
)}zypper --non-interactive --quiet addrepo ${options(given)} ${repo ?? ''} ${name ?? ''}
${given.auto_import_keys || given.runrefresh ? refreshing(given).run : sh`:`}`,
      },
    ];
  },
  data: (_, given) => ({ state: given.state, repodata: Object.fromEntries(wantedOf(given)) }),
});

const bare = (url = ''): string => url.replace(/\/+$/, '').replace(/^file:\/\/\//, 'file:/');
const lineOf = ({ alias, url, enabled, autorefresh, gpgcheck, priority = '99' }: Repo): string =>
  `${alias} ${url} enabled=${enabled} autorefresh=${autorefresh} gpgcheck=${gpgcheck} priority=${priority}\n`;

/** The repositories that `zypper --xmlout repos` lists. */
function reposIn(f: Fields): readonly Repo[] {
  const xml = decodeText(f.get('repos') ?? '');
  return [...xml.matchAll(/<repo ([^>]*)>([\s\S]*?)<\/repo>/g)].map(([, attributes = '', inner = '']) => ({
    ...Object.fromEntries(
      [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, unescaped(value)]),
    ),
    url: unescaped(/<url[^>]*>([^<]*)<\/url>/.exec(inner)?.[1] ?? ''),
  }));
}

function unescaped(text: string): string {
  const names: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => names[name] ?? '');
}

/** What zypper lists of a repository as it should be. */
function wantedOf(given: Args): readonly (readonly [string, string])[] {
  const { name, description, priority, enabled, autorefresh, disable_gpg_check } = given;
  const bit = (on: boolean): string => (on ? '1' : '0');
  return [
    ['alias', name ?? ''],
    ...(description === undefined ? [] : [['name', description] as const]),
    ...(priority === undefined ? [] : [['priority', String(priority)] as const]),
    ['enabled', bit(enabled)],
    ['autorefresh', bit(autorefresh)],
    ['gpgcheck', bit(!disable_gpg_check)],
  ];
}

function options({ description, priority, enabled, autorefresh, disable_gpg_check }: Args): readonly string[] {
  return [
    disable_gpg_check ? '--no-gpgcheck' : '--gpgcheck',
    ...(autorefresh ? ['--refresh'] : []),
    ...(enabled ? [] : ['--disable']),
    ...(priority === undefined ? [] : ['--priority', String(priority)]),
    ...(description === undefined ? [] : ['--name', description]),
  ];
}

function refreshing({ name = '', auto_import_keys }: Args): Change {
  return {
    what: `refresh the repository ${name}`,
    run: sh`zypper --non-interactive --quiet ${auto_import_keys ? ['--gpg-auto-import-keys'] : []} refresh --force -r ${name}`,
    action: true,
    harmless: true,
  };
}
