import { Secret } from '../core/value.ts';
import type { Statement } from './ast.ts';
import { omit } from './globals.ts';
import {
  demand,
  dictOf,
  entriesOf,
  Hang,
  type Item,
  isList,
  isMapping,
  isNamedTuple,
  isString,
  placed,
  tooMuch,
  Undefined,
  wrong,
} from './item.ts';
import type { Here, Program } from './machine.ts';
import { LONGEST } from './operators.ts';
import { str } from './print.ts';
import { inspect, reveal, tellParts } from './taint.ts';

/** The output of a body so far: texts, and the values of its {{ }}. */
export type Output = {
  pieces: Item[];
  size: number;
  /** The template that this one extends. What follows is not shown, except in blocks. */
  parent?: Program | undefined;
};
export function write(item: Item, out: Output, { p }: Statement, here: Here): undefined {
  if (out.parent !== undefined) return;
  out.size += isString(item) ? item.length : 16;
  if (out.size > LONGEST)
    placed(here.program.source.place(p), () => tooMuch('the output grows too long: more than 32 MiB'));
  out.pieces.push(item);
  return undefined;
}

/**
 * The value of a {{ }}, which is never undefined or unknown. What is inside a list or dict is checked when it becomes
 * text.
 */
export function shown(item: Item): Item {
  return item instanceof Undefined && item.lenient ? '' : demand(item);
}

/**
 * The pieces as one text. It is a Secret if it contains one. Throws Hang if it contains an Unknown. None prints as
 * nothing, as in Ansible.
 */
export function textOf(out: Output, here: Here): Item {
  const { printNone } = here.program;
  if (out.pieces.every(isString)) return out.pieces.join('');
  const { secret, unknown, undefined: missing } = inspect(out.pieces);
  if (missing !== undefined) throw missing.failure;
  if (unknown !== undefined) throw new Hang(unknown);
  if (out.pieces.includes(omit))
    wrong('omit cannot stand within a text', { hint: 'let it be the whole value of an argument' });
  const text = out.pieces
    .map((piece) => {
      const clear = secret ? reveal(piece) : piece;
      return printNone ? str(clear) : clear === null ? '' : str(untupled(clear));
    })
    .join('');
  if (!secret) return text;
  tellParts(out.pieces, text, here.machine.env.ports.onSecret);
  return new Secret(text);
}

export function padded(item: Item, newlines: number): Item {
  if (newlines === 0) return item;
  if (item instanceof Secret && item.number() === undefined) return new Secret(padText(item.reveal(), newlines));
  return isString(item) ? padText(item, newlines) : item;
}

function padText(text: string, newlines: number): string {
  const own = /\n*$/.exec(text)?.[0].length ?? 0;
  return text + '\n'.repeat(Math.max(0, newlines - own));
}

/** As Ansible prints them, tuples are lists. */
function untupled(item: Item): Item {
  if (!isList(item)) return isMapping(item) ? dictOf(entriesOf(item).map(([key, one]) => [key, untupled(one)])) : item;
  return isNamedTuple(item) ? item : item.map(untupled);
}
