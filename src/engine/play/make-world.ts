import pLimit from 'p-limit';
import type { Play } from '../../core/playbook.ts';
import { claimFor, newGate, newStart, waitingFor } from '../host/claims.ts';
import type { Run } from '../host/ports.ts';
import { openSession } from '../host/session.ts';
import { type HostState, newCounts } from '../host/state.ts';
import { forgetGroups, scopeFor, type World } from '../host/variables.ts';
import { newSessions, scopeOnWay, type Way } from '../host/way.ts';

/** The most connections that are opened at the same time. */
const DIALS = 100;

/** The state of a run: one state for each host of the inventory, none of them connected yet. */
export function makeWorld(run: Run, inventory: World['inventory'], doing: World['doing']): World {
  const gate = newGate();
  const start = newStart(run.signal);
  const slot = pLimit(run.forks);
  const dial = pLimit(Math.max(run.forks, DIALS));
  const hosts = new Map<string, HostState>();
  const add = (name: string): HostState => {
    const claim = claimFor(run, name);
    const connectOn = (way: Way) => (meanwhile: () => void) => {
      const state = hosts.get(name);
      if (state === undefined) throw new Error(`no host ${name}`);
      run.emit({ type: 'busy', host: name, doing: 'connecting' });
      const play = run.playbook.plays[0];
      if (play === undefined) throw new Error('no play');
      const scope = scopeFor(world, state, { play: bare(play), batch: [], role: undefined, vars: [] });
      return run.connect(name, scopeOnWay(scope, way), { signal: run.signal, meanwhile, claim });
    };
    const sessions = newSessions((way) =>
      openSession(connectOn(way), slot, dial, {
        signal: run.signal,
        waiter: () => waitingFor(run, name, gate),
        gate,
        ...(run.claim !== undefined && {
          start: { claimed: () => start.claimed(name), left: () => start.left(name), all: start.all },
        }),
      }),
    );
    const state: HostState = {
      name,
      session: sessions.on({}),
      sessions,
      facts: undefined,
      gathered: undefined,
      moduleFacts: {},
      set: {},
      included: [],
      planned: [],
      notified: new Map(),
      coming: new Set(),
      isOld: new Set(),
      flushed: new Set(),
      late: [],
      section: '',
      reader: undefined,
      isRecalled: false,
      recalled: new Set(),
      waiting: new Map(),
      noted: new Map(),
      isStuck: false,
      ended: new Set(),
      playFiles: [],
      ranRoles: new Set(),
      entered: new Set(),
      publicRoles: [],
      mayFail: [],
      depth: 0,
      failed: false,
      unreachable: false,
      counts: newCounts(),
    };
    hosts.set(name, state);
    return state;
  };
  const world: World = {
    run,
    doing,
    hosts,
    start,
    locked: new Set(),
    changed: new Set(),
    selected: new WeakMap(),
    inventory,
    inventoryChanged: () => {
      grown.add(world);
      forgetGroups(run.inventory);
    },
    limit: new Set(run.limit),
    added: new Set(),
    stats: new Map(),
    addHost: (name) => void add(name),
    localhost: (name) =>
      ['localhost', '127.0.0.1', '::1'].includes(name) ? (hosts.get('localhost') ?? add('localhost')) : undefined,
  };
  for (const name of run.inventory.hosts.keys()) add(name);
  return world;
}

/** A host's connection depends only on its inventory variables, not on the play that needs it first. */
const bare = (play: Play): Play => ({ ...play, vars: {}, varsFiles: [], roles: [] });

/** Worlds whose inventory was extended during the run. */
const grown = new WeakSet<World>();
export function isGrown(world: World): boolean {
  return grown.has(world);
}
