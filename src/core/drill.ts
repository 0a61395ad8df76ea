import type { Static, TObject } from 'typebox';
import { type ArgError, binder } from './bind.ts';
import type { Pos } from './diagnostic.ts';
import type { Script } from './sh.ts';

/**
 * One kind of step of a drill: a fault, or something that is done while the load goes on. Whatever it breaks it says
 * beforehand how to put right (`scene.owe`), so that a drill that ends early leaves nothing broken.
 */
export type StepSpec<A extends TObject> = Readonly<{
  name: string;
  summary: string;
  args: A;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
  /** What the schema cannot say. */
  verify?: (args: Static<A>) => readonly ArgError[];
  /** Patterns of the hosts that it works on: all of them must be marked as fit for drills. */
  hosts: (args: Static<A>) => readonly string[];
  /** What the hosts must have for it, beside ssh. */
  wants?: Driven;
  /** In one line: 'nginx is killed on web1'. `hosts`: those that the patterns select. */
  tell: (args: Static<A>, hosts: readonly string[]) => string;
  run: (args: Static<A>, scene: DrillScene) => Promise<void>;
}>;

/** What a step may use. Its functions throw Failure, or Lost where a host went away under them. */
export type DrillScene = Readonly<{
  /** The hosts that a pattern selects. */
  select: (patterns: readonly string[]) => readonly string[];
  /** A script on a host, as root. A failure of the script is a Failure of the step unless `mayFail`. */
  root: (host: string, script: Script, options?: Readonly<{ timeout?: number; mayFail?: boolean }>) => Promise<string>;
  power: (hosts: readonly string[], to: Power) => Promise<void>;
  /** New disks: bare machines again. */
  reset: (hosts: readonly string[]) => Promise<void>;
  wire: (cut: Cut | 'heal', hosts: readonly string[]) => Promise<void>;
  /** Runs a playbook as apply does. Throws Failure when a host failed. */
  playbook: (file: string, extraVars: Readonly<Record<string, unknown>>, limit: string | undefined) => Promise<void>;
  /** Remembers what puts a fault right; a second debt of the same name takes the first one's place. */
  owe: (debt: string, what: string, pay: (scene: DrillScene) => Promise<void>) => void;
  /** It is right again. */
  settle: (debt: string) => void;
  signal: AbortSignal;
  /** A word of this run: for names of files on hosts. */
  nonce: string;
}>;
export type Power = 'on' | 'off' | 'cut';
/** What of a host something here must be able to switch. */
export type Driven = 'power' | 'wire' | 'disk';
/** No frame passes between the hosts and `from` (undefined: anybody). `in`: to the hosts; `out`: from them. */
export type Cut = Readonly<{ from: readonly string[] | undefined; direction: 'both' | 'in' | 'out' }>;

/** A StepSpec with its types closed over. */
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

/** What one expectation came to. */
export type Verdict = Readonly<{ what: string; expected: string; seen: string; passed: boolean }>;

/** A second of the load, for the timeline. */
export type Second = Readonly<{ sent: number; ok: number; failed: number }>;

/** Of one request's name, or of all. Times in milliseconds; `gap` is the longest time between two successes. */
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
  /** Since the load began. */
  gapFrom: number;
}>;
export type Cause = Readonly<{ request: string; cause: string; count: number; first: number; last: number }>;
export type Figures = Readonly<{
  all: KindFigures;
  kinds: Readonly<Record<string, KindFigures>>;
  backends: Readonly<Record<string, number>>;
  causes: readonly Cause[];
  seconds: readonly Second[];
  /** How late the prober itself was: then a slow answer may be its own fault. */
  late: Readonly<{ max: number; count: number }>;
  ledger: Ledger | undefined;
}>;
/** Writes that were acknowledged, looked up again at the end, and read back at once by who wrote them. */
export type Ledger = Readonly<{
  acknowledged: number;
  lost: readonly string[];
  /** Could not be looked up at all. */
  unknown: number;
  readBack: number;
  stale: number;
}>;

/** A step as it went. Times in milliseconds since the load began. */
export type StepRun = Readonly<{
  what: string;
  at: Pos;
  from: number;
  to: number;
  failed: string | undefined;
}>;
