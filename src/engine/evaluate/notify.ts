import type { Piece } from '../../core/connection.ts';
import { Failure } from '../../core/diagnostic.ts';
import { failure } from '../../core/errors/index.ts';
import type { Play, Task } from '../../core/playbook.ts';
import { TemplateText } from '../../core/value.ts';
import { type Owner, pendingKey, rememberPending, taskWord } from '../host/pending.ts';
import type { Scope } from '../host/ports.ts';
import type { HostState } from '../host/state.ts';
import type { World } from '../host/variables.ts';
import type { Outcome, TaskRun } from './outcome.ts';
import { type Unit, userOf } from './resolve.ts';

/** The handlers of a play for one host: the play's own, then those of the roles that the host has included so far. */
export function handlersOf({ late }: HostState, { handlers }: Play): readonly Task[] {
  return late.length === 0 ? handlers : [...handlers, ...late.filter((one) => !handlers.includes(one))];
}

/**
 * The handlers that a task notifies. A handler that has run in the current flush is not notified again by another
 * handler.
 */
export function handlersFor(taskRun: TaskRun, scope: Scope): readonly Task[] {
  if (taskRun.task.notify.length === 0) return [];
  const { templates } = taskRun.world.run;
  const names = taskRun.task.notify.flatMap((raw) => {
    const value = templates.resolve(raw, scope);
    return Array.isArray(value) ? value.map(String) : [String(value)];
  });
  const all = handlersOf(taskRun.host, taskRun.where.play);
  const found = names.flatMap((name) => {
    const answering = answeringTo(all, name, scope, taskRun.world);
    if (answering.length > 0) return answering;
    const known = all.flatMap((handler) => (typeof handler.name === 'string' ? [handler.name] : []));
    throw failure('E_UNKNOWN_HANDLER', { name, known }, taskRun.task.at);
  });
  return taskRun.isHandler ? found.filter((handler) => !taskRun.host.flushed.has(handler)) : found;
}

/**
 * The handlers for a name: the last one defined with that name, and all that listen to it. If listeners share a name,
 * only the last of them counts.
 */
function answeringTo(all: readonly Task[], name: string, scope: Scope, world: World): readonly Task[] {
  const named = all.findLast((handler) => isNamed(handler, name, scope, world));
  const listening = all.filter((handler) => handler.listen.includes(name));
  const isShadowed = (one: Task): boolean =>
    typeof one.name === 'string' && listening.findLast((other) => other.name === one.name) !== one;
  return all.filter((one) => one === named || (listening.includes(one) && !isShadowed(one)));
}

function isNamed(handler: Task, name: string, scope: Scope, world: World): boolean {
  if (handler.name === undefined) return false;
  const ownName = handler.name instanceof TemplateText ? rendered(handler.name, scope, world) : handler.name;
  return ownName === name || (handler.role !== undefined && name === `${handler.role.name} : ${String(ownName)}`);
}

/** undefined: the name uses a variable that is not defined here, so nothing can notify the handler by this name. */
function rendered(name: TemplateText, scope: Scope, { run }: World): string | undefined {
  try {
    return run.templates.print(run.templates.resolve(name, scope));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Whether the task notifies only if changed_when says so after it ran. */
function isJudged({ changedWhen }: Task): boolean {
  return changedWhen.some((condition) => condition !== true);
}

/**
 * Writes the notes of notified handlers before the change. If the connection or this machine dies during the change,
 * the handlers still run later. The notes travel with the change, unless the change goes to another host.
 */
export function notifyPieces(taskRun: TaskRun, unit: Unit): readonly Piece[] {
  if (isJudged(taskRun.task)) return [];
  const handlers = handlersFor(taskRun, unit.scope);
  for (const handler of handlers) taskRun.host.coming.add(handler);
  if (handlers.length === 0 || taskRun.task.delegateTo !== undefined) return [];
  return [notePiece(taskRun, handlers, ownerFor(taskRun, unit.user))];
}

/** Writes the notes if the change runs on another host. The host that notifies keeps the notes. */
export async function noteOfDelegated(taskRun: TaskRun, unit: Unit): Promise<void> {
  if (taskRun.task.delegateTo !== undefined && !isJudged(taskRun.task))
    await note(taskRun, handlersFor(taskRun, unit.scope), unit.user);
}

/** Writes the notes if changed_when decides, after it decided. */
export async function noteOfJudged(taskRun: TaskRun, scope: Scope, outcomes: readonly Outcome[]): Promise<void> {
  if (taskRun.task.notify.length === 0 || !isJudged(taskRun.task) || taskRun.world.run.mode !== 'apply') return;
  if (!outcomes.some(({ status }) => status === 'changed')) return;
  const asking = outcomes.filter(({ status }) => status !== 'skipped');
  const handlers = new Set(asking.flatMap((one) => handlersFor(taskRun, one.scope ?? scope)));
  await note(taskRun, [...handlers], userOf(taskRun.task, scope, taskRun.world.run));
}

async function note(taskRun: TaskRun, handlers: readonly Task[], user: string | undefined): Promise<void> {
  const all = handlersOf(taskRun.host, taskRun.where.play);
  const isNew = (handler: Task): boolean =>
    !taskRun.host.noted.has(pendingKey(taskRun.world.run, taskRun.where.play, handler, all));
  const wanted = handlers.filter(isNew);
  if (wanted.length === 0) return;
  await taskRun.host.session.change(
    { pieces: [notePiece(taskRun, wanted, ownerFor(taskRun, user))] },
    () => [],
    undefined,
  );
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

/** Root keeps the note if the task becomes another user, so nothing is written to a user's home directory. */
function ownerFor({ host }: TaskRun, user: string | undefined): Owner {
  return user !== undefined ? 'root' : host.reader;
}
