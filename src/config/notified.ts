import type { Task } from '../core/playbook.ts';

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
 * The names and topics that a task can notify. undefined if a handler's name is a template: only the run can tell then.
 */
export function handlerNames(handlers: readonly Task[]): ReadonlySet<string> | undefined {
  if (handlers.some((h) => typeof h.name === 'object')) return undefined;
  return new Set(handlers.flatMap((h) => [...(typeof h.name === 'string' ? [h.name] : []), ...h.listen]));
}
