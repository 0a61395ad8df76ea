import { type Static, type TObject, type TProperties, Type } from 'typebox';
import { type ArgError, binder } from '../../core/bind.ts';
import type { Identity } from '../image/identity.ts';

/** Which disk the system is written to: the only one that fits, or the one with this serial number. */
export type DiskRule = 'only' | Readonly<{ serial: string }>;

/**
 * What happens while a system gets onto a host. `stage` is a few words for the person: 'writing the disk'. `bytes` and
 * `of` count the image, as far as they are known.
 */
export type BootProgress = Readonly<{ stage: string; bytes?: number | undefined; of?: number | undefined }>;

/** What the inventory says of the machine, as far as boot ways depend on it. */
export type BootMachine = Readonly<{
  mac: string | undefined;
  disk: DiskRule | undefined;
  /** Whether the inventory names a switch of its power. */
  hasPower: boolean;
}>;

/** The switch of the machine. Each call ends when the state was read back. It throws Failure without a switch. */
export type BootPower = Readonly<{
  /** Switches it on. With `from`, the firmware is told to boot once from the network, where the driver can. */
  on: (from?: 'network') => Promise<void>;
  /** Cuts the power. */
  cut: () => Promise<void>;
}>;

/** What a system is made of: the image, its checksum where it is known, and what makes it the host. */
export type BootSystem = Readonly<{
  /** A whole-disk image, raw or compressed, on this machine. */
  image: string;
  identity: Identity;
}>;

/** What a boot way may use. cli/ provides it. */
export type BootScene = Readonly<{
  host: string;
  /** Where SSH reaches the host. */
  address: string;
  machine: BootMachine;
  /** Ends everything when the run is interrupted. */
  signal: AbortSignal;
  /** A directory for what can be made again: installers, compressed images. */
  cache: string;
  progress: (progress: BootProgress) => void;
  /**
   * The system that the host gets. It fetches the image, makes the host key if there is none, and pins it. Throws
   * Failure if the variables of the host do not allow that.
   */
  system: () => Promise<BootSystem>;
  power: BootPower;
  /** Whether the host accepts logins by SSH, with the host key that is pinned. */
  answers: () => Promise<boolean>;
  /** Asks the person at the terminal. undefined: there is no terminal. */
  ask: (question: string) => Promise<string | undefined>;
  /** Gives the host of the embedded lab a fresh disk, and waits until it accepts logins. */
  resetInLab: () => Promise<void>;
}>;

/** What a boot way needs of the inventory. Checked before any host is touched. */
export type BootNeed =
  /** `disk` says which disk is written. */
  | 'disk'
  /** `mac` says which machine is meant. */
  | 'mac'
  /** `power` switches it. */
  | 'power'
  /** `image` says what is written. */
  | 'image';

export function bootArgs<P extends TProperties>(own: P) {
  return Type.Object({ ...own, ...TIMES, ...own }, { additionalProperties: false });
}
const TIMES = {
  timeout: Type.Number({
    default: 1800,
    minimum: 1,
    description: 'Seconds in which the fresh system must accept logins.',
  }),
};
export type BootTimes = Static<TObject<typeof TIMES>>;

/** One way in which a system gets onto a host. */
export type WaySpec<A extends TObject<typeof TIMES>> = Readonly<{
  name: string;
  summary: string;
  needs: readonly BootNeed[];
  args: A;
  examples: readonly Readonly<{ title: string; args: Readonly<Record<string, unknown>> }>[];
  /** Checks what the schema cannot express. */
  verify?: (args: Static<A>) => readonly ArgError[];
  /**
   * Does all that can fail before the host is touched: builds the installer, asks for a free port. Throws Failure. The
   * host stays in service meanwhile.
   */
  prepare?: (args: Static<A>, scene: BootScene) => Promise<void>;
  /**
   * Installs. It ends when the fresh system accepts logins with the host key that is pinned here. Throws Failure; then
   * it can be run again, whatever was done. The disk of the host may be empty by then.
   */
  install: (args: Static<A>, scene: BootScene) => Promise<void>;
}>;

/** A WaySpec whose type parameters are hidden. */
export type BootWay = Readonly<{
  name: string;
  summary: string;
  needs: readonly BootNeed[];
  args: TObject;
  examples: WaySpec<TObject<typeof TIMES>>['examples'];
  bind: (args: Readonly<Record<string, unknown>>) => BoundWay | readonly ArgError[];
}>;

/** A boot way with its arguments: how a system gets onto one host. */
export type BoundWay = Readonly<{
  way: string;
  needs: readonly BootNeed[];
  times: BootTimes;
  prepare: (scene: BootScene) => Promise<void>;
  install: (scene: BootScene) => Promise<void>;
}>;

export function isBoundWay(bound: BoundWay | readonly ArgError[]): bound is BoundWay {
  return !Array.isArray(bound);
}

export function defineWay<A extends TObject<typeof TIMES>>(spec: WaySpec<A>): BootWay {
  const bindArgs = binder(spec.args, `boot ${spec.name}`);
  const { name, summary, needs, args: schema, examples } = spec;
  return {
    ...{ name, summary, needs, args: schema, examples },
    bind(input) {
      const bound = bindArgs(input);
      if ('errors' in bound) return bound.errors;
      const { args } = bound;
      const wrong = spec.verify?.(args) ?? [];
      if (wrong.length > 0) return wrong;
      return {
        way: name,
        needs,
        times: args as BootTimes,
        prepare: async (scene) => spec.prepare?.(args, scene),
        install: (scene) => spec.install(args, scene),
      };
    },
  };
}
