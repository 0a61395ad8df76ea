import { type Connection, inGroups, Lost, type Piece } from '../../core/connection.ts';
import type { Output } from '../../core/module.ts';
import type { Resource } from '../../core/resource.ts';
import { type Answers, keyOf, noAnswers, type Probe } from './answers.ts';
import { type Line, type LineOptions, openLine, type Slot } from './line.ts';

/**
 * The connection to one host and the answers that it gave. All round trips to a host go through its one session, one
 * after the other.
 */
export type Session = Readonly<{
  /** The login user. Connects at the first call. Throws Failure. */
  user: () => Promise<string>;
  /**
   * Returns the probe's output. If it is not known yet, it is asked for now, together with every probe of `ahead` that
   * is not known.
   */
  ask: (probe: Probe, ahead: () => Iterable<Probe>) => Promise<Output>;
  /** Whether `ask` would answer without a round trip. */
  knows: (probe: Probe) => boolean;
  /**
   * Whether the probe was answered in the same round trip as this host's last change, and the host has not waited for
   * others since.
   */
  isOfLastChange: (probe: Probe) => boolean;
  /**
   * Records that this host waited for other hosts, or that they worked for it. Its next task may depend on what they
   * changed.
   */
  metOthers: () => void;
  /** Whether a change of `touched` may make an answer about `needed` stale, under any known name of a file. */
  overlap: Answers['overlap'];
  /** Forgets an answer, so that the probe is asked again. */
  forget: (probe: Probe) => void;
  /** Forgets all answers, because somebody else's change may have made them stale. */
  forgetAll: () => void;
  /**
   * One round trip that makes a change. It runs the pieces in order until the first failure, then the probes: `own`,
   * and those of `ahead` that overlap with what was touched. It leaves out probes whose answers a task in between will
   * make stale, judging by earlier answers; that task's round trip asks them. Throws Lost if the connection broke; it
   * is then not known what was done.
   */
  change: (made: Making, ahead: () => Iterable<Probe>, timeout: number | undefined) => Promise<readonly Output[]>;
  /**
   * Makes many changes in one round trip, if none needs a probe after another one. A failure stops its own change and
   * those of later tasks (`task` is the number, default 0).
   */
  changeAll: (
    changes: readonly Making[],
    ahead: () => Iterable<Probe>,
    timeout: number | undefined,
  ) => Promise<readonly (readonly Output[])[]>;
  put: Connection['put'];
  /** Nothing that was known of the host counts after it. */
  bridge: Connection['bridge'];
  /** Keeps the host until `work` is done, even if the run stands still for an older run. */
  keep: <T>(work: () => Promise<T>) => Promise<T>;
  /**
   * Locks the host, unless a round trip is about to do so. The lock is taken as the user that works there, or as `user`
   * if nobody has worked there yet.
   */
  claim: (user: string | undefined) => Promise<void>;
  /** Closes the connection. The next round trip opens a new one. */
  drop: () => Promise<void>;
  /**
   * The host has nothing more to do in this run. Closes the connection and forgets the answers, unless another host's
   * task runs on it.
   */
  rest: () => Promise<void>;
  /** Opens a new connection. Throws Failure if that is not possible. */
  reconnect: () => Promise<void>;
  trips: () => number;
}>;

/** A change: its pieces, what they alter, and the probe that reads it back. */
export type Making = Readonly<{
  pieces: readonly Piece[];
  touches?: readonly Resource[];
  own?: Probe | undefined;
  task?: number;
  /** The change was planned from a probe. If another run worked on the host since, NotRun is thrown. */
  isPlanned?: boolean;
  /**
   * Pieces that run after all changes of the round trip; equal ones run once. If one fails, every change that asked for
   * it fails.
   */
  closing?: readonly Piece[];
}>;

const asPiece = ({ script, user, isUsers }: Probe): Piece => ({ script, user, isProbe: isUsers !== true });
const LOST_TRIES = 3;

/**
 * @param slot limits how many hosts work at the same time
 * @param dial limits how many connections are opened at the same time. Opening mostly waits, so the limit is much
 * higher, and hosts that do not answer do not block the others
 */
