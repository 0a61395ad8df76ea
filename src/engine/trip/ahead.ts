import { Failure } from '../../core/diagnostic.ts';
import type { Include, IncludedItems, Item, Play, Task } from '../../core/playbook.ts';
import { type Raw, type RawVars, Unknown, type Value } from '../../core/value.ts';
import { handlersOf } from '../evaluate/notify.ts';
import { allows } from '../evaluate/policy.ts';
import { falseCondition, loopItems, loopVars, probeOf, unitOf } from '../evaluate/resolve.ts';
import { isSelected } from '../evaluate/selection.ts';
import type { Probe } from '../host/answers.ts';
import { type HostState, NotKnown, type Where } from '../host/state.ts';
import type { World } from '../host/variables.ts';
import { scopeOfItem } from '../host/way.ts';
import { userProbeOf } from './user-probe.ts';

/** What a host still has to run: the rest of a list of items, then what follows that list in the enclosing one. */
export type Rest = Readonly<{
  items: readonly Item[];
  index: number;
  where: Where;
  up: Rest | undefined;
  /** Notified handlers run before the rest. */
  isFlushed?: boolean;
}>;

/** The most tasks that are probed ahead. It is enough for any real playbook and bounds a faulty one. */
const FAR = 5000;
/** The deepest nesting of includes and blocks that is probed ahead. */
const DEEP = 100;

/**
 * The probes of everything to come whose arguments are already known. Probes that are not known yet (they depend on a
 * registered value, or on facts that are not gathered) are asked when their task runs. A wrong guess costs a round trip
 * and never gives a wrong answer, because an answer is stored under the text of its script.
 */
export function* probesAhead(world: World, host: HostState, rest: Rest, later: () => Iterable<Rest>): Iterable<Probe> {
  let left = FAR;
  let depth = 0;
  function* of(from: Rest | undefined): Iterable<Probe> {
    if (depth > DEEP) return;
    depth++;
    for (let at = from; at !== undefined; at = at.up) {
      if (at.isFlushed) yield* notifiedAhead(world, host, at.where);
      for (let i = at.index; i < at.items.length && left-- > 0; i++) {
        const item = at.items[i];
        if (item !== undefined) yield* probesOf(world, host, item, at.where, of);
      }
    }
    depth--;
  }
  yield* of(rest);
  for (const next of later()) yield* of(next);
}

/** The probes of notified handlers. A notified handler acts whatever its probe answers. */
function* notifiedAhead(world: World, host: HostState, where: Where): Iterable<Probe> {
  for (const handler of handlersOf(host, where.play)) {
    if (!host.notified.has(handler) && !host.coming.has(handler)) continue;
    for (const probe of probesOf(world, host, handler, { ...where, role: handler.role }, () => [])) {
      yield { ...probe, acts: true };
    }
  }
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
    for (const { loaded, vars } of quietly(() =>
      world.run.templates.ahead(() => expansions(world, host, item, where)),
    ) ?? []) {
      const inner = within(where, item, vars);
      yield* of({ items: loaded.items, index: 0, where: inner, up: undefined });
    }
    return;
  }
  if (item.module === 'meta' && item.args['free_form'] === 'flush_handlers') yield* notifiedAhead(world, host, where);
  yield* guessed(
    host,
    where,
    item,
    () => quietly(() => world.run.templates.ahead(() => probesOfTask(world, host, item, where))) ?? [],
  );
}

function probesOfTask(world: World, host: HostState, task: Task, where: Where): readonly Probe[] {
  const { impl } = task;
  if (impl === undefined || !allows(task, 'ahead', where.play)) return [];
  const scope = scopeOfItem(world, host, task, where);
  const items = loopItems(task, scope, world.run);
  const units =
    items === undefined
      ? [unitOf(world.run, task, impl, scope, undefined, undefined, true)]
      : items.map((one, i) =>
          unitOf(world.run, task, impl, scope.with(loopVars(items, i, task.loopControl)), undefined, one, true),
        );
  return units.flatMap((unit) => {
    const look = userProbeOf(task, unit);
    if (look === undefined) return probeOf(unit) ?? [];
    // A command of the user's must not run ahead unless its condition is known to hold.
    return quietly(() => falseCondition(task.when, unit.scope, world.run) === undefined) === true ? [look] : [];
  });
}

