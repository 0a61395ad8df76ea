import { type Static, type TObject, type TProperties, Type } from 'typebox';
import { type ArgError, binder } from '../core/bind.ts';

/** What a power switch can say of its outlet, or a machine of itself. */
export type PowerState = 'on' | 'off';

export type LabPower = Readonly<{
  status: () => Promise<PowerState>;
  on: () => Promise<void>;
  shutDown: () => Promise<void>;
  cut: () => Promise<void>;
  /** Lets the firmware boot from the network at the next start. */
  bootFromNetwork: () => Promise<void>;
}>;

/** What a driver may use. cli/ provides it. */
export type PowerScene = Readonly<{
  host: string;
  /** Ends everything when the run is interrupted. */
  signal: AbortSignal;
  /** Seconds to wait for an answer. */
  patience: number;
  /** The power switch of the embedded lab. */
  lab: LabPower;
  /** Whether the host accepts logins by SSH. */
  answers: () => Promise<boolean>;
  /** Tells the host's system by SSH to shut down. Returns why that failed; undefined: the system was told. */
  halt: () => Promise<string | undefined>;
  /** Asks the person at the terminal. undefined: there is no terminal. */
  ask: (question: string) => Promise<string | undefined>;
}>;

/** The schema of a driver's arguments, with those that every driver has. A driver may override the latter. */
export function powerArgs<P extends TProperties>(own: P) {
  return Type.Object({ ...own, ...TIMES, ...own }, { additionalProperties: false });
}
const TIMES = {
  timeout: Type.Number({
    default: 30,
    minimum: 1,
    description: 'Seconds in which the machine must be on or off after a request.',
  }),
  answer_timeout: Type.Number({
    default: 10,
    minimum: 0.1,
    description: 'Seconds to wait for each answer. A request without an answer is repeated twice.',
  }),
  shutdown_timeout: Type.Number({
    default: 120,
    minimum: 1,
    description: 'Seconds in which the system of the host must have shut down.',
  }),
  off_time: Type.Number({ default: 5, minimum: 0, description: 'Seconds that a cycle leaves the power off.' }),
};
export type Times = Static<TObject<typeof TIMES>>;

/** An argument that never appears in messages and logs. */
export const secret = (description: string) => Type.String({ secret: true, minLength: 1, description });

/** One way to switch the power of a machine. */
export type DriverSpec<A extends TObject<typeof TIMES>> = Readonly<{
  name: string;
  summary: string;
  args: A;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
  /** The argument `mac` is the machine's: the variable `mac` of the host counts if `power` has none. */
  takesMac?: true;
  /** Checks what the schema cannot express. */
  verify?: (args: Static<A>) => readonly ArgError[];
  /** Names the outlet. Two hosts on one outlet are refused. undefined: each host has an outlet of its own. */
  outlet?: (args: Static<A>) => string | undefined;
  /** Throws Failure if the switch is not the one that the inventory means. It runs before anything is switched. */
  identify?: (args: Static<A>, scene: PowerScene) => Promise<void>;
  status: (args: Static<A>, scene: PowerScene) => Promise<PowerState>;
  on: (args: Static<A>, scene: PowerScene) => Promise<void>;
  /** Cuts the power at once. undefined: the driver cannot. */
  cut?: (args: Static<A>, scene: PowerScene) => Promise<void>;
  /** Tells the firmware to boot from the network at the next start, and only then. undefined: the driver cannot. */
  bootFromNetwork?: (args: Static<A>, scene: PowerScene) => Promise<void>;
  /** Asks the machine's system to shut down, for hosts that SSH does not reach. undefined: the driver cannot. */
  shutDown?: (args: Static<A>, scene: PowerScene) => Promise<void>;
  /**
   * The state is that of an outlet, which stays on when the machine on it shuts down. Nobody sees when the system has
   * written everything to its disk, so bringup waits for so many seconds before it cuts the power.
   */
  settle?: (args: Static<A>) => number;
}>;

/** A DriverSpec whose type parameters are hidden. */
export type Driver = Readonly<{
  name: string;
  summary: string;
  args: TObject;
  examples: DriverSpec<TObject<typeof TIMES>>['examples'];
  takesMac: boolean;
  bind: (args: Readonly<Record<string, unknown>>) => BoundDriver | readonly ArgError[];
}>;

/** A driver with its arguments: the power switch of one host. */
export type BoundDriver = Readonly<{
  driver: string;
  outlet: string | undefined;
  /** Seconds to wait before the power is cut under a system that shut down. undefined: the driver sees its end. */
  settle: number | undefined;
  times: Times;
  identify: (scene: PowerScene) => Promise<void>;
  status: (scene: PowerScene) => Promise<PowerState>;
  on: (scene: PowerScene) => Promise<void>;
  cut: ((scene: PowerScene) => Promise<void>) | undefined;
  shutDown: ((scene: PowerScene) => Promise<void>) | undefined;
  bootFromNetwork: ((scene: PowerScene) => Promise<void>) | undefined;
}>;

export function isBoundDriver(bound: BoundDriver | readonly ArgError[]): bound is BoundDriver {
  return !Array.isArray(bound);
}

export function defineDriver<A extends TObject<typeof TIMES>>(spec: DriverSpec<A>): Driver {
  const bindArgs = binder(spec.args, `power ${spec.name}`);
  return {
    name: spec.name,
    summary: spec.summary,
    args: spec.args,
    examples: spec.examples,
    takesMac: spec.takesMac === true,
    bind(input) {
      const bound = bindArgs(input);
      if ('errors' in bound) return bound.errors;
      const { args } = bound;
      const wrong = spec.verify?.(args) ?? [];
      if (wrong.length > 0) return wrong;
      const { cut, shutDown, bootFromNetwork } = spec;
      const own = spec.outlet?.(args);
      return {
        driver: spec.name,
        outlet: own === undefined ? undefined : `${spec.name} ${own}`,
        settle: spec.settle?.(args),
        times: args as Times,
        identify: async (scene) => spec.identify?.(args, scene),
        status: (scene) => spec.status(args, scene),
        on: (scene) => spec.on(args, scene),
        cut: cut && ((scene) => cut(args, scene)),
        shutDown: shutDown && ((scene) => shutDown(args, scene)),
        bootFromNetwork: bootFromNetwork && ((scene) => bootFromNetwork(args, scene)),
      };
    },
  };
}
