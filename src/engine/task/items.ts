import { type RawVars, Ready, type Value } from '../../core/value.ts';
import type { Outcome, TaskRun } from '../evaluate/outcome.ts';
import { loopVars } from '../evaluate/resolve.ts';
import type { Scope } from '../host/ports.ts';
import type { Part } from '../trip/join.ts';
import { labelOf } from './names.ts';

/** The items of a loop. Each item is evaluated when it is asked for, with the variables that earlier items have set. */
export type Items = Readonly<{
  count: number;
  at: (i: number) => Part;
  from: (i: number) => Iterable<Part>;
  /** Records the outcome of the last item that ran, because the next item may read what the task registers. */
  note: (outcome: Outcome | undefined) => void;
  /** Whether an item read what the item before it registers, or set a variable that the next one may read. */
  areDependent: () => boolean;
}>;

export function itemsOf(taskRun: TaskRun, items: readonly Value[], first: Scope, fresh: () => Scope): Items {
  const { host, task, world } = taskRun;
  const { register } = task;
  const seen = () => ({ facts: host.facts, set: host.set, included: host.included });
  let [base, of] = [first, seen()];
  const isStale = (): boolean => of.facts !== host.facts || of.set !== host.set || of.included !== host.included;
  let isRead = false;
  let last: RawVars | undefined;
  const onRead = (): void => {
    isRead = true;
  };
  const current = (): Scope => {
    if (isStale()) [base, of] = [fresh(), seen()];
    const scope = last === undefined ? base : base.with(last);
    return register === undefined ? scope : watched(scope, register, onRead);
  };
  const at = (i: number): Part => {
    const item = items[i] ?? null;
    const scope = current().with(loopVars(items, i, task.loopControl));
    let label: string | undefined; // most items are never told of
    return {
      item,
      scope,
      get label() {
        label ??= labelOf(task, item, scope, world);
        return label;
      },
    };
  };
  return {
    count: items.length,
    at,
    *from(i) {
      for (let n = i; n < items.length; n++) yield at(n);
    },
    note(outcome) {
      if (register !== undefined && outcome !== undefined) last = { [register]: new Ready(outcome.result) };
    },
    areDependent: () => isRead || isStale(),
  };
}

/** A scope that calls `onRead` when a name is read, directly or through other variables. */
function watched(scope: Scope, name: string, onRead: () => void): Scope {
  const reportRead = (read: string): void => {
    if (read === name) onRead();
  };
  return {
    ...scope,
    get(read) {
      reportRead(read);
      return scope.get(read);
    },
    has(read) {
      reportRead(read);
      return scope.has(read);
    },
    raw(read) {
      reportRead(read);
      return scope.raw(read);
    },
    watched: (onEach) =>
      scope.watched((read) => {
        reportRead(read);
        onEach(read);
      }),
    with: (layer) => (Object.hasOwn(layer, name) ? scope.with(layer) : watched(scope.with(layer), name, onRead)),
  };
}
