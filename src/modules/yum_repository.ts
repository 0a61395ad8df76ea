import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule, isBlocked, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args, flag, optionalFlag, ownership, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { editTouches, parseText, planEdit, probeText } from './shared/edit.ts';
import { modeErrors } from './shared/mode.ts';
import { type Seen, textOf } from './shared/path-state.ts';
import { hasSections, type Options, optionsIn, withSection } from './shared/repo-file.ts';

const list = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));
const secret = (description: string) => Type.Optional(Type.String({ secret: true, description }));
const choice = <const T extends readonly string[]>(words: T, description: string) =>
  Type.Optional(Type.Enum([...words], { description }));

/** What the file of a repository may say, by the names of yum.conf(5). */
const OPTIONS = {
  async: optionalFlag('Download packages while others are downloaded.'),
  bandwidth: text('The bandwidth for `throttle`.'),
  baseurl: list('Addresses of the repository.'),
  cost: text('The cost of this repository compared with others.'),
  deltarpm_metadata_percentage: text('When the metadata of deltarpms is too large to be worth it.'),
  deltarpm_percentage: text('When a deltarpm is too large to be worth it.'),
  enabled: optionalFlag('Whether the repository is used.'),
  enablegroups: optionalFlag('Whether its groups are used.'),
  exclude: list('Packages to leave out.'),
  failovermethod: choice(['roundrobin', 'priority'], 'How the next address is chosen.'),
  gpgcakey: text('The address of the key that signed the keys.'),
  gpgcheck: optionalFlag('Check the signatures of packages.'),
  gpgkey: list('Addresses of keys.'),
  module_hotfixes: optionalFlag('Its packages are not filtered by modules.'),
  http_caching: choice(['all', 'packages', 'none'], 'What HTTP proxies may cache.'),
  include: text('A file of configuration to include.'),
  includepkgs: list('The only packages to use.'),
  ip_resolve: choice(['4', '6', 'IPv4', 'IPv6', 'whatever'], 'The version of IP.'),
  keepalive: optionalFlag('Keep HTTP connections open.'),
  keepcache: choice(['0', '1'], 'Keep packages after they were installed.'),
  metadata_expire: text('After how many seconds metadata is old.'),
  metadata_expire_filter: choice(
    ['never', 'read-only:past', 'read-only:present', 'read-only:future'],
    'Which commands may use old metadata.',
  ),
  metalink: text('The address of a metalink.'),
  mirrorlist: text('The address of a list of mirrors.'),
  mirrorlist_expire: text('After how many seconds the list of mirrors is old.'),
  password: secret('The password for the repository.'),
  priority: text('The priority of the repository: 1 to 99, the lowest wins.'),
  protect: optionalFlag('Packages are not replaced by those of other repositories.'),
  proxy: text('The address of a proxy, or `_none_`.'),
  proxy_password: secret('The password for the proxy.'),
  proxy_username: text('The user for the proxy.'),
  repo_gpgcheck: optionalFlag('Check the signature of the metadata.'),
  retries: text('How often a download is tried.'),
  s3_enabled: optionalFlag('The repository is in S3.'),
  skip_if_unavailable: optionalFlag('Go on without the repository if it cannot be reached.'),
  ssl_check_cert_permissions: optionalFlag('Check the permissions of certificates.'),
  sslcacert: text('A directory or file of CA certificates.'),
  sslclientcert: text('A client certificate.'),
  sslclientkey: text('The key of the client certificate.'),
  sslverify: optionalFlag('Verify the certificate of the repository.'),
  throttle: text('The limit of the bandwidth.'),
  timeout: text('In seconds, for connections.'),
  ui_repoid_vars: text('Variables that are shown in the id.'),
  username: text('The user for the repository.'),
};

