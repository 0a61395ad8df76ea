import type { Value, Vars } from '../../core/value.ts';

/**
 * The facts of a module's result by their names in `ansible_facts`: without the prefix `ansible_`. Local facts have both
 * names. Source: `namespace_facts` of ansible-core.
 */
export function withoutPrefix(facts: Vars): Vars {
  const short: Record<string, Value> = {};
  for (const name in facts) short[name.startsWith('ansible_') ? name.slice(8) : name] = facts[name] ?? null;
  const local = facts['ansible_local'];
  if (local !== undefined) short['ansible_local'] = local;
  return short;
}
