import { type Static, Type } from 'typebox';
import { type Blocked, blocked, type Context, defineModule, isStep, type Module, type Step } from '../core/module.ts';
import { lines, sh } from '../core/sh.ts';
import { apk } from './apk.ts';
import { apt } from './apt.ts';
import { dnf } from './dnf.ts';
import { pacman } from './pacman.ts';
import { aptErrors } from './shared/apt-names.ts';
import { PACKAGE_TOUCHES } from './shared/apt-plan.ts';
import { args, flag, names } from './shared/args.ts';
import { zypper } from './zypper.ts';

const Args = args({
  name: names('The packages.'),
  state: Type.Enum(['present', 'installed', 'latest', 'absent', 'removed'], {
    default: 'present',
    description: 'present: installed. latest: the newest version is installed. absent: removed.',
  }),
  use: Type.Enum(['auto', 'apt', 'dnf', 'dnf5', 'yum', 'zypper', 'apk', 'pacman'], {
    default: 'auto',
    description: "The package manager. auto: the host's own, by the fact pkg_mgr or by the programs that the host has.",
  }),
  update_cache: flag('Update the package index first if it is old.'),
  allow_downgrade: flag('A version that is named may be older than the installed one. For apt and dnf.'),
});
type Args = Static<typeof Args>;
type Current = Readonly<{ manager: string; stdout: string }>;

/** The managers, and how a host shows that it has one. */
const MANAGERS = {
  apt: { module: apt, test: sh`command -v apt-get >/dev/null && [ -s /var/lib/dpkg/status ]` },
  dnf: { module: dnf, test: sh`command -v dnf >/dev/null` },
  zypper: { module: zypper, test: sh`command -v zypper >/dev/null` },
  apk: { module: apk, test: sh`command -v apk >/dev/null` },
  pacman: { module: pacman, test: sh`command -v pacman >/dev/null` },
} as const;
type Manager = keyof typeof MANAGERS;
const ALL = Object.keys(MANAGERS) as readonly Manager[];

export const packages = defineModule<typeof Args, Current>({
  name: 'package',
  summary: "Installs, upgrades or removes packages with the host's package manager.",
  args: Args,
  aliases: { pkg: 'name' },
  examples: [{ title: 'Install two packages', args: { name: ['rsync', 'nftables'], state: 'present' } }],
  verify: (given) => {
    if (given.use === 'apt') return aptErrors(given.name);
    const steps = ALL.map((manager) => bound(manager, given));
    const [first = []] = steps.filter((step) => !isStep(step));
    return steps.some(isStep) || isStep(first) ? [] : first;
  },
  needs: ({ name }) => [
    'path:/etc/apt',
    'path:/var/lib/apt',
    'path:/etc/yum.repos.d',
    'path:/etc/dnf',
    'path:/etc/zypp',
    'path:/etc/apk',
    'path:/etc/pacman.conf',
    ...name.map((one) => `package:${one.replace(/[=/:].*/, '')}`),
  ],
  touches: () => PACKAGE_TOUCHES,
  probe(given, ctx) {
    const known = managerOf(given, ctx);
    if (known !== undefined) return probeOf(known, given, ctx);
    const tried = ALL.map(
      (one, i) => sh`${i === 0 ? sh`if` : sh`elif`} ${MANAGERS[one].test}; then
${probeOf(one, given, ctx)}`,
    );
    return lines([...tried, sh`else echo 'manager none'; fi`]);
  },
  parse(stdout) {
    const [, manager = 'none', rest = ''] = /^manager (\S+)\n?([\s\S]*)$/.exec(stdout) ?? [];
    return { manager, stdout: rest };
  },
  plan({ manager, stdout }, given, ctx) {
    const step = stepOf(manager, given);
    return 'blocked' in step ? step : step.plan(stdout, ctx);
  },
  data({ manager, stdout }, given, ctx, ran) {
    const step = stepOf(manager, given);
    return 'blocked' in step ? {} : step.data(stdout, ctx, ran);
  },
});

/** The manager that the task or the facts name. */
function managerOf({ use }: Args, { facts }: Context): Manager | undefined {
  const wanted = use === 'auto' ? facts['pkg_mgr'] : use;
  const name = wanted === 'yum' || wanted === 'dnf5' ? 'dnf' : wanted;
  return ALL.find((one) => one === name);
}

function probeOf(manager: Manager, given: Args, ctx: Context) {
  const step = bound(manager, given);
  const probe = isStep(step) ? step.probe?.(ctx) : undefined;
  return sh`echo ${`manager ${manager}`}
${probe ?? sh`:`}`;
}

function stepOf(manager: string, given: Args): Step | Blocked {
  const known = ALL.find((one) => one === manager);
  if (known === undefined) {
    return blocked('E_TOOL_MISSING', {
      tool: `package manager of these: ${ALL.join(', ')}`,
      hint: 'use another module',
    });
  }
  const step = bound(known, given);
  if (isStep(step)) return step;
  const detail = step.map(({ message }) => message).join('\n');
  return blocked('E_TOOL_REFUSED', { tool: known, detail });
}

/** The task as one of the manager's own module. */
function bound(manager: Manager, { name, state, update_cache, allow_downgrade }: Args) {
  const { module }: { module: Module } = MANAGERS[manager];
  const plain = state === 'installed' ? 'present' : state === 'removed' ? 'absent' : state;
  return module.bind({
    name,
    state: plain,
    update_cache,
    ...(['apt', 'dnf'].includes(manager) && { allow_downgrade }),
  });
}
