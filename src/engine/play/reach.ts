// Decides which mistakes of a playbook matter: those that one of its hosts can reach. It walks the plays in order with
// the facts and variables that are known before the run, and contacts no host.

import { type Diagnostic, Failure, type Pos } from '../../core/diagnostic.ts';
import { isOfFiles, tell } from '../../core/errors/index.ts';
import type { Include, Item, Play, Task } from '../../core/playbook.ts';
import { type RawVars, Unknown } from '../../core/value.ts';
import { dependsOn } from '../evaluate/because.ts';
import { faultsOn } from '../evaluate/here.ts';
import { contextFor, falseCondition, loopItems, loopVars, unitOf } from '../evaluate/resolve.ts';
import { isSelected } from '../evaluate/selection.ts';
import type { Run, Scope } from '../host/ports.ts';
import { type HostState, NotKnown, type Where } from '../host/state.ts';
import { scopeFor, type World } from '../host/variables.ts';
import { scopeOfItem } from '../host/way.ts';
import { expansions, within } from '../trip/ahead.ts';
import { playFilesOf } from './play-files.ts';
import { areSourcesDoubtful, trySources } from './sources.ts';

/** A play, and its hosts that this run reaches. */
export type Reached = Readonly<{ play: Play; hosts: readonly HostState[] }>;
export type Verdict = Readonly<{
  /** Mistakes that a host reaches. */
  problems: readonly Diagnostic[];
  /** Mistakes that a host may reach: it depends on facts that were not gathered, or on a task's result. */
  possible: readonly Diagnostic[];
  /** Mistakes that no host reaches. */
  notes: readonly Diagnostic[];
  /** Whether an include was not looked at, because its name is not known yet. */
  isOpen: boolean;
}>;

/** The most items of a loop, and the deepest nesting of includes, that are looked at. */
const ITEMS = 50;
const DEEP = 20;

/** Whether `judge` may find a mistake. If not, walking the plays is not worth the time. */
export function isSuspicious(run: Run, plays: readonly Play[]): boolean {
  return plays.some(
    (play) =>
      play.lateVarsFiles.length > 0 || [...itemsOf(play), ...play.handlers].some((item) => isDoubtful(run, play, item)),
  );
}

/** Sorts the mistakes of the plays by whether one of their hosts reaches them. */
export function judge(world: World, plays: readonly Reached[]): Verdict {
  const walk = newWalk(
    world,
    plays.some(({ play, hosts }) => worksHere(world, play, hosts)),
  );
  for (const { play, hosts } of plays) {
    const items = itemsOf(play).filter((item) => isDoubtful(world.run, play, item) || setsVariables(item));
    for (const host of hosts) {
      const where: Where = { play, batch: [host.name], role: undefined, vars: [] };
      walk.begin(host, where);
      for (const item of items) walk.visit(item, host, where, { depth: 0, isSure: true });
    }
    const handlers = play.handlers.filter((h) => isDoubtful(world.run, play, h));
    for (const handler of handlers) {
      const isNamed = isNotifiedIn(play, handler);
      const notified = hosts.filter((host) => isNamed || walk.mayNotify(host, handler));
      if (notified.length === 0) walk.leave(handler);
      for (const host of notified)
        walk.visit(handler, host, { play, batch: [host.name], role: undefined, vars: [] }, { depth: 0, isSure: true });
    }
  }
  return walk.verdict();
}

/** Whether a play may create files on this machine. */
function worksHere(world: World, play: Play, hosts: readonly HostState[]): boolean {
  const where: Where = { play, batch: [], role: undefined, vars: [] };
  const isDelegated = (item: Item): boolean =>
    item.delegateTo !== undefined ||
    (item.kind === 'block' && [...item.body, ...item.rescue, ...item.always].some(isDelegated)) ||
    (item.kind === 'include' && (item.preview?.items ?? []).some(isDelegated));
  const isHere = (host: HostState): boolean => scopeFor(world, host, where).get('ansible_connection') === 'local';
  return itemsOf(play).some(isDelegated) || hosts.some(isHere);
}

const itemsOf = (play: Play): readonly Item[] => play.sections.flatMap((s) => s.body);

/**
 * Whether a task of the play, on whichever host, names the handler. A name that is a template may be any. Files whose
 * name depends on the host are not looked into.
 */
function isNotifiedIn(play: Play, handler: Task): boolean {
  return typeof handler.name === 'object' || isNotifiedBy([...itemsOf(play), ...play.handlers], handler);
}

