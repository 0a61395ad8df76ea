import type { TSchema } from 'typebox';
import { isDict } from './value.ts';

type Shape = Readonly<{
  type?: string | readonly string[];
  properties?: Readonly<Record<string, Shape>>;
  items?: Shape;
  anyOf?: readonly Shape[];
  const?: unknown;
  keepsNull?: boolean;
}>;

/**
 * Converts a value to the type that its schema asks for, as Ansible does: yes/no words to booleans, digits to integers,
 * numbers to strings, 'a,b' to a list. A value that cannot be converted stays as it is, and validation rejects it.
 */
export function coerce(value: unknown, schema: TSchema): unknown {
  return to(value, schema as Shape);
}

function to(value: unknown, shape: Shape): unknown {
  if (shape.anyOf !== undefined) {
    if (value === null || shape.anyOf.some((one) => fits(value, one))) {
      const own = shape.anyOf.find((one) => fits(value, one));
      return own === undefined ? value : to(value, own);
    }
    for (const one of shape.anyOf) {
      const tried = to(value, one);
      if (fits(tried, one)) return tried;
    }
    return value;
  }
  switch (shape.type) {
    case 'boolean':
      return toBoolean(value);
    case 'integer':
    case 'number':
      return typeof value === 'string' && /^\s*[-+]?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
    case 'string':
      return typeof value === 'number'
        ? String(value)
        : typeof value === 'boolean'
          ? value
            ? 'True'
            : 'False'
          : value;
    case 'array':
      return toList(value, shape);
    case 'object':
      return isDict(value) ? toObject(value, shape) : value;
    default:
      return value;
  }
}

/** Ansible's words for booleans, and 1 and 0. */
export function toBoolean(value: unknown): unknown {
  const word = typeof value === 'string' ? value.trim().toLowerCase() : value;
  if (['yes', 'true', 'on', '1', 'y', 't', 1].includes(word as string)) return true;
  if (['no', 'false', 'off', '0', 'n', 'f', 0].includes(word as string)) return false;
  return value;
}

function toList(value: unknown, shape: Shape): unknown {
  const list =
    typeof value === 'string'
      ? value
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== '')
      : Array.isArray(value) || value === null || value === undefined
        ? value
        : [value];
  return Array.isArray(list) && shape.items !== undefined ? list.map((item) => to(item, shape.items ?? {})) : list;
}

function toObject(value: Readonly<Record<string, unknown>>, shape: Shape): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const known = Object.hasOwn(shape.properties ?? {}, key) ? shape.properties?.[key] : undefined;
    if (item === null && known !== undefined && known.keepsNull !== true) continue; // `key:` without a value counts as absent
    out[key] = known === undefined ? item : to(item, known);
  }
  return out;
}

function fits(value: unknown, { type, const: literal, anyOf }: Shape): boolean {
  if (literal !== undefined) return value === literal;
  if (anyOf !== undefined) return anyOf.some((one) => fits(value, one));
  switch (type) {
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === type;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isDict(value);
    case 'null':
      return value === null;
    default:
      return false;
  }
}
