import type { Content, Output } from './module.ts';
import { ROOM, type Script, sh } from './sh.ts';
import type { Secret } from './value.ts';

/** How to reach a host. config/ builds it from the inventory's ansible_* variables, and connect/ uses it. */
export type Target = Readonly<{
  name: string;
  via: 'ssh' | 'local';
  /** A host name or an IP address. Default: the host's name in the inventory. */
  address: string;
  port: number | undefined;
  user: string | undefined;
  password?: Secret | undefined;
  privateKeyFile?: string | undefined;
  /** A known_hosts file that is read before ~/.ssh/known_hosts: the lab's file, or the project's pinned keys. */
  knownHostsFile?: string | undefined;
  /** The jump host of `-o ProxyJump=…` in ansible_ssh_common_args, or of ~/.ssh/config. */
  jump?: string | undefined;
  become: Readonly<{
    method: 'sudo' | 'doas' | 'su';
    /** The program that becomes another user. Default: the name of the method. */
    exe?: string | undefined;
    /** More options for it. */
    flags?: readonly string[];
    password?: Secret | undefined;
  }>;
  /** The directory in which scripts on this machine run. Default: the current one. */
  dir?: string | undefined;
  /** In seconds. Default: 10. */
  connectTimeout?: number | undefined;
}>;

/** One script of a round trip and the user that it runs as. undefined stands for the login user. */
export type Piece = Readonly<{
  script: Script;
  user: string | undefined;
  /**
   * The script is a module's probe. It contains no command of the user's, so it may share a subshell with other probes.
   */
  isProbe?: boolean;
}>;

/**
 * An open connection to one host. Every method throws Failure if the connection cannot serve; `Lost` if the connection
 * broke while a script ran, so that the caller may connect again; `Held` if another run has locked the host; `Stopped`
 * if `signal` or `timeout` ended the script.
 */
export type Connection = Readonly<{
  /** The login user. */
  user: string;
  /**
   * Runs the pieces in one round trip, in order, each in its own subshell with stdin from /dev/null, and returns one
   * Output for each. If a piece fails, the next one still runs. `groups` changes that for the first pieces: a failure
   * skips the rest of its group and all groups of later tasks, and skipped pieces have no Output. Pieces after the
   * groups run unless all groups failed. `timeout` is in seconds, for the whole round trip.
   */
  run: (
    pieces: readonly Piece[],
    options?: Readonly<{ signal?: AbortSignal; timeout?: number; groups?: readonly Group[] }>,
  ) => Promise<readonly Output[]>;
  /**
   * Writes bytes to a new file on the host. The file has mode 0600, belongs to `user` and is fsynced. Large content is
   * streamed.
   */
  put: (sending: Sending, user: string | undefined) => Promise<void>;
  /** Runs a program of this machine that talks to a program of the host: see Bridged. */
  bridge: (bridged: Bridged, user: string | undefined, signal: AbortSignal) => Promise<Output>;
  /**
   * Opens a local port on 127.0.0.1 that leads to address:port as seen from the host. The port closes with the
   * connection.
   */
  forward: (address: string, port: number) => Promise<number>;
  close: () => Promise<void>;
}>;

/**
 * A program of this machine, with its arguments, that starts another one on the host through a remote shell, as rsync
 * does. `argv` gets the command to use as that shell: what it is given runs on the host, over the connection that is
 * already open. `before` runs on the host first.
 */
export type Bridged = Readonly<{ argv: (remoteShell: string) => readonly string[]; before: Script }>;

/**
 * The content of an upload, its path, and whether the file gets a directory of its own (see Upload in core/module.ts).
 */
export type Sending = Readonly<{ content: Content; to: string; isSpooled: boolean }>;

/**
 * Prepares the path of an upload, in a shell with umask 077 and `set -C`. A file that is already there is left over
 * from an upload that broke off. In /var/tmp other users cannot remove or rename our directory.
 */
export function openUpload({ to, isSpooled }: Pick<Sending, 'to' | 'isSpooled'>): Script {
  const folder = to.slice(0, to.lastIndexOf('/'));
  const room = sh`{ mkdir -- ${folder} 2>/dev/null || { [ -d ${folder} ] && [ ! -L ${folder} ] && [ -O ${folder} ]; }; } && rm -f -- ${to}`;
  return isSpooled ? room : sh`rm -f -- ${to}`;
}

/** Cleans up after a failed upload: removes the partial file and prints how much space the file system has left. */
export function closeUpload({ to, isSpooled }: Pick<Sending, 'to' | 'isSpooled'>): Script {
  const folder = to.slice(0, to.lastIndexOf('/'));
  return sh`${ROOM}
room ${isSpooled ? '/var/tmp' : `${folder}/`}; rm -f -- ${to}; ${isSpooled ? sh`rmdir -- ${folder}` : sh`:`}`;
}

/**
 * The next `size` pieces belong to the task with this number. Several groups of one task do not depend on each other.
 */
export type Group = Readonly<{ size: number; task: number }>;

/** Splits the first items into groups of these sizes. */
export function inGroups<T>(items: readonly T[], groups: readonly Group[]): readonly (readonly T[])[] {
  let end = 0;
  return groups.map(({ size }) => {
    end += size;
    return items.slice(end - size, end);
  });
}

/** A run's lock on a host. Two runs that make changes never work on one host at the same time. */
export type Claim = Readonly<{
  /** The run's id in hexadecimal. Ids increase with time, so the older of two runs has the lower id. */
  run: string;
  /** Called with the owner of a stale lock when the lock was taken over. */
  tookOver?: ((from: string) => void) | undefined;
  /** One line for other runs that find the lock: who holds it, from which machine, since when, doing what. */
  words: string;
  /**
   * Process ids of this run's shells whose connection broke. Nothing else starts on the host before the scripts in
   * these shells have ended.
   */
  lost: Set<number>;
}>;

/**
 * Another run holds the host's lock, or an earlier script of this run still runs on the host. `by` says who, from which
 * machine, since when.
 */
export class Held extends Error {
  readonly by: string;
  /** The id of the other run. It is a word that is no id if the lock's owner is not another run. */
  readonly run: string;
  constructor(host: string, run: string, by: string) {
    super(`${host} is held by ${by}`);
    this.name = 'Held';
    this.run = run;
    this.by = by;
  }
}

/** The script was ended because the run was interrupted or the timeout passed. */
export class Stopped extends Error {
  readonly why: 'interrupted' | 'timeout';
  /** Ids of processes that could not be ended. undefined: not known, because the host did not answer. */
  readonly left: readonly number[] | undefined;
  constructor(why: Stopped['why'], left: Stopped['left']) {
    super(why === 'timeout' ? 'nothing came back in time; what ran was ended' : 'interrupted');
    this.name = 'Stopped';
    this.why = why;
    this.left = left;
  }
}

/** The connection broke while a script ran on the host. Nobody knows whether the script finished. */
export class Lost extends Error {
  constructor(host: string, cause?: unknown) {
    super(`the connection to ${host} was lost`, { cause });
    this.name = 'Lost';
  }
}

/**
 * The planned scripts did not run, because the host's lock had to be left to another run. The host must be probed
 * again.
 */
export class NotRun extends Lost {}
