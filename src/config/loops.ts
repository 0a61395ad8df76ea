import { tell } from '../core/errors/index.ts';
import { LOOP_OPTIONS } from '../core/language/options.ts';
import type { LoopControl } from '../core/playbook.ts';
import { type Raw, TemplateText } from '../core/value.ts';
import { isOption } from './common.ts';
import { booleanOf, checkTemplates, conditionsOf, type Reading, rawOf, variableName } from './reading.ts';
import { type Entry, entry, type MapNode, toRaw } from './source.ts';

export function readLoop(node: MapNode, reading: Reading): { loop: Raw | undefined; loopControl: LoopControl } {
  const control = entry(node, 'loop_control')?.value;
  const map = control?.kind === 'map' ? control : undefined;
  const loopVar = (map && variableName(map, 'loop_var', reading)) ?? 'item';
  const indexVar = map && variableName(map, 'index_var', reading);
  for (const name of [loopVar, indexVar, 'ansible_loop', 'ansible_loop_var'])
    if (name !== undefined) reading.defined.add(name);
  for (const e of map?.entries ?? []) isOption(e, Object.keys(LOOP_OPTIONS), 'loop_control', reading.problems);
  const extended = map !== undefined && booleanOf(map, 'extended', reading) === true;
  const loopControl = {
    loopVar,
    indexVar,
    label: map && rawOf(map, 'label', reading),
    pause: map && rawOf(map, 'pause', reading),
    extended,
    allItems: map === undefined || booleanOf(map, 'extended_allitems', reading) !== false,
    breakWhen: map === undefined ? [] : conditionsOf(map, 'break_when', reading),
  };
  const withs = node.entries.find((e) => e.key.startsWith('with_'));
  const loop = entry(node, 'loop');
  if (withs !== undefined && loop !== undefined) {
    const two = { of: 'task', action: 'loop', first: 'loop', second: withs.key };
    reading.problems.push(tell('E_TWO_ACTIONS', two, withs.keyAt));
  }
  if (withs === undefined) return { loop: rawOf(node, 'loop', reading), loopControl };
  return { loop: withLoop(withs, reading), loopControl };
}

/** The lookups that make sense as loops. */
const LOOPS: readonly string[] = [
  'items',
  'list',
  'dict',
  'nested',
  'cartesian',
  'together',
  'sequence',
  'indexed_items',
  'subelements',
  'flattened',
  'random_choice',
  'first_found',
  'fileglob',
  'filetree',
  'file',
  'lines',
  'varnames',
  'inventory_hostnames',
  'url',
  'ini',
  'csvfile',
  'env',
  'pipe',
];

/** Turns with_items and its relatives into the lookup that they stand for. */
function withLoop(withs: Entry, reading: Reading): Raw | undefined {
  const kind = withs.key.slice('with_'.length).replace(/^\w+\.\w+\./, ''); // with or without its collection
  const raw = toRaw(withs.value);
  checkTemplates(raw, reading);
  if (kind === 'list') return raw;
  const known = LOOPS;
  if (!known.includes(kind)) {
    reading.problems.push(
      tell('E_UNKNOWN_LOOP', { name: withs.key, known: known.map((k) => `with_${k}`) }, withs.keyAt),
    );
    return undefined;
  }
  // A map or a text is one term; a list holds the terms.
  const terms = '(__terms if __terms is sequence and __terms is not string and __terms is not mapping else [__terms])';
  if (kind === 'dict') return lookupOver(raw, '__terms | dict2items', withs);
  if (kind === 'items') return lookupOver(raw, `${terms} | flatten(levels=1)`, withs);
  if (kind === 'flattened') return lookupOver(raw, `${terms} | flatten`, withs);
  return lookupOver(raw, `query('${kind}', *${terms})`, withs);
}

/** A list whose terms are evaluated first. The expression reads them as __terms. */
function lookupOver(terms: Raw, expression: string, withs: Entry): Raw {
  return { __bringup_with: new TemplateText(`{{ ${expression} }}`, withs.keyAt), __terms: terms };
}
