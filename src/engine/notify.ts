import type { Piece } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import type { Task } from '../core/playbook.ts';
import { TemplateText } from '../core/value.ts';
import type { TaskRun } from './outcome.ts';
import { pendingKey, rememberPending } from './pending.ts';
import type { Scope } from './ports.ts';
import type { Unit } from './resolve.ts';
import type { World } from './variables.ts';

export function handlersFor(r: TaskRun, scope: Scope): readonly Task[] {
  const { templates } = r.world.run;
  const names = r.task.notify.flatMap((raw) => {
    const value = templates.resolve(raw, scope);
    return Array.isArray(value) ? value.map(String) : [String(value)];
  });
  return names.flatMap((name) => {
    const found = r.where.play.handlers.concat(r.world.lateHandlers).filter((h) => answersTo(h, name, scope, r.world));
    if (found.length > 0) return found;
    throw new Failure({ code: 'E_UNKNOWN', message: `there is no handler '${name}'`, at: r.task.at });
  });
}

export function answersTo(handler: Task, name: string, scope: Scope, world: World): boolean {
  if (handler.listen.includes(name)) return true;
  if (handler.name === undefined) return false;
  const own =
    handler.name instanceof TemplateText
      ? world.run.templates.print(world.run.templates.resolve(handler.name, scope))
      : handler.name;
  return own === name || (handler.role !== undefined && name === `${handler.role.name} : ${String(own)}`);
}

/** Written before the change that notifies: should the line or this machine die in it, the handler still waits. */
export function notifyPieces(r: TaskRun, unit: Unit): readonly Piece[] {
  const handlers = handlersFor(r, unit.scope);
  if (handlers.length === 0 || r.task.changedWhen.length > 0 || r.task.delegateTo !== undefined) return [];
  for (const handler of handlers) r.host.coming.add(handler);
  return [
    {
      script: rememberPending(
        handlers.map((h) => pendingKey(r.where.play, h)),
        unit.user,
      ),
      user: unit.user,
    },
  ];
}
