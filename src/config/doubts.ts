import type { Doubts, Inventory, Reads } from '../core/playbook.ts';
import type { Reading } from './reading.ts';

/** Names that the engine defines for every task, and `lookup`'s own. */
const MAGIC = new Set([
  'inventory_hostname',
  'inventory_hostname_short',
  'group_names',
  'groups',
  'hostvars',
  'play_hosts',
  'playbook_dir',
  'inventory_dir',
  'inventory_file',
  'role_name',
  'role_names',
  'role_path',
  'omit',
  'vars',
  'environment',
  'item',
  'template_path',
]);

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
    !defined.has(name) && !defined.has('*') && !own.has(name) && !MAGIC.has(name) && !/^(ansible_|__)/.test(name);
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
