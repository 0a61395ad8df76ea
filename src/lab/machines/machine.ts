import type { HostRecord, LabRecord } from '../state.ts';

/** The kinds of virtual hosts. nspawn: a container that shares this machine's kernel. qemu: a machine of its own. */
export const MACHINES = ['nspawn', 'qemu'] as const;
export type MachineName = (typeof MACHINES)[number];

/** How the console of a host is reached: a Unix socket, or a program whose stdin and stdout it is. */
export type ConsoleWay = Readonly<{ socket: string } | { argv: readonly string[] }>;

/** What one kind of virtual host does in its own way. All else of a lab is the same for all kinds. */
export type Machine = Readonly<{
  /** Makes the disk usable, with the existing `layers` below it, the top one first. Creates it if there is none. */
  attachDisk: (lab: string, host: HostRecord, layers: readonly string[]) => Promise<void>;
  /** Writes what makes a host with a new disk itself. */
  setUp: (lab: LabRecord, host: HostRecord) => Promise<void>;
  /**
   * The command that runs the host until it is off, in a cgroup of its own, with the console on stdout. Exit code 133
   * means that the host wants to boot again. It makes the host's port on the lab's bridge.
   */
  command: (lab: LabRecord, host: HostRecord) => Promise<readonly string[]>;
  /** Presses the power button. Returns whether the host can notice it. */
  pressPower: (lab: string, host: string) => Promise<boolean>;
  /** Whether a host whose sshd answers accepts logins. */
  acceptsLogins: (lab: string, host: HostRecord) => Promise<boolean>;
  /** The last lines of its journal. Empty if it cannot be read. */
  journal: (lab: string, host: string, count: number) => Promise<string>;
  /** How its console is reached. undefined while it is off or starting. */
  console: (lab: string, host: string) => Promise<ConsoleWay | undefined>;
  /** Nobody waits for it: its disk is blank until an installer writes it. Default: false. */
  isBlank?: true;
  /** How long a boot and a shutdown may take, in ms. */
  patience: Readonly<{ boot: number; shutdown: number }>;
}>;
