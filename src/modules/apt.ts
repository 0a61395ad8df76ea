import { defineModule } from '../core/module.ts';
import { APT_ALIASES, aptArgs, aptNeeds, aptOf, aptProblems } from './shared/apt-args.ts';
import { aptData, PACKAGE_TOUCHES, planApt } from './shared/apt-plan.ts';
import { type AptCurrent, parseApt, probeApt } from './shared/apt-state.ts';
import { args } from './shared/args.ts';

const Args = args(aptArgs);

export const apt = defineModule<typeof Args, AptCurrent>({
  name: 'apt',
  summary: 'Installs, upgrades and removes Debian packages.',
  args: Args,
  aliases: APT_ALIASES,
  examples: [
    {
      title: 'Install with an updated index',
      args: { name: ['haproxy', 'keepalived'], update_cache: true, cache_valid_time: 3600 },
    },
    { title: 'Install a certain version', args: { name: 'nginx=1.22*' } },
    {
      title: 'Remove with its configuration',
      args: { name: 'apache2', state: 'absent', purge: true, autoremove: true },
    },
    { title: 'Install without starting', args: { name: ['dnsmasq'], install_recommends: false, policy_rc_d: 101 } },
    { title: 'Upgrade all packages', args: { upgrade: 'full', update_cache: true } },
  ],
  verify: aptProblems,
  needs: aptNeeds,
  touches: () => PACKAGE_TOUCHES,
  probe: (given) => probeApt(aptOf(given)),
  parse: parseApt,
  plan: (current, given, ctx) => planApt(current, aptOf(given), ctx),
  data: aptData,
});