const Args = args({
  name: Type.String({
    pattern: '^[\\w.:-]+$',
    expected: 'the id of a repository',
    description: 'The id of the repository.',
  }),
  description: text('The name of the repository for people.'),
  file: Type.Optional(
    Type.String({
      pattern: '^[^/]+$',
      expected: 'a name without .repo',
      description: 'The name of the file, without .repo. Default: the id.',
    }),
  ),
  reposdir: Type.String({
    ...absolutePath('The directory of the file.'),
    default: '/etc/yum.repos.d',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the repository is configured.' }),
  ...OPTIONS,
  ...ownership,
  unsafe_writes: flag('Overwrite the file in place if it cannot be renamed (a bind-mounted file).'),
});
type Args = Static<typeof Args>;

export const yum_repository = defineModule<typeof Args, Seen>({
  name: 'yum_repository',
  summary: 'Configures a repository of dnf or yum.',
  args: Args,
  aliases: {
    ca_cert: 'sslcacert',
    client_cert: 'sslclientcert',
    client_key: 'sslclientkey',
    validate_certs: 'sslverify',
  },
  examples: [
    {
      title: 'Add EPEL',
      args: {
        name: 'epel',
        description: 'EPEL',
        baseurl: 'https://mirror.foobar.com/epel/$releasever/$basearch/',
        gpgkey: 'https://mirror.foobar.com/epel/key.asc',
        gpgcheck: true,
      },
    },
    { title: 'Remove it', args: { name: 'epel', state: 'absent' } },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...(given.state === 'present' && (given.baseurl ?? given.metalink ?? given.mirrorlist) === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'baseurl', 'metalink' or 'mirrorlist'" })]
      : []),
    ...(given.state === 'present' && given.description === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'description'" })]
      : []),
  ],
  needs: (given) => [`path:${pathOf(given)}`, ...ownerNeeds(given)],
  touches: (given) => editTouches({ path: pathOf(given) }),
  probe: (given) => probeText(fileOf(given)),
  parse: (stdout, given) => parseText(stdout, fileOf(given)),
  plan(now, given, ctx): Steps {
    const file = fileOf(given);
    const isAbsent = given.state === 'absent';
    const edited = (before: string): string => {
      const wanted = isAbsent ? undefined : optionsOf(given);
      const is = optionsIn(before, given.name);
      const isSame = JSON.stringify(sorted(is)) === JSON.stringify(sorted(wanted));
      return isSame ? before : withSection(before, given.name, wanted);
    };
    const steps = planEdit(now, file, ctx, edited, isAbsent);
    const before = textOf(now);
    if (isBlocked(steps) || !isAbsent || before === undefined || steps.length === 0) return steps;
    if (hasSections(edited(before))) return steps;
    const run = sh`rm -f -- ${file.path}`;
    return [{ what: `remove ${file.path}`, diff: { of: file.path, before, after: null }, run }];
  },
  data: (_, { name, state }) => ({ repo: name, state }),
});

function pathOf({ reposdir, file, name }: Pick<Args, 'reposdir' | 'file' | 'name'>): string {
  return `${reposdir.replace(/\/+$/, '')}/${file ?? name}.repo`;
}

function fileOf(given: Args) {
  const { mode, owner, group, unsafe_writes } = given;
  const whose = {
    ...(mode !== undefined && { mode }),
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
  };
  return { path: pathOf(given), create: true, backup: false, unsafe_writes, ...whose };
}

/** The options as Ansible writes them: sorted, 1 and 0 for booleans, a list of addresses on several lines. */
function optionsOf(given: Args): Options {
  const all: Record<string, unknown> = { ...given, name: given.description };
  return ['name', ...Object.keys(OPTIONS)].sort().flatMap((key): Options => {
    const value = all[key];
    if (value === undefined) return [];
    if (typeof value === 'boolean') return [[key, value ? '1' : '0']];
    if (!Array.isArray(value)) return [[key, String(value)]];
    return [[key, value.join(['baseurl', 'gpgkey'].includes(key) ? '\n' : ' ')]];
  });
}

function sorted(options: Options | undefined): Options | undefined {
  return options && [...options].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
