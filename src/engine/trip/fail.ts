// How a step of a host fails that is no task of a module: an include, a meta task, gathering facts.
import type { Diagnostic, Pos } from '../../core/diagnostic.ts';
import type { Role } from '../../core/playbook.ts';
import { TaskFailed } from '../host/state.ts';
import type { HostRun } from './host-run.ts';

/** Counts and reports the failure. Returns what to throw, unless `isIgnored`. */
export function failStep(
  { host, play, world }: HostRun,
  step: Readonly<{ name: string; module: string; at: Pos; role: Role | undefined; isIgnored?: boolean }>,
  diagnostic: Diagnostic,
): TaskFailed {
  const { name, module, at, role, isIgnored = false } = step;
  const status = isIgnored ? 'ignored' : 'failed';
  host.counts[status]++;
  world.run.emit({
    type: 'task',
    host: host.name,
    play: play.name,
    task: name,
    module,
    at,
    role: role?.name,
    isHandler: false,
    status,
    changes: [],
    diagnostic: { ...diagnostic, at: diagnostic.at ?? at },
    ms: 0,
  });
  return new TaskFailed(diagnostic, { failed: true, msg: diagnostic.message }, { name, action: module, at });
}
