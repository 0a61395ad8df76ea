// The inventory plugin `constructed`: groups and variables that follow from what other inventories say.
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { isDict, type Raw, type RawVars, TemplateText, type Value } from '../core/value.ts';
import { type Draft, group } from './draft.ts';
import { type Entry, entry, type MapNode, type Node, wrongShape } from './source.ts';

/** What the plugin needs of the inventory so far, and of templates. */
export type Building = Readonly<{
  draft: Draft;
  problems: Diagnostic[];
  /** The variables of each host, as the inventories before say. `withFiles`: with those of group_vars and host_vars. */
  varsOf: (withFiles: boolean) => ReadonlyMap<string, RawVars>;
  extraVars: RawVars;
  /** Evaluates a value with these variables only. Throws Failure. */
  evaluate: (raw: Raw, vars: RawVars) => Value;
}>;

const OPTIONS = ['plugin', 'strict', 'compose', 'groups', 'keyed_groups', 'leading_separator'];
const VARS_OPTIONS = ['use_vars_plugins', 'use_extra_vars'];
const KEYED = ['key', 'prefix', 'separator', 'parent_group', 'default_value', 'trailing_separator'];

/** Whether a file is the configuration of an inventory plugin. */
export function pluginOf(node: MapNode): Entry | undefined {
  return node.entries.find(({ key, value }) => key === 'plugin' && value.kind === 'scalar');
}

/**
 * Applies the file of a plugin: `compose` sets variables of hosts, `groups` and `keyed_groups` make groups, in this
 * order. An expression that fails for a host sets nothing there; with `strict: true` it is a problem.
 */
export function construct(node: MapNode, building: Building): void {
  const { problems } = building;
  const plugin = pluginOf(node);
  const name = plugin?.value.kind === 'scalar' ? plugin.value.source : '';
  if (!/^(ansible\.builtin\.)?constructed$/.test(name)) {
    problems.push(tell('E_INVENTORY_PLUGIN', { name }, plugin?.value.at));
    return;
  }
  for (const { key, keyAt } of node.entries) {
    const known = [...OPTIONS, ...VARS_OPTIONS];
    if (!known.includes(key)) problems.push(tell('E_UNKNOWN_KEYWORD', { keyword: key, where: name, known }, keyAt));
  }
  const isStrict = isOn(node, 'strict', false);
  const all = building.varsOf(isOn(node, 'use_vars_plugins', false));
  const extra = isOn(node, 'use_extra_vars', false) ? building.extraVars : {};
  for (const [host, inventoryVars] of all) {
    const vars: Record<string, Raw> = { ...inventoryVars, ...extra };
    const ask = (text: string, at: Pos): Value | undefined => {
      try {
        return building.evaluate(new TemplateText(text, at), vars);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (isStrict) problems.push(...error.diagnostics);
        return undefined;
      }
    };
    for (const { key, text, at } of expressions(node, 'compose', problems)) {
      const value = ask(`{{ ${text} }}`, at);
      if (value === undefined) continue;
      vars[key] = value as Raw;
      const own = building.draft.hosts.get(host);
      if (own !== undefined) own.vars[key] = value as Raw;
    }
    for (const { key, text, at } of expressions(node, 'groups', problems))
      if (ask(`{{ true if (${text}) else false }}`, at) === true) join(building.draft, safe(key), host, at);
    keyedGroups(node, host, ask, building);
  }
}

function keyedGroups(
  node: MapNode,
  host: string,
  ask: (text: string, at: Pos) => Value | undefined,
  { draft, problems }: Building,
): void {
  const list = entry(node, 'keyed_groups')?.value;
  if (list === undefined) return;
  if (list.kind !== 'seq') {
    problems.push(wrongShape(list, "'keyed_groups'", 'a list', '- {key: os, prefix: os}'));
    return;
  }
  const isLed = isOn(node, 'leading_separator', true);
  for (const item of list.items) {
    const key = item.kind === 'map' ? textOf(item, 'key') : undefined;
    if (item.kind !== 'map' || key === undefined) {
      problems.push(wrongShape(item, 'an item of keyed_groups', "a map with 'key'", '- {key: os, prefix: os}'));
      continue;
    }
    for (const { key: own, keyAt } of item.entries)
      if (!KEYED.includes(own))
        problems.push(tell('E_UNKNOWN_KEYWORD', { keyword: own, where: 'keyed_groups', known: KEYED }, keyAt));
    const prefix = textOf(item, 'prefix') ?? '';
    const separator = textOf(item, 'separator') ?? '_';
    const usual = textOf(item, 'default_value');
    const parent = textOf(item, 'parent_group');
    const joint = prefix === '' && !isLed ? '' : separator;
    const isTrailing = isOn(item, 'trailing_separator', true);
    for (const bare of names(ask(`{{ ${key} }}`, item.at), separator, usual, isTrailing)) {
      const name = safe(`${prefix}${joint}${bare}`);
      join(draft, name, host, item.at);
      if (parent !== undefined) group(draft, safe(parent), item.at).children.set(name, item.at);
    }
  }
}

/** The last part of the groups' names that a key's value makes. */
function names(
  value: Value | undefined,
  separator: string,
  usual: string | undefined,
  isTrailing: boolean,
): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value))
    return value.flatMap((one) => (one === '' ? (usual ?? []) : [String(one)])).filter((one) => one !== '');
  if (isDict(value))
    return Object.entries(value).flatMap(([key, one]) => {
      if (one === '' || one === null) {
        if (usual !== undefined) return [`${key}${separator}${usual}`];
        return [isTrailing ? `${key}${separator}` : key];
      }
      return [`${key}${separator}${String(one)}`];
    });
  const text = String(value);
  if (text !== '') return [text];
  return usual === undefined ? [] : [usual];
}

function join(draft: Draft, name: string, host: string, at: Pos): void {
  group(draft, name, at).hosts.add(host);
}

/** As in Ansible, a group's name has letters, digits and _ only. */
const safe = (name: string): string => name.replace(/^[\d]|\W/g, '_');

function isOn(node: MapNode, key: string, usual: boolean): boolean {
  const found = entry(node, key)?.value;
  return found?.kind === 'scalar' && typeof found.value === 'boolean' ? found.value : usual;
}

function textOf(node: MapNode, key: string): string | undefined {
  const found = entry(node, key)?.value;
  return found?.kind === 'scalar' ? found.source : undefined;
}

type Expression = Readonly<{ key: string; text: string; at: Pos }>;
function expressions(node: MapNode, key: string, problems: Diagnostic[]): readonly Expression[] {
  const found: Node | undefined = entry(node, key)?.value;
  if (found === undefined || (found.kind === 'scalar' && found.value === null)) return [];
  if (found.kind !== 'map') {
    problems.push(wrongShape(found, `'${key}'`, 'a map of expressions', 'name: expression'));
    return [];
  }
  return found.entries.flatMap(({ key: name, value }) =>
    value.kind === 'scalar' ? [{ key: name, text: value.source, at: value.at }] : [],
  );
}
