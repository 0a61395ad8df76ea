import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { APT_DEFAULTS, type AptArgs } from './shared/apt-get.ts';
import { aptErrors } from './shared/apt-names.ts';
import { aptData, PACKAGE_TOUCHES, planApt } from './shared/apt-plan.ts';
import { type AptCurrent, parseApt, probeApt } from './shared/apt-state.ts';
import { args, flag, names } from './shared/args.ts';

const Args = args({
  name: names('The packages.'),
  state: Type.Enum(['present', 'installed', 'latest', 'absent', 'removed'], {
    default: 'present',
    description: 'present: installed. latest: the newest version is installed. absent: removed.',
  }),
  use: Type.Enum(['auto', 'apt'], { default: 'auto', description: 'The package manager. Only apt is supported.' }),
  update_cache: flag('Update the package index first if it is old.'),
  allow_downgrade: flag('A version that is named may be older than the installed one.'),
});
type Args = Static<typeof Args>;

export const packages = defineModule<typeof Args, AptCurrent>({
  name: 'package',
  summary: "Installs, upgrades or removes packages with the host's package manager.",
  args: Args,
  aliases: { pkg: 'name' },
  examples: [{ title: 'Install two packages', args: { name: ['rsync', 'nftables'], state: 'present' } }],
  verify: ({ name }) => aptErrors(name),
  needs: ({ name }) => [
    'path:/etc/apt',
    'path:/var/lib/apt',
    ...name.map((one) => `package:${one.replace(/[=/:].*/, '')}`),
  ],
  touches: () => PACKAGE_TOUCHES,
  probe: (given) => probeApt(asApt(given)),
  parse: parseApt,
  plan: (current, given, ctx) => planApt(current, asApt(given), ctx),
  data: aptData,
});

function asApt({ name, state, update_cache, allow_downgrade }: Args): AptArgs {
  return {
    name,
    state: state === 'installed' ? 'present' : state === 'removed' ? 'absent' : state,
    update_cache,
    cache_valid_time: 0,
    upgrade: 'no',
    ...APT_DEFAULTS,
    autoremove: false,
    autoclean: false,
    clean: false,
    purge: false,
    only_upgrade: false,
    force: false,
    allow_unauthenticated: false,
    allow_downgrade,
    allow_change_held_packages: false,
    fail_on_autoremove: false,
    update_cache_retries: 5,
    update_cache_retry_max_delay: 12,
  };
}
