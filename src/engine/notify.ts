import type { Piece } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Play, Task } from '../core/playbook.ts';
import { TemplateText } from '../core/value.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import { type Owner, pendingKey, rememberPending, taskWord } from './pending.ts';
import type { Scope } from './ports.ts';
import { type Unit, userOf } from './resolve.ts';
import type { HostState } from './state.ts';
import type { World } from './variables.ts';

/** A play's handlers as a host knows them: its own, then those of the roles that were included so far. */
export function handlersOf({ late }: HostState, { handlers }: Play): readonly Task[] {
  return late.length === 0 ? handlers : [...handlers, ...late.filter((one) => !handlers.includes(one))];
}

/** The handlers that a task notifies. A handler that has run in the flush under way is not notified by another handler. */
export function handlersFor(r: TaskRun, scope: Scope): readonly Task[] {
  if (r.task.notify.length === 0) return [];
  const { templates } = r.world.run;
  const names = r.task.notify.flatMap((raw) => {
    const value = templates.resolve(raw, scope);
    return Array.isArray(value) ? value.map(String) : [String(value)];
  });
  const all = handlersOf(r.host, r.where.play);
  const found = names.flatMap((name) => {
    const answering = answeringTo(all, name, scope, r.world);
    if (answering.length > 0) return answering;
    const known = all.flatMap((handler) => (typeof handler.name === 'string' ? [handler.name] : []));
    throw failure('E_UNKNOWN_HANDLER', { name, known }, r.task.at);
  });
  return r.isHandler ? found.filter((handler) => !r.host.flushed.has(handler)) : found;
}

/** By name the last defined, and all that listen; of listeners with one name, the last. */
function answeringTo(all: readonly Task[], name: string, scope: Scope, world: World): readonly Task[] {
  const named = all.findLast((handler) => isNamed(handler, name, scope, world));
  const listening = all.filter((handler) => handler.listen.includes(name));
  const isShadowed = (one: Task): boolean =>
    typeof one.name === 'string' && listening.findLast((other) => other.name === one.name) !== one;
  return all.filter((one) => one === named || (listening.includes(one) && !isShadowed(one)));
}

function isNamed(handler: Task, name: string, scope: Scope, world: World): boolean {
  if (handler.name === undefined) return false;
  const own = handler.name instanceof TemplateText ? rendered(handler.name, scope, world) : handler.name;
  return own === name || (handler.role !== undefined && name === `${handler.role.name} : ${String(own)}`);
}

/** undefined: the name needs a variable that is not defined here, so nothing can notify the handler by it. */
function rendered(name: TemplateText, scope: Scope, { run }: World): string | undefined {
  try {
    return run.templates.print(run.templates.resolve(name, scope));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Whether only the judged outcome tells if the task notifies. */
function isJudged({ changedWhen }: Task): boolean {
  return changedWhen.some((condition) => condition !== true);
}

/**
 * Written before the change that notifies: should the line or this machine die in it, the handler still waits. On the trip
 * of the change, unless that goes to another host.
 */
export function notifyPieces(r: TaskRun, unit: Unit): readonly Piece[] {
  if (isJudged(r.task)) return [];
  const handlers = handlersFor(r, unit.scope);
  for (const handler of handlers) r.host.coming.add(handler);
  if (handlers.length === 0 || r.task.delegateTo !== undefined) return [];
  return [notePiece(r, handlers, ownerFor(r, unit.user))];
}

/** The same where the change is made on another host: the host that notifies keeps the note. */
export async function noteOfDelegated(r: TaskRun, unit: Unit): Promise<void> {
  if (r.task.delegateTo !== undefined && !isJudged(r.task)) await note(r, handlersFor(r, unit.scope), unit.user);
}

/** The same where changed_when decides: once it has. */
export async function noteOfJudged(r: TaskRun, scope: Scope, outcomes: readonly Outcome[]): Promise<void> {
  if (r.task.notify.length === 0 || !isJudged(r.task) || r.world.run.mode !== 'apply') return;
  if (!outcomes.some(({ status }) => status === 'changed')) return;
  await note(r, handlersFor(r, scope), userOf(r.task, scope, r.world.run));
}

async function note(r: TaskRun, handlers: readonly Task[], user: string | undefined): Promise<void> {
  const all = handlersOf(r.host, r.where.play);
  const isNew = (handler: Task): boolean => !r.host.noted.has(pendingKey(r.world.run, r.where.play, handler, all));
  const wanted = handlers.filter(isNew);
  if (wanted.length === 0) return;
  await r.host.session.change({ pieces: [notePiece(r, wanted, ownerFor(r, user))] }, () => [], undefined);
}

function notePiece({ world, host, where, task }: TaskRun, handlers: readonly Task[], owner: Owner): Piece {
  const all = handlersOf(host, where.play);
  const notes = handlers.map((handler) => {
    const key = pendingKey(world.run, where.play, handler, all);
    host.noted.set(key, new Set([...(host.noted.get(key) ?? []), owner]));
    return { key, section: host.section, by: taskWord(task) };
  });
  return { script: rememberPending(host.name, notes, owner), user: owner };
}

/** Where root is at hand, root keeps the note: nothing is put into the home of a user. */
function ownerFor({ host }: TaskRun, user: string | undefined): Owner {
  return user !== undefined ? 'root' : host.reader;
}
