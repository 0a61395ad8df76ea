import { type Static, Type } from 'typebox';
import type { ArgError } from '../core/bind.ts';
import { type Blocked, blocked, type Context, defineModule, isStep, type Module, type Step } from '../core/module.ts';
import { lines, sh } from '../core/sh.ts';
import { apk } from './apk.ts';
import { apt } from './apt.ts';
import { dnf } from './dnf.ts';
import { pacman } from './pacman.ts';
import { APT_ALIASES, aptArgs } from './shared/apt-args.ts';
import { PACKAGE_TOUCHES } from './shared/apt-plan.ts';
import { args, names } from './shared/args.ts';
import { zypper } from './zypper.ts';

const Args = args({
  ...dnf.spec.args.properties,
  ...aptArgs,
  name: names('The packages.'),
  state: Type.Enum(['present', 'installed', 'latest', 'absent', 'removed', 'build-dep', 'fixed'], {
    default: 'present',
    description:
      'present: installed. latest: the newest version is installed. absent: removed. The others are those of apt.',
  }),
  use: Type.Enum(['auto', 'apt', 'dnf', 'dnf5', 'yum', 'zypper', 'apk', 'pacman'], {
    default: 'auto',
    description: "The package manager. auto: the host's own, by the fact pkg_mgr or by the programs that the host has.",
  }),
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
  summary: "Installs, upgrades or removes packages with the host's package manager, and takes its arguments.",
  args: Args,
  aliases: APT_ALIASES,
  examples: [{ title: 'Install two packages', args: { name: ['rsync', 'nftables'], state: 'present' } }],
  verify: (given) => {
    if (given.use === 'apt') return errorsOf('apt', given);
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

function errorsOf(manager: Manager, given: Args): readonly ArgError[] {
  const step = bound(manager, given);
  return isStep(step) ? [] : step;
}

/** The task as one of the manager's own module. An argument that the manager does not have is an error if it is set. */
function bound(manager: Manager, { use: _, state, ...given }: Args) {
  const { module }: { module: Module } = MANAGERS[manager];
  const own = Object.entries({ ...given, state: PLAIN[state] ?? state }).filter(
    ([name, value]) => value !== undefined && (Object.hasOwn(module.args.properties, name) || !isDefault(name, value)),
  );
  return module.bind(Object.fromEntries(own));
}

const PLAIN: Readonly<Record<string, string>> = { installed: 'present', removed: 'absent' };
function isDefault(name: string, value: unknown): boolean {
  const schema = (Args.properties as Record<string, { default?: unknown }>)[name];
  return JSON.stringify(value) === JSON.stringify(schema?.default);
}
