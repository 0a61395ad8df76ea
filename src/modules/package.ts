import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { APT_ALIASES, aptArgs, aptNeeds, aptOf, aptProblems } from './shared/apt-args.ts';
import { aptData, PACKAGE_TOUCHES, planApt } from './shared/apt-plan.ts';
import { type AptCurrent, parseApt, probeApt } from './shared/apt-state.ts';
import { args, names } from './shared/args.ts';

const Args = args({
  ...aptArgs,
  name: names('The packages.'),
  state: Type.Enum(['present', 'installed', 'latest', 'absent', 'removed', 'build-dep', 'fixed'], {
    default: 'present',
    description:
      'present: installed. latest: the newest version is installed. absent: removed. The others are those of apt.',
  }),
  use: Type.Enum(['auto', 'apt'], { default: 'auto', description: 'The package manager. Only apt is supported.' }),
});
type Args = Static<typeof Args>;

export const packages = defineModule<typeof Args, AptCurrent>({
  name: 'package',
  summary: "Installs, upgrades or removes packages with the host's package manager, and takes its arguments.",
  args: Args,
  aliases: APT_ALIASES,
  examples: [{ title: 'Install two packages', args: { name: ['rsync', 'nftables'], state: 'present' } }],
  verify: (given) => aptProblems(asApt(given)),
  needs: (given) => aptNeeds(given),
  touches: () => PACKAGE_TOUCHES,
  probe: (given) => probeApt(aptOf(asApt(given))),
  parse: parseApt,
  plan: (current, given, ctx) => planApt(current, aptOf(asApt(given)), ctx),
  data: aptData,
});

function asApt({ use: _, state, ...rest }: Args): Parameters<typeof aptOf>[0] {
  return { ...rest, state: state === 'installed' ? 'present' : state === 'removed' ? 'absent' : state };
}
