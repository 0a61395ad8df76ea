import type { Mismatch } from './check.ts';
import type { Diagnostic, Pos } from './diagnostic.ts';
import type { Figures, StepRun, Verdict } from './drill.ts';
import type { Diff } from './module.ts';

/** Everything that happens in a run, as data. Reporters turn events into words, pictures, JSON; nothing else prints. */
export type Event =
  | Readonly<{ type: 'run'; mode: Mode; playbook: string; hosts: readonly string[] }>
  | Readonly<{ type: 'play'; play: string; at: Pos; hosts: readonly string[] }>
  /** A host begins on something that may take long: a connection, a change. */
  | Readonly<{ type: 'busy'; host: string; doing: string }>
  | TaskEvent
  | Readonly<{ type: 'message'; host: string; text: string; at: Pos }>
  | Readonly<{ type: 'unreachable'; host: string; diagnostic: Diagnostic }>
  /** Another run works on the host: it is waited for, at most so many seconds. */
  | Readonly<{ type: 'waiting'; host: string; for: string; seconds: number }>
  /** Nobody uses the claim of an earlier run any more: it was taken over. */
  | Readonly<{ type: 'took-over'; host: string; from: string }>
  /**
   * The run was interrupted while this was done on the host, whose processes were ended. `left`: process ids that could not
   * be ended; undefined: the host gave no answer.
   */
  | Readonly<{ type: 'stopped'; host: string; doing: string; left: readonly number[] | undefined }>
  | Readonly<{ type: 'done'; mode: Mode; hosts: readonly HostRecap[]; ms: number; interrupted: boolean }>
  | CheckEvent
  | Readonly<{ type: 'checked'; passed: number; failed: number; ms: number }>
  | DrillEvent;

/** plan: nothing is touched; apply: changes are made. */
export type Mode = 'plan' | 'apply';

export type TaskStatus = 'ok' | 'changed' | 'unknown' | 'skipped' | 'failed' | 'ignored';
export type TaskEvent = Readonly<{
  type: 'task';
  host: string;
  play: string;
  /** The task's name, or its module and what it is about. */
  task: string;
  module: string;
  at: Pos;
  role: string | undefined;
  isHandler: boolean;
  /** plan: `changed` means that it would change; `unknown` that only an earlier change will tell. */
  status: TaskStatus;
  /** What was or would be done; of an unknown: what would be done as things stand. */
  changes: readonly Readonly<{ what: string; diff?: Diff | undefined }>[];
  /** unknown: the earlier change that it depends on. skipped: the condition that was false. A whole phrase. */
  because?: string | undefined;
  /** Of a loop: what the item is called. */
  item?: string | undefined;
  diagnostic?: Diagnostic | undefined;
  /** Other hosts do this task's work: delegate_to. */
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
  status: 'passed' | 'failed' | 'trying';
  /** What was seen, when it passed: for one telling line. */
  seen: string;
  mismatches: readonly Mismatch[];
  tries: number;
  ms: number;
}>;

export type DrillEvent =
  | Readonly<{ type: 'drill'; drill: string; at: Pos; hosts: readonly string[]; run: number; of: number }>
  /** Times in ms since the load began. righted: what a step broke was put right at the end. */
  | Readonly<{
      type: 'drill-step';
      drill: string;
      what: string;
      at: Pos;
      status: 'begun' | 'done' | 'failed' | 'righted';
      ms: number;
      failed?: string | undefined;
    }>
  /** About once a second: so far of so much. */
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
  /** What the reader must know to believe the figures, or not. */
  notes: readonly string[];
  steps: readonly StepRun[];
  /** undefined: it never came to a load. */
  figures: Figures | undefined;
  ms: number;
}>;

export type Emit = (event: Event) => void;
