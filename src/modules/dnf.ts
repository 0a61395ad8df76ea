import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, defineModule, isBlocked, type Output, type Steps } from '../core/module.ts';
import { type Script, sh, verbatim } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { PACKAGE_TOUCHES } from './shared/apt-plan.ts';
import { absolutePath, args, flag, optionalFlag, someNames, text } from './shared/args.ts';
import {
  asked,
  needsTool,
  obstacle,
  type PackageManager,
  type Packages,
  parsePackages,
  planPackages,
  some,
  upgradeAll,
  withNewer,
} from './shared/packages.ts';

const Args = args({
  name: Type.Array(Type.String({ pattern: '^[^-\\s]\\S*( *[<>=]+ *\\S+)?$', expected: 'the name of a package' }), {
    default: [],
    description:
      'Packages: a name, with a version (`nginx-1.24`), a pattern, a file or address that ends in .rpm, something that a package provides, a group (`@core`), or `*` for all with `state: latest`.',
  }),
  state: Type.Optional(
    Type.Enum(['present', 'installed', 'latest', 'absent', 'removed'], {
      description:
        'present: installed. latest: the newest version is installed. absent: removed. Default: present; absent with `autoremove`.',
    }),
  ),
  enablerepo: someNames('Repositories to enable for this task.'),
  disablerepo: someNames('Repositories to disable for this task.'),
  exclude: someNames('Packages to leave out.'),
  conf_file: Type.Optional(absolutePath('The configuration file of dnf.')),
  disable_gpg_check: flag('Do not check the signatures of packages.'),
  installroot: Type.Optional(absolutePath('Another root directory.')),
  releasever: text('The release of the distribution to install from.'),
  autoremove: flag('Remove packages that were installed as dependencies and that nothing needs any more.'),
  skip_broken: flag('Skip packages with broken dependencies.'),
  update_cache: flag('Refresh the metadata first.'),
  update_only: flag('With `state: latest`: upgrade only what is installed.'),
  security: flag('With `state: latest`: only upgrades that fix security problems.'),
  bugfix: flag('With `state: latest`: only upgrades that fix bugs.'),
  enable_plugin: someNames('Plugins to enable for this task.'),
  disable_plugin: someNames('Plugins to disable for this task.'),
  disable_excludes: text('Ignore the excludes of the configuration: `all`, `main`, or a repository.'),
  sslverify: flag('Verify the certificates of repositories.', true),
  allow_downgrade: flag('A version that is named may be older than the installed one.'),
  install_weak_deps: flag('Install weak dependencies too.', true),
  allowerasing: flag('Remove packages if that is needed to resolve dependencies.'),
  nobest: flag('Older versions may be chosen if that is needed to resolve dependencies.'),
  best: optionalFlag('Fail if the newest version cannot be installed. Default: the configuration of dnf.'),
  cacheonly: flag('Use only what the cache has.'),
});
type Args = Static<typeof Args>;

export const dnf = defineModule<typeof Args, Packages>({
  name: 'dnf',
  summary: 'Installs, upgrades or removes packages with dnf (Fedora, RHEL and their relatives).',
  args: Args,
  aliases: { pkg: 'name', 'expire-cache': 'update_cache' },
  examples: [
    { title: 'Install two packages', args: { name: ['nginx', 'rsync'], state: 'present' } },
    { title: 'Upgrade all packages', args: { name: '*', state: 'latest' } },
    { title: 'Remove what nothing needs', args: { autoremove: true } },
  ],
  verify: (given) => [
    ...given.name.flatMap((one, i) =>
      /^@[^:]*:/.test(one)
        ? [
            argError(['name', i], 'E_ARGUMENT_VALUE', {
              problem: 'streams of modules are not supported',
              hint: 'enable the stream with command: dnf module enable',
            }),
          ]
        : [],
    ),
    ...(given.autoremove && given.state !== undefined && stateOf(given) !== 'absent'
      ? [argError(['autoremove'], 'E_ARGUMENT_CONFLICT', { problem: "'autoremove' needs state: absent" })]
      : []),
    ...(given.nobest && given.best !== undefined
      ? [argError(['nobest'], 'E_ARGUMENT_CONFLICT', { problem: "'best' and 'nobest' exclude each other" })]
      : []),
    ...(given.name.includes('*') && (given.name.length > 1 || stateOf(given) !== 'latest')
      ? [argError(['name'], 'E_ARGUMENT_CONFLICT', { problem: "'*' stands alone, with state: latest" })]
      : []),
    ...(['update_only', 'security', 'bugfix'] as const)
      .filter((key) => given[key] && stateOf(given) !== 'latest')
      .map((key) => argError([key], 'E_ARGUMENT_CONFLICT', { problem: `'${key}' needs state: latest` })),
    ...(given.name.length === 0 && !given.autoremove && !given.update_cache
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name', 'autoremove' or 'update_cache'" })]
      : []),
  ],
  needs: () => ['package:*', 'path:/etc/yum.repos.d', 'path:/etc/dnf'],
  touches: () => PACKAGE_TOUCHES,
  probe: probeDnf,
  parse: parsePackages,
  plan: planDnf,
  data: (_, given, _ctx, ran) => dnfData(given, ran),
});

