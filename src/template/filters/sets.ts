import { equal } from '../compare.ts';
import type { Ctx } from '../env.ts';
import { demand, type Item, isString, iterate } from '../item.ts';
import { type Operation, shape } from '../operation.ts';
import { distinct } from './list.ts';

/** Set operations on lists. They keep the order of the first list and remove duplicates. */
export const setFilters: Readonly<Record<string, Operation>> = {
  union: shape('other', (a, [b = null], ctx) => distinct([...iterate(a), ...iterate(b)], itself, ctx)),
  intersect: shape('other', (a, [b = null], ctx) => distinct(iterate(a).filter(within(b, ctx)), itself, ctx)),
  difference: shape('other', (a, [b = null], ctx) => {
    const inside = within(b, ctx);
    return distinct(
      iterate(a).filter((item) => !inside(item)),
      itself,
      ctx,
    );
  }),
  symmetric_difference: shape('other', (a, [b = null], ctx) => {
    const [inA, inB] = [within(a, ctx), within(b, ctx)];
    const rest = [...iterate(a).filter((item) => !inB(item)), ...iterate(b).filter((item) => !inA(item))];
    return distinct(rest, itself, ctx);
  }),
};

const itself = (item: Item): Item => item;

function within(list: Item, ctx: Ctx): (item: Item) => boolean {
  const items = iterate(list);
  const texts = new Set(items.filter(isString));
  const others = items.filter((item) => !isString(item));
  return (item) => {
    demand(item);
    if (isString(item) && texts.has(item)) return true;
    ctx.burn(others.length);
    return others.some((one) => equal(one, item));
  };
}
