import { MAGIC_VARIABLES } from '../core/language/variables.ts';
import type { Doubts, Inventory, Reads } from '../core/playbook.ts';
import type { Reading } from './reading.ts';

/**
 * What may be wrong with the values that a playbook reads. It is asked after the whole playbook was read, and again
 * when an include was read during the run.
 */
export function doubtsOf(
  {
    defined,
    definitions,
    setByTasks,
    texts,
    ports,
  }: Pick<Reading, 'defined' | 'definitions' | 'setByTasks' | 'texts' | 'ports'>,
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
  let ofOthers: ReadonlySet<string> | undefined;
  const readOthers = (text: string): boolean => {
    ofOthers ??= namesOfOthers(texts, setByTasks, inventory, ports);
    return isOfOthers(text, setByTasks, ofOthers);
  };
  return { isNeverDefined, areIn: (reads) => areIn(reads), readOthers };
}

/**
 * Whether a text reads what another host has found out or set during the run: `hostvars` together with a fact or with a
 * name that a task sets, or a variable that is built from them. What the inventory says of a host does not change.
 */
function isOfOthers(text: string, setByTasks: ReadonlySet<string>, found: ReadonlySet<string>): boolean {
  const isDirect = /\bhostvars\b/.test(text);
  if (!isDirect && found.size === 0) return false;
  const words = text.match(/[A-Za-z_]\w*/g) ?? [];
  const isOfRun = (word: string): boolean => setByTasks.has(word) || (FACT.test(word) && !OF_INVENTORY.test(word));
  return words.some((word) => found.has(word) || (isDirect && isOfRun(word)));
}
const FACT = /^ansible_/;
const OF_INVENTORY = /^ansible_(host|port|user|connection|password|ssh_.*|become.*|group_priority|managed)$/;

/** The variables whose values are built from what other hosts set, directly or through other variables. */
function namesOfOthers(
  texts: Reading['texts'],
  setByTasks: Reading['setByTasks'],
  inventory: Inventory,
  ports: Pick<Reading['ports'], 'templatesIn'>,
): ReadonlySet<string> {
  const all = new Map<string, Set<string>>([...texts].map(([name, own]) => [name, new Set(own)]));
  const seen = new Set<object>();
  for (const { layers } of inventory.hosts.values())
    for (const { vars } of layers) {
      if (seen.has(vars)) continue;
      seen.add(vars);
      for (const [name, raw] of Object.entries(vars))
        for (const { text } of ports.templatesIn(raw)) all.set(name, (all.get(name) ?? new Set()).add(text));
    }
  const found = new Set<string>();
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const [name, own] of all)
      if (!found.has(name) && [...own].some((text) => isOfOthers(text, setByTasks, found))) found.add(name);
  }
  return found;
}