function stateOf({ state, autoremove }: Args): 'present' | 'latest' | 'absent' {
  if (state === 'absent' || state === 'removed') return 'absent';
  if (state === 'latest') return 'latest';
  return state === undefined && autoremove ? 'absent' : 'present';
}

/** What every call of dnf gets. */
function dnfWith(given: Args): Script {
  const { enablerepo, disablerepo, exclude, enable_plugin, disable_plugin } = given;
  const options = [
    ...(given.conf_file === undefined ? [] : ['-c', given.conf_file]),
    ...(given.installroot === undefined ? [] : [`--installroot=${given.installroot}`]),
    ...(given.releasever === undefined ? [] : [`--releasever=${given.releasever}`]),
    ...disablerepo.map((one) => `--disablerepo=${one}`),
    ...enablerepo.map((one) => `--enablerepo=${one}`),
    ...exclude.map((one) => `--exclude=${one}`),
    ...enable_plugin.map((one) => `--enableplugin=${one}`),
    ...disable_plugin.map((one) => `--disableplugin=${one}`),
    ...(given.disable_excludes === undefined ? [] : [`--disableexcludes=${given.disable_excludes}`]),
    ...(given.disable_gpg_check ? ['--nogpgcheck'] : []),
    ...(given.sslverify ? [] : ['--setopt=sslverify=False']),
    ...(given.install_weak_deps ? [] : ['--setopt=install_weak_deps=False']),
    ...(given.best === undefined && !given.nobest ? [] : [`--setopt=best=${given.best === true ? 'True' : 'False'}`]),
    ...(given.cacheonly ? ['-C'] : []),
  ];
  return sh`LC_ALL=C dnf -y ${options}`;
}

const upgrading = ({ security, bugfix }: Args): readonly string[] => [
  ...(security ? ['--security'] : []),
  ...(bugfix ? ['--bugfix'] : []),
];
const resolving = ({ allowerasing, skip_broken }: Args): readonly string[] => [
  ...(allowerasing ? ['--allowerasing'] : []),
  ...(skip_broken ? ['--skip-broken'] : []),
];

function probeDnf(given: Args): Script {
  const { name, installroot } = given;
  const state = stateOf(given);
  const isAll = name.includes('*');
  const dnf = dnfWith(given);
  const fresh = given.update_cache ? ['--refresh'] : [];
  return sh`${needsTool('dnf')}
rpm() { command rpm ${installroot === undefined ? [] : ['--root', installroot]} "$@" 2>/dev/null; }
i=0; set --
for n in ${isAll ? [] : name}; do
  case $n in
  @*) r=$(${dnf} -v group list --hidden 2>/dev/null | awk -v g="\${n#@}" '${verbatim(GROUP)}') ;;
  *.rpm) r=$(rpm -qp --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}' "$n") && r=$(rpm -q "$r") || r= ;;
  *[*?[]*) r=$(rpm -qa "$n") ;;
  *) r=$(rpm -q "$n") || r=$(rpm -q --whatprovides "$n") || r=
${
  given.allow_downgrade || state === 'absent'
    ? sh``
    : sh`    b=$n
    while [ -z "$r" ]; do
      case $b in *-*) b=\${b%-*}; w=\${n#"$b"-} ;; *) break ;; esac
      v=$(rpm -q --qf '%{VERSION}\n' "$b") || continue
      case $w in *[!A-Za-z0-9._+~^-]* | [!0-9]*) break ;; esac
      [ "$(command rpm --eval "%{lua:print(rpm.vercmp('$v','\${w%%-*}'))}")" = 1 ] || break
      [ "$(${dnf} -q repoquery --qf '%{name}\n' "$n" 2>/dev/null | sed '/^$/d' | head -n1)" = "$b" ] || break
      r=$b-$v
    done`
} ;;
  esac
  if [ -n "$r" ]; then printf 'is %s %s\n' "$i" "$(echo $r)"; else set -- "$@" "$n"; fi
  i=$((i + 1))
done
${
  state === 'absent' || given.update_only
    ? sh`:`
    : sh`if [ $# -gt 0 ]; then
  out=$(${dnf} ${fresh} --assumeno install ${resolving(given)} "$@" 2>&1) || :
  case $out in
  *'No match for argument: '*) printf '%s\n' "$out" | sed -n 's/^No match for argument: /none /p' ;;
  *'Operation aborted'* | *'Nothing to do'*) ;;
  *) printf 'error %s\n' "$(printf %s "$out" | base64 | tr -d '\n')"; exit 0 ;;
  esac
