import { dirname, resolve } from 'node:path';
import { Stopped } from '../../core/connection.ts';
import { withDeadline } from '../../core/deadline.ts';
import { tell } from '../../core/errors/index.ts';
import type { Controller, Step } from '../../core/module.ts';
import { sh } from '../../core/sh.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { searchPath, type Unit } from '../evaluate/resolve.ts';
import { resultOf } from '../evaluate/result.ts';
import type { Probe } from '../host/answers.ts';
import { addHost, addToGroup } from '../host/inventory.ts';
import { pause } from '../host/pause.ts';
import type { HostState } from '../host/state.ts';

/** `limit` is in seconds. */
type How = Readonly<{ isCheck: boolean; limit: () => number | undefined }>;

/** Does a task's work on the controller. undefined: it has none, or this is a plan and the work is for apply only. */
export async function workHere(
  taskRun: TaskRun,
  unit: Unit & { step: Step },
  place: HostState,
  how: How,
): Promise<Outcome | undefined> {
  const { controller } = unit.step;
  const { world, task } = taskRun;
  if (controller === undefined || (controller.when === 'apply' && world.run.mode === 'plan')) return undefined;
  const { label } = unit;
  const found = await controller.work(controllerFor(taskRun, unit, place, how)).catch((error: unknown) => {
    if (!(error instanceof Stopped) || error.why !== 'timeout') throw error;
    return { failed: tell('E_TASK_TIMEOUT', { what: unit.step.module, seconds: how.limit(), left: error.left }) };
  });
  if ('failed' in found) {
    const diagnostic = { ...found.failed, at: task.at };
    const result = { failed: true, changed: false, msg: diagnostic.message };
    return { status: 'failed', result, changes: [], diagnostic, label };
  }
  const own = resultOf(unit.step, '', unit, { changed: found.changed, ...found.data });
  // With `check_mode: true` in apply, nothing was changed.
  const isChanged = found.changed && (world.run.mode === 'plan' || !how.isCheck);
  const changes = found.changed && found.told !== undefined ? [{ ...found.told, run: sh`` }] : [];
  return { status: isChanged ? 'changed' : 'ok', result: own, changes, label };
}

function controllerFor(taskRun: TaskRun, unit: Unit, place: HostState, { isCheck, limit }: How): Controller {
  const { world, host, task } = taskRun;
  const { run } = world;
  const base = dirname(run.playbook.file);
  const read: Controller['read'] = async (script) => {
    const probe: Probe = { script: sh`${unit.environment}${script}`, user: unit.user, needs: ['*'] };
    place.session.forget(probe);
    return place.session.ask(probe, () => []);
  };
  return {
    host: host.name,
    isPlan: isCheck,
    read,
    async change(script) {
      const pieces = [{ script: sh`${unit.environment}${script}`, user: unit.user }];
      world.changed.add(place.name);
      const [output] = await place.session.change({ pieces, touches: ['*'] }, () => [], limit());
      return output ?? { code: 255, stdout: '', stderr: 'the script gave no answer' };
    },
    place: placeOf(taskRun, place),
    bridge: (argv) => {
      const timeout = limit();
      const session = task.delegateTo === undefined ? place.session : host.session;
      world.changed.add(host.name);
      const work = (signal: AbortSignal) => session.bridge({ argv, before: unit.environment }, unit.user, signal);
      return timeout === undefined ? work(run.signal) : withDeadline(run.signal, timeout * 1000, work);
    },
    find: (path, folder) => run.localFiles.find(path, searchPath(run, task, folder), task.at),
    resolve: (path) => resolve(base, path),
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
    addHost: (name, groups, vars) => addHost(world, { name, groups, vars, at: task.at }),
    addToGroup: (group, parents) => addToGroup(world, host.name, group, parents),
  };
}

function placeOf({ task, host, world }: TaskRun, place: HostState): Controller['place'] {
  if (task.delegateTo === undefined) return 'controller';
  if (place.name === host.name) return 'host';
  return world.localhost(place.name) === undefined ? 'another' : 'controller';
}
