import type { Static, TObject } from 'typebox';
import type { Connection, Target } from './connection.ts';
import type { Vars } from './value.ts';

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
}>;
/** For one line: `status: expected 200, seen 503`. */
export type Mismatch = Readonly<{ property: string; expected: string; seen: string }>;
/** What a check may use: hosts of the inventory by name, lines to them, the run's abort signal. */
export type Scene = Readonly<{
  host: (name: string) => Readonly<{ target: Target; vars: Vars }> | undefined;
  connect: (name: string) => Promise<Connection>;
  signal: AbortSignal;
}>;
