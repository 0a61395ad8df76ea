import type { Static, TObject } from 'typebox';
import { type ArgError, binder } from './bind.ts';
import type { Connection } from './connection.ts';
import type { Finding } from './health.ts';

/**
 * A smoke check. `observe` does the I/O, `judge` is pure. A check never retries: the caller retries it until a
 * deadline.
 */
export type CheckSpec<A extends TObject, Seen> = Readonly<{
  name: string;
  summary: string;
  args: A;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
  /** Observes once. It must end soon after `signal` aborts. An error that it throws counts as a mismatch. */
  observe: (args: Static<A>, scene: Scene) => Promise<Seen>;
  /** An empty list means that the check passed. */
  judge: (seen: Seen, args: Static<A>) => readonly Mismatch[];
  /** Describes the observation in one line, for example '200 in 12 ms'. */
  tell: (seen: Seen, args: Static<A>) => string;
  /** More about an observation that does not fit, over several lines. */
  detail?: (seen: Seen, args: Static<A>) => string | undefined;
}>;
/** Printed on one line, for example `status: expected 200, seen 503`. */
export type Mismatch = Readonly<{ property: string; expected: string; seen: string }>;
/**
 * What a check may use: connections to hosts of the inventory by name, the health of the machine behind a connection,
 * and the signal that ends its time.
 */
export type Scene = Readonly<{
  connect: (name: string) => Promise<Connection>;
  health: (line: Connection, signal: AbortSignal) => Promise<readonly Finding[]>;
  signal: AbortSignal;
}>;

/** A CheckSpec whose type parameters are hidden. */
export type Check = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  examples: CheckSpec<TObject, unknown>['examples'];
  bind: (args: Readonly<Record<string, unknown>>) => BoundCheck | readonly ArgError[];
}>;
export type BoundCheck = Readonly<{
  /** Observes once and judges the observation; `seen` describes it in one line. */
  attempt: (
    scene: Scene,
  ) => Promise<Readonly<{ mismatches: readonly Mismatch[]; seen: string; detail?: string | undefined }>>;
}>;

export function isBound(bound: BoundCheck | readonly ArgError[]): bound is BoundCheck {
  return !Array.isArray(bound);
}

export function defineCheck<A extends TObject, Seen>(
  spec: CheckSpec<A, Seen>,
): Check & { readonly spec: CheckSpec<A, Seen> } {
  const bindArgs = binder(spec.args, `check ${spec.name}`);
  return {
    spec,
    name: spec.name,
    summary: spec.summary,
    args: spec.args,
    examples: spec.examples,
    bind(input) {
      const bound = bindArgs(input);
      if ('errors' in bound) return bound.errors;
      const { args } = bound;
      return {
        async attempt(scene) {
          const seen = await spec.observe(args, scene);
          const mismatches = spec.judge(seen, args);
          const detail = mismatches.length === 0 ? undefined : spec.detail?.(seen, args);
          return { mismatches, seen: spec.tell(seen, args), detail };
        },
      };
    },
  };
}
