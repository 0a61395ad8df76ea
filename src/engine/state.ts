import type { Diagnostic, Pos } from '../core/diagnostic.ts';
import type { Play, Role, Task } from '../core/playbook.ts';
import type { Resource } from '../core/resource.ts';
import type { RawVars, Value } from '../core/value.ts';
import type { Note, Owner } from './pending.ts';
import type { Session } from './session.ts';

/** One host in one run: what is known of it and what became of it. Kept across plays. */
export type HostState = {
  readonly name: string;
  readonly session: Session;
  /** Without `ansible_`; undefined before they are gathered. */
  facts: RawVars | undefined;
  factsAreFresh: boolean;
  /** set_fact and register. Another object whenever one is set, as `facts` and `included`: so one sees that nothing was. */
  set: Readonly<Record<string, Value>>;
  /** include_vars. */
  included: readonly RawVars[];
  /** plan: what was planned and would touch what; a later probe of it tells nothing. */
  planned: Planned[];
  /** Handlers to run; the text says why it is not certain (plan). */
  notified: Map<Task, string | undefined>;
  /** Handlers that the change which is being made will notify: what they alter is not worth asking before. */
  coming: Set<Task>;
  /** Of `notified`: left behind by an earlier run, and not notified by this one. */
  isOld: Set<Task>;
  /** Handlers that have run in the flush under way. */
  flushed: Set<Task>;
  /** Handlers of roles that this host has included in this play. */
  late: readonly Task[];
  /** The section of the play that the host is in. */
  section: string;
  /** Who reads and keeps the notes of waiting handlers in this play, and whether they were read in it. */
  reader: Owner;
  isRecalled: boolean;
  /** Notes of an earlier run: all that were read, and those whose handler has not had its turn. */
  recalled: Set<string>;
  waiting: Map<string, Note>;
  /** Handlers that have a note on the host, and whose note it is. */
  noted: Map<string, ReadonlySet<Owner>>;
  /** A handler of an earlier run failed once more in this play: the play goes on, but not to hosts of a later batch. */
  isStuck: boolean;
  /** Uses of roles of which the rest is left out: `meta: end_role`. */
  ended: Set<Role>;
  /** plan: tasks that will be run, so that they may fail in apply. */
  mayFail: string[];
  /** Includes that are under way, one in the other. */
  depth: number;
  failed: boolean;
  unreachable: boolean;
  counts: Counts;
};
export type Planned = Readonly<{ what: string; touches: readonly Resource[] }>;
export type Counts = {
  ok: number;
  changed: number;
  unknown: number;
  skipped: number;
  failed: number;
  rescued: number;
  ignored: number;
};

/** Where in the playbook a host stands, for variables. */
export type Where = Readonly<{
  play: Play;
  batch: readonly string[];
  role: Role | undefined;
  vars: readonly RawVars[];
}>;

/** A task failed on a host: unwinds to the nearest rescue. */
export class TaskFailed extends Error {
  readonly diagnostic: Diagnostic;
  readonly result: Value;
  readonly task: Readonly<{ name: string; at: Pos }>;
  constructor(diagnostic: Diagnostic, result: Value, task: Readonly<{ name: string; at: Pos }>) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
    this.result = result;
    this.task = task;
  }
}

/** The task failed on another host, and any_errors_fatal stops this one: nothing failed here. */
export class Aborted extends TaskFailed {}

/** The host cannot be reached any more: no rescue catches this. */
export class Unreachable extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

/** `meta: end_host`, `end_play`. */
export class EndHost extends Error {}

/** A value is not known until apply: unwinds to the task that reads it. */
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
