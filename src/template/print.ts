import { Float, REDACTED, Secret, Unknown, type Value } from '../core/value.ts';
import { Callable, entriesOf, type Item, isList, isTuple, Thing, Undefined } from './item.ts';

/** Python's str(): True, None, 1.0, ['a', 'b'], {'a': 1}. A Secret prints as [REDACTED]. */
export function print(value: Value): string {
  return str(value);
}

export function str(item: Item): string {
  if (typeof item === 'string') return item;
  if (item instanceof Thing && item.quantity !== undefined) return item.quantity.text;
  return item instanceof Secret ? REDACTED : repr(item);
}

/** Python's repr(). */
export function repr(item: Item): string {
  if (item === null) return 'None';
  if (typeof item === 'boolean') return item ? 'True' : 'False';
  if (typeof item === 'number') return Number.isInteger(item) ? String(item) : floatText(item);
  if (typeof item === 'string') return quoted(item);
  if (item instanceof Float) return floatText(item.value);
  if (item instanceof Secret) return quoted(REDACTED);
  if (item instanceof Unknown) return `<known after apply (${item.because})>`;
  if (item instanceof Undefined) {
    if (item.lenient) return '';
    throw item.failure;
  }
  if (item instanceof Callable) return `<function ${item.name}>`;
  if (item instanceof Thing) return item.quantity?.repr ?? `<${item.type}>`;
  if (isList(item)) {
    const inside = item.map(repr).join(', ');
    return isTuple(item) ? `(${inside}${item.length === 1 ? ',' : ''})` : `[${inside}]`;
  }
  return `{${entriesOf(item)
    .map(([key, one]) => `${repr(key)}: ${repr(one)}`)
    .join(', ')}}`;
}

/** Python writes an exponent from 1e16 on and below 1e-4. JavaScript has other limits. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const plain =
    exponent < 0 ? value.toFixed(Math.max(0, digits.replace(/[-.]/g, '').length - 1 - exponent)) : String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

const named: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const char of text) out += char === quote ? `\\${char}` : (named[char] ?? escaped(char));
  return quote + out + quote;
}

function escaped(char: string): string {
  if (!/[\p{C}\p{Z}]/u.test(char) || char === ' ') return char;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
