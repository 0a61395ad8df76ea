import type { Vars } from '../../core/value.ts';

/**
 * The facts of a module's result by their names in `ansible_facts`: without the prefix `ansible_`. Local facts have both
 * names. Source: `namespace_facts` of ansible-core.
 */
export function withoutPrefix(facts: Vars): Vars {
  const short = Object.entries(facts).map(([name, value]) => [name.replace(/^ansible_/, ''), value] as const);
  const local = facts['ansible_local'];
  return { ...Object.fromEntries(short), ...(local !== undefined && { ansible_local: local }) };
}