export function openSession(
  connect: (meanwhile: () => void) => Promise<Connection>,
  slot: Slot,
  dial: Slot,
  options: LineOptions,
): Session {
  const { signal } = options;
  const answers = noAnswers();
  /** The probes that the last change's round trip asked after the change. */
  const withChange = new Set<string>();
  const line = openLine(connect, slot, dial, {
    ...options,
    onLeft() {
      withChange.clear();
      answers.outdateAll();
    },
  });
  const trip: Line['trip'] = (pieces, how) => {
    withChange.clear();
    return line.trip(pieces, how);
  };
  /** Probing twice does no harm, so a lost connection is opened again. */
  const askAll = async (wanted: () => readonly Probe[]): Promise<void> => {
    let probes: readonly Probe[] | undefined;
    const workOut = (): readonly Probe[] => {
      probes ??= wanted();
      return probes;
    };
    const meanwhile = (): void => {
      try {
        workOut();
      } catch {
        // thrown again when the probes are sent
      }
    };
    for (let tries = 1; ; tries++) {
      try {
        await line.open(meanwhile);
        const outputs = await trip(workOut().map(asPiece), {});
        answers.remember(workOut(), outputs);
        return;
      } catch (error) {
        if (!(error instanceof Lost) || tries === LOST_TRIES || signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * tries));
      }
    }
  };
  const changeAll: Session['changeAll'] = async (changes, ahead, timeout) => {
    await line.mayChange();
    const touches = changes.flatMap((c) => c.touches ?? []);
    const own = changes.flatMap((c) => c.own ?? []);
    answers.outdateAll(touches);
    for (const probe of own) answers.outdate(probe);
    const again = [...answers.unknownOf(join(own, answers.worthAsking(ahead(), own)))];
    const closing = new Map(changes.flatMap((c) => c.closing ?? []).map((piece) => [keyOf(piece), piece]));
    const pieces = [...changes.flatMap((c) => c.pieces), ...closing.values()];
    // A failure in a group of the first task does not stop other groups of that task.
    const ends = [...closing].map(() => ({ size: 1, task: 0 }));
    const groups = [...changes.map((c) => ({ size: c.pieces.length, task: c.task ?? 0 })), ...ends];
    const isPlanned = changes.some((c) => c.isPlanned);
    const outputs = await trip([...pieces, ...again.map(asPiece)], { groups, timeout, isPlanned });
    answers.remember(again, outputs.slice(pieces.length));
    for (const probe of again) withChange.add(keyOf(probe));
    const given = inGroups(outputs, groups);
    const ended = new Map([...closing.keys()].map((key, i) => [key, given[changes.length + i]?.[0]]));
    return changes.map((change, i) => {
      const all = given[i] ?? [];
      const failed = all.findIndex((o) => o.code !== 0);
      if (failed >= 0) return all.slice(0, failed + 1);
      const undone = change.closing?.map((piece) => ended.get(keyOf(piece))).filter((o) => o?.code !== 0) ?? [];
      return [...all, ...undone.flatMap((o) => o ?? [])];
    });
  };
  return {
    user: async () => (await line.open()).user,
    async ask(probe, ahead) {
      if (answers.to(probe) === undefined) await askAll(() => [...answers.unknownOf(join([probe], ahead()))]);
      return answers.to(probe) ?? { code: 255, stdout: '', stderr: 'the probe gave no answer' };
    },
    knows: (probe) => answers.to(probe) !== undefined,
    isOfLastChange: (probe) => withChange.has(keyOf(probe)),
    metOthers: () => withChange.clear(),
    overlap: answers.overlap,
    forget: answers.outdate,
    forgetAll: () => answers.outdateAll(),
    async change(made, ahead, timeout) {
      const [outputs = []] = await changeAll([made], ahead, timeout);
      return outputs;
    },
    changeAll,
    put: line.put,
    async bridge(bridged, user, until) {
      await line.claim(user);
      await line.mayChange();
      answers.outdateAll();
      withChange.clear();
      return line.bridge(bridged, user, until);
    },
    keep: line.keep,
    claim: line.claim,
    drop: line.drop,
    async rest() {
      if (!line.isIdle()) return;
      answers.clear();
      await line.drop();
    },
    reconnect: line.reconnect,
    trips: line.trips,
  };
}

function* join(first: Iterable<Probe>, then: Iterable<Probe>): Iterable<Probe> {
  yield* first;
  yield* then;
}
