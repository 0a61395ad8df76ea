import { matching } from '../core/bounded.ts';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { globMatches } from '../core/glob.ts';
import type { Inventory, InventoryHost } from '../core/playbook.ts';

/**
 * The hosts that a pattern selects, in the inventory's order. Unions apply first, then every `&`, then every `!`,
 * wherever they stand. A pattern of only `&` and `!` terms starts from all hosts. A term is a host, a group, a glob
 * over both, `~regex`, or group[0], [-1], [0:1]. A term that matches nothing is a problem; Ansible only warns.
 */
export function select(pattern: string, inventory: Inventory, at: Pos, problems: Diagnostic[]): readonly string[] {
  const terms = split(pattern);
  const of = (prefix: string): readonly string[] => terms.filter((t) => t.startsWith(prefix)).map((t) => t.slice(1));
  const unions = terms.filter((t) => !/^[&!]/.test(t));
  const matches = (term: string): ReadonlySet<string> => new Set(matchTerm(term, inventory, at, problems));
  const selected = new Set(
    unions.length === 0 ? (inventory.groups.get('all') ?? []) : unions.flatMap((t) => [...matches(t)]),
  );
  for (const term of of('&')) {
    const both = matches(term);
    for (const host of selected) if (!both.has(host)) selected.delete(host);
  }
  for (const term of of('!')) for (const host of matches(term)) selected.delete(host);
  return [...inventory.hosts.keys()].filter((host) => selected.has(host));
}

/** Terms are separated by commas, or by colons outside of [ ]. */
function split(pattern: string): readonly string[] {
  const separator = pattern.includes(',') ? /,/ : /:(?![^[]*\])/;
  return pattern
    .split(separator)
    .map((t) => t.trim())
    .filter((t) => t !== '');
}

function matchTerm(term: string, inventory: Inventory, at: Pos, problems: Diagnostic[]): readonly string[] {
  if (term.startsWith('~')) return byRegex(term.slice(1), inventory, at, problems);
  const [, name = term, range] = /^(.*?)\[(-?\d+(?::-?\d*)?|:-?\d+)\]$/.exec(term) ?? [];
  const found = named(name, inventory);
  if (found === undefined) {
    if (['localhost', '127.0.0.1', '::1'].includes(term)) {
      addThisMachine(term, inventory, at);
      return [term];
    }
    const known = [...inventory.hosts.keys(), ...inventory.groups.keys()];
    const isEmpty = [...inventory.hosts.values()].every((host) => host.isImplicit === true);
    const hint = isEmpty ? { hint: `the inventory has no hosts: give one with -i, for example -i '${name},'` } : {};
    problems.push(tell('E_UNKNOWN_HOST', { pattern: name, known, ...hint }, at));
    return [];
  }
  return range === undefined ? found : slice(found, range, name, at, problems);
}

/** Ansible's implicit localhost. */
function addThisMachine(name: string, { hosts }: Inventory, at: Pos): void {
  const layer = { from: 'implicit localhost', vars: { ansible_connection: 'local' } };
  (hosts as Map<string, InventoryHost>).set(name, { name, at, groups: [], layers: [layer], isImplicit: true });
}

function named(name: string, inventory: Inventory): readonly string[] | undefined {
  const group = inventory.groups.get(name);
  if (group !== undefined) return group;
  if (inventory.hosts.has(name)) return [name];
  if (!/[*?[]/.test(name)) return undefined;
  const is = globTest(name);
  const hosts = [...inventory.hosts.keys()].filter(is);
  const groups = [...inventory.groups].filter(([g]) => is(g)).flatMap(([, members]) => members);
  const all = new Set([...hosts, ...groups]);
  return all.size === 0 ? undefined : [...inventory.hosts.keys()].filter((h) => all.has(h));
}

function byRegex(source: string, inventory: Inventory, at: Pos, problems: Diagnostic[]): readonly string[] {
  try {
    const regex = new RegExp(`^(?:${source})`);
    const found = matching(source, () =>
      [...inventory.hosts.values()].filter(
        (h) => h.isImplicit !== true && (regex.test(h.name) || ['all', ...h.groups].some((g) => regex.test(g))),
      ),
    );
    if (found.length === 0) problems.push(tell('E_UNKNOWN_HOST', { pattern: `~${source}`, known: [] }, at));
    return found.map((h) => h.name);
  } catch (error) {
    if (error instanceof Failure) problems.push(...error.diagnostics.map((d) => ({ ...d, at })));
    else problems.push(tell('E_HOST_REGEX', { source, why: error instanceof Error ? error.message : '' }, at));
    return [];
  }
}

/** As in Ansible, subscripts count from 0, negative ones count from the end, and a range includes both ends. */
function slice(
  hosts: readonly string[],
  range: string,
  name: string,
  at: Pos,
  problems: Diagnostic[],
): readonly string[] {
  const [from = '', to] = range.split(':');
  const index = (text: string, otherwise: number): number => {
    const n = text === '' ? otherwise : Number(text);
    return n < 0 ? hosts.length + n : n;
  };
  const first = index(from, 0);
  const last = to === undefined ? first : index(to, hosts.length - 1);
  const found = hosts.slice(Math.max(first, 0), last + 1);
  if (found.length === 0 || first < 0)
    problems.push(tell('E_HOST_SUBSCRIPT', { name, count: hosts.length, range }, at));
  return first < 0 ? [] : found;
}

/** A glob. A class such as [abc] or [!abc] matches one character. */
function globTest(pattern: string): (name: string) => boolean {
  if (!/\[[^\]]/.test(pattern)) return (name) => globMatches(pattern, name);
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.')
    .replace(/\[!/g, '[^');
  const regex = new RegExp(`^${source}$`);
  return (name) => matching(pattern, () => regex.test(name));
}
