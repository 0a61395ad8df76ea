import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Change, defineModule, type Output, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { splitWords } from '../core/words.ts';
import { PACKAGE_TOUCHES } from './shared/apt-plan.ts';
import { args, exclude, flag, text } from './shared/args.ts';
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
  name: Type.Array(
    Type.String({
      pattern: '^(?!.*://)[^-\\s]\\S*$',
      expected: 'the name of a package or group, or a file on the host',
    }),
    {
      default: [],
      description: 'Packages, groups, or files on the host that end in .pkg.tar.zst or .pkg.tar.xz.',
    },
  ),
  state: Type.Enum(['present', 'installed', 'latest', 'absent', 'removed'], {
    default: 'present',
    description: 'present: installed. latest: the newest version is installed. absent: removed.',
  }),
  upgrade: flag('Upgrade all packages.'),
  update_cache: flag('Refresh the package databases first.'),
  force: flag('With `state: absent`: remove a package that others need. With `update_cache`: refresh in any case.'),
  remove_nosave: flag('With `state: absent`: keep no .pacsave files.'),
  executable: Type.String({
    pattern: '^[^-]',
    expected: 'a program',
    default: 'pacman',
    description: 'pacman, or a program like it.',
  }),
  extra_args: text('More options for `state`.'),
  update_cache_extra_args: text('More options for `update_cache`.'),
  upgrade_extra_args: text('More options for `upgrade`.'),
});
type Args = Static<typeof Args>;

export const pacman = defineModule<typeof Args, Packages>({
  name: 'pacman',
  summary: 'Installs, upgrades or removes packages with pacman (Arch Linux).',
  args: Args,
  aliases: { package: 'name', pkg: 'name' },
  examples: [
    { title: 'Install two packages', args: { name: ['nginx', 'rsync'], state: 'present' } },
    { title: 'Upgrade all packages', args: { upgrade: true } },
  ],
  verify: (given) => [
    ...(given.name.length > 0 ? exclude({ name: given.name, upgrade: given.upgrade }, 'name', 'upgrade') : []),
    ...(given.name.length === 0 && !given.upgrade && !given.update_cache
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name', 'upgrade' or 'update_cache'" })]
      : []),
    ...(given.remove_nosave && stateOf(given) !== 'absent'
      ? [argError(['remove_nosave'], 'E_ARGUMENT_CONFLICT', { problem: "'remove_nosave' needs state: absent" })]
      : []),
    ...(given.force && stateOf(given) !== 'absent' && !given.update_cache
      ? [argError(['force'], 'E_ARGUMENT_CONFLICT', { problem: "'force' needs state: absent or update_cache" })]
      : []),
    ...(['extra_args', 'update_cache_extra_args', 'upgrade_extra_args'] as const)
      .filter((key) => splitWords(given[key] ?? '') === undefined)
      .map((key) => argError([key], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })),
  ],
  needs: () => ['package:*', 'path:/etc/pacman.conf', 'path:/etc/pacman.d'],
  touches: () => PACKAGE_TOUCHES,
  probe: probePacman,
  parse: parsePackages,
  plan: planPacman,
  data: (now, given, _ctx, ran) => pacmanData(now, given, ran),
});

function stateOf({ state }: Args): 'present' | 'latest' | 'absent' {
  return state === 'installed' ? 'present' : state === 'removed' ? 'absent' : state;
}

const more = (text: string | undefined): readonly string[] => splitWords(text ?? '') ?? [];
const isFile = (name: string): boolean => name.includes('.pkg.tar');
const pacmanWith = ({ executable }: Args): Script => sh`LC_ALL=C ${executable} --noconfirm --noprogressbar`;

