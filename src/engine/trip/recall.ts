import type { Play, Task } from '../../core/playbook.ts';
import { handlersOf } from '../evaluate/notify.ts';
import type { TaskRun } from '../evaluate/outcome.ts';
import { userOf } from '../evaluate/resolve.ts';
import { notesIn, type Owner, pendingKey, pendingProbe, playKey, projectFile, taskWord } from '../host/pending.ts';
import type { HostState } from '../host/state.ts';
import { scopeFor, type World } from '../host/variables.ts';
import { playRest } from './ahead.ts';
import { asUnreachable, gatherTask } from './gather.ts';
import { aheadOf, type HostRun } from './host-run.ts';

/** Who reads a host's notes in a play: root if the play uses become, else the login user. */
export function readerOf({ play, host, world, where }: HostRun): Owner {
  return userOf(gatherTask(play), scopeFor(world, host, where), world.run) === undefined ? undefined : 'root';
}

/** Looks for handlers that an earlier run left behind. A play without handlers spends no round trip on it. */
export async function recallHandlers(hostRun: HostRun): Promise<void> {
  const { host, play } = hostRun;
  host.late = [];
  host.publicRoles = [];
  host.ranRoles = new Set();
  host.entered = new Set();
  host.reader = readerOf(hostRun);
  host.isRecalled = false;
  host.isStuck = false;
  if (play.handlers.length > 0 || host.session.knows(pendingProbe(host.name, host.reader))) await readNotes(hostRun);
}

/** Reads the notes once in a play. An included role may add handlers to a play that had none. */
export async function readNotes(hostRun: HostRun): Promise<void> {
  const { host, play } = hostRun;
  if (host.isRecalled) return;
  host.isRecalled = true;
  try {
    const probe = pendingProbe(host.name, host.reader);
    const output = await host.session.ask(probe, aheadOf(hostRun, playRest(play, hostRun.where)));
    for (const { note, owner } of notesIn(output.stdout, host.reader)) {
      if (host.recalled.has(note.key)) continue; // read in an earlier play
      host.recalled.add(note.key);
      host.waiting.set(note.key, note);
      host.noted.set(note.key, new Set([...(host.noted.get(note.key) ?? []), owner]));
    }
  } catch (error) {
    throw asUnreachable(error);
  }
}

/**
 * A waiting handler is due once the task that notified it has run, because that task may fix what made the handler
 * fail.
 */
export function dueAfter({ host, world, where, task }: TaskRun): void {
  if (host.waiting.size > 0) makeDue(world, host, where.play, ({ by }) => by === taskWord(task));
}

/**
 * If that task no longer exists, the handler is due at the end of its section. If the section no longer exists either,
 * it is due at the end of the play.
 */
export function dueAtEnd({ host, world, play }: HostRun, section: string, isLast: boolean): void {
  if (host.waiting.size > 0) makeDue(world, host, play, (note) => isLast || note.section === section);
}

function makeDue(
  { run }: World,
  host: HostState,
  play: Play,
  isDue: (note: Readonly<{ section: string; by: string }>) => boolean,
): void {
  const all = handlersOf(host, play);
  const own = `${playKey(run, play)}\t`;
  for (const [key, note] of host.waiting) {
    if (!key.startsWith(own) || !isDue(note)) continue;
    const handler = all.findLast((one) => pendingKey(run, play, one, all) === key);
    if (handler === undefined) continue;
    host.waiting.delete(key);
    if (host.notified.has(handler)) continue;
    host.notified.set(handler, undefined);
    host.isOld.add(handler);
  }
}

/** This run notifies the handler, so it no longer matters that it was waiting before. */
export function notifiedAnew(host: HostState, handler: Task): void {
  host.isOld.delete(handler);
}

/**
 * Warns about handlers that wait for a play of this playbook but that no play defines any more. Called when the host
 * has finished.
 */
export function tellLeftBehind({ run }: World, host: HostState): void {
  const [first] = run.playbook.plays;
  if (first === undefined || host.failed || host.unreachable) return;
  const files = new Set([first.at.file, run.playbook.file, ...run.playbook.plays.map((p) => p.at.file)]);
  const own = new Set([...files].map((file) => projectFile(run, file)));
  for (const key of host.waiting.keys()) {
    const [file = '', play = '', handler = ''] = key.split('\t');
    if (!own.has(file)) continue;
    const text = `handler '${handler}' of play '${play}' still waits on this host, and no play of ${file} ran it. Remove it with: bringup handlers --forget --limit ${host.name}`;
    run.emit({ type: 'message', host: host.name, text, at: first.at });
  }
}
