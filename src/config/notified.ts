import type { Diagnostic } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Item, Task } from '../core/playbook.ts';

/** Removes duplicates: a role that is used twice has its handlers once. */
export function unique(handlers: readonly Task[]): readonly Task[] {
  const seen = new Set<string>();
  return handlers.filter(({ at }) => {
    const key = `${at.file}:${at.line}`;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

/**
 * Reports names in `notify` that no handler has, because such a handler would silently never run. Names with templates
 * are looked up during the run.
 */
export function checkNotified(items: readonly Item[], handlers: readonly Task[], problems: Diagnostic[]): void {
  const known = new Set(handlers.flatMap((h) => [...(typeof h.name === 'string' ? [h.name] : []), ...h.listen]));
  const anyTemplated = handlers.some((h) => typeof h.name === 'object');
  const look = (item: Item): void => {
    if (item.kind === 'block') for (const inner of [...item.body, ...item.rescue, ...item.always]) look(inner);
    if (item.kind !== 'task') return;
    for (const name of item.notify) {
      if (typeof name !== 'string' || anyTemplated || known.has(name) || known.has(name.replace(/^.* : /, '')))
        continue;
      problems.push(tell('E_UNKNOWN_HANDLER', { name, known }, item.at));
    }
  };
  for (const item of items) look(item);
}
