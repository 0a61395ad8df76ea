import { MAGIC_VARIABLES } from '../core/language/variables.ts';
import type { Doubts, Inventory, Reads } from '../core/playbook.ts';
import type { Reading } from './reading.ts';

/**
 * What may be wrong with the values that a playbook reads. It is asked after the whole playbook was read, and again
 * when an include was read during the run.
 */
export function doubtsOf(
  { defined, definitions }: Pick<Reading, 'defined' | 'definitions'>,
  inventory: Inventory,
): Doubts {
  const own = new Set<string>();
  for (const host of inventory.hosts.values())
    for (const layer of host.layers) for (const name of Object.keys(layer.vars)) own.add(name);
  const isNeverDefined = (name: string): boolean =>
    !defined.has(name) &&
    !defined.has('*') &&
    !own.has(name) &&
    !Object.hasOwn(MAGIC_VARIABLES, name) &&
    !/^(ansible_|__)/.test(name);
  const areIn = (reads: readonly Reads[], above: ReadonlySet<string> = new Set()): boolean =>
    reads.some((names) => [...names.keys()].some((name) => isDoubtful(name, above)));
  const isDoubtful = (name: string, above: ReadonlySet<string>): boolean => {
    if (isNeverDefined(name)) return true;
    if (above.has(name)) return false;
    const all = definitions.get(name) ?? [];
    return all.some(({ reads, faults }) => faults.length > 0 || areIn([reads], new Set([...above, name])));
  };
  return { isNeverDefined, areIn: (reads) => areIn(reads) };
}
