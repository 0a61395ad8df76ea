import { path } from '../access.ts';
import type { Ctx } from '../env.ts';
import { type Dict, type Item, isMapping, isString, typeName, wrong } from '../item.ts';

export function asDictItem(item: Item): Dict {
  return isMapping(item) ? item : wrong(`expected a dict, got ${typeName(item)}`);
}

/**
 * The key by which items are ordered or told apart: one or several attributes of the item ('a,b'), with texts in lower
 * case unless `caseSensitive`.
 */
export function keyOf(attribute: Item | undefined, caseSensitive: boolean, ctx: Ctx): (item: Item) => Item {
  const fold = (item: Item): Item => (!caseSensitive && isString(item) ? item.toLowerCase() : item);
  if (attribute === undefined || attribute === null) return fold;
  if (!isString(attribute) || !attribute.includes(',')) return (item) => fold(path(item, attribute, ctx));
  const names = attribute.split(',');
  return (item) => names.map((name) => fold(path(item, /^\d+$/.test(name) ? Number(name) : name, ctx)));
}
