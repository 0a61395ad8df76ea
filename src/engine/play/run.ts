import { type Diagnostic, Failure } from '../../core/diagnostic.ts';
import { tell } from '../../core/errors/index.ts';
import type { HostRecap } from '../../core/event.ts';
import type { Play } from '../../core/playbook.ts';
import type { Vars } from '../../core/value.ts';
import { isTrue } from '../evaluate/booleans.ts';
import { userOf } from '../evaluate/resolve.ts';
import { tellStopped } from '../host/claims.ts';
import { growing } from '../host/inventory.ts';
import type { Run } from '../host/ports.ts';
import { Aborted, EndHost, type HostState, TaskFailed, Unreachable } from '../host/state.ts';
import { scopeFor, type World } from '../host/variables.ts';
import { wayOf } from '../host/way.ts';
import { forgetGuesses, playRest, type Rest } from '../trip/ahead.ts';
import { type Batch, makeBatch } from '../trip/batch.ts';
import { gather } from '../trip/gather.ts';
import type { HostRun } from '../trip/host-run.ts';
import { tellLeftBehind } from '../trip/recall.ts';
import { checkReached, type PlayHosts } from './check-reached.ts';
import { runPlay } from './host.ts';
import { isGrown, makeWorld } from './make-world.ts';
import { hostsNow, inOrder } from './play-hosts.ts';

export type Recap = Readonly<{
  hosts: readonly HostRecap[];
  failed: boolean;
  changed: boolean;
  interrupted: boolean;
  /** Hosts failed only because other runs held them for too long. */
  locked: boolean;
}>;

/**
 * Runs the plays of a playbook, one after the other. A plan changes nothing, apply makes the changes that a plan shows.
 * It emits events and prints nothing.
 */
export async function runPlaybook(given: Run): Promise<Recap> {
  // All events pass through here, and secrets are removed from them.
  const doing = new Map<string, string>();
  // add_host and group_by extend the inventory of this run.
  const inventory = growing(given.inventory);
  const run: Run = {
    ...given,
    inventory: {
      ...given.inventory,
      hosts: inventory.hosts,
      groups: inventory.groups,
      groupLayers: (group) => inventory.read.groupLayers(group),
    },
    emit(event) {
      const shown = given.redactor.hide(event);
      if (shown.type === 'busy') doing.set(shown.host, shown.doing);
      given.emit(shown);
    },
  };
  const began = run.now();
  const world = makeWorld(run, inventory, (host) => doing.get(host) ?? 'reading its state');
  const plays = run.playbook.plays.map((play) => ({
    play,
    hosts: inOrder(
      play.hosts.filter((h) => world.limit.has(h)),
      play.order,
    ),
  }));
  const inRun = new Set(plays.flatMap((p) => p.hosts));
  run.emit({ type: 'run', mode: run.mode, playbook: run.playbook.file, hosts: [...inRun] });
  for (const diagnostic of [...run.warnings, ...run.playbook.plays.flatMap((play) => play.warnings)])
    run.emit({ type: 'note', diagnostic, isWarning: true });
  for (const diagnostic of run.notes) run.emit({ type: 'note', diagnostic });
  try {
    await checkReached(world, plays, (taken) => gatherAll(world, taken));
    for (const [i, { play, hosts }] of plays.entries()) {
      run.signal.throwIfAborted();
      const later = plays.slice(i + 1);
      const own = isGrown(world) ? hostsNow(world, play) : hosts;
      for (const name of own) inRun.add(name);
      const isOver = await onePlay(world, play, own, (host) =>
        later.filter((p) => p.hosts.includes(host)).map((p) => p.play),
      );
      // As in Ansible, nothing follows a play of which all hosts failed.
      if (isOver) break;
    }
  } catch (error) {
    if (!run.signal.aborted) throw error;
  } finally {
    await Promise.all([...world.hosts.values()].flatMap((h) => h.sessions.all().map((one) => one.drop())));
  }
  if (!run.signal.aborted) {
    for (const name of inRun) {
      const host = world.hosts.get(name);
      if (host !== undefined) tellLeftBehind(world, host);
    }
  }
  const hosts = [...inRun].flatMap((name) => recapOf(world.hosts.get(name)));
  run.emit({
    type: 'done',
    mode: run.mode,
    hosts,
    ms: run.now() - began,
    interrupted: run.signal.aborted,
    ...statsOf(world),
  });
  return {
    hosts,
    failed: hosts.some((h) => h.failed > 0 || h.unreachable) || [...world.hosts.values()].some((host) => host.failed),
    changed: hosts.some((h) => h.changed > 0 || h.unknown > 0),
    interrupted: run.signal.aborted,
    locked: world.locked.size > 0 && hosts.every((h) => h.failed === 0 && (!h.unreachable || world.locked.has(h.host))),
  };
}

