import { type Connection, type Group, Held, Lost, NotRun, type Piece } from '../../core/connection.ts';
import type { Output } from '../../core/module.ts';
import { sh } from '../../core/sh.ts';
import { type Gate, newGate, type Waiter } from './claims.ts';

/** The connection to one host and the lock that it holds there. It is opened when it is needed, and again after a loss. */
export type Line = Readonly<{
  /** `meanwhile` runs while the host takes its time to answer. Throws Failure. */
  open: (meanwhile?: () => void) => Promise<Connection>;
  /**
   * One round trip. It waits while another run holds the host. Throws NotRun if `isPlanned` and the host was left to
   * another run since the last round trip, and Lost if the connection broke.
   */
  trip: (pieces: readonly Piece[], options: TripOptions) => Promise<readonly Output[]>;
  put: Connection['put'];
  bridge: Connection['bridge'];
  /** Resolves when the run may make its first change: see `Start` in claims.ts. */
  mayChange: () => Promise<void>;
  /** Keeps the host until `work` is done, even if the run stands still for an older run. */
  keep: <T>(work: () => Promise<T>) => Promise<T>;
  /**
   * Locks the host, unless a round trip is about to do so. The lock is taken as the user that works there, or as `user`
   * if nobody has worked there yet.
   */
  claim: (user: string | undefined) => Promise<void>;
  /** Whether no round trip is in progress and nothing keeps the host. */
  isIdle: () => boolean;
  /** Closes the connection, which releases the lock. */
  drop: () => Promise<void>;
  /** Opens a new connection. The old one keeps the lock until the new one has answered. Throws Failure. */
  reconnect: () => Promise<void>;
  trips: () => number;
}>;

type TripOptions = Readonly<{ groups?: readonly Group[]; timeout?: number | undefined; isPlanned?: boolean }>;

/**
 * `gate` is closed while the run stands still and leaves its hosts to an older run. `start` is what the run waits for
 * before its first change. `onLeft` is called when the host was left to another run: what is known of it may be stale.
 */
export type LineOptions = Readonly<{
  signal: AbortSignal;
  waiter?: () => Waiter;
  gate?: Gate;
  start?: Readonly<{ claimed: () => void; left: () => void; all: () => Promise<void> }>;
}>;
const AT_ONCE = { claimed: () => {}, left: () => {}, all: async () => {} };
const NO_WAITER: Waiter = { wait: (error) => Promise.reject(error), end: () => {} };
export type Slot = <T>(work: () => Promise<T>) => Promise<T>;

/** `slot` and `dial` as `openSession` describes them. */
export function openLine(
  connect: (meanwhile: () => void) => Promise<Connection>,
  slot: Slot,
  dial: Slot,
  {
    signal,
    waiter = () => NO_WAITER,
    gate = newGate(),
    start = AT_ONCE,
    onLeft,
  }: LineOptions & Readonly<{ onLeft: () => void }>,
): Line {
  let current: Promise<Connection> | undefined;
  let spare: Promise<Connection> | undefined;
  let hasAnswered = false;
  /** The host was left to another run after its last answer, so a plan from before may be wrong. */
  let isStale = false;
  /** Whether a shell of this connection may have locked the host. */
  let holds = false;
  /** The user that the last round trip's scripts ran as. */
  let claimant: string | undefined;
  let trips = 0;
  /**
   * `inProgress` counts round trips, including those that wait for another run. `onWire` counts those that are connecting
   * or sending. `kept` counts work that must keep the host.
   */
  let inProgress = 0;
  let onWire = 0;
  let kept = 0;
  const open: Line['open'] = (meanwhile = () => {}) => {
    current ??= dial(() => connect(meanwhile)).catch((error: unknown) => {
      current = undefined;
      throw error;
    });
    return current;
  };
  const drop = async (): Promise<void> => {
    const old = [current, spare];
    current = undefined;
    spare = undefined;
    holds = false;
    for (const one of old) await one?.then((c) => c.close()).catch(() => {}); // the connection may be dead
  };
  const wasLeft = (): void => {
    isStale = true;
    onLeft();
    start.left();
  };
  /** If nothing runs on the host while the run stands still, the connection is closed, which releases the lock. */
  const leave = async (): Promise<void> => {
    if (onWire > 0 || kept > 0 || current === undefined || gate.standing() === undefined) return;
    const dropped = drop();
    wasLeft(); // a host that is not held any more may be locked again at once
    await dropped;
  };
  gate.onClose(leave);
  const keep: Line['keep'] = async (work) => {
    kept++;
    try {
      return await work();
    } finally {
      kept--;
      await leave();
    }
  };
  const send = async (pieces: readonly Piece[], { groups = [], timeout }: TripOptions): Promise<readonly Output[]> => {
    onWire++;
    try {
      const connection = await open();
      trips++;
      return await slot(() => connection.run(pieces, { signal, groups, ...(timeout !== undefined && { timeout }) }));
    } finally {
      onWire--;
    }
  };
  const oneTrip = async (
    pieces: readonly Piece[],
    options: TripOptions & Readonly<{ isClaim?: boolean }>,
  ): Promise<readonly Output[]> => {
    const isClaim = options.isClaim === true;
    inProgress++;
    if (!isClaim) claimant = pieces.find(({ user }) => user !== undefined)?.user;
    const { wait, end } = waiter();
    try {
      for (let still = gate.standing(); still !== undefined && kept === 0; still = gate.standing()) {
        await leave();
        await still;
      }
      for (;;) {
        if (options.isPlanned === true && isStale) {
          onLeft();
          isStale = false; // the change is planned again after NotRun
          throw new NotRun('the host');
        }
        try {
          const outputs = await send(pieces, options);
          holds = true;
          start.claimed();
          if (!isClaim) {
            hasAnswered = true;
            isStale = false;
          }
          void spare?.then((old) => old.close()).catch(() => {}); // the connection may be dead
          spare = undefined;
          return outputs;
        } catch (error) {
          if (!(error instanceof Held)) throw error;
          trips--;
          if (hasAnswered) wasLeft();
          await wait(error);
          // The older run may be waiting for the lock of the connection's other shell.
          if (holds) await leave();
        }
      }
    } catch (error) {
      if (error instanceof Lost && !(error instanceof NotRun)) await drop();
      throw error;
    } finally {
      end();
      inProgress--;
      // After a failed round trip, other hosts of this run may wait until this one is locked.
      if (inProgress === 0 && !holds && !isClaim) start.left();
      await leave();
    }
  };
  /** Work on a channel of its own. */
  const withConnection = <T>(work: (connection: Connection) => Promise<T>): Promise<T> =>
    keep(async () => {
      const connection = await open();
      trips++;
      return await work(connection);
    }).catch(async (error: unknown) => {
      if (error instanceof Lost) await drop();
      throw error;
    });
  return {
    open,
    trip: oneTrip,
    put: (sending, user) => withConnection((connection) => connection.put(sending, user)),
    bridge: (bridged, user, until) => withConnection((connection) => connection.bridge(bridged, user, until)),
    mayChange: start.all,
    keep,
    async claim(user) {
      if (inProgress > 0 || holds) return;
      await oneTrip([{ script: sh`:`, user: claimant ?? user, isProbe: true }], { isClaim: true });
    },
    isIdle: () => inProgress + kept === 0,
    drop,
    async reconnect() {
      spare ??= current;
      current = undefined;
      await open();
    },
    trips: () => trips,
  };
}
