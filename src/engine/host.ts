import { Failure } from '../core/diagnostic.ts';
import type { Block, Include, Item, Play, Task } from '../core/playbook.ts';
import { isDict, type RawVars, type Value } from '../core/value.ts';
import { expansions, playRest, probesAhead, type Rest } from './ahead.ts';
import type { Batch } from './batch.ts';
import type { TaskRun } from './outcome.ts';
import { forgetPending, pendingKey, pendingProbe } from './pending.ts';
import { falseCondition, probeOf, searchPath, unitOf, userOf } from './resolve.ts';
import { isSelected } from './selection.ts';
import type { Probe } from './session.ts';
import { EndHost, type HostState, NotKnown, TaskFailed, Unreachable, type Where } from './state.ts';
import { runTask } from './task.ts';
import { tasksTogether } from './together.ts';
import { scopeFor, type World } from './variables.ts';

/** One host's way through one play. */
export type HostRun = Readonly<{
  world: World;
  host: HostState;
  play: Play;
  batch: Batch;
  where: Where;
  /** The plays that this host has still before it. */
  laterPlays: () => Iterable<Rest>;
}>;

/** Runs a play on a host. Throws TaskFailed, Unreachable. */
export async function runPlay(h: HostRun): Promise<void> {
  const { play, host, world } = h;
  await gather(h);
  await recallHandlers(h);
  try {
    for (const [i, section] of play.sections.entries()) {
      const rest = play.sections.slice(i + 1).flatMap((s) => s.body);
      const up: Rest = { items: rest, index: 0, where: h.where, up: undefined };
      await runItems(h, section.body, h.where, up);
      await flushHandlers(h, up);
    }
  } catch (error) {
    if (error instanceof EndHost) return flushHandlers(h, undefined);
    if (error instanceof TaskFailed && play.forceHandlers) await flushHandlers(h, undefined);
    throw error;
  } finally {
    if (world.run.mode === 'plan') host.notified.clear();
  }
}

function aheadOf(h: HostRun, rest: Rest | undefined): () => Iterable<Probe> {
  const empty: Rest = { items: [], index: 0, where: h.where, up: undefined };
  return () => probesAhead(h.world, h.host, rest ?? empty, h.laterPlays);
}

/** The facts' probe travels with all others: what they were last time is believed for looking ahead, and checked. */
async function gather(h: HostRun): Promise<void> {
  const { host, world, play, where } = h;
  const { run } = world;
  const rest = aheadOf(h, playRest(play, where));
  if (!play.gatherFacts || host.factsAreFresh) return;
  host.facts ??= run.factsCache.get(host.name);
  const scope = scopeFor(world, host, where);
  const task = gatherTask(play, run.setup);
  const unit = unitOf(run, task, run.setup, scope, undefined, undefined);
  const probe = probeOf(unit);
  if (probe === undefined || unit.step === undefined) return;
  const pending = pendingProbe(userOf(task, scope, run));
  let output: Awaited<ReturnType<typeof host.session.look>>;
  try {
    output = await host.session.look(probe, () => [pending, ...rest()]);
  } catch (error) {
    throw asUnreachable(error);
  }
  if (output.code !== 0) {
    throw new TaskFailed(
      { code: 'E_PROBE', message: 'facts could not be gathered', at: play.at, detail: output.stderr.trim() },
      {},
      { name: 'Gathering Facts', at: play.at },
    );
  }
  const facts = unit.step.data(output.stdout, unit.ctx)['ansible_facts'];
  host.facts = isDict(facts) ? facts : {};
  host.factsAreFresh = true;
  run.factsCache.set(host.name, host.facts as Record<string, Value>);
}

function asUnreachable(error: unknown): unknown {
  if (!(error instanceof Failure))
    return error instanceof Error && error.name === 'Lost'
      ? new Unreachable({ code: 'E_CONNECT', message: error.message, mend: 'check the host, then run again' })
      : error;
  const [first] = error.diagnostics;
  return first?.code === 'E_CONNECT' || first?.code === 'E_BECOME' ? new Unreachable(first) : error;
}

function gatherTask(play: Play, setup: TaskRun['task']['impl']): Task {
  return {
    kind: 'task',
    module: 'setup',
    impl: setup,
    args: {},
    argAt: () => play.at,
    at: play.at,
    name: 'Gathering Facts',
    when: [],
    vars: [],
    tags: ['always'],
    become: play.become,
    environment: play.environment,
    ignoreErrors: false,
    noLog: false,
    checkMode: undefined,
    diff: undefined,
    runOnce: false,
    delegateTo: undefined,
    role: undefined,
    dir: '.',
    loop: undefined,
    loopControl: { loopVar: 'item', indexVar: undefined, label: undefined, pause: undefined, extended: false },
    register: undefined,
    changedWhen: [],
    failedWhen: [],
    until: [],
    retries: undefined,
    delay: undefined,
    timeout: undefined,
    notify: [],
    listen: [],
  };
}