function isNotifiedBy(items: readonly Item[], handler: Task): boolean {
  const names = [...(typeof handler.name === 'string' ? [handler.name] : []), ...handler.listen];
  const isNotifying = (item: Item): boolean => {
    if (item.kind === 'block') return [...item.body, ...item.rescue, ...item.always].some(isNotifying);
    if (item.kind === 'include') return item.preview?.items.some(isNotifying) ?? false;
    return item.notify.some((one) => typeof one !== 'string' || names.includes(one.replace(/^.* : /, '')));
  };
  return items.some(isNotifying);
}

const doubted = new WeakMap<Item, boolean>();
function isDoubtful(run: Run, play: Play, item: Item): boolean {
  const known = doubted.get(item);
  if (known !== undefined) return known;
  doubted.set(item, false); // a file that includes itself is judged by its first reading
  const among = (items: readonly Item[]): boolean => items.some((one) => isDoubtful(run, play, one));
  const isOwn = item.faults.length > 0 || run.playbook.doubts.areIn(item.reads);
  const found =
    isOwn ||
    (item.kind === 'block'
      ? among([...item.body, ...item.rescue, ...item.always])
      : item.kind === 'include'
        ? item.preview === undefined || among(item.preview.items)
        : (item.include !== undefined && isDoubtful(run, play, item.include)) ||
          wrongNotify(play, item) !== undefined ||
          areSourcesDoubtful(run, run.playbook.doubts, item));
  doubted.set(item, found);
  return found;
}

function setsVariables(item: Item): boolean {
  if (item.kind === 'block') return [...item.body, ...item.rescue, ...item.always].some(setsVariables);
  if (item.kind === 'include') return item.preview?.items.some(setsVariables) ?? true;
  return item.register !== undefined || item.impl?.defines !== undefined;
}

/** A name in `notify` that no handler has. Such a handler would silently never run. */
function wrongNotify(
  { handlerNames }: Play,
  { notify, at }: Task,
  more: ReadonlySet<string> = new Set(),
): Diagnostic | undefined {
  if (handlerNames === undefined) return undefined;
  const isNamed = (one: string): boolean => handlerNames.has(one) || more.has(one);
  const isKnown = (one: string): boolean => isNamed(one) || isNamed(one.replace(/^.* : /, ''));
  const wrong = notify.find((one): one is string => typeof one === 'string' && !isKnown(one));
  return wrong === undefined ? undefined : tell('E_UNKNOWN_HANDLER', { name: wrong, known: handlerNames }, at);
}

/** How an item is reached: the nesting of includes, and whether it is sure that the host gets there. */
type Way = Readonly<{
  depth: number;
  isSure: boolean;
  /** A rescue or `ignore_errors` is there for what fails on a host, such as an undefined variable or a missing file. */
  isGuarded?: boolean;
}>;

