import type { Mismatch } from './check.ts';
import type { Diagnostic, Pos } from './diagnostic.ts';
import type { Figures, StepRun, Verdict } from './drill.ts';
import type { Diff } from './module.ts';
import type { Vars } from './value.ts';

/**
 * Everything that happens in a run, as data. Reporters turn events into text, a live display, JSON or JUnit. Nothing
 * else prints.
 */
export type Event =
  | Readonly<{ type: 'run'; mode: Mode; playbook: string; hosts: readonly string[] }>
  | Readonly<{ type: 'play'; play: string; at: Pos; hosts: readonly string[] }>
  /** A host starts something that may take long: a connection or a change. */
  | Readonly<{ type: 'busy'; host: string; doing: string }>
  | TaskEvent
  | Readonly<{ type: 'message'; host: string; text: string; at: Pos }>
  /**
   * A mistake in a part of the playbook that no host of this run reaches. `isWarning`: it is shown without -v too.
   * `isRemark`: it is no mistake, as a setting without an effect.
   */
  | Readonly<{ type: 'note'; diagnostic: Diagnostic; isWarning?: true; isRemark?: true }>
  | Readonly<{ type: 'unreachable'; host: string; diagnostic: Diagnostic }>
  /** Another run holds the host's lock. This run waits for at most `seconds`. */
  | Readonly<{ type: 'waiting'; host: string; for: string; seconds: number }>
  /** A stale lock of an earlier run was taken over. */
  | Readonly<{ type: 'took-over'; host: string; from: string }>
  /**
   * The run was interrupted while it did this on the host, and the processes on the host were ended. `left` lists the
   * ids of processes that could not be ended. undefined: the host did not answer.
   */
  | Readonly<{ type: 'stopped'; host: string; doing: string; left: readonly number[] | undefined }>
  /** `stats`: what set_stats collected, of the run under '' and of hosts by their names. */
  | Readonly<{
      type: 'done';
      mode: Mode;
      hosts: readonly HostRecap[];
      ms: number;
      interrupted: boolean;
      stats?: Readonly<Record<string, Vars>>;
    }>
  /** Checks begin, side by side: so many. */
  | Readonly<{ type: 'checking'; checks: number }>
  | CheckEvent
  | CheckedEvent
  | DrillEvent
  | PowerEvent
  | StageEvent
  | StateEvent;

/** `plan` changes nothing on the hosts, `apply` makes changes. */
export type Mode = 'plan' | 'apply';

export type TaskStatus = 'ok' | 'changed' | 'unknown' | 'skipped' | 'failed' | 'ignored';
export type TaskEvent = Readonly<{
  type: 'task';
  host: string;
  play: string;
  /** The task's name, or its module and main argument. */
  task: string;
  module: string;
  at: Pos;
  role: string | undefined;
  isHandler: boolean;
  /**
   * In a plan, `changed` means that apply would change the host; `unknown` means that the result depends on an earlier
   * change.
   */
  status: TaskStatus;
  /**
   * The changes that were made or, in a plan, would be made. For `unknown`: the changes in the host's present state.
   */
  changes: readonly Readonly<{ what: string; diff?: Diff | undefined }>[];
  /** The task has `diff: true`, so its diffs are shown without --diff too. */
  showsDiff?: true;
  /**
   * A phrase. For `unknown`: the earlier change that the result depends on. For `skipped`: the condition that was false.
   */
  because?: string | undefined;
  /** The label of the loop item. */
  item?: string | undefined;
  diagnostic?: Diagnostic | undefined;
  /** What the module returned, if the run reports results and the task does not hide them. */
  result?: Readonly<Record<string, unknown>> | undefined;
  /** The hosts that run the task instead (delegate_to). */
  delegate?: string | undefined;
  ms: number;
}>;

export type HostRecap = Readonly<{
  host: string;
  ok: number;
  changed: number;
  unknown: number;
  skipped: number;
  failed: number;
  rescued: number;
  ignored: number;
  unreachable: boolean;
  /** Round trips after the connection was open. */
  trips: number;
}>;

export type CheckEvent = Readonly<{
  type: 'check';
  check: string;
  kind: string;
  at: Pos;
  /** The check's place in the order of the file, from 0. Checks run side by side, so that events come in any order. */
  index: number;
  /** What the check proves, in a word or two: its entry's `proves`. Empty if it has none. */
  proves: string;
  status: 'passed' | 'failed' | 'trying';
  /** One line that describes what a check observed when it passed. */
  seen: string;
  mismatches: readonly Mismatch[];
  /** More about a failure, over several lines, as the last lines of a unit's journal. */
  detail?: string | undefined;
  tries: number;
  ms: number;
}>;

/** The end of a run of checks. `ms` counts from the first check to the last. */
export type CheckedEvent = Readonly<{
  type: 'checked';
  passed: number;
  failed: number;
  /** One for each `proves` of the file, in its order. */
  proofs: readonly Readonly<{ proves: string; passed: number; failed: number }>[];
  /** What explains several failures. A check has at most one cause. `checks` are indexes. */
  causes: readonly Readonly<{ what: string; checks: readonly number[] }>[];
  ms: number;
}>;

export type DrillEvent =
  | Readonly<{ type: 'drill'; drill: string; at: Pos; hosts: readonly string[]; run: number; of: number }>
  /**
   * Times are in milliseconds since the load began. `righted`: a repair at the end of the drill undid what a step
   * broke.
   */
  | Readonly<{
      type: 'drill-step';
      drill: string;
      what: string;
      at: Pos;
      status: 'begun' | 'done' | 'failed' | 'righted';
      ms: number;
      failed?: string | undefined;
    }>
  /** Progress, about once a second: `ms` of `of` milliseconds. */
  | Readonly<{
      type: 'drill-load';
      drill: string;
      ms: number;
      of: number;
      sent: number;
      failed: number;
      lastOk: number;
    }>
  | DrilledEvent
  | Readonly<{ type: 'drills'; passed: number; failed: number; ms: number; interrupted: boolean }>;
export type DrilledEvent = Readonly<{
  type: 'drilled';
  drill: string;
  at: Pos;
  run: number;
  of: number;
  passed: boolean;
  interrupted: boolean;
  verdicts: readonly Verdict[];
  /** Notes on how reliable the figures are. */
  notes: readonly string[];
  steps: readonly StepRun[];
  /** undefined: the load never started. */
  figures: Figures | undefined;
  ms: number;
}>;

/** What became of the power of a host. `how` describes what was done, in words. */
export type PowerEvent = Readonly<{ type: 'power'; host: string; action: string; ms: number }> &
  (
    | Readonly<{ status: 'done'; state: 'on' | 'off'; was: 'on' | 'off'; how: string }>
    | Readonly<{ status: 'failed'; diagnostic: Diagnostic }>
  );

/** A stage on the way of a host: of a rebuild, or to a state. `how` describes what was done, in words. */
export type StageEvent = Readonly<{ type: 'stage'; host: string; stage: string }> &
  (
    | Readonly<{ status: 'begun' }>
    | Readonly<{ status: 'done'; how: string; ms: number }>
    | Readonly<{ status: 'failed'; diagnostic: Diagnostic; ms: number }>
  );

/**
 * The state of a host: off, on, firmware, booted, reachable, provisioned, proven, or unknown. `known`: how that is
 * known. `why`: what keeps it from the next state. `mark`: what began and did not end well.
 */
export type StateEvent = Readonly<{
  type: 'state';
  host: string;
  state: string;
  known: string;
  why: string | undefined;
  mark: string | undefined;
}>;

export type Emit = (event: Event) => void;