/**
 * Computed once, until one of the host's variables is set; every change of a variable asks again what comes. The guess
 * may also depend on a local file or on another host's variable. Such a guess may be wrong, which costs a round trip. A
 * command of the user's is never guessed.
 */
function guessed(host: HostState, where: Where, task: Task, make: () => readonly Probe[]): readonly Probe[] {
  const { facts, set, included } = host;
  let of = guesses.get(host);
  if (of === undefined || of.facts !== facts || of.set !== set || of.included !== included) {
    of = { facts, set, included, probes: new WeakMap() };
    guesses.set(host, of);
  }
  const here = of.probes.get(where) ?? new Map<Task, readonly Probe[]>();
  of.probes.set(where, here);
  const known = here.get(task);
  if (known !== undefined) return known;
  const probes = make();
  if (!probes.some((probe) => probe.isUsers)) here.set(task, probes);
  return probes;
}
type Guesses = Pick<HostState, 'facts' | 'set' | 'included'> &
  Readonly<{ probes: WeakMap<Where, Map<Task, readonly Probe[]>> }>;
const guesses = new WeakMap<HostState, Guesses>();

/** Call it when a host is finished, so that the guesses of a thousand hosts are not kept. */
export function forgetGuesses(host: HostState): void {
  guesses.delete(host);
}

/**
 * Probing ahead never fails. A task whose probe cannot be computed yet is resolved, and reports its error, when it
 * runs.
 */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export type Expansion = Readonly<{ loaded: IncludedItems; vars: Record<string, Value>; label: string | undefined }>;

/** What an include adds for this host: nothing if its condition is false. Each file is read once. */
export function expansions(world: World, host: HostState, include: Include, where: Where): readonly Expansion[] {
  const { run } = world;
  const scope = scopeOfItem(world, host, include, where);
  const items = loopItems(include, scope, run);
  const one = (own: typeof scope, vars: Record<string, Value>, label: string | undefined): readonly Expansion[] => {
    if (falseCondition(include.when, own, run) !== undefined) return [];
    const text = (raw: Raw): string => {
      const value = run.templates.resolve(raw, own);
      if (value instanceof Unknown) throw new NotKnown(value.because);
      return run.templates.print(value);
    };
    const from = Object.fromEntries(Object.entries(include.from).map(([name, raw]) => [name, text(raw)]));
    return [{ loaded: loadOnce(include, text(include.target), from), vars, label }];
  };
  if (items === undefined) return one(scope, {}, undefined);
  return items.flatMap((item, i) => {
    const vars = loopVars(items, i, include.loopControl) as Record<string, Value>;
    return one(scope.with(vars), vars, run.templates.print(item));
  });
}

/** The position inside an include: with the variables of its loop's item, and its own. */
export function within(where: Where, include: Include, item: RawVars): Where {
  const own = Object.keys(include.params).length === 0 ? [] : [include.params];
  return { ...where, vars: [...where.vars, item], params: [...(where.params ?? []), ...own] };
}

const loadedBy = new WeakMap<Include, Map<string, IncludedItems>>();
function loadOnce(include: Include, target: string, from: Readonly<Record<string, string>>): IncludedItems {
  if (include.faults.length > 0) throw new Failure(include.faults);
  const known = loadedBy.get(include) ?? new Map<string, IncludedItems>();
  loadedBy.set(include, known);
  const key = JSON.stringify([target, from]);
  const loaded = known.get(key) ?? include.load(target, from);
  known.set(key, loaded);
  return loaded;
}

/** The start of a play for a host: all sections one after the other. */
export function playRest(play: Play, where: Where): Rest {
  return { items: play.sections.flatMap((s) => s.body), index: 0, where, up: undefined };
}
