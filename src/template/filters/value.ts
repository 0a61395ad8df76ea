import { search } from 'jmespath';
import { Unknown } from '../../core/value.ts';
import { attribute } from '../access.ts';
import { truth } from '../compare.ts';
import {
  asNumber,
  demand,
  dictOf,
  entriesOf,
  type Item,
  isList,
  isMapping,
  isString,
  typeName,
  Undefined,
  unsupported,
  wrong,
} from '../item.ts';
import { lazy, type Operation, shape, text, value } from '../operation.ts';
import { str } from '../print.ts';

const fallback = lazy('default_value boolean', (item, [other = '', boolean]) => {
  if (item instanceof Unknown) return item;
  if (item instanceof Undefined) return other;
  return boolean !== undefined && truth(boolean) && !truth(item) ? other : item;
});

/** Filters for values of any type. */
export const valueFilters: Readonly<Record<string, Operation>> = {
  default: fallback,
  d: fallback,
  mandatory: lazy('msg', (item, [message]) => {
    if (!(item instanceof Undefined)) return item;
    if (message === undefined) throw item.failure;
    return wrong(text(message));
  }),
  bool: value('', (item) => bool(item)),
  ternary: lazy('true_val false_val none_val', (item, [yes = null, no = null, none]) => {
    if (item instanceof Unknown) return item;
    if (item === null && none !== undefined) return none;
    return truth(item) ? yes : no;
  }),
  string: value('', (item) => str(item)),
  type_debug: value('', (item) => (isString(item) ? 'str' : typeName(item))),
  attr: shape('name', (item, [name], ctx) => attribute(item, text(name), () => ctx)),
  safe: shape('', (item) => item),
  pprint: value('', (item) => str(item)),
  vault: value('* **', () => unsupported("the filter 'vault' is not supported")),
  unvault: value('* **', () => unsupported("the filter 'unvault' is not supported")),
  json_query: value('expr', (item, [expression]) => jsonQuery(item, text(expression))),
};

/** Ansible's `bool`: its words for yes are true, everything else is false. */
function bool(item: Item): boolean | null {
  demand(item);
  if (item === null || typeof item === 'boolean') return item;
  const word = isString(item) ? item.toLowerCase() : item;
  return asNumber(word) === 1 || ['yes', 'on', '1', 'true'].includes(word as string);
}

/** Community.general's json_query: JMESPath. */
function jsonQuery(item: Item, expression: string): Item {
  try {
    return fromPlain(search(plainOf(item), expression));
  } catch (error) {
    return wrong(`json_query: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The value as JSON has it. */
function plainOf(item: Item): unknown {
  if (isList(item)) return item.map(plainOf);
  if (isMapping(item)) return Object.fromEntries(entriesOf(item).map(([key, one]) => [str(key), plainOf(one)]));
  return asNumber(item) === undefined || typeof item === 'boolean' ? item : asNumber(item);
}

function fromPlain(found: unknown): Item {
  if (Array.isArray(found)) return found.map(fromPlain);
  if (typeof found === 'object' && found !== null)
    return dictOf(Object.entries(found).map(([key, one]) => [key, fromPlain(one)]));
  return (found ?? null) as Item;
}
