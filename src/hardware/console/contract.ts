import type { Duplex } from 'node:stream';
import type { Static, TObject, TProperties } from 'typebox';
import { Type } from 'typebox';
import { type ArgError, binder } from '../../core/bind.ts';
import { secret } from '../contract.ts';

/** A host's console in the embedded lab. cli/ provides it. */
export type LabConsole = Readonly<{
  /** Opens it. Throws Failure if the host is off. */
  open: () => Promise<ConsoleWay>;
  /** What it printed since the last power on. */
  log: () => Promise<string>;
}>;

/** How a console is reached: a Unix socket, or a program of this machine whose stdin and stdout it is. */
export type ConsoleWay = Readonly<{ socket: string } | { argv: readonly string[] }>;

/** What a driver may use. cli/ provides it. */
export type ConsoleScene = Readonly<{
  host: string;
  /** Ends everything when the run is interrupted. */
  signal: AbortSignal;
  lab: LabConsole;
}>;

/** One way to a serial console. */
export type ConsoleSpec<A extends TObject> = Readonly<{
  name: string;
  summary: string;
  args: A;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
  /**
   * Opens the console: what it prints can be read, what is written is typed. The stream ends when the other side closes
   * it. Destroying the stream closes the console. Throws Failure if the console cannot be opened.
   */
  open: (args: Static<A>, scene: ConsoleScene) => Promise<Duplex>;
  /**
   * What the console printed since the last power on, if something other than bringup keeps it. undefined: the driver
   * knows no log, so bringup records while it boots the host.
   */
  log?: (args: Static<A>, scene: ConsoleScene) => Promise<string | undefined>;
}>;

/** A ConsoleSpec whose type parameters are hidden. */
export type ConsoleDriver = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  examples: ConsoleSpec<TObject>['examples'];
  bind: (args: Readonly<Record<string, unknown>>) => BoundConsole | readonly ArgError[];
}>;

/** A driver with its arguments: the console of one host. */
export type BoundConsole = Readonly<{
  driver: string;
  open: (scene: ConsoleScene) => Promise<Duplex>;
  log: (scene: ConsoleScene) => Promise<string | undefined>;
}>;

export function isBoundConsole(bound: BoundConsole | readonly ArgError[]): bound is BoundConsole {
  return !Array.isArray(bound);
}

/** An argument that never appears in messages and logs. */
export const secretArg = secret;

/** The schema of a driver's arguments. */
export const consoleArgs = <P extends TProperties>(own: P) => Type.Object(own, { additionalProperties: false });

export function defineConsole<A extends TObject>(spec: ConsoleSpec<A>): ConsoleDriver {
  const { name, summary, args: schema, examples } = spec;
  const bindArgs = binder(schema, `console ${name}`);
  return {
    ...{ name, summary, args: schema, examples },
    bind(input) {
      const bound = bindArgs(input);
      if ('errors' in bound) return bound.errors;
      const { args } = bound;
      return {
        driver: name,
        open: (scene) => spec.open(args, scene),
        log: async (scene) => spec.log?.(args, scene),
      };
    },
  };
}
