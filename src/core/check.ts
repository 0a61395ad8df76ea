import type { Static, TObject } from 'typebox';
import { type ArgError, binder } from './bind.ts';
import type { Connection } from './connection.ts';

/** A smoke check: `observe` is the effect, `judge` is pure. The engine retries until a deadline, no check does. */
export type CheckSpec<A extends TObject, Seen> = Readonly<{
  name: string;
  summary: string;
  args: A;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
  /** One look. It must end soon after `signal` aborts. What goes wrong while looking is thrown: it counts as a mismatch. */
  observe: (args: Static<A>, scene: Scene) => Promise<Seen>;
  /** [] means passed. */
  judge: (seen: Seen, args: Static<A>) => readonly Mismatch[];
  /** What was seen, in one line: '200 in 12 ms'. */
  tell: (seen: Seen, args: Static<A>) => string;
}>;
/** For one line: `status: expected 200, seen 503`. */
export type Mismatch = Readonly<{ property: string; expected: string; seen: string }>;
/** What a check may use: lines to hosts of the inventory, by name, and the end of its time. */
export type Scene = Readonly<{
  connect: (name: string) => Promise<Connection>;
  signal: AbortSignal;
}>;

/** A CheckSpec with its types closed over. */
export type Check = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  examples: CheckSpec<TObject, unknown>['examples'];
  bind: (args: Readonly<Record<string, unknown>>) => BoundCheck | readonly ArgError[];
}>;
export type BoundCheck = Readonly<{
  /** One look and its judgement; `seen` is one telling line. */
  look: (scene: Scene) => Promise<Readonly<{ mismatches: readonly Mismatch[]; seen: string }>>;
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
        async look(scene) {
          const seen = await spec.observe(args, scene);
          return { mismatches: spec.judge(seen, args), seen: spec.tell(seen, args) };
        },
      };
    },
  };
}
