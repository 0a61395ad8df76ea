import type { LocalFile } from '../core/module.ts';
import type { Task } from '../core/playbook.ts';
import { isDict, type Raw, Ready, type Value } from '../core/value.ts';
import { EFFECT, type Run, type Scope } from './ports.ts';

/** What is told while something is worked out: a later host, or a later moment, for which all of it is the same gets the same. */
export type Watch = Readonly<{
  /** Tells which variables are read through it. */
  scope: Scope;
  /** A look at the controller's files; asked again, it has to give the same. */
  look: <T extends LocalFile | boolean>(look: () => T) => T;
  /** What cannot be watched was read: the result is good for this once. */
  spoil: () => void;
}>;

type Entry = Readonly<{
  reads: ReadonlyMap<string, Raw | undefined>;
  looks: readonly Readonly<{ look: () => unknown; gave: unknown }>[];
  made: unknown;
}>;

/** Of what was made for one item of a task; older ones are forgotten. */
const KEPT = 8;
/** Items of a task. */
const ITEMS = 256;

/**
 * A task's work is a function of what it reads. Most tasks read the same for all hosts of a group, and each task is
 * worked out at least twice for a host: when its probe is sent ahead, and in its turn.
 */
export function remembered<T>(
  run: Run,
  task: Task,
  item: Value | undefined,
  scope: Scope,
  make: (watch: Watch) => T,
): T {
  const entries = entriesOf(run, task, item);
  const known = entries.find((entry) => isSame(entry, scope));
  if (known !== undefined) return known.made as T;
  const reads = new Map<string, Raw | undefined>();
  const looks: { look: () => unknown; gave: unknown }[] = [];
  let isSpoilt = false;
  const before = run.templates.effects();
  const made = make({
    scope: scope.watched((name) => {
      if (name === 'hostvars' || name === EFFECT) isSpoilt = true;
      else if (!reads.has(name)) reads.set(name, scope.raw(name));
    }),
    look(look) {
      const gave = look();
      looks.push({ look, gave });
      return gave;
    },
    spoil() {
      isSpoilt = true;
    },
  });
  if (isSpoilt || run.templates.effects() !== before) return made;
  entries.unshift({ reads, looks, made });
  if (entries.length > KEPT) entries.pop();
  return made;
}

function entriesOf(run: Run, task: Task, item: Value | undefined): Entry[] {
  const tasks = memos.get(run) ?? new WeakMap<Task, Map<string, Entry[]>>();
  memos.set(run, tasks);
  const items = tasks.get(task) ?? new Map<string, Entry[]>();
  tasks.set(task, items);
  const key = typeof item === 'string' ? item : (JSON.stringify(item) ?? '');
  const entries = items.get(key) ?? [];
  if (items.size >= ITEMS) items.clear();
  items.set(key, entries);
  return entries;
}
const memos = new WeakMap<Run, WeakMap<Task, Map<string, Entry[]>>>();

function isSame({ reads, looks }: Entry, scope: Scope): boolean {
  for (const [name, was] of reads) if (!isEqual(scope.raw(name), was)) return false;
  return looks.every(({ look, gave }) => attempt(look) === gave);
}

function attempt(look: () => unknown): unknown {
  try {
    return look();
  } catch {
    return undefined; // it is gone: told when it is asked for anew
  }
}

/** The same thing, or plain data that reads the same. Of what is resolved already (facts, registers) only what is no dict. */
function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Ready && b instanceof Ready)
    return a.value === b.value || (!isDict(a.value) && isEqual(a.value, b.value));
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => isEqual(one, b[i]));
  if (!isDict(a) || !isDict(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}
