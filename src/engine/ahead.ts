import type { Include, Item, Loaded, Play } from '../core/playbook.ts';
import type { Value } from '../core/value.ts';
import { lookOf } from './look.ts';
import { falseCondition, loopItems, loopVars, probeOf, unitOf } from './resolve.ts';
import { isSelected } from './selection.ts';
import type { Probe } from './session.ts';
import type { HostState, Where } from './state.ts';
import { scopeFor, type World } from './variables.ts';

/** What still lies before a host: the rest of a list, then what follows the list that it stands in. */
export type Rest = Readonly<{ items: readonly Item[]; index: number; where: Where; up: Rest | undefined }>;

/** How many tasks are looked at ahead: enough for any real playbook, and an end for a wrong one. */
const FAR = 5000;

/**
 * The probes of all that comes and can be known by now. What cannot (a register in between, facts not yet there) is left
 * out and asked when its turn comes: guessing wrong costs a trip, never a wrong answer, since an answer is kept by the
 * very script that asked.
 */
export function* probesAhead(world: World, host: HostState, rest: Rest, later: () => Iterable<Rest>): Iterable<Probe> {
  let left = FAR;
  function* of(from: Rest | undefined): Iterable<Probe> {
    for (let at = from; at !== undefined; at = at.up) {
      for (let i = at.index; i < at.items.length && left-- > 0; i++) {
        const item = at.items[i];
        if (item !== undefined) yield* probesOf(world, host, item, at.where, of);
      }
    }
  }
  yield* of(rest);
  for (const next of later()) yield* of(next);
}

function* probesOf(
  world: World,
  host: HostState,
  item: Item,
  where: Where,
  of: (rest: Rest) => Iterable<Probe>,
): Iterable<Probe> {
  if (item.kind === 'block') {
    yield* of({ items: [...item.body, ...item.always], index: 0, where, up: undefined });
    return;
  }
  if (!isSelected(item.tags, world.run)) return;
  if (item.kind === 'include') {
    for (const { loaded, vars } of quietly(() => expansions(world, host, item, where)) ?? []) {
      const inner = { ...where, vars: [...where.vars, vars] };
      yield* of({ items: loaded.items, index: 0, where: inner, up: undefined });
    }
    return;
  }
  const { impl } = item;
  if (impl === undefined || item.delegateTo !== undefined) return;
  yield* quietly(() => {
    const scope = scopeFor(world, host, { ...where, role: item.role, vars: [...where.vars, ...item.vars] });
    const items = loopItems(item, scope, world.run);
    const units =
      items === undefined
        ? [unitOf(world.run, item, impl, scope, undefined, undefined, true)]
        : items.map((one, i) =>
            unitOf(world.run, item, impl, scope.with(loopVars(items, i, item.loopControl)), undefined, one, true),
          );
    return units.flatMap((unit) => {
      const look = lookOf(item, unit);
      if (look === undefined) return probeOf(unit) ?? [];
      // The user's own command is not run where its condition is not known to hold.
      return quietly(() => falseCondition(item.when, unit.scope, world.run) === undefined) === true ? [look] : [];
    });
  }) ?? [];
}

/** Looking ahead never fails: what cannot be worked out yet is worked out, and told, in its turn. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export type Expansion = Readonly<{ loaded: Loaded; vars: Record<string, Value>; label: string | undefined }>;

/** What an include brings for this host: nothing when its condition is false. Each file is read once. */
export function expansions(world: World, host: HostState, include: Include, where: Where): readonly Expansion[] {
  const { run } = world;
  const scope = scopeFor(world, host, { ...where, role: include.role, vars: [...where.vars, ...include.vars] });
  const items = loopItems(include, scope, run);
  const one = (own: typeof scope, vars: Record<string, Value>, label: string | undefined): readonly Expansion[] => {
    if (falseCondition(include.when, own, run) !== undefined) return [];
    const target = run.templates.print(run.templates.resolve(include.target, own));
    return [{ loaded: loadOnce(include, target), vars, label }];
  };
  if (items === undefined) return one(scope, {}, undefined);
  return items.flatMap((item, i) => {
    const vars = loopVars(items, i, include.loopControl) as Record<string, Value>;
    return one(scope.with(vars), vars, run.templates.print(item));
  });
}

const loadedBy = new WeakMap<Include, Map<string, Loaded>>();
function loadOnce(include: Include, target: string): Loaded {
  const known = loadedBy.get(include) ?? new Map<string, Loaded>();
  loadedBy.set(include, known);
  const loaded = known.get(target) ?? include.load(target);
  known.set(target, loaded);
  return loaded;
}

/** Where a play begins for a host, all its sections one after the other. */
export function playRest(play: Play, where: Where): Rest {
  return { items: play.sections.flatMap((s) => s.body), index: 0, where, up: undefined };
}
