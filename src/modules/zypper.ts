import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { defineModule, type Output, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { splitWords } from '../core/words.ts';
import { PACKAGE_TOUCHES } from './shared/apt-plan.ts';
import { args, flag, text } from './shared/args.ts';
import {
  asked,
  needsTool,
  obstacle,
  type Packages,
  parsePackages,
  planPackages,
  upgradeAll,
  withNewer,
} from './shared/packages.ts';

const Args = args({
  name: Type.Array(
    Type.String({ pattern: '^[^-+~\\s]\\S*$', expected: 'the name of a package, as nginx or nginx>=1.24' }),
    {
      minItems: 1,
      description:
        'Packages: a name, with a version (`nginx=1.24`, `nginx>=1.24`), a file that ends in .rpm, something that a package provides, or `*` with `state: latest` and `state: dist-upgrade`.',
    },
  ),
  state: Type.Enum(['present', 'installed', 'latest', 'absent', 'removed', 'dist-upgrade'], {
    default: 'present',
    description:
      'present: installed. latest: the newest version is installed. absent: removed. dist-upgrade: all packages are as the repositories have them.',
  }),
  disable_gpg_check: flag('Do not check signatures.'),
  disable_recommends: flag('Do not install recommended packages.', true),
  force: flag('Change the vendor or the architecture too, and install older versions.'),
  force_resolution: flag('Let the solver remove packages that are in the way.'),
  oldpackage: flag('Install older versions. A name with a version implies it.'),
  replacefiles: flag('Replace files of other packages.'),
  allow_vendor_change: flag('With `state: dist-upgrade`: packages may come from another vendor.'),
  clean_deps: flag('With `state: absent`: also remove what was needed by these packages only.'),
  update_cache: flag('Refresh the repositories first.'),
  extra_args_precommand: text('More options of zypper.'),
  extra_args: text('More options of the command.'),
});
type Args = Static<typeof Args>;

export const zypper = defineModule<typeof Args, Packages>({
  name: 'zypper',
  summary: 'Installs, upgrades or removes packages with zypper (openSUSE and SLE).',
  args: Args,
  aliases: { pkg: 'name', refresh: 'update_cache' },
  examples: [
    { title: 'Install two packages', args: { name: ['nginx', 'rsync>=3.2'], state: 'present' } },
    { title: 'Upgrade all packages', args: { name: '*', state: 'latest' } },
  ],
  verify: (given) => [
    ...(given.name.includes('*') !== isOfAll(given) || (isOfAll(given) && given.name.length > 1)
      ? [argError(['name'], 'E_ARGUMENT_CONFLICT', { problem: "'*' stands alone, with state: latest or dist-upgrade" })]
      : []),
    ...onlyWith(given, 'allow_vendor_change', 'dist-upgrade'),
    ...onlyWith(given, 'clean_deps', 'absent'),
    ...(['extra_args', 'extra_args_precommand'] as const)
      .filter((key) => splitWords(given[key] ?? '') === undefined)
      .map((key) => argError([key], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })),
  ],
  needs: () => ['package:*', 'path:/etc/zypp'],
  touches: () => PACKAGE_TOUCHES,
  probe: probeZypper,
  parse: parsePackages,
  plan: planZypper,
  data: (_, given, _ctx, ran) => zypperData(given, ran),
});

function stateOf({ state }: Args): 'present' | 'latest' | 'absent' | 'dist-upgrade' {
  return state === 'installed' ? 'present' : state === 'removed' ? 'absent' : state;
}

/** Whether the task is about all packages. */
function isOfAll({ name, state }: Args): boolean {
  return state === 'dist-upgrade' || (state === 'latest' && name.includes('*'));
}

function onlyWith(given: Args, key: 'allow_vendor_change' | 'clean_deps', state: string): readonly ArgError[] {
  return given[key] && stateOf(given) !== state
    ? [argError([key], 'E_ARGUMENT_CONFLICT', { problem: `'${key}' needs state: ${state}` })]
    : [];
}

const zypperWith = ({ extra_args_precommand = '', disable_gpg_check }: Args): Script =>
  sh`LC_ALL=C zypper --non-interactive --quiet ${disable_gpg_check ? ['--no-gpg-checks'] : []} ${splitWords(extra_args_precommand) ?? []}`;

type Verb = 'install' | 'update' | 'dist-upgrade';
function options(given: Args, verb: Verb): readonly string[] {
  const isInstall = verb === 'install';
  const isExact = given.name.some((one) => SPEC.test(one));
  return [
    '--auto-agree-with-licenses',
    ...(given.disable_recommends ? ['--no-recommends'] : []),
    ...(given.force && isInstall ? ['--force'] : []),
    ...(given.force_resolution ? ['--force-resolution'] : []),
    ...((given.oldpackage || isExact) && isInstall ? ['--oldpackage'] : []),
    ...(given.replacefiles ? ['--replacefiles'] : []),
    ...(given.disable_gpg_check && isInstall ? ['--allow-unsigned-rpm'] : []),
    ...(given.allow_vendor_change && verb === 'dist-upgrade' ? ['--allow-vendor-change'] : []),
    ...(splitWords(given.extra_args ?? '') ?? []),
  ];
}
/** A name with a version. */
const SPEC = /^[^<>=]+[<>=]/;

