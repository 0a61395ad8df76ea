import { path } from '../access.ts';
import type { Ctx } from '../env.ts';
import { type Dict, type Item, isMapping, isString, typeName, wrong } from '../item.ts';

export function asDictItem(item: Item): Dict {
  return isMapping(item) ? item : wrong(`expected a dict, got ${typeName(item)}`);
}

/** What orders or tells apart an item: an attribute of it (or several, 'a,b'), texts without their case. */
export function keyOf(attribute: Item | undefined, caseSensitive: boolean, ctx: Ctx): (item: Item) => Item {
  const fold = (item: Item): Item => (!caseSensitive && isString(item) ? item.toLowerCase() : item);
  if (attribute === undefined || attribute === null) return fold;
  if (!isString(attribute) || !attribute.includes(',')) return (item) => fold(path(item, attribute, ctx));
  const names = attribute.split(',');
  return (item) => names.map((name) => fold(path(item, /^\d+$/.test(name) ? Number(name) : name, ctx)));
}
