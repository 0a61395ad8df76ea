// Compares the host's packages with the wanted state and plans the changes.
import { type Blocked, blocked, type Change, type Context, type Steps } from '../../core/module.ts';
import { type Script, sh } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import { planDeb } from './apt-deb.ts';
import { type AptArgs, held, installOptions, preamble, REPAIRING, updating, upgradeVerb } from './apt-get.ts';
import { isGlob, type Wanted, wantedOf } from './apt-names.ts';
import type { AptCurrent, Installed } from './apt-state.ts';
import { globToRegex } from './glob.ts';

/** In seconds. A second refresh within this time would bring nothing new, so all tasks of a run share one. */
const SHARED = 300;

/** What the installation of a package may alter. */
export const PACKAGE_TOUCHES = [
  'package:*',
  'path:/etc',
  'path:/usr',
  'path:/var',
  'path:/lib',
  'path:/srv',
  'path:/run',
  'unit:*',
  'user:*',
  'group:*',
  'live:*',
] as const;

export function planApt(current: AptCurrent, args: AptArgs, ctx: Context): Steps {
  const steps = planPackages(current, args, ctx);
  const mustRepair = current.isInterrupted || current.unfinished.length > 0;
  if (!mustRepair || 'blocked' in steps) return steps;
  // A package whose configuration fails is removed as it is. apt_get repairs dpkg's journal for that if needed.
  const isRemoved = args.state === 'absent' && steps.length > 0;
  if (isRemoved && !current.isInterrupted) return steps;
  return [repairing(current, args, isRemoved), ...steps];
}

/** Finishes the work of an interrupted dpkg before anything else is asked of apt. */
function repairing({ unfinished }: AptCurrent, args: AptArgs, mayFail: boolean): Change {
  const of = unfinished.length === 0 ? '' : `: ${some(unfinished)}`;
  return {
    what: `${REPAIRING}${of}`,
    diff: { of: 'unfinished packages', before: unfinished.map((name) => `${name}\n`).join(''), after: '' },
    run: sh`${preamble(args)}
repair ${mayFail ? sh`|| :` : sh``}`,
  };
}

function planPackages(current: AptCurrent, args: AptArgs, ctx: Context): Steps {
  const refresh = args.update_cache && isStale(current, args);
  const wanted = args.name.map(wantedOf);
  if (args.state === 'absent') return removal(current, wanted, args);
  if (args.state === 'build-dep') return buildDependencies(current, args, refresh);
  const differ = wanted.filter((one) => !isSatisfied(current, one, args, refresh));
  const unknown = refresh ? undefined : unknownPackages(current, differ);
  if (unknown !== undefined) return unknown;
  const steps: Change[] = [];
  if (args.upgrade !== 'no' && (refresh || current.upgrades.length > 0)) {
    steps.push(upgrade(current, args, refresh));
  }
  if (differ.length > 0) steps.push(install(current, differ, args, refresh && steps.length === 0));
  if (args.deb !== undefined) {
    const deb = planDeb(current, args.deb, args, refresh && steps.length === 0, ctx);
    if (deb !== undefined && 'blocked' in deb) return deb;
    if (deb !== undefined) steps.push(deb);
  }
  if (steps.length === 0 && refresh && wanted.length === 0) steps.push(refreshed(args));
  if (args.autoremove && wanted.length === 0 && current.leftovers.length > 0) {
    steps.push({
      what: `remove what nothing needs any more: ${some(current.leftovers)}`,
      run: sh`${preamble(args)}
apt_get autoremove ${args.purge ? ['--purge'] : []}`,
    });
  }
  if (args.autoclean) steps.push(cleaning('autoclean', args));
  if (args.clean) steps.push(cleaning('clean', args));
  return steps;
}

export function aptData(current: AptCurrent): Vars {
  return { cache_update_time: current.refreshed, cache_updated: current.age < SHARED };
}

function found({ installed }: AptCurrent, { name }: Wanted, withConfig = false): Installed | undefined {
  const [base = name, arch] = name.split(':');
  const pattern = isGlob(base) ? globToRegex(base) : undefined;
  return installed.find(
    (p) =>
      (withConfig || !p.isConfig) &&
      (pattern?.test(p.name) ?? p.name === base) &&
      (arch === undefined || arch === p.arch),
  );
}

function isSatisfied(current: AptCurrent, one: Wanted, args: AptArgs, refresh: boolean): boolean {
  const has = found(current, one);
  if (has === undefined)
    return (
      args.only_upgrade || (one.version === undefined && current.provided.has(one.name) && args.state !== 'latest')
    );
  // dpkg does not configure a package that it was removing. The package has to be installed again.
  if (has.isUnfinished && has.isUnwanted) return false;
  if (one.version !== undefined) return globToRegex(one.version).test(has.version);
  if (args.state !== 'latest') return true;
  if (refresh) return false;
  const candidate = current.candidates?.get(one.name);
  return candidate === undefined || candidate === '(none)' || candidate === has.version;
}