function probePacman(given: Args): Script {
  const { executable, name, force } = given;
  const state = stateOf(given);
  const call = pacmanWith(given);
  const pac = sh`LC_ALL=C ${executable}`;
  return sh`${needsTool(executable)}
${given.update_cache ? asked(sh`${call} --sync --refresh ${force ? ['--refresh'] : []} ${more(given.update_cache_extra_args)}`) : sh`:`}
i=0; set --
for n in ${name}; do
  r=
  case $n in
  *.pkg.tar*) p=$(${pac} -Qp "$n" 2>/dev/null) && q=$(${pac} -Q "\${p%% *}" 2>/dev/null) && ${state === 'absent' ? sh`r=$q` : sh`[ "$p" = "$q" ] && r=$p`} ;;
  *) r=$(${pac} -Q "$n" 2>/dev/null) || {
      ${
        state === 'absent'
          ? sh`r=$(${pac} -Qgq "$n" 2>/dev/null)`
          : sh`m=$(${pac} -Sgq "$n" 2>/dev/null) && [ -n "$m" ] && ${pac} -Qq $m >/dev/null 2>&1 && r=$m || { ${pac} -T "$n" >/dev/null 2>&1 && r=$n; }`
      } || r=
    } ;;
  esac
  if [ -n "$r" ]; then printf 'is %s %s\n' "$i" "$(echo $r)"; else case $n in *.pkg.tar*) ;; *) set -- "$@" "$n" ;; esac; fi
  i=$((i + 1))
done
${
  state === 'absent'
    ? sh`:`
    : sh`if [ $# -gt 0 ]; then
  out=$(${call} --sync --print --print-format '%n %v' "$@" 2>&1) || case $out in
  *'target not found: '*) printf '%s\n' "$out" | sed -n 's/^error: target not found: /none /p' ;;
  *) printf 'error %s\n' "$(printf %s "$out" | base64 | tr -d '\n')"; exit 0 ;;
  esac
fi`
}
${state === 'latest' || given.upgrade ? sh`${pac} -Qu 2>/dev/null | sed -n 's/^\([^ ]*\) .* -> \([^ ]*\)$/upgrade \1 \2/p'` : sh`:`}
:`;
}

function planPacman(now: Packages, given: Args): Steps {
  const pac = pacmanWith(given);
  const manager = {
    tool: given.executable,
    install: (all: readonly string[]) => added(given, all),
    upgrade: (all: readonly string[]) =>
      given.upgrade ? sh`${pac} --sync --sysupgrade ${more(given.upgrade_extra_args)}` : added(given, all),
    remove: (all: readonly string[]) =>
      sh`${pac} --remove ${given.force ? ['--nodeps', '--nodeps'] : []} ${given.remove_nosave ? ['--nosave'] : []} ${more(given.extra_args)} ${all.map((one) => (isFile(one) ? nameIn(now, given, one) : one))}`,
  };
  const wrong = obstacle(now, manager);
  if (wrong !== undefined) return wrong;
  if (given.upgrade) return upgradeAll(now, manager) satisfies readonly Change[];
  const newer = given.name.flatMap((one, i) => {
    const members = now.is.get(i)?.split(' ') ?? [];
    const better = now.upgrades.filter((line) => [one, ...members].includes(line.split(' ')[0] ?? ''));
    return better.length === 0 || isFile(one) ? [] : [[i, better.join(' ')] as const];
  });
  return planPackages({ ...now, newer: new Map(newer) }, { name: given.name, state: stateOf(given) }, manager);
}

/** Packages of repositories, then files. */
function added(given: Args, all: readonly string[]): Script {
  const pac = pacmanWith(given);
  const [files, others] = [all.filter(isFile), all.filter((one) => !isFile(one))];
  return sh`${others.length === 0 ? sh`:` : sh`${pac} --sync --needed ${more(given.extra_args)} ${others}`}
${files.length === 0 ? sh`:` : sh`${pac} --upgrade --needed ${more(given.extra_args)} ${files}`}`;
}

/** The name of the package that a file holds, as the probe found it. */
function nameIn(now: Packages, { name }: Args, file: string): string {
  return now.is.get(name.indexOf(file))?.split(' ')[0] ?? file;
}

/** As Ansible returns it. */
function pacmanData(now: Packages, { name }: Args, ran: Output | undefined): Vars {
  if (ran === undefined) return { packages: [], msg: name.length === 0 ? '' : 'package(s) already installed' };
  const packages = [
    ...ran.stdout.matchAll(/^(?:installing|upgrading|downgrading|reinstalling|removing) (\S+?)\.\.\.$/gm),
  ];
  return {
    packages: packages.map(([, one = '']) => one),
    msg: '',
    ...(now.error !== undefined && { stderr: now.error }),
  };
}
