import { dirname, resolve } from 'node:path';
import type { Controller, Step } from '../core/module.ts';
import type { InventoryHost } from '../core/playbook.ts';
import { sh } from '../core/sh.ts';
import { Ready, type Value } from '../core/value.ts';
import type { Probe } from './answers.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import { pause } from './pause.ts';
import type { Unit } from './resolve.ts';
import { resultOf } from './result.ts';
import type { HostState } from './state.ts';
import type { World } from './variables.ts';

/** Does a task's work on the controller. undefined: it has none, or this is a plan and the work is for apply only. */
export async function workHere(
  taskRun: TaskRun,
  unit: Unit & { step: Step },
  place: HostState,
): Promise<Outcome | undefined> {
  const { controller } = unit.step;
  const { world, task } = taskRun;
  if (controller === undefined || (controller.when === 'apply' && world.run.mode === 'plan')) return undefined;
  const { label } = unit;
  const found = await controller.work(controllerFor(taskRun, unit, place));
  if ('failed' in found) {
    const diagnostic = { ...found.failed, at: task.at };
    const result = { failed: true, changed: false, msg: diagnostic.message };
    return { status: 'failed', result, changes: [], diagnostic, label };
  }
  const own = resultOf(unit.step, '', unit, { changed: found.changed, ...found.data });
  return { status: found.changed ? 'changed' : 'ok', result: own, changes: [], label };
}

function controllerFor({ world, host, task }: TaskRun, unit: Unit, place: HostState): Controller {
  const { run } = world;
  const base = dirname(run.playbook.file);
  return {
    host: host.name,
    isPlan: run.mode === 'plan',
    async read(script) {
      const probe: Probe = { script: sh`${unit.environment}${script}`, user: unit.user, needs: ['*'] };
      place.session.forget(probe);
      return place.session.ask(probe, () => []);
    },
    sha1Of: (path) => run.localFiles.sha1Of(resolve(base, path)),
    isFolder: (path) => run.localFiles.isFolder(resolve(base, path), []),
    write: (path, content) => run.localFiles.write(resolve(base, path), content, task.at),
    ask: run.ask,
    say: (text) => run.emit({ type: 'message', host: host.name, text, at: task.at }),
    wait: (ms) => pause(ms, run.signal),
    now: run.now,
    async reconnect() {
      await place.session.drop();
      place.session.forgetAll();
      await place.session.user();
    },
    addHost: (name, groups, vars) => addHost(world, name, groups, vars, task),
    addToGroup: (group, parents) => {
      const isNew = putInto(world, host.name, group);
      for (const parent of parents) if (parent !== 'all') putInto(world, host.name, parent);
      return isNew;
    },
  };
}

function addHost(
  world: World,
  name: string,
  groups: readonly string[],
  vars: Readonly<Record<string, Value>>,
  { at }: TaskRun['task'],
): boolean {
  const hosts = world.inventory.hosts;
  const known = hosts.get(name);
  const ready = Object.fromEntries(Object.entries(vars).map(([key, value]) => [key, new Ready(value)]));
  const layer = { from: 'add_host', vars: ready };
  const host: InventoryHost = {
    name,
    at: known?.at ?? at,
    groups: known?.groups ?? [],
    layers: [...(known?.layers ?? world.run.inventory.groupLayers('all')), layer],
  };
  hosts.set(name, host);
  world.added.add(name);
  if (known === undefined) world.addHost(name);
  putInto(world, name, 'all');
  const isNew = groups.map((group) => putInto(world, name, group)).includes(true);
  if (groups.length === 0) putInto(world, name, 'ungrouped');
  return isNew || known === undefined;
}

/** Puts a host into a group, whose variables it gets. Returns whether it was not in it. */
function putInto(world: World, name: string, group: string): boolean {
  const { groups, hosts } = world.inventory;
  const members = groups.get(group) ?? [];
  if (members.includes(name)) return false;
  groups.set(group, [...members, name]);
  const host = hosts.get(name);
  if (host !== undefined && group !== 'all') {
    const groupLayers = world.run.inventory
      .groupLayers(group)
      .filter((one) => !host.layers.some(({ from }) => from === one.from));
    // Variables of a group count less than those of the host, which come last.
    hosts.set(name, {
      ...host,
      groups: [...new Set([...host.groups, group])].sort(),
      layers: [...groupLayers, ...host.layers],
    });
  }
  world.inventoryChanged();
  return true;
}
