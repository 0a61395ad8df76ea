import { dirname, resolve } from 'node:path';
import type { Controller, Step } from '../../core/module.ts';
import { sh } from '../../core/sh.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import type { Unit } from '../evaluate/resolve.ts';
import { resultOf } from '../evaluate/result.ts';
import type { Probe } from '../host/answers.ts';
import { addHost, addToGroup } from '../host/inventory.ts';
import { pause } from '../host/pause.ts';
import type { HostState } from '../host/state.ts';

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
    addHost: (name, groups, vars) => addHost(world, { name, groups, vars, at: task.at }),
    addToGroup: (group, parents) => addToGroup(world, host.name, group, parents),
  };
}
