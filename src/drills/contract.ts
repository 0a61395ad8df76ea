import type { Pos } from '../core/diagnostic.ts';
import type { Cut, DrillScene, Power, StepRun, Verdict } from '../core/drill.ts';
import type { Expect, Find, Load, Watch } from '../core/drill-args.ts';
import type { Emit } from '../core/event.ts';
import type { Script } from '../core/sh.ts';
import type { Debts, Paid } from './debts.ts';
import type { Running } from './load.ts';

/** A step with its time: `at` seconds after the load began, or `after` seconds after the previous step ended. */
export type TimedStep = Readonly<{
  what: string;
  pos: Pos;
  at: number | undefined;
  after: number;
  run: (scene: DrillScene) => Promise<void>;
}>;

/** Where acknowledged writes are looked for: a script that prints every token that it finds, one on each line. */
export type LedgerSpec = Readonly<{ hosts: readonly string[]; command: string; within: number }>;

/** A drill whose variables are all known. `hosts` are the hosts that it may harm. */
export type Bound = Readonly<{
  load: Load;
  watches: readonly Readonly<{ watch: Watch; hosts: readonly string[] }>[];
  steps: readonly TimedStep[];
  cleanup: readonly TimedStep[];
  expect: Expect;
  ledger: LedgerSpec | undefined;
  check: (signal: AbortSignal) => Promise<readonly Verdict[]>;
}>;

export type PlannedDrill = Readonly<{
  name: string;
  at: Pos;
  hosts: readonly string[];
  find: readonly Readonly<{ find: Find; hosts: readonly string[]; at: Pos }>[];
  /** Throws Failure if the result of `find` does not fit. */
  bind: (found: Readonly<Record<string, readonly string[]>>) => Bound;
}>;

/** What a drill needs of the other rooms. cli/ provides it. */
export type Hands = Readonly<{
  select: DrillScene['select'];
  /** Runs a script on a host as root. The connection is opened when needed, and again after it was lost. */
  root: (
    host: string,
    script: Script,
    signal: AbortSignal,
    timeout?: number,
  ) => Promise<Readonly<{ code: number; stdout: string; stderr: string }>>;
  power: (hosts: readonly string[], to: Power, signal: AbortSignal) => Promise<void>;
  reset: (hosts: readonly string[], signal: AbortSignal) => Promise<void>;
  wire: (cut: Cut | 'heal', hosts: readonly string[]) => Promise<void>;
  playbook: (
    file: string,
    extraVars: Readonly<Record<string, unknown>>,
    limit: string | undefined,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Closes the connections of this signal. */
  hangUp: () => Promise<void>;
}>;

export type DrillRun = Readonly<{
  drill: PlannedDrill;
  hands: Hands;
  allowed: readonly string[];
  emit: Emit;
  signal: AbortSignal;
  nonce: string;
  run: number;
  of: number;
}>;

/** The state of a drill while it runs. */
export type Act = {
  readonly given: DrillRun;
  readonly debts: Debts;
  readonly steps: StepRun[];
  bound: Bound | undefined;
  load: Running | undefined;
  /** Start of the load, in ms since the epoch. */
  from: number;
  /** For each recorder: how far its host's clock is ahead of ours, in ms. */
  readonly clocks: Map<string, number>;
  paid: readonly Paid[];
};
