import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import type { AptArgs } from './shared/apt-get.ts';
import { type AptCurrent, parseApt, probeApt } from './shared/apt-look.ts';
import { aptErrors } from './shared/apt-names.ts';
import { aptData, PACKAGE_TOUCHES, planApt } from './shared/apt-plan.ts';
import { args, flag, names, optionalFlag, text } from './shared/args.ts';

const Args = args({
  name: Type.Optional(names('Packages: name, name=version (a version may be a glob: 1.22*), name/release, or a glob.')),
  state: Type.Enum(['present', 'latest', 'absent'], {
    default: 'present',
    description: 'present: some version; latest: the newest; absent: removed.',
  }),
  deb: Type.Optional(
    Type.String({
      pattern: '^/',
      expected: 'the path of a .deb file on the host',
      description: 'A .deb file on the host.',
    }),
  ),
  update_cache: optionalFlag(
    'Read the package index anew first, if it is older than cache_valid_time, or sources have changed. All tasks of a run share one refresh.',
  ),
  cache_valid_time: Type.Integer({
    default: 0,
    minimum: 0,
    description: 'Seconds for which the package index is good. Implies update_cache.',
  }),
  upgrade: Type.Union([Type.Boolean(), Type.Enum(['no', 'yes', 'safe', 'dist', 'full'])], {
    default: 'no',
    expected: 'one of no, yes, safe, dist, full',
    description: 'Upgrade what is installed: safe (or yes) removes nothing, full (or dist) may.',
  }),
  install_recommends: optionalFlag("Recommended packages too. Default: as the host's apt is set up."),
  default_release: text('The release to install from: trixie-backports.'),
  dpkg_options: Type.String({
    default: 'force-confdef,force-confold',
    description: 'Options for dpkg. By default locally changed config files are kept.',
  }),
  autoremove: flag('Remove what nothing needs any more.'),
  autoclean: flag('Drop downloaded packages that can no longer be had.'),
  clean: flag('Drop all downloaded packages.'),
  purge: flag('With absent: config files too.'),
  only_upgrade: flag('Only upgrade what is installed; install nothing new.'),
  force: flag('Allow unauthenticated packages, downgrades and the removal of essential ones.'),
  force_apt_get: flag('Ignored: it is always apt-get.'),
  allow_unauthenticated: flag('Packages without a valid signature may be installed.'),
  allow_downgrade: flag('An older version may be installed. (A version pin implies it.)'),
  allow_change_held_packages: flag('Packages on hold may be changed.'),
  fail_on_autoremove: flag('Fail instead of removing a package.'),
  lock_timeout: Type.Integer({
    default: 60,
    minimum: 0,
    description: 'Seconds to wait for the lock of another apt or dpkg.',
  }),
  policy_rc_d: Type.Optional(
    Type.Integer({ description: '101: services are not started when their package is installed.' }),
  ),
  update_cache_retries: Type.Integer({ default: 5, minimum: 1, description: 'How often the index is tried.' }),
  update_cache_retry_max_delay: Type.Integer({
    default: 12,
    minimum: 1,
    description: 'The longest pause between the tries, in seconds.',
  }),
});
type Args = Static<typeof Args>;

export const apt = defineModule<typeof Args, AptCurrent>({
  name: 'apt',
  summary: 'Debian packages are installed, upgraded or removed.',
  args: Args,
  aliases: {
    package: 'name',
    pkg: 'name',
    'update-cache': 'update_cache',
    'default-release': 'default_release',
    'install-recommends': 'install_recommends',
    'allow-unauthenticated': 'allow_unauthenticated',
    'allow-downgrade': 'allow_downgrade',
    allow_downgrades: 'allow_downgrade',
    'allow-downgrades': 'allow_downgrade',
  },
  examples: [
    {
      title: 'With a fresh index',
      args: { name: ['haproxy', 'keepalived'], update_cache: true, cache_valid_time: 3600 },
    },
    { title: 'A certain version', args: { name: 'nginx=1.22*' } },
    {
      title: 'Gone, with its configuration',
      args: { name: 'apache2', state: 'absent', purge: true, autoremove: true },
    },
    { title: 'Installed, but not started', args: { name: ['dnsmasq'], install_recommends: false, policy_rc_d: 101 } },
    { title: 'All that is installed', args: { upgrade: 'full', update_cache: true } },
  ],
  verify: ({ name, ...rest }) => {
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
      ...(acts || refreshes ? [] : [argError([], 'E_MISSING_ARGUMENT', { name: "'name'" })]),
    ];
  },
  needs: ({ name = [], deb }) => [
    'path:/etc/apt',
    'path:/var/lib/apt',
    ...name.map((one) => `package:${/[*?[]/.test(one) ? '*' : one.replace(/[=/:].*/, '')}`),
    ...(deb === undefined ? [] : [`path:${deb}`]),
  ],
  touches: () => PACKAGE_TOUCHES,
  probe: (given) => probeApt(full(given)),
  parse: parseApt,
  plan: (current, given) => planApt(current, full(given)),
  data: aptData,
});

function isOn(upgrade: Args['upgrade']): boolean {
  return upgrade !== false && upgrade !== 'no';
}

function full({ name = [], upgrade, update_cache, ...rest }: Args): AptArgs {
  return {
    ...rest,
    name,
    update_cache: update_cache ?? rest.cache_valid_time > 0,
    upgrade: !isOn(upgrade) ? 'no' : upgrade === 'dist' || upgrade === 'full' ? 'full' : 'safe',
  };
}
