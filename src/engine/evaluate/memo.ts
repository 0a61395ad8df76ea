import type { LocalFile } from '../../core/module.ts';
import type { Task } from '../../core/playbook.ts';
import { isDict, type Raw, Ready, type Value } from '../../core/value.ts';
import { EFFECT, type Run, type Scope } from '../host/ports.ts';

/** Records what a computation reads. A later host or moment for which all of it is the same gets the same result. */
export type ReadRecorder = Readonly<{
  /** A scope that records which variables are read. */
  scope: Scope;
  /** Reads the controller's files. The result may be reused only if reading again gives the same. */
  recordRead: <T extends LocalFile | boolean>(look: () => T) => T;
  /** Something was read that cannot be recorded, so the result must not be reused. */
  forbidReuse: () => void;
}>;

type Entry = Readonly<{
  reads: ReadonlyMap<string, Raw | undefined>;
  fileReads: readonly Readonly<{ read: () => unknown; gave: unknown }>[];
  result: unknown;
}>;

/** The most results kept for one item of a task. Older ones are forgotten. */
const KEPT = 8;
/** The most items of a task. */
const ITEMS = 256;

/**
 * Caches the work for a task by what it reads. Most tasks read the same values on all hosts of a group, and each task
 * is computed at least twice for a host: when its probe is sent ahead, and when it runs.
 */
export function remembered<T>(
  run: Run,
  task: Task,
  item: Value | undefined,
  scope: Scope,
  make: (recorder: ReadRecorder) => T,
): T {
  const entries = entriesOf(run, task, item);
  const known = entries.find((entry) => isSame(entry, scope));
  if (known !== undefined) return known.result as T;
  const reads = new Map<string, Raw | undefined>();
  const fileReads: { read: () => unknown; gave: unknown }[] = [];
  let isSpoilt = false;
  const before = run.templates.effects();
  const result = make({
    scope: scope.watched((name) => {
      if (name === 'hostvars' || name === EFFECT) isSpoilt = true;
      else if (!reads.has(name)) reads.set(name, scope.raw(name));
    }),
    recordRead(read) {
      const gave = read();
      fileReads.push({ read, gave });
      return gave;
    },
    forbidReuse() {
      isSpoilt = true;
    },
  });
  if (isSpoilt || run.templates.effects() !== before) return result;
  entries.unshift({ reads, fileReads, result });
  if (entries.length > KEPT) entries.pop();
  return result;
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

function isSame({ reads, fileReads: looks }: Entry, scope: Scope): boolean {
  for (const [name, was] of reads) if (!isEqual(scope.raw(name), was)) return false;
  return looks.every(({ read: look, gave }) => attempt(look) === gave);
}

function attempt(look: () => unknown): unknown {
  try {
    return look();
  } catch {
    return undefined; // the file is gone; the error is reported when it is read again
  }
}

/**
 * Whether two values are the same object, or plain data with equal content. Of resolved values (facts, registered
 * results), dicts are compared by identity only, because comparing them is slow.
 */
function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Ready && b instanceof Ready)
    return a.value === b.value || (!isDict(a.value) && isEqual(a.value, b.value));
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => isEqual(one, b[i]));
  if (!isDict(a) || !isDict(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}