/** Handlers that an earlier run left behind: they run at this play's first flush. */
async function recallHandlers(h: HostRun): Promise<void> {
  const { host, play, world } = h;
  if (play.handlers.length === 0) return;
  const scope = scopeFor(world, host, h.where);
  const probe = pendingProbe(userOf(gatherTask(play, undefined), scope, world.run));
  try {
    const output = await host.session.look(probe, aheadOf(h, playRest(play, h.where)));
    const waiting = new Set(output.stdout.split('\n'));
    for (const handler of play.handlers)
      if (waiting.has(pendingKey(play, handler))) host.notified.set(handler, undefined);
  } catch (error) {
    throw asUnreachable(error);
  }
}

async function runItems(h: HostRun, items: readonly Item[], where: Where, up: Rest | undefined): Promise<void> {
  const restAfter = (i: number): Rest => ({ items, index: i + 1, where, up });
  const plain = (i: number) => plainTask(h, items[i], where, restAfter(i));
  for (let i = 0; i < items.length; i++) {
    h.world.run.signal.throwIfAborted();
    const done = await tasksTogether(i, plain);
    i += done;
    const item = items[i];
    if (item === undefined) return;
    if (item.kind === 'block') await runBlock(h, item, where, restAfter(i));
    else if (!isSelected(item.tags, h.world.run)) continue;
    else if (item.kind === 'include') await runInclude(h, item, where, restAfter(i));
    else await runOneTask(h, item, where, restAfter(i));
  }
}

/** A task that is this host's own affair. */
function plainTask(h: HostRun, item: Item | undefined, where: Where, rest: Rest): TaskRun | 'left out' | undefined {
  if (item?.kind !== 'task') return undefined;
  if (!isSelected(item.tags, h.world.run)) return 'left out';
  if (['meta', 'include_vars'].includes(item.module) || item.runOnce !== false || readsOthers(item)) return undefined;
  return taskRunOf(h, item, where, rest);
}

function taskRunOf(h: HostRun, task: Task, where: Where, rest: Rest): TaskRun {
  const { world, host } = h;
  const inner: Where = { ...where, role: task.role };
  return { world, host, where: inner, task, isHandler: false, maybe: undefined, ahead: aheadOf(h, rest) };
}

async function runBlock(h: HostRun, block: Block, where: Where, rest: Rest): Promise<void> {
  const always: Rest = { items: block.always, index: 0, where, up: rest };
  const failure = await failureOf(() => runItems(h, block.body, where, always));
  const left =
    failure === undefined || block.rescue.length === 0
      ? failure
      : await failureOf(() => rescue(h, block, failure, where, always));
  await runItems(h, block.always, where, rest);
  if (left !== undefined) throw left;
}

async function rescue(h: HostRun, block: Block, failure: TaskFailed, where: Where, always: Rest): Promise<void> {
  h.host.counts.rescued++;
  h.host.counts.failed--;
  Object.assign(h.host.set, {
    ansible_failed_task: { name: failure.task.name },
    ansible_failed_result: failure.result,
  });
  await runItems(h, block.rescue, where, always);
}

/** A failed task; anything else (an unreachable host, a stop) goes on up: no rescue and no always is for that. */
async function failureOf(work: () => Promise<void>): Promise<TaskFailed | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof TaskFailed) return error;
    throw error;
  }
}

async function runInclude(h: HostRun, include: Include, where: Where, rest: Rest): Promise<void> {
  const { world, host } = h;
  try {
    const found = expansions(world, host, include, where);
    for (const { loaded, vars } of found) {
      const late = world.lateHandlers;
      for (const handler of loaded.handlers) if (!late.includes(handler)) late.push(handler);
      await runItems(h, loaded.items, { ...where, vars: [...where.vars, vars as RawVars] }, rest);
    }
    if (found.length === 0) host.counts.skipped++;
  } catch (error) {
    if (error instanceof NotKnown) {
      host.counts.unknown++;
      world.run.emit({
        type: 'task',
        host: host.name,
        play: h.play.name,
        task: `include ${String(include.what)}`,
        module: 'include',
        at: include.at,
        role: include.role?.name,
        isHandler: false,
        status: 'unknown',
        changes: [],
        because: error.because,
        ms: 0,
      });
      return;
    }
    if (!(error instanceof Failure)) throw error;
    const [diagnostic] = error.diagnostics;
    if (diagnostic === undefined) throw error;
    host.counts.failed++;
    world.run.emit({
      type: 'task',
      host: host.name,
      play: h.play.name,
      task: 'include',
      module: 'include',
      at: include.at,
      role: include.role?.name,
      isHandler: false,
      status: 'failed',
      changes: [],
      diagnostic: { ...diagnostic, at: diagnostic.at ?? include.at },
      ms: 0,
    });
    throw new TaskFailed(diagnostic, {}, { name: 'include', at: include.at });
  }
}

