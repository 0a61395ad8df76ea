import { equal } from '../compare.ts';
import { asNumber, type Item, isList, iterate, wrong } from '../item.ts';
import { number, type Operation, shape } from '../operation.ts';
import { sorted } from '../sorting.ts';

/** The template's own list. If a template changes lists at all, evaluation copies the values of variables first. */
function own(item: Item): Item[] {
  return item as Item[];
}

const reading: Readonly<Record<string, Operation>> = {
  index: shape('item', (list, [item = null]) => {
    const at = iterate(list).findIndex((one) => equal(one, item));
    return at < 0 ? wrong('the item is not in the list') : at;
  }),
  count: shape('item', (list, [item = null]) => iterate(list).filter((one) => equal(one, item)).length),
};

export const tupleMethods = reading;

export const listMethods: Readonly<Record<string, Operation>> = {
  ...reading,
  append: shape('item', (list, [item = null]) => {
    own(list).push(item);
    return null;
  }),
  extend: shape('items', (list, [items = []]) => {
    for (const item of [...iterate(items)]) own(list).push(item);
    return null;
  }),
  insert: shape('at item', (list, [at, item = null]) => {
    own(list).splice(number(at, 0), 0, item);
    return null;
  }),
  pop: shape('at', (list, [at]) => {
    const place = number(at, -1);
    const found = own(list).splice(place < 0 ? own(list).length + place : place, 1)[0];
    return found === undefined ? wrong('pop index out of range') : found;
  }),
  remove: shape('item', (list, [item = null]) => {
    const at = own(list).findIndex((one) => equal(one, item));
    if (at < 0) wrong('the item is not in the list');
    own(list).splice(at, 1);
    return null;
  }),
  reverse: shape('', (list) => {
    own(list).reverse();
    return null;
  }),
  sort: shape('reverse', (list, [reverse]) => {
    const items = own(list);
    items.splice(0, items.length, ...sorted(items, (one) => one, asNumber(reverse) === 1));
    return null;
  }),
  copy: shape('', (list) => (isList(list) ? [...list] : list)),
  clear: shape('', (list) => {
    own(list).length = 0;
    return null;
  }),
};