fi`
}
${
  state === 'latest'
    ? sh`${asked(sh`${dnf} -q ${fresh} check-update ${upgrading(given)} ${isAll ? [] : name.filter((one) => !one.startsWith('@') && !one.endsWith('.rpm'))}`, 100)}
printf '%s\n' "$out" | sed '/^Obsoleting/,$d' | awk 'NF == 3 && $1 ~ /\./ { print "upgrade " $1 " " $2 }'`
    : sh`:`
}
${given.autoremove ? sh`${dnf} -q repoquery --unneeded 2>/dev/null | sed 's/^/leftover /'` : sh`:`}`;
}

/**
 * Prints the group if it is installed. dnf 4 lists installed ones under a heading, as `Name (id)`; dnf 5 in a table, as
 * `id Name yes`.
 */
const GROUP =
  '/^Installed /{on=1} /^Available /{on=0} (on && (index($0, "(" g ")") || index($0, "   " g " (") == 1)) || ($1 == g && $NF == "yes") {print g; exit}';

function planDnf(found: Packages, given: Args): Steps {
  const state = stateOf(given);
  const manager = dnfManager(given);
  const wrong = obstacle(found, manager);
  if (wrong !== undefined) return wrong;
  const now = withNewer(found, given.name);
  const leaving: readonly Change[] =
    given.autoremove && found.leftovers.length > 0
      ? [
          {
            what: `remove what nothing needs any more: ${some(found.leftovers)}`,
            run: sh`set -e
${dnfWith(given)} autoremove`,
          },
        ]
      : [];
  if (given.name.includes('*')) return upgradeAll(now, manager);
  if (given.name.length === 0 && given.update_cache) return [...leaving, refreshing(given)];
  const steps = planPackages(now, { name: given.name, state, isUpgradeOnly: given.update_only }, manager);
  return isBlocked(steps) ? steps : [...steps, ...leaving];
}

/** As in Ansible, new metadata is no change. */
function refreshing(given: Args): Change {
  return { what: 'refresh the metadata', run: sh`${dnfWith(given)} --refresh makecache`, action: true, harmless: true };
}

function dnfManager(given: Args): PackageManager {
  const dnf = dnfWith(given);
  const keep = given.autoremove ? [] : ['--setopt=clean_requirements_on_remove=False'];
  return {
    tool: 'dnf',
    install: (all) => sh`${dnf} install ${resolving(given)} ${all}`,
    upgrade: (all) => sh`${dnf} upgrade ${upgrading(given)} ${resolving(given)} ${all}`,
    remove: (all) => sh`${dnf} ${keep} remove ${all}`,
  };
}

/** As Ansible returns it: what the transaction did. */
function dnfData({ name }: Args, ran: Output | undefined): Vars {
  if (ran === undefined) return { rc: 0, msg: name.length === 0 ? 'Cache updated' : 'Nothing to do', results: [] };
  const done = [...ran.stdout.matchAll(/^ {2}(Installing|Upgrading|Downgrading|Erasing) *: (\S+)/gm)];
  const past: Readonly<Record<string, string>> = {
    Installing: 'Installed',
    Upgrading: 'Installed',
    Downgrading: 'Installed',
    Erasing: 'Removed',
  };
  return { rc: ran.code, msg: '', results: done.map(([, verb = '', pkg = '']) => `${past[verb] ?? verb}: ${pkg}`) };
}