function unknownPackages(current: AptCurrent, differ: readonly Wanted[]): Blocked | undefined {
  const { candidates, indexIsEmpty } = current;
  if (differ.length === 0 || candidates === undefined) return undefined;
  const unknown = differ
    .filter((one) => !isGlob(one.name) && !candidates.has(one.name) && found(current, one) === undefined)
    .map((one) => one.name);
  if (unknown.length === 0) return undefined;
  if (indexIsEmpty) return blocked('E_PACKAGE_INDEX_EMPTY', { names: unknown.join(', ') });
  return blocked('E_PACKAGE_UNKNOWN', { names: unknown.join(', ') });
}

function isStale({ age, sourcesChanged, indexIsEmpty }: AptCurrent, { cache_valid_time }: AptArgs): boolean {
  return indexIsEmpty || sourcesChanged || age > Math.max(cache_valid_time, SHARED);
}

function install(current: AptCurrent, differ: readonly Wanted[], args: AptArgs, refresh: boolean): Change {
  const shown = differ.map((one) => {
    const [has, candidate] = [found(current, one)?.version, one.version ?? current.candidates?.get(one.name)];
    return { name: one.name, has, candidate: candidate === '(none)' ? undefined : candidate };
  });
  const words = differ.map((one) => one.text);
  const run = (all: readonly string[]): Script => installing(all, args, refresh);
  // A change may refresh the index for the changes that join it. A change that needs a refresh of its own cannot join
  // an earlier one.
  const how = JSON.stringify([installOptions(args), preamble(args).text]);
  return {
    what: `${shown.every(({ has }) => has !== undefined) ? 'upgrade' : 'install'} ${some(words)}`,
    diff: {
      of: 'packages',
      before: shown.map(({ name, has }) => `${name} ${has ?? '-'}\n`).join(''),
      after: shown.map(({ name, candidate }) => `${name} ${candidate ?? '(newest)'}\n`).join(''),
    },
    run: run(words),
    joins: { by: `${refresh} ${how}`, after: [`true ${how}`, ...(refresh ? [] : [`false ${how}`])], words, run },
  };
}

function installing(words: readonly string[], args: AptArgs, refresh: boolean): Script {
  return sh`${preamble(args)}
${refresh ? updating(args) : sh`:`}
apt_get install ${installOptions(args)} -- ${words} || { rc=$?
  set -- /var/lib/apt/lists/*_Packages*
  [ -e "$1" ] || echo 'the package index is empty: set update_cache: true' >&2
  exit "$rc"
}`;
}

/** Installs what the packages need to be built. If the index will be read anew, only apt can tell then what that is. */
function buildDependencies({ buildDependencies, buildError }: AptCurrent, args: AptArgs, refresh: boolean): Steps {
  if (!refresh && buildError !== undefined)
    return blocked('E_TOOL_REFUSED', { tool: 'apt-get build-dep', detail: buildError });
  if (!refresh && buildDependencies.length === 0) return [];
  return [
    {
      what: `install what ${some(args.name)} need${args.name.length === 1 ? 's' : ''} to be built`,
      diff: { of: 'packages', before: null, after: buildDependencies.map((name) => `${name}\n`).join('') },
      run: sh`${preamble(args)}
${refresh ? updating(args) : sh`:`}
apt_get build-dep ${installOptions(args)} -- ${args.name}`,
    },
  ];
}

function removal(current: AptCurrent, wanted: readonly Wanted[], args: AptArgs): Steps {
  const installed = wanted.filter((one) => found(current, one, args.purge) !== undefined);
  if (installed.length === 0) return [];
  const before = installed.map((one) => `${one.name} ${found(current, one, true)?.version ?? ''}\n`).join('');
  return [
    {
      what: `${args.purge ? 'purge' : 'remove'} ${some(installed.map((one) => one.name))}`,
      diff: { of: 'packages', before, after: installed.map((one) => `${one.name} -\n`).join('') },
      run: sh`${preamble(args)}
apt_get remove ${args.purge ? ['--purge'] : []} ${args.autoremove ? ['--auto-remove'] : []} ${held(args)} -- ${installed.map((one) => one.name)}`,
    },
  ];
}

function upgrade(current: AptCurrent, args: AptArgs, refresh: boolean): Change {
  const { upgrades } = current;
  return {
    what: upgrades.length === 0 ? 'read the package index anew and upgrade' : `upgrade ${some(upgrades)}`,
    diff: { of: 'packages', before: null, after: upgrades.map((name) => `${name}\n`).join('') },
    run: sh`${preamble(args)}
${refresh ? updating(args) : sh`:`}
apt_get ${upgradeVerb(args.upgrade)} ${installOptions(args)}`,
  };
}

function refreshed(args: AptArgs): Change {
  return {
    what: 'read the package index anew',
    run: sh`${preamble(args)}
${updating(args)}`,
  };
}

function cleaning(verb: string, args: AptArgs): Change {
  return {
    what: `apt-get ${verb}`,
    run: sh`${preamble(args)}
apt_get ${verb}`,
    action: true,
    harmless: true,
  };
}

function some(list: readonly string[]): string {
  return list.length <= 8 ? list.join(', ') : `${list.slice(0, 8).join(', ')} and ${list.length - 8} more`;
}