function probeZypper(given: Args): Script {
  const state = stateOf(given);
  const names = isOfAll(given) ? [] : given.name;
  const zypp = zypperWith(given);
  return sh`${needsTool('zypper')}
${given.update_cache ? asked(sh`${zypp} refresh`) : sh`:`}
rpm() { command rpm "$@" 2>/dev/null; }
i=0; set --
for n in ${names}; do
  r=
  case $n in
  *.rpm) r=$(rpm -qp --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}' "$n") && r=$(rpm -q "$r") || r= ;;
  *[\<\>=]*)
    b=\${n%%[<>=]*}; w=\${n##*[<>=]}; o=\${n#"$b"}; o=\${o%"$w"}
    case $w in *-*) q='%{VERSION}-%{RELEASE}' ;; *) q='%{VERSION}' ;; esac
    v=$(rpm -q --qf "$q" "$b") || v=
    case $v$w in *[!A-Za-z0-9._+~^:-]*) v= ;; esac
    if [ -n "$v" ]; then
      case $o$(rpm --eval "%{lua:print(rpm.vercmp('$v','$w'))}") in '='0 | '>='[01] | '<='0 | '<='-1 | '>'1 | '<'-1) r=$(rpm -q "$b") ;; esac
    fi ;;
  *) r=$(rpm -q "$n") || r=$(rpm -q --whatprovides "$n") || r= ;;
  esac
  if [ -n "$r" ]; then printf 'is %s %s\n' "$i" "$(echo $r)"; else set -- "$@" "$n"; fi
  i=$((i + 1))
done
${
  state === 'absent' || isOfAll(given)
    ? sh`:`
    : sh`if [ $# -gt 0 ]; then
  out=$(${zypp} install --dry-run ${options(given, 'install')} "$@" 2>&1); x=$?
  case $x in
  0 | 10[0-36]) ;;
  104) printf '%s\n' "$out" | sed -n "s/^No provider of '\(.*\)' found\.$/none \1/p" ;;
  *) printf 'error %s\n' "$(printf %s "$out" | base64 | tr -d '\n')"; exit 0 ;;
  esac
fi`
}
${
  state === 'latest'
    ? sh`${asked(sh`${zypp} --xmlout list-updates`)}
printf '%s\n' "$out" | sed -n 's/.*<update kind="package" name="\([^"]*\)" edition="\([^"]*\)" arch="\([^"]*\)".*/upgrade \1.\3 \2/p'`
    : state === 'dist-upgrade'
      ? sh`${asked(sh`${zypp} --xmlout dist-upgrade ${options(given, 'dist-upgrade')} --dry-run`, 102, 103)}
printf '%s\n' "$out" | sed -n 's/.*<solvable type="package" name="\([^"]*\)" edition="\([^"]*\)" arch="\([^"]*\)".*/upgrade \1.\3 \2/p'`
      : sh`:`
}`;
}

function planZypper(now: Packages, given: Args): Steps {
  const state = stateOf(given);
  const zypp = zypperWith(given);
  const manager = {
    tool: 'zypper',
    install: (all: readonly string[]) => done(sh`${zypp} install ${options(given, 'install')} ${all}`),
    upgrade: (all: readonly string[]) => {
      const verb = state === 'dist-upgrade' ? state : 'update';
      return done(sh`${zypp} ${verb} ${options(given, verb)} ${all}`);
    },
    remove: (all: readonly string[]) => done(sh`${zypp} remove ${given.clean_deps ? ['--clean-deps'] : []} ${all}`),
  };
  const wrong = obstacle(now, manager);
  if (wrong !== undefined) return wrong;
  if (state === 'dist-upgrade' || isOfAll(given)) return upgradeAll(now, manager);
  return planPackages(withNewer(now, given.name), { name: given.name, state }, manager);
}

/** 102: a reboot is suggested, 103: zypper itself was upgraded, 106: a repository was skipped. */
function done(command: Script): Script {
  return sh`x=0; ${command} || x=$?
case $x in 0 | 102 | 103 | 106) ;; *) exit "$x" ;; esac`;
}

function zypperData({ name, state }: Args, ran: Output | undefined): Vars {
  return {
    name: [...name],
    state,
    rc: ran?.code ?? 0,
    ...(ran !== undefined && { stdout: ran.stdout, stderr: ran.stderr }),
  };
}