/** @param isMadeHere tasks of the run work on this machine, so they may create files that later tasks need */
function newWalk(world: World, isMadeHere: boolean) {
  const { run } = world;
  const problems = new Map<string, Diagnostic>();
  const possible = new Map<string, Diagnostic>();
  const passed = new Map<string, Diagnostic>();
  /** Hosts with an include whose file is not known yet. It may set variables and notify handlers. */
  const open = new Set<HostState>();
  /** The items of files whose name depends on the host. */
  const lateItems = new Map<HostState, Item[]>();
  /** Handlers that included roles bring, by name and topic. */
  const brought = new Set<string>();
  /** What tasks will have set on each host. A value that only the run can know is Unknown. */
  const setOn = new Map<HostState, RawVars>();
  const wordOf = ({ at, message }: Diagnostic): string => `${at?.file}:${at?.line}:${at?.col} ${message}`;
  const add = (found: readonly Diagnostic[], at: Pos, isSure: boolean): void => {
    for (const one of found) (isSure ? problems : possible).set(wordOf(one), { ...one, at: one.at ?? at });
  };
  const leave = ({ faults }: Item): void => {
    for (const one of faults) passed.set(wordOf(one), one);
  };
  const set = (host: HostState, vars: RawVars): void => {
    const extra = Object.keys(run.extraVars);
    const own = Object.fromEntries(Object.entries(vars).filter(([name]) => !extra.includes(name)));
    setOn.set(host, { ...setOn.get(host), ...own });
  };
  const scopeAt = (host: HostState, item: Item, where: Where): Scope => {
    return scopeOfItem(world, host, { ...item, vars: [...item.vars, setOn.get(host) ?? {}] }, where);
  };

  /** Reads the files of variables that depend on the host. Without facts, they are not known yet. */
  const begin = (host: HostState, where: Where): void => {
    host.playFiles = [];
    if (where.play.lateVarsFiles.length > 0 && host.facts === undefined) open.add(host);
    if (host.facts === undefined) return;
    try {
      host.playFiles = playFilesOf(world, host, where);
    } catch (error) {
      if (error instanceof Failure) add(error.diagnostics, where.play.at, true);
      else if (!(error instanceof NotKnown)) throw error;
    }
  };

  const visit = (item: Item, host: HostState, where: Where, way: Way): void => {
    if (way.depth > DEEP) return;
    if (item.kind === 'block') {
      const inside = item.rescue.length > 0 ? { ...way, isGuarded: true } : way;
      for (const one of item.body) visit(one, host, where, inside);
      for (const one of [...item.rescue, ...item.always]) visit(one, host, where, way);
    } else if (!isSelected(item.tags, run)) leave(item);
    else if (item.kind === 'include') visitInclude(item, host, where, way);
    else if (item.include !== undefined) visitInclude(item.include, host, where, way);
    else visitTask(item, host, where, way);
  };

  const visitInclude = (include: Include, host: HostState, where: Where, way: Way): void => {
    const inner: Where = { ...where, vars: [...where.vars, setOn.get(host) ?? {}] };
    try {
      const found = expansions(world, host, include, inner);
      if (found.length === 0) leaveAll(include);
      for (const { loaded } of found) {
        bring(loaded.handlers);
        if (include.preview === undefined) lateItems.set(host, [...(lateItems.get(host) ?? []), ...loaded.items]);
      }
      for (const { loaded, vars } of found)
        for (const one of loaded.items)
          visit(one, host, within(where, include, vars as RawVars), { ...way, depth: way.depth + 1 });
    } catch (error) {
      if (error instanceof Failure && !isOfUndefined(error)) {
        const isSoft = way.isGuarded === true || include.ignoreErrors !== false;
        const real = error.diagnostics.filter(({ code }) => !(isSoft && isOfFiles(code)));
        return add(real, include.at, way.isSure);
      }
      if (!(error instanceof Failure || error instanceof NotKnown)) throw error;
      add(include.faults, include.at, false);
      if (include.preview === undefined) open.add(host);
      const inside: Way = { depth: way.depth + 1, isSure: false };
      for (const one of include.preview?.items ?? []) visit(one, host, where, inside);
    }
  };
  const bring = (handlers: readonly Task[]): void => {
    for (const { name, listen } of handlers)
      for (const one of [name, ...listen]) if (typeof one === 'string') brought.add(one);
  };
  const leaveAll = (item: Item): void => {
    leave(item);
    const inner =
      item.kind === 'block'
        ? [...item.body, ...item.rescue, ...item.always]
        : item.kind === 'include'
          ? (item.preview?.items ?? [])
          : [];
    for (const one of inner) leaveAll(one);
  };

  const visitTask = (task: Task, host: HostState, where: Where, way: Way): void => {
    const scope = scopeAt(host, task, where);
    const isWrong = task.faults.length > 0 || wrongNotify(where.play, task) !== undefined;
    if (isWrong || isDoubtful(run, where.play, task)) {
      for (const [one, item] of partsOf(task, scope)) look(task, host, one, item, where.play, way);
    }
    note(task, host, scope);
  };
  /** The scopes of a loop's items, as far as they are known. */
  const partsOf = (task: Task, scope: Scope): readonly (readonly [Scope, RawVars[string] | undefined])[] => {
    try {
      const items = loopItems(task, scope, run)?.slice(0, ITEMS);
      if (items === undefined) return [[scope, undefined]];
      return items.map((item, i) => [scope.with(loopVars(items, i, task.loopControl)), item]);
    } catch (error) {
      if (!(error instanceof Failure || error instanceof NotKnown)) throw error;
      const item = new Unknown(dependsOn(task.module));
      return [[scope.with({ [task.loopControl.loopVar]: item }), item]];
    }
  };
  const look = (
    task: Task,
    host: HostState,
    scope: Scope,
    item: RawVars[string] | undefined,
    play: Play,
    { isSure, isGuarded = false }: Way,
  ): void => {
    const isSoft = isGuarded || task.ignoreErrors !== false || task.failedWhen.length > 0;
    let isCertain = isSure;
    try {
      if (falseCondition(task.when, scope, run) !== undefined) return leave(task);
    } catch (error) {
      if (error instanceof Failure && !isOfUndefined(error)) return add(error.diagnostics, task.at, isSure);
      if (error instanceof Failure && isReal(error, host) && !isSoft)
        return add(undefinedNames(error), task.at, isSure);
      if (!(error instanceof Failure || error instanceof NotKnown)) throw error;
      isCertain = false;
    }
    const faults = faultsOn(run, task, scope);
    if (faults.length > 0) {
      if (isSoftFault(task)) return leave(task); // fails at its turn, as the playbook expects
      return add(faults, task.at, isCertain);
    }
    const wrong = wrongNotify(play, task, brought);
    if (wrong !== undefined) return add([wrong], task.at, isCertain);
    if (!isCertain || isSoft || task.impl === undefined) return;
    const bare = { ...task, when: [] };
    let isTried = false;
    try {
      trySources(bare, contextFor(run, bare, scope, undefined), isMadeHere);
      isTried = true;
      unitOf(run, bare, task.impl, scope, undefined, item as never);
    } catch (error) {
      if (error instanceof NotKnown) return;
      if (!(error instanceof Failure)) throw error;
      if (isOfUndefined(error)) {
        if (isReal(error, host)) add(undefinedNames(error), task.at, isSure);
      } else if (!isTried || !(isMadeHere && error.diagnostics.some(({ code }) => isOfFiles(code))))
        add(error.diagnostics, task.at, isSure);
    }
  };
  /** A name that a task sets during the run may be undefined now. */
  const isReal = ({ diagnostics }: Failure, host: HostState): boolean =>
    !open.has(host) &&
    diagnostics.some((d) => d.code === 'E_UNDEFINED_VARIABLE' && run.playbook.doubts.isNeverDefined(nameIn(d)));
  const undefinedNames = ({ diagnostics }: Failure): readonly Diagnostic[] =>
    diagnostics.map((d) => {
      const name = nameIn(d);
      const hint = `define it in the inventory, in vars: or with -e ${name}=…`;
      return { ...d, hint: d.hint ?? hint };
    });

  /** Records what the task sets on the host. */
  const note = (task: Task, host: HostState, scope: Scope): void => {
    const unknown = new Unknown(dependsOn(task.module));
    if (task.register !== undefined) set(host, { [task.register]: unknown });
    const { impl } = task;
    const names = impl?.defines?.(task.args);
    if (impl === undefined || names === undefined) return;
    try {
      if (falseCondition(task.when, scope, run) !== undefined) return;
      if (task.loop !== undefined || task.until.length > 0) throw new NotKnown('loop');
      const { step, ctx } = unitOf(run, { ...task, when: [] }, impl, scope, undefined, undefined);
      if (step?.loads !== undefined) set(host, step.loads(ctx));
      else if (step?.sets === 'vars') set(host, step.data('', ctx)['ansible_facts'] as RawVars);
    } catch (error) {
      if (!(error instanceof Failure || error instanceof NotKnown)) throw error;
      set(host, Object.fromEntries(names.filter((name) => name !== '*').map((name) => [name, unknown])));
    }
  };

  const verdict = (): Verdict => ({
    problems: [...problems.values()],
    possible: [...possible].filter(([word]) => !problems.has(word)).map(([, one]) => one),
    isOpen: open.size > 0,
    notes: [...passed].filter(([word]) => !problems.has(word) && !possible.has(word)).map(([, one]) => one),
  });
  const mayNotify = (host: HostState, handler: Task): boolean => isNotifiedBy(lateItems.get(host) ?? [], handler);
  return { begin, visit, leave, verdict, mayNotify };
}

/** Wrong arguments of a task whose failure the playbook expects. */
function isSoftFault({ faults, ignoreErrors, failedWhen }: Task): boolean {
  return (
    (ignoreErrors !== false || failedWhen.length > 0) && faults.every(({ code }) => /ARGUMENT|RELATIVE_PATH/.test(code))
  );
}

function isOfUndefined({ diagnostics }: Failure): boolean {
  return diagnostics.some(({ code }) => /^E_UNDEFINED_/.test(code));
}

function nameIn({ message }: Diagnostic): string {
  return /'([^']+)'/.exec(message)?.[1] ?? '';
}
