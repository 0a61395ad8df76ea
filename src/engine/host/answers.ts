import type { Output } from '../../core/module.ts';
import type { Resource } from '../../core/resource.ts';
import type { Script } from '../../core/sh.ts';
import { noLinks } from './links.ts';

/**
 * A read-only question to a host. The same script as the same user gives the same answer until a resource that the
 * probe needs changes.
 */
export type Probe = Readonly<{
  script: Script;
  user: string | undefined;
  needs: readonly Resource[];
  /** The script is the user's own program. It may change its shell, so it needs a subshell of its own. */
  isUsers?: boolean;
  /** `touches` is the most that the task may alter. `leadsTo` computes what it will alter if this is the answer. */
  touches?: readonly Resource[];
  leadsTo?: (answer: Output) => readonly Resource[];
  /** The step's series (see ModuleSpec): the task may run without a new answer after other changes of the series. */
  series?: string | undefined;
  /**
   * The text that the task edits. Edits of one text follow each other, each planned from the result of the one before.
   */
  edits?: string | undefined;
  /** The task alters everything in `touches`, whatever the answer is. */
  acts?: boolean;
}>;

/** The answers of a host to probes. An answer is kept until a resource that it depends on changes. */
export type Answers = Readonly<{
  to: (probe: Probe) => Output | undefined;
  remember: (probes: readonly Probe[], outputs: readonly Output[]) => void;
  outdate: (probe: Probe) => void;
  /** Discards the answers that depend on the altered resources, or all of them. */
  outdateAll: (touches?: readonly Resource[]) => void;
  /** Whether a change of `touched` may make an answer about `needed` stale, under any known name of a file. */
  overlap: (touched: readonly Resource[], needed: readonly Resource[]) => boolean;
  /**
   * The probes without an answer, each once, and no more than fit on a round trip. The last may be a probe of our own
   * that asks for other names (symbolic links) of the files that these probes are about.
   */
  unknownOf: (probes: Iterable<Probe>) => Iterable<Probe>;
  /**
   * Those of `probes`, in the order of their tasks, whose answers no task in between will make stale, judging by
   * earlier answers. An answer that a task will make stale is asked on that task's round trip.
   *
   * @param made the probes of tasks that run on this round trip and so will not alter anything again
   */
  worthAsking: (probes: Iterable<Probe>, made: readonly Probe[]) => Iterable<Probe>;
  clear: () => void;
}>;

type Answer = { readonly output: Output; readonly needs: readonly Resource[]; leadsTo?: readonly Resource[] };

/** The size limit of a round trip. Further probes go with the next one. */
const MAX_SCRIPT = 512 * 1024;

/** Scripts with the same key give the same answer. Most hosts ask the same script, so all of them share one key. */
export function keyOf({ script, user = '' }: Pick<Probe, 'script' | 'user'>): string {
  const known = keys.get(script);
  if (known?.user === user) return known.key;
  const key = `${user}\0${script.text}`;
  keys.set(script, { user, key });
  return key;
}
const keys = new WeakMap<Script, Readonly<{ user: string; key: string }>>();

export function noAnswers(): Answers {
  const links = noLinks();
  const known = new Map<string, Answer>();
  /** Stale answers. They help to guess the next ones. */
  const old = new Map<string, Answer>();
  const outdate = (key: string): void => {
    const answer = known.get(key);
    if (answer !== undefined) old.set(key, answer);
    known.delete(key);
  };
  /** The resources that the probe's task will alter, judging by its last answer. */
  const foreseen = (probe: Probe): readonly Resource[] | undefined => {
    if (probe.acts) return probe.touches ?? [];
    const guess = known.get(keyOf(probe)) ?? old.get(keyOf(probe));
    if (guess === undefined) return undefined;
    guess.leadsTo ??= probe.leadsTo?.(guess.output) ?? [];
    return guess.leadsTo;
  };
  /**
   * Whether `other` must be asked again after the task of `one` ran. This is not needed for an edit of the same text,
   * or for a change of the same series.
   */
  const spoils = (one: Probe, other: Probe): boolean => {
    const { needs, series, edits } = other;
    if (edits !== undefined && edits === one.edits) return false;
    if (series !== undefined && series === one.series && foreseen(other)?.length !== 0) return false;
    return links.overlap(foreseen(one) ?? [], needs);
  };
  return {
    to: (probe) => known.get(keyOf(probe))?.output,
    remember(probes, outputs) {
      for (const [i, probe] of probes.entries()) {
        const output = outputs[i];
        if (output === undefined || links.remember(probe, output.stdout)) continue;
        known.set(keyOf(probe), { output, needs: probe.needs });
      }
    },
    outdate: (probe) => outdate(keyOf(probe)),
    overlap: links.overlap,
    outdateAll(touches) {
      // Discard the answers first: the links tell under which names a resource was altered.
      for (const [key, { needs }] of known) if (touches === undefined || links.overlap(touches, needs)) outdate(key);
      links.outdate(touches);
    },
    *unknownOf(probes) {
      const wanted = new Map<string, Probe>();
      let size = 0;
      for (const probe of probes) {
        const key = keyOf(probe);
        if (known.has(key) || wanted.has(key)) continue;
        size += probe.script.text.length;
        if (size > MAX_SCRIPT && wanted.size > 0) break;
        wanted.set(key, probe);
        yield probe;
      }
      const names = links.probeFor([...wanted.values()]);
      if (names !== undefined) yield names;
    },
    *worthAsking(probes, made) {
      const passed: Probe[] = [];
      const done = new Set(made.map(keyOf));
      for (const probe of probes) {
        if (done.has(keyOf(probe))) continue;
        const { needs } = probe;
        // Predicting a task's effect is expensive, so it is done only for tasks that may alter a wanted answer.
        const mayAlter = ({ touches = [] }: Probe): boolean => links.overlap(touches, needs);
        const isInVain = !known.has(keyOf(probe)) && passed.some((one) => mayAlter(one) && spoils(one, probe));
        if (!isInVain) yield probe;
        passed.push(probe);
      }
    },
    clear() {
      links.outdate();
      known.clear();
      old.clear();
    },
  };
}
