import type { Diagnostic, Pos } from '../../core/diagnostic.ts';
import type { Output } from '../../core/module.ts';
import type { Play, Role, Task } from '../../core/playbook.ts';
import type { Resource } from '../../core/resource.ts';
import type { RawVars, Value } from '../../core/value.ts';
import type { Note, Owner } from './pending.ts';
import type { Session } from './session.ts';
import type { Way } from './way.ts';

/** The state of one host in one run. It is kept across plays. */
export type HostState = {
  readonly name: string;
  /** The session that the current play uses. */
  session: Session;
  /** The sessions by the way to the host, which keywords such as `remote_user` may change. */
  readonly sessions: Readonly<{ on: (way: Way) => Session; all: () => readonly Session[] }>;
  /** Names without `ansible_`. undefined before facts are gathered. */
  facts: RawVars | undefined;
  /** The answer from which the facts were read in this run. */
  gathered: Output | undefined;
  /** Facts that other modules than `setup` gathered. As in Ansible, they are variables by their own names too. */
  moduleFacts: Readonly<Record<string, Value>>;
  /**
   * Values of set_fact and register. Like `facts` and `included`, it is replaced by a new object whenever a value is
   * set, so that comparing the objects shows whether anything was set.
   */
  set: Readonly<Record<string, Value>>;
  /** Variables of include_vars. */
  included: readonly RawVars[];
  /** In a plan: the planned changes and what they would touch. A later probe that depends on them has no meaning. */
  planned: Planned[];
  /** Handlers that will run. In a plan, the text says why it is not certain. */
  notified: Map<Task, string | undefined>;
  /** Handlers that the current change will notify. What they alter is not worth probing before they run. */
  coming: Set<Task>;
  /** Those of `notified` that an earlier run left behind and that this run has not notified. */
  isOld: Set<Task>;
  /** Handlers that have run in the current flush. */
  flushed: Set<Task>;
  /** Handlers of roles that this host has included in this play. */
  late: readonly Task[];
  /** The section of the play that the host is in. */
  section: string;
  /** Who reads and keeps the notes of waiting handlers in this play, and whether they were read. */
  reader: Owner;
  isRecalled: boolean;
  /** Notes of an earlier run: all that were read, and those whose handler has not run yet. */
  recalled: Set<string>;
  waiting: Map<string, Note>;
  /** Handlers that have a note on the host, and the owners of the notes. */
  noted: Map<string, ReadonlySet<Owner>>;
  /**
   * A handler of an earlier run failed again in this play. This host goes on, but hosts of later batches do not start.
   */
  isStuck: boolean;
  /** Uses of roles whose remaining tasks are skipped by `meta: end_role`. */
  ended: Set<Role>;
  /** The variables of the play's `vars_files` whose names needed the host's variables. */
  playFiles: readonly RawVars[];
  /** Roles of which a task has run on the host in this play: see noteRole. */
  ranRoles: Set<string>;
  /** Roles whose items the host has reached in this play. */
  entered: Set<Role>;
  /** Roles that were included with `public: true` in this play. Later tasks see their variables. */
  publicRoles: readonly Role[];
  /** In a plan: tasks that would run, and so may fail in apply. */
  mayFail: string[];
  /** The nesting depth of the current includes. */
  depth: number;
  failed: boolean;
  unreachable: boolean;
  counts: Counts;
};
export type Planned = Readonly<{
  what: string;
  touches: readonly Resource[];
  /** Nobody knows what it would do, because its arguments depend on an earlier change. */
  isOpen?: true;
}>;
export type Counts = {
  ok: number;
  changed: number;
  unknown: number;
  skipped: number;
  failed: number;
  rescued: number;
  ignored: number;
};

/** A host's position in the playbook, which determines its variables. */
export type Where = Readonly<{
  play: Play;
  batch: readonly string[];
  role: Role | undefined;
  vars: readonly RawVars[];
  /** The variables of the includes around, which override facts. */
  params?: readonly RawVars[];
  /** In a task: how it reaches the host, for the variables of connections that nothing sets. */
  way?: RawVars;
}>;

/** Notes that a task of the role has run on the host. */
export function noteRole({ ranRoles }: HostState, role: Role): void {
  ranRoles.add(wordOf(role));
}

/** Whether a task of the role has run on the host in this play, with the same parameters. */
export function hasRun({ ranRoles }: HostState, role: Role): boolean {
  return ranRoles.has(wordOf(role));
}

/**
 * Whether the role's items are skipped. As in Ansible, a role that several others depend on runs once in a play for the
 * same parameters, unless a condition skipped all its tasks.
 */
export function isEnded(host: HostState, role: Role | undefined): boolean {
  if (role === undefined) return false;
  if (role.isDependency && !role.allowsDuplicates && !host.entered.has(role)) {
    host.entered.add(role);
    if (hasRun(host, role)) host.ended.add(role);
  }
  return host.ended.has(role);
}

const wordOf = ({ path, use }: Role): string => `${path} ${use}`;

/** `action`: the name of its module. */
export type FailedTask = Readonly<{ name: string; action: string; at: Pos }>;

/** A task failed on a host. It unwinds to the nearest rescue. */
export class TaskFailed extends Error {
  readonly diagnostic: Diagnostic;
  readonly result: Value;
  readonly task: FailedTask;
  constructor(diagnostic: Diagnostic, result: Value, task: FailedTask) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
    this.result = result;
    this.task = task;
  }
}

/** The task failed on another host, and any_errors_fatal stops this one. Nothing failed on this host. */
export class Aborted extends TaskFailed {}

/** max_fail_percentage stops the play. No rescue catches this. */
export class PlayStopped extends Aborted {}

/** The host cannot be reached any more. No rescue catches this. */
export class Unreachable extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

/** `meta: end_host` and `end_play`. */
export class EndHost extends Error {}

/** A value is not known until apply. It unwinds to the task that reads the value. */
export class NotKnown extends Error {
  readonly because: string;
  constructor(because: string) {
    super(because);
    this.because = because;
  }
}

export function newCounts(): Counts {
  return { ok: 0, changed: 0, unknown: 0, skipped: 0, failed: 0, rescued: 0, ignored: 0 };
}