async function runOneTask(h: HostRun, task: Task, where: Where, rest: Rest): Promise<void> {
  const inner: Where = { ...where, role: task.role };
  if (task.module === 'meta') return runMeta(h, task, inner, rest);
  if (task.module === 'include_vars') return includeVars(h, task, inner);
  const here = `${task.at.file}:${task.at.line}`;
  if (readsOthers(task)) await h.batch.meet(here, h.host.name);
  const r = taskRunOf(h, task, where, rest);
  if (task.runOnce === false) return runTask(r);
  await h.batch.meet(here, h.host.name);
  const doer = h.batch.first();
  const done = h.batch.once(`${here}:once`, h.host.name, async () => {
    await runTask(r);
    return task.register === undefined ? undefined : h.host.set[task.register];
  });
  const result = await done;
  if (doer !== h.host.name && task.register !== undefined && result !== undefined) {
    h.host.set[task.register] = result;
  }
}

/** Whether a task may read what another host registered or set in this very play. The same for every host. */
function readsOthers(task: Task): boolean {
  const known = othersRead.get(task);
  if (known !== undefined) return known;
  const reads = /\bhostvars\b/.test(
    JSON.stringify([task.args, task.when, task.loop, task.name], (_, value: unknown) =>
      typeof value === 'function' ? undefined : value,
    ),
  );
  othersRead.set(task, reads);
  return reads;
}
const othersRead = new WeakMap<Task, boolean>();

async function runMeta(h: HostRun, task: Task, where: Where, rest: Rest): Promise<void> {
  const scope = scopeFor(h.world, h.host, { ...where, vars: [...where.vars, ...task.vars] });
  if (falseCondition(task.when, scope, h.world.run) !== undefined) return;
  const what = String(task.args['free_form'] ?? '');
  switch (what) {
    case 'flush_handlers':
      return flushHandlers(h, rest);
    case 'end_host':
    case 'end_play':
    case 'end_batch':
      throw new EndHost(what);
    case 'clear_facts':
      h.host.facts = undefined;
      h.host.factsAreFresh = false;
      return;
    case 'reset_connection':
      return h.host.session.drop();
    case 'noop':
    case 'clear_host_errors':
    case 'refresh_inventory':
      return;
    default:
      throw new TaskFailed(
        {
          code: 'E_UNKNOWN',
          message: `unknown meta action '${what}'`,
          at: task.at,
          expected: 'flush_handlers, end_host, end_play, clear_facts, reset_connection or noop',
        },
        {},
        { name: 'meta', at: task.at },
      );
  }
}

function includeVars(h: HostRun, task: Task, where: Where): void {
  const { run } = h.world;
  const scope = scopeFor(h.world, h.host, { ...where, vars: [...where.vars, ...task.vars] });
  if (falseCondition(task.when, scope, run) !== undefined) return;
  const file = run.templates.print(run.templates.resolve(task.args['file'] ?? '', scope));
  const into = task.args['name'];
  const vars = run.localFiles.vars(file, searchPath(run, task, 'vars'), task.at);
  h.host.included.push(typeof into === 'string' ? { [into]: vars } : vars);
  h.host.counts.ok++;
}

/** Notified handlers in the order in which they are defined, each once; one may notify another. */
async function flushHandlers(h: HostRun, rest: Rest | undefined): Promise<void> {
  const { host, play, world } = h;
  const ran: string[] = [];
  const all = (): readonly Task[] => [
    ...play.handlers,
    ...world.lateHandlers.filter((l) => !play.handlers.includes(l)),
  ];
  for (
    let next = all().find((t) => host.notified.has(t));
    next !== undefined;
    next = all().find((t) => host.notified.has(t))
  ) {
    const maybe = host.notified.get(next);
    host.notified.delete(next);
    await runTask({
      world,
      host,
      where: { ...h.where, role: next.role },
      task: next,
      isHandler: true,
      maybe,
      ahead: aheadOf(h, rest),
    });
    ran.push(pendingKey(play, next));
  }
  if (ran.length === 0 || world.run.mode === 'plan') return;
  const user = userOf(gatherTask(play, undefined), scopeFor(world, host, h.where), world.run);
  await host.session.change([{ script: forgetPending(ran, user), user }], [], undefined, () => [], undefined);
  host.session.forget(pendingProbe(user));
}
