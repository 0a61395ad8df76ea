import { toBoolean } from '../../core/coerce.ts';
import { Float, isDict, Secret, type Value, type Vars } from '../../core/value.ts';

/** One option of meta/argument_specs.yml. Source: Ansible's "Specification format" of role argument validation. */
type Option = Readonly<{
  type?: string;
  required?: boolean;
  default?: Value;
  choices?: readonly Value[];
  elements?: string;
  options?: Options;
}>;
export type Options = Readonly<Record<string, Option>>;

/** What is wrong with values, one sentence for each mistake. */
export function mistakesIn(options: Options, values: Vars, at = ''): readonly string[] {
  const inside = at === '' ? '' : ` in '${at}'`;
  return Object.entries(options).flatMap(([name, option]) => {
    const value = values[name];
    if (value === undefined || value === null) return option.required === true ? [`'${name}'${inside} is missing`] : [];
    return mistakesOf(at === '' ? name : `${at}.${name}`, option, value);
  });
}

function mistakesOf(
  path: string,
  { type = 'str', choices, elements, options }: Option,
  value: Value,
): readonly string[] {
  const plain = value instanceof Secret ? value.reveal() : value instanceof Float ? value.value : value;
  const judge = TYPES[type];
  if (judge !== undefined && !judge(plain as Value)) return [`'${path}' is not of type ${type}`];
  const all = type === 'list' ? listOf(plain as Value) : [plain as Value];
  if (choices !== undefined) {
    const allowed = choices.map(String);
    const strange = all.filter((one) => !allowed.includes(String(one)));
    if (strange.length > 0) return [`'${path}' must be one of ${allowed.join(', ')}`];
  }
  return all.flatMap((one, i) => {
    const own = type === 'list' ? `${path}[${i}]` : path;
    const of = type === 'list' ? elements : type;
    const test = of === undefined ? undefined : TYPES[of];
    if (test !== undefined && !test(one)) return [`'${own}' is not of type ${of}`];
    if (options === undefined || of !== 'dict') return [];
    if (!isDict(one)) return [];
    const unknown = Object.keys(one).filter((key) => !Object.hasOwn(options, key));
    return [...unknown.map((key) => `'${own}' has no option '${key}'`), ...mistakesIn(options, one, own)];
  });
}

function listOf(value: Value): readonly Value[] {
  return Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [value];
}

const isNumber = (value: Value): boolean =>
  value !== '' && Number.isFinite(Number(value)) && typeof value !== 'boolean';
const isScalar = (value: Value): boolean => ['string', 'number', 'boolean'].includes(typeof value);

/** Whether a value has a type, or can be converted to it, as Ansible's modules do. */
const TYPES: Readonly<Record<string, (value: Value) => boolean>> = {
  str: (value) => isScalar(value) || Array.isArray(value) || isDict(value),
  int: (value) => isNumber(value) && Number.isInteger(Number(value)),
  float: isNumber,
  bool: (value) => typeof toBoolean(value as never) === 'boolean',
  list: (value) => Array.isArray(value) || isScalar(value),
  dict: (value) => isDict(value) || (typeof value === 'string' && /^\s*\{|=/.test(value)),
  path: isScalar,
  raw: () => true,
  json: (value) => isScalar(value) || isDict(value) || Array.isArray(value),
  bytes: (value) => /^\d+(\.\d+)?\s*[KMGTPEZY]?[bB]?$/i.test(String(value)),
  bits: (value) => /^\d+(\.\d+)?\s*[KMGTPEZY]?b?$/i.test(String(value)),
};