/** Gathers the facts of all hosts, each for the first of its plays that wants facts. */
async function gatherAll(world: World, plays: readonly PlayHosts[]): Promise<void> {
  const [first] = plays;
  if (first === undefined) return;
  const names = first.hosts.slice(0, batchSize(first.play.serial, 0, first.hosts.length));
  world.start.expect(names, (name) => claimAs(world, first.play, name));
  const all = [...new Set(plays.flatMap((p) => p.hosts))];
  await Promise.all(
    all.map(async (name) => {
      const own = plays.filter(({ hosts }) => hosts.includes(name)).map((p) => p.play);
      for (const play of own) await onHost(world, play, makeBatch([name]), name, () => [], gather);
    }),
  );
}

function statsOf({ stats }: World): { stats?: Readonly<Record<string, Vars>> } {
  return stats.size === 0 ? {} : { stats: Object.fromEntries(stats) };
}

/** @returns whether all hosts of a batch failed, so that the run is over */
async function onePlay(
  world: World,
  play: Play,
  selected: readonly string[],
  playsAfter: (host: string) => readonly Play[],
): Promise<boolean> {
  const { run } = world;
  const among = new Set(selected);
  world.selected.set(
    play,
    [...run.inventory.hosts.keys()].filter((name) => among.has(name)),
  );
  const alive = (): readonly string[] => selected.filter((name) => isAlive(world.hosts.get(name)));
  run.emit({ type: 'play', play: play.name, at: play.at, hosts: alive() });
  forgetWhatOthersChanged(world, alive());
  let left = alive();
  for (let n = 0; left.length > 0; n++) {
    const size = batchSize(play.serial, n, selected.length);
    const names = left.slice(0, size);
    left = left.slice(size).filter((name) => isAlive(world.hosts.get(name)));
    const batch = makeBatch(names);
    world.start.expect(names, (name) => claimAs(world, play, name));
    await Promise.all(names.map((name) => oneHost(world, play, batch, name, playsAfter)));
    const failed = names.filter((name) => !isAlive(world.hosts.get(name)) || world.hosts.get(name)?.isStuck === true);
    const tooMany =
      play.maxFailPercentage !== undefined && (failed.length / names.length) * 100 > play.maxFailPercentage;
    const isFatal = failed.length > 0 && isPlayFatal(world, play, failed[0]);
    if (failed.length === names.length || tooMany || isFatal) {
      // If all hosts of a batch failed, the other hosts skip the rest of the play and of the run.
      for (const name of isFatal || tooMany ? selected : left) {
        const host = world.hosts.get(name);
        if (host !== undefined && !host.isStuck) host.failed = true;
      }
      return names.every((name) => !isAlive(world.hosts.get(name)));
    }
  }
  return false;
}

async function claimAs(world: World, play: Play, name: string): Promise<void> {
  const host = world.hosts.get(name);
  if (host === undefined) return;
  const scope = scopeFor(world, host, { play, batch: [], role: undefined, vars: [] });
  await host.session.claim(userOf(play.common, scope, world.run));
}

function isPlayFatal(world: World, play: Play, name: string | undefined): boolean {
  const host = name === undefined ? undefined : world.hosts.get(name);
  if (host === undefined) return false;
  const scope = scopeFor(world, host, { play, batch: [], role: undefined, vars: [] });
  return isTrue(world.run, play.common.anyErrorsFatal, scope, 'any_errors_fatal', play.at);
}

function isAlive(host: HostState | undefined): boolean {
  return host !== undefined && !host.failed && !host.unreachable;
}

