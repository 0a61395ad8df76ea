import type { Static, TObject } from 'typebox';
import { type ArgError, binder } from './bind.ts';
import type { Pos } from './diagnostic.ts';
import type { Script } from './sh.ts';

/**
 * One kind of drill step: a fault, or an action while the load runs. Before a step breaks something, it registers how
 * to repair it (`scene.owe`), so that a drill that ends early leaves nothing broken.
 */
export type StepSpec<A extends TObject> = Readonly<{
  name: string;
  summary: string;
  args: A;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
  /** Checks what the schema cannot express. */
  verify?: (args: Static<A>) => readonly ArgError[];
  /** Patterns of the hosts that the step affects. The inventory must allow drills on all of them. */
  hosts: (args: Static<A>) => readonly string[];
  /** What bringup must be able to control on these hosts, beside SSH. */
  wants?: Driven;
  /**
   * Describes the step in one line, for example 'nginx is killed on web1'. `hosts` are the hosts that the patterns
   * select.
   */
  tell: (args: Static<A>, hosts: readonly string[]) => string;
  run: (args: Static<A>, scene: DrillScene) => Promise<void>;
}>;

/** What a step may use. The functions throw Failure, or Lost if the connection to a host broke. */
export type DrillScene = Readonly<{
  /** Returns the hosts that the patterns select. */
  select: (patterns: readonly string[]) => readonly string[];
  /** Runs a script on a host as root. If the script fails, the step fails with a Failure, unless `mayFail` is set. */
  root: (host: string, script: Script, options?: Readonly<{ timeout?: number; mayFail?: boolean }>) => Promise<string>;
  power: (hosts: readonly string[], to: Power) => Promise<void>;
  /** Replaces the hosts' disks, so that they are bare machines again. */
  reset: (hosts: readonly string[]) => Promise<void>;
  wire: (cut: Cut | 'heal', hosts: readonly string[]) => Promise<void>;
  /** Runs a playbook as `apply` does. Throws Failure if a host failed. */
  playbook: (file: string, extraVars: Readonly<Record<string, unknown>>, limit: string | undefined) => Promise<void>;
  /** Registers how to repair a fault. A second debt of the same name replaces the first. */
  owe: (debt: string, what: string, pay: (scene: DrillScene) => Promise<void>) => void;
  /** Removes a debt because the fault is repaired. */
  settle: (debt: string) => void;
  signal: AbortSignal;
  /** A random word for this run, for the names of files on hosts. */
  nonce: string;
}>;
export type Power = 'on' | 'off' | 'cut';
/** What bringup must be able to control on a host. */
export type Driven = 'power' | 'wire' | 'disk';
/**
 * No frame passes between the hosts and `from` (undefined: everybody). `in` blocks frames to the hosts, `out` frames
 * from them.
 */
export type Cut = Readonly<{ from: readonly string[] | undefined; direction: 'both' | 'in' | 'out' }>;

/** A StepSpec whose type parameters are hidden. */
export type StepKind = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  examples: StepSpec<TObject>['examples'];
  bind: (args: Readonly<Record<string, unknown>>) => BoundStep | readonly ArgError[];
}>;
export type BoundStep = Readonly<{
  kind: string;
  args: Readonly<Record<string, unknown>>;
  hosts: readonly string[];
  wants: Driven | undefined;
  tell: (hosts: readonly string[]) => string;
  run: (scene: DrillScene) => Promise<void>;
}>;

export function isBoundStep(bound: BoundStep | readonly ArgError[]): bound is BoundStep {
  return !Array.isArray(bound);
}

export function defineStep<A extends TObject>(spec: StepSpec<A>): StepKind {
  const bindArgs = binder(spec.args, `step ${spec.name}`);
  return {
    name: spec.name,
    summary: spec.summary,
    args: spec.args,
    examples: spec.examples,
    bind(input) {
      const bound = bindArgs(input);
      if ('errors' in bound) return bound.errors;
      const { args } = bound;
      const wrong = spec.verify?.(args) ?? [];
      if (wrong.length > 0) return wrong;
      return {
        kind: spec.name,
        args: args as Readonly<Record<string, unknown>>,
        hosts: spec.hosts(args),
        wants: spec.wants,
        tell: (hosts) => spec.tell(args, hosts),
        run: (scene) => spec.run(args, scene),
      };
    },
  };
}

/** The outcome of one expectation. */
export type Verdict = Readonly<{ what: string; expected: string; seen: string; passed: boolean }>;

/** One second of the load, for the timeline. */
export type Second = Readonly<{ sent: number; ok: number; failed: number }>;

/**
 * Figures of the requests of one name, or of all requests. Times are in milliseconds. `gap` is the longest time between
 * two successes.
 */
export type KindFigures = Readonly<{
  sent: number;
  ok: number;
  failed: number;
  repeated: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
  gap: number;
  /** Start of the gap, in milliseconds since the load began. */
  gapFrom: number;
}>;
export type Cause = Readonly<{ request: string; cause: string; count: number; first: number; last: number }>;
export type Figures = Readonly<{
  all: KindFigures;
  kinds: Readonly<Record<string, KindFigures>>;
  backends: Readonly<Record<string, number>>;
  causes: readonly Cause[];
  seconds: readonly Second[];
  /** How late the prober itself sent requests. If it was late, a slow answer may be the prober's fault. */
  late: Readonly<{ max: number; count: number }>;
  ledger: LedgerFigures | undefined;
}>;
/** Acknowledged writes that were looked up again at the end, and writes that their sender read back at once. */
export type LedgerFigures = Readonly<{
  acknowledged: number;
  lost: readonly string[];
  /** Writes that could not be looked up. */
  unknown: number;
  readBack: number;
  stale: number;
}>;

/** One step of a drill that ran. Times are in milliseconds since the load began. */
export type StepRun = Readonly<{
  what: string;
  at: Pos;
  from: number;
  to: number;
  failed: string | undefined;
}>;
