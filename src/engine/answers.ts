import type { Output } from '../core/module.ts';
import type { Resource } from '../core/resource.ts';
import type { Script } from '../core/sh.ts';
import { noLinks } from './links.ts';

/** A read-only look at a host: the same script as the same user gives the same answer until something it needs changes. */
export type Probe = Readonly<{
  script: Script;
  user: string | undefined;
  needs: readonly Resource[];
  /** It is the user's own program: nothing is known of what it does to its shell. */
  isUsers?: boolean;
  /** The most that its task may alter, and what it will if this is the answer. */
  touches?: readonly Resource[];
  leadsTo?: (answer: Output) => readonly Resource[];
  /** As a module says: its task may be carried out without seeing what others of the series alter. */
  series?: string | undefined;
  /** The text that its task edits: after one another, each is planned by what the one before leaves. */
  edits?: string | undefined;
  /** It will alter all that it may, whatever the answer is. */
  acts?: boolean;
}>;

/** What is known of a host: what it answered to which probe, for as long as nothing that the answer hangs on was changed. */
export type Answers = Readonly<{
  to: (probe: Probe) => Output | undefined;
  remember: (probes: readonly Probe[], outputs: readonly Output[]) => void;
  outdate: (probe: Probe) => void;
  /** Those that hang on what was altered, or all. */
  outdateAll: (touches?: readonly Resource[]) => void;
  /** Whether a change of `touched` may make what was read of `needed` stale, by any name of a file that is known. */
  overlap: (touched: readonly Resource[], needed: readonly Resource[]) => boolean;
  /**
   * Those without an answer, each once; no more than fit on a trip. The last may be one of ours, which asks what else the
   * files are called that these are about.
   */
  unknownOf: (probes: Iterable<Probe>) => Iterable<Probe>;
  /**
   * Those of `probes`, in the order of their tasks, whose answers will not be altered by a task in between, going by what
   * was answered before: the trip of that task asks them.
   *
   * @param made those whose tasks are carried out with this trip: they will not alter anything once more
   */
  worthAsking: (probes: Iterable<Probe>, made: readonly Probe[]) => Iterable<Probe>;
  clear: () => void;
}>;

type Answer = { readonly output: Output; readonly needs: readonly Resource[]; leadsTo?: readonly Resource[] };

/** A trip carries at most this much: more probes go with the next. */
const MAX_SCRIPT = 512 * 1024;

/** Scripts of one key give the same. Most hosts ask by the same script: its key is one text for all of them. */
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
  /** Answers that no longer hold: a guess at what the next will be. */
  const old = new Map<string, Answer>();
  const outdate = (key: string): void => {
    const answer = known.get(key);
    if (answer !== undefined) old.set(key, answer);
    known.delete(key);
  };
  /** What the probe's task will alter, going by its last answer. */
  const foreseen = (probe: Probe): readonly Resource[] | undefined => {
    if (probe.acts) return probe.touches ?? [];
    const guess = known.get(keyOf(probe)) ?? old.get(keyOf(probe));
    if (guess === undefined) return undefined;
    guess.leadsTo ??= probe.leadsTo?.(guess.output) ?? [];
    return guess.leadsTo;
  };
  /**
   * Whether the other has to be asked after `one` was made: not what edits the same text, nor what will be changed in the
   * same series.
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
      // Before the links are forgotten that tell what else was altered.
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
        // To foresee is work: only for those few that may alter an answer which is wanted.
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