/** Forgets answers that may be stale because another host changed something (a peer's database, a name in DNS). */
function forgetWhatOthersChanged(world: World, names: readonly string[]): void {
  const { changed } = world;
  for (const name of names) {
    if (changed.size > (changed.has(name) ? 1 : 0))
      for (const one of world.hosts.get(name)?.sessions.all() ?? []) one.forgetAll();
  }
  world.changed.clear();
}

/** Ansible's serial: a number, a percentage of the play's hosts (at least 1), or a list whose last entry repeats. */
export function batchSize(serial: readonly (number | string)[], n: number, total: number): number {
  const size = serial[Math.min(n, serial.length - 1)];
  if (size === undefined) return Math.max(total, 1);
  if (typeof size === 'number') return size;
  return Math.max(1, Math.floor((Number.parseInt(size, 10) / 100) * total));
}

async function oneHost(
  world: World,
  play: Play,
  batch: Batch,
  name: string,
  playsAfter: (host: string) => readonly Play[],
): Promise<void> {
  const host = world.hosts.get(name);
  if (host === undefined) return;
  try {
    await onHost(world, play, batch, name, playsAfter, runPlay);
  } finally {
    batch.leave(name);
    // Of a thousand hosts only those at work have an open line and what was read on it.
    const isLast = playsAfter(name).length === 0;
    if (isLast || !isAlive(host)) world.start.gone(name);
    if (isLast) {
      forgetGuesses(host);
      await Promise.all(host.sessions.all().map((one) => one.rest()));
    }
  }
}

/** Does some work of a play on a host that takes part, and reports how the host leaves the run if it has to. */
async function onHost(
  world: World,
  play: Play,
  batch: Batch,
  name: string,
  playsAfter: (host: string) => readonly Play[],
  work: (hostRun: HostRun) => Promise<void>,
): Promise<void> {
  const host = world.hosts.get(name);
  if (host === undefined || !isAlive(host)) return;
  const where = { play, batch: batch.hosts, role: undefined, vars: [] };
  const hostRun: HostRun = {
    world,
    host,
    play,
    batch,
    where,
    runItems: async () => {},
    *laterPlays(): Iterable<Rest> {
      // Probes later plays too, as long as nothing has changed: after a change on any host, the probes are asked again
      // when the next play begins.
      if (world.changed.size > 0) return;
      for (const next of playsAfter(name)) yield playRest(next, { ...where, play: next });
    },
  };
  try {
    host.session = host.sessions.on(wayOf(world.run, play.common, scopeFor(world, host, where)));
    await work(hostRun);
  } catch (error) {
    if (error instanceof Aborted)
      world.run.emit({ type: 'message', host: name, text: error.message, at: error.task.at });
    if (error instanceof TaskFailed) host.failed = true;
    else if (error instanceof Unreachable) {
      host.unreachable = true;
      if (error.diagnostic.code === 'E_LOCKED') world.locked.add(name);
      world.run.emit({ type: 'unreachable', host: name, diagnostic: error.diagnostic });
    } else if (error instanceof EndHost) return;
    else if (error instanceof Failure) tellFailure(world, play, host, error);
    else if (!tellStopped(world.run, name, world.doing(name), error) && !world.run.signal.aborted) throw error;
  }
}

function tellFailure(world: World, play: Play, host: HostState, error: Failure): void {
  host.failed = true;
  host.counts.failed++;
  const diagnostic: Diagnostic = error.diagnostics[0] ?? tell('E_TASK_FAILED', { name: play.name });
  const { run } = world;
  run.emit({
    type: 'task',
    host: host.name,
    play: play.name,
    task: play.name,
    module: 'play',
    at: diagnostic.at ?? play.at,
    role: undefined,
    isHandler: false,
    status: 'failed',
    changes: [],
    diagnostic,
    ms: 0,
  });
}

function recapOf(host: HostState | undefined): readonly HostRecap[] {
  if (host === undefined) return [];
  const trips = host.sessions.all().reduce((sum, one) => sum + one.trips(), 0);
  return [{ host: host.name, ...host.counts, unreachable: host.unreachable, trips }];
}
