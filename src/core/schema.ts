import type { TSchema } from 'typebox';

/**
 * Validation of arguments by interpreting their schema: the part of JSON Schema that modules and checks use, with ajv's
 * meaning and words (a differential test holds it to them). A run binds some dozens of small schemas once each: ajv
 * would compile every one into a program first, which took a third of a short run.
 */
export type Violation = Readonly<{
  keyword: string;
  /** Keys from the value down to what is wrong. */
  path: readonly (string | number)[];
  message: string;
  /** `required` and `additionalProperties`: the key. */
  key?: string;
  schema: Shape;
  data: unknown;
}>;

export type Shape = Readonly<{
  type?: string;
  properties?: Readonly<Record<string, Shape>>;
  patternProperties?: Readonly<Record<string, Shape>>;
  additionalProperties?: boolean | Shape;
  required?: readonly string[];
  items?: Shape;
  minItems?: number;
  anyOf?: readonly Shape[];
  enum?: readonly unknown[];
  const?: unknown;
  minLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  expected?: string;
  description?: string;
  secret?: boolean;
}>;

/** Every word a schema may use; one that is not here would be no test at all, so a law forbids it. */
export const KEYWORDS: ReadonlySet<string> = new Set([
  ...['type', 'properties', 'patternProperties', 'additionalProperties', 'required', 'items', 'minItems', 'anyOf'],
  ...['enum', 'const', 'minLength', 'pattern', 'minimum', 'maximum', 'default', 'expected', 'description', 'secret'],
]);

/** What is wrong with `value`; [] when it is valid. Defaults are filled into it on the way. */
export function violations(schema: TSchema, value: unknown): readonly Violation[] {
  const found: Violation[] = [];
  visit(schema as Shape, value, [], found, true);
  return found;
}

type Visit = (schema: Shape, value: unknown, path: Violation['path'], found: Violation[], fill: boolean) => void;

const visit: Visit = (schema, value, path, found, fill) => {
  const bad = (keyword: string, message: string, key?: string): void => {
    found.push({ keyword, path, message, schema, data: value, ...(key !== undefined && { key }) });
  };
  const { type } = schema;
  if (type !== undefined && !isOf(type, value)) bad('type', `must be ${type}`);
  if (schema.enum !== undefined && !schema.enum.includes(value))
    bad('enum', 'must be equal to one of the allowed values');
  if (schema.const !== undefined && schema.const !== value) bad('const', 'must be equal to constant');
  if (schema.anyOf !== undefined && !schema.anyOf.some((one) => fits(one, value, path)))
    bad('anyOf', 'must match a schema in anyOf');
  if (typeof value === 'string') visitText(schema, value, bad);
  else if (typeof value === 'number') visitNumber(schema, value, bad);
  else if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems)
      bad('minItems', `must NOT have fewer than ${schema.minItems} items`);
    const { items } = schema;
    if (items !== undefined) for (const [i, item] of value.entries()) visit(items, item, [...path, i], found, fill);
  } else if (isObject(value)) visitObject(schema, value, path, found, fill, bad);
};

type Bad = (keyword: string, message: string, key?: string) => void;

function visitText({ minLength, pattern }: Shape, value: string, bad: Bad): void {
  if (minLength !== undefined && [...value].length < minLength)
    bad('minLength', `must NOT have fewer than ${minLength} characters`);
  if (pattern !== undefined && !patternOf(pattern).test(value)) bad('pattern', `must match pattern "${pattern}"`);
}

function visitNumber({ minimum, maximum }: Shape, value: number, bad: Bad): void {
  if (!Number.isFinite(value)) return; // its type was refused already
  if (minimum !== undefined && value < minimum) bad('minimum', `must be >= ${minimum}`);
  if (maximum !== undefined && value > maximum) bad('maximum', `must be <= ${maximum}`);
}

function visitObject(
  schema: Shape,
  value: Record<string, unknown>,
  path: Violation['path'],
  found: Violation[],
  fill: boolean,
  bad: Bad,
): void {
  const { properties = {}, patternProperties = {}, additionalProperties } = schema;
  if (fill)
    for (const [key, shape] of Object.entries(properties))
      if (value[key] === undefined && shape.default !== undefined) value[key] = structuredClone(shape.default);
  for (const key of schema.required ?? [])
    if (value[key] === undefined) bad('required', `must have required property '${key}'`, key);
  const patterns = Object.entries(patternProperties).map(([p, shape]) => [patternOf(p), shape] as const);
  for (const [key, item] of Object.entries(value)) {
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    const matching = patterns.filter(([pattern]) => pattern.test(key));
    if (known !== undefined && item !== undefined) visit(known, item, [...path, key], found, fill);
    for (const [, shape] of matching) visit(shape, item, [...path, key], found, fill);
    if (known !== undefined || matching.length > 0) continue;
    if (additionalProperties === false) bad('additionalProperties', 'must NOT have additional properties', key);
    else if (typeof additionalProperties === 'object') visit(additionalProperties, item, [...path, key], found, fill);
  }
}

/** A union's branch is only tried: it fills nothing in. */
function fits(schema: Shape, value: unknown, path: Violation['path']): boolean {
  const found: Violation[] = [];
  visit(schema, value, path, found, false);
  return found.length === 0;
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    default:
      return typeof value === type;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const compiled = new Map<string, RegExp>();
function patternOf(source: string): RegExp {
  const known = compiled.get(source) ?? new RegExp(source, 'u');
  compiled.set(source, known);
  return known;
}
