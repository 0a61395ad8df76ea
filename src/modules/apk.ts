import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule, type Output, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { PACKAGE_TOUCHES } from './shared/apt-plan.ts';
import { absolutePath, args, exclude, flag, someNames } from './shared/args.ts';
import {
  asked,
  needsTool,
  obstacle,
  type Packages,
  parsePackages,
  planPackages,
  upgradeAll,
} from './shared/packages.ts';

const Args = args({
  name: Type.Array(Type.String({ pattern: '^[^-!\\s]\\S*$', expected: 'the name of a package' }), {
    default: [],
    description:
      'Packages, each with a version or a tag of a repository if needed: `nginx`, `nginx=1.24.0-r15`, `nginx@edge`.',
  }),
  state: Type.Enum(['present', 'installed', 'latest', 'absent', 'removed'], {
    default: 'present',
    description: 'present: installed, and listed in the world file. latest: the newest version too. absent: removed.',
  }),
  upgrade: flag('Upgrade all packages.'),
  available: flag('With `upgrade`: replace packages that no repository has any more.'),
  update_cache: flag('Refresh the indexes of the repositories first.'),
  no_cache: flag('Use no cache.'),
  repository: someNames('Repositories to use instead of those that are configured.'),
  world: Type.String({
    ...absolutePath('The file that lists the packages that were asked for.'),
    default: '/etc/apk/world',
  }),
});
type Args = Static<typeof Args>;

export const apk = defineModule<typeof Args, Packages>({
  name: 'apk',
  summary: 'Installs, upgrades or removes packages with apk (Alpine Linux).',
  args: Args,
  examples: [
    { title: 'Install two packages', args: { name: ['nginx', 'rsync'], state: 'present' } },
    { title: 'Upgrade all packages', args: { upgrade: true } },
  ],
  verify: (given) => [
    ...(given.name.length > 0 ? exclude({ name: given.name, upgrade: given.upgrade }, 'name', 'upgrade') : []),
    ...(given.name.length === 0 && !given.upgrade && !given.update_cache
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name', 'upgrade' or 'update_cache'" })]
      : []),
    ...(given.available && !given.upgrade
      ? [argError(['available'], 'E_ARGUMENT_CONFLICT', { problem: "'available' needs 'upgrade'" })]
      : []),
  ],
  needs: ({ world }) => ['package:*', 'path:/etc/apk', `path:${world}`],
  touches: () => PACKAGE_TOUCHES,
  probe: probeApk,
  parse: parsePackages,
  plan: planApk,
  data: (_, given, _ctx, ran) => apkData(given, ran),
});

function stateOf({ state }: Args): 'present' | 'latest' | 'absent' {
  return state === 'installed' ? 'present' : state === 'removed' ? 'absent' : state;
}

function apkWith({ no_cache, repository }: Args): Script {
  const own = repository.flatMap((one) => ['--repository', one]);
  return sh`apk ${no_cache ? ['--no-cache'] : []} ${own} ${own.length > 0 ? ['--repositories-file', '/dev/null'] : []}`;
}

function probeApk(given: Args): Script {
  const { name, world } = given;
  const state = stateOf(given);
  const call = apkWith(given);
  const isListed =
    state === 'absent'
      ? sh`:`
      : sh`tr -s ' \t' '\n' <${world} 2>/dev/null | while read -r l; do case $l in "$n" | "$n"[@=\<\>~]*) echo 1; break ;; esac; done | grep -q 1`;
  return sh`${needsTool('apk')}
${given.update_cache ? asked(sh`${call} update`) : sh`:`}
i=0; set --
for n in ${name}; do
  b=\${n%%[@=<>~]*}; r=
  if apk info -e "$b" >/dev/null 2>&1 && { ${isListed}; }; then r=$(apk info -v -e "$b" 2>/dev/null); fi
  if [ -n "$r" ]; then printf 'is %s %s\n' "$i" "$(echo $r)"; else set -- "$@" "$n"; fi
  i=$((i + 1))
done
${
  state === 'absent'
    ? sh`:`
    : sh`if [ $# -gt 0 ]; then
  out=$(${call} add --simulate "$@" 2>&1) || case $out in
  *' (no such package)'*) printf '%s\n' "$out" | sed -n 's/^ *\([^ ]*\) (no such package):.*/none \1/p' ;;
  *) printf 'error %s\n' "$(printf %s "$out" | base64 | tr -d '\n')"; exit 0 ;;
  esac
fi`
}
${state === 'latest' && name.length > 0 ? sh`apk version -l '<' 2>/dev/null | sed -n 's/^\([^ ]*\)-[0-9][^ -]*\(-r[0-9]*\)\{0,1\} *< *\([^ ]*\).*/upgrade \1 \3/p'` : sh`:`}
${
  given.upgrade
    ? sh`${asked(sh`${call} upgrade --simulate ${given.available ? ['--available'] : []}`)}
printf '%s\n' "$out" | sed -n 's/^([0-9]*\/[0-9]*) [A-Z][a-z]* \([^ ]*\) (\(.*\))$/upgrade \1 \2/p'`
    : sh`:`
}
:`;
}

function planApk(now: Packages, given: Args): Steps {
  const call = apkWith(given);
  const manager = {
    tool: 'apk',
    install: (all: readonly string[]) => sh`${call} add ${all}`,
    upgrade: (all: readonly string[]) =>
      given.upgrade ? sh`${call} upgrade ${given.available ? ['--available'] : []}` : sh`${call} add --upgrade ${all}`,
    remove: (all: readonly string[]) => sh`${call} del --purge ${all.map(bare)}`,
  };
  const wrong = obstacle(now, manager);
  if (wrong !== undefined) return wrong;
  if (given.upgrade) return upgradeAll(now, manager);
  const newer = given.name.flatMap((one, i) => {
    const better = now.upgrades.find((line) => line.startsWith(`${bare(one)} `));
    return better === undefined ? [] : [[i, better] as const];
  });
  return planPackages({ ...now, newer: new Map(newer) }, { name: given.name, state: stateOf(given) }, manager);
}

/** A name without version and repository. */
const bare = (name: string): string => name.replace(/[@=<>~].*$/, '');

/** As Ansible returns it. */
function apkData({ name }: Args, ran: Output | undefined): Vars {
  if (ran === undefined)
    return { packages: [], msg: name.length === 0 ? 'packages already upgraded' : 'package(s) already installed' };
  const packages = [...ran.stdout.matchAll(/^\(\d+\/\d+\)\s+\S+\s+(\S+)/gm)].map(([, one = '']) => one);
  return { packages, msg: '' };
}
