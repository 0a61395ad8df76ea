// The arguments of apt, which the module `package` takes too.
import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../../core/bind.ts';
import type { Resource } from '../../core/resource.ts';
import { isAddress } from './apt-deb.ts';
import type { AptArgs } from './apt-get.ts';
import { aptErrors } from './apt-names.ts';
import { args, exclude, flag, names, optionalFlag, text } from './args.ts';

export const aptArgs = {
  name: Type.Optional(names('Packages: name, name=version (a version may be a glob: 1.22*), name/release, or a glob.')),
  state: Type.Enum(['present', 'latest', 'absent', 'build-dep', 'fixed'], {
    default: 'present',
    description:
      'present: any version is installed. latest: the newest version is installed. absent: the package is removed. build-dep: the packages that are needed to build it are installed. fixed: as present, and apt repairs broken dependencies.',
  }),
  deb: Type.Optional(
    Type.String({
      pattern: '^(/|https?://|ftp://)',
      expected: 'the path of a .deb file on the host, or a URL',
      description:
        'The path of a .deb file on the host, or a URL. A file at a URL is fetched each time, because only the file names its package and version.',
    }),
  ),
  update_cache: optionalFlag(
    'Update the package index if it is older than cache_valid_time or the sources changed. All tasks of a run share one update.',
  ),
  cache_valid_time: Type.Integer({
    default: 0,
    minimum: 0,
    description: 'The age in seconds up to which the package index is not updated. Implies update_cache.',
  }),
  upgrade: Type.Union([Type.Boolean(), Type.Enum(['no', 'yes', 'safe', 'dist', 'full'])], {
    default: 'no',
    expected: 'one of no, yes, safe, dist, full',
    description: 'Upgrade installed packages. safe (or yes) removes no package, full (or dist) may.',
  }),
  install_recommends: optionalFlag("Install recommended packages too. Default: the host's apt configuration."),
  default_release: text('The release to install from, for example trixie-backports.'),
  dpkg_options: Type.String({
    default: 'force-confdef,force-confold',
    description: 'Options for dpkg. By default, locally changed config files are kept.',
  }),
  autoremove: flag('Remove packages that nothing depends on any more.'),
  autoclean: flag('Remove downloaded packages that the repositories no longer have.'),
  clean: flag('Remove all downloaded packages.'),
  purge: flag('With absent: remove config files too.'),
  only_upgrade: flag('Only upgrade installed packages. Install nothing new.'),
  force: flag('Allow unauthenticated packages, downgrades and the removal of essential packages.'),
  force_apt_get: flag('No effect: apt-get is always used.'),
  allow_unauthenticated: flag('Allow packages without a valid signature.'),
  allow_downgrade: flag('Allow an older version. A version in `name` implies it.'),
  allow_change_held_packages: flag('Allow changes of packages on hold.'),
  fail_on_autoremove: flag('Fail instead of removing a package.'),
  lock_timeout: Type.Integer({
    default: 60,
    minimum: 0,
    description: 'Seconds to wait for the lock of another apt or dpkg.',
  }),
  policy_rc_d: Type.Optional(
    Type.Integer({
      description: 'The exit code of policy-rc.d. With 101, services do not start when their package is installed.',
    }),
  ),
  update_cache_retries: Type.Integer({ default: 5, minimum: 1, description: 'How often to try to update the index.' }),
  update_cache_retry_max_delay: Type.Integer({
    default: 12,
    minimum: 1,
    description: 'The longest pause between attempts, in seconds.',
  }),
};

const Given = args(aptArgs);
type Given = Static<typeof Given>;

export const APT_ALIASES = {
  package: 'name',
  pkg: 'name',
  'update-cache': 'update_cache',
  'default-release': 'default_release',
  'install-recommends': 'install_recommends',
  'allow-unauthenticated': 'allow_unauthenticated',
  'allow-downgrade': 'allow_downgrade',
  allow_downgrades: 'allow_downgrade',
  'allow-downgrades': 'allow_downgrade',
} as const;

export function aptProblems({ name, ...rest }: Given): readonly ArgError[] {
  const acts =
    name !== undefined ||
    rest.deb !== undefined ||
    isOn(rest.upgrade) ||
    rest.autoremove ||
    rest.autoclean ||
    rest.clean;
  const refreshes = rest.update_cache ?? rest.cache_valid_time > 0;
  return [
    ...aptErrors(name ?? []),
    ...exclude({ deb: rest.deb, name }, 'deb', 'name'),
    ...exclude({ deb: rest.deb, upgrade: isOn(rest.upgrade) }, 'deb', 'upgrade'),
    ...(rest.deb !== undefined && rest.state !== 'present'
      ? [argError(['state'], 'E_ARGUMENT_CONFLICT', { problem: "'deb' needs `state: present`" })]
      : []),
    ...(rest.state === 'build-dep' && name === undefined
      ? [argError(['state'], 'E_ARGUMENT_CONFLICT', { problem: "`state: build-dep` needs 'name'" })]
      : []),
    ...(acts || refreshes ? [] : [argError([], 'E_MISSING_ARGUMENT', { name: "'name'" })]),
  ];
}

export function aptNeeds({ name = [], deb }: Pick<Given, 'name' | 'deb'>): readonly Resource[] {
  return [
    'path:/etc/apt',
    'path:/var/lib/apt',
    ...name.map((one) => `package:${/[*?[]/.test(one) ? '*' : one.replace(/[=/:].*/, '')}`),
    ...(deb === undefined ? [] : isAddress(deb) ? ['live:*'] : [`path:${deb}`]),
  ];
}

function isOn(upgrade: Given['upgrade']): boolean {
  return upgrade !== false && upgrade !== 'no';
}

/** The arguments as the shared code of apt reads them. */
export function aptOf({ name = [], upgrade, update_cache, ...rest }: Given): AptArgs {
  return {
    ...rest,
    name,
    update_cache: update_cache ?? rest.cache_valid_time > 0,
    upgrade: !isOn(upgrade) ? 'no' : upgrade === 'dist' || upgrade === 'full' ? 'full' : 'safe',
  };
}
