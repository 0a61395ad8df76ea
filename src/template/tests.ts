import { posix } from 'node:path';
import { matching } from '../core/bounded.ts';
import { toBoolean } from '../core/coerce.ts';
import { Secret, Unknown } from '../core/value.ts';
import { contains, equal, truth } from './compare.ts';
import type { Ctx } from './env.ts';
import { filters, plain } from './filters.ts';
import {
  asNumber,
  Callable,
  entry,
  type Item,
  isFloat,
  isList,
  isMapping,
  isNumber,
  isString,
  iterate,
  Thing,
  typeName,
  Undefined,
  wrong,
} from './item.ts';
import { lazy, type Operation, text, value } from './operation.ts';
import { compares } from './operators.ts';
import { str } from './print.ts';
import { pythonRegex } from './regex.ts';
import { networkTests } from './tests-network.ts';
import { versionCompare } from './version.ts';

type Judge = (item: Item) => boolean;

/** A test that computes with its input. Its answer is a plain boolean, even about a secret. */
const openly = (
  test: (item: Item, given: readonly (Item | undefined)[]) => boolean,
  parameters: string,
): Operation => ({ ...value(parameters, test), kind: 'open' });
const sign = (name: string): Operation => shapeOpen('other', (item, [other = null]) => compares(name, item, other));
type Look = ReturnType<Ctx['env']['ports']['look']>;
/** A test of a path of the controller. */
const disk = (judge: (look: Look, path: string) => boolean): Operation =>
  value('', (item, _given, ctx) => judge(ctx.env.ports.look(text(item)), text(item)));

/** Like shape, but a Secret is passed on as it is, because the comparison looks into it. */
function shapeOpen(parameters: string, run: (item: Item, given: readonly (Item | undefined)[]) => boolean): Operation {
  return lazy(parameters, (item, given) => {
    for (const one of [item, ...given]) {
      if (one instanceof Undefined) throw one.failure;
      if (one instanceof Unknown) return one;
    }
    return run(item, given);
  });
}

const eq = sign('==');
const ne = sign('!=');
const lt = sign('<');
const le = sign('<=');
const gt = sign('>');
const ge = sign('>=');
const version = openly(
  (item, [other, operator, strict, type]) =>
    versionCompare(
      text(item),
      text(other),
      text(operator, '=='),
      asNumber(strict) === 1,
      type === undefined || type === null ? undefined : text(type),
    ),
  'version operator strict version_type',
);
const failed = result('failed', (dict) => truth(entry(dict, 'failed') ?? false));
const succeeded = result('success', (dict) => !truth(entry(dict, 'failed') ?? false));
const changed = result('changed', (dict) => truth(entry(dict, 'changed') ?? false));
const skipped = result('skipped', (dict) => truth(entry(dict, 'skipped') ?? false));
const subset = shapeOpen('other', (item, [other = null]) =>
  iterate(item).every((one) => contains(iterate(other), one)),
);
const superset = shapeOpen('other', (item, [other = null]) =>
  iterate(other).every((one) => contains(iterate(item), one)),
);

/** Every test by its short name. */
export const tests: Readonly<Record<string, Operation>> = {
  ...networkTests,
  defined: lazy('', (item) => (item instanceof Unknown ? item : !(item instanceof Undefined))),
  undefined: lazy('', (item) => (item instanceof Unknown ? item : item instanceof Undefined)),
  none: known((item) => item === null),
  boolean: known((item) => typeof item === 'boolean'),
  true: known((item) => item === true),
  false: known((item) => item === false),
  integer: known((item) => isNumber(item) && !isFloat(item)),
  float: known((item) => isNumber(item) && isFloat(item)),
  number: known((item) => asNumber(item) !== undefined),
  string: known((item) => isString(item) || item instanceof Secret),
  mapping: known(isMapping),
  sequence: known((item) => isList(item) || isString(item) || isMapping(item) || item instanceof Secret),
  iterable: shapeOpen('', (item) => isList(item) || isString(item) || isMapping(item) || item instanceof Secret),
  callable: known((item) => item instanceof Callable || item instanceof Thing),
  filter: openly((item) => Object.hasOwn(filters, plain(str(item))), ''),
  test: openly((item) => Object.hasOwn(tests, plain(str(item))), ''),
  sameas: shapeOpen(
    'other',
    (item, [other = null]) =>
      item === other ||
      (!isList(item) &&
        !isMapping(item) &&
        isFloat(item) === isFloat(other) &&
        typeof item === typeof other &&
        equal(item, other)),
  ),
  truthy: shapeOpen('convert_bool', (item, [convert]) => truth(asBoolean(item, convert))),
  falsy: shapeOpen('convert_bool', (item, [convert]) => !truth(asBoolean(item, convert))),
  odd: openly((item) => Math.abs(needed(item) % 2) === 1, ''),
  even: openly((item) => needed(item) % 2 === 0, ''),
  divisibleby: openly((item, [by]) => needed(item) % needed(by) === 0, 'num'),
  lower: openly((item) => str(item) === str(item).toLowerCase() && str(item) !== str(item).toUpperCase(), ''),
  upper: openly((item) => str(item) === str(item).toUpperCase() && str(item) !== str(item).toLowerCase(), ''),
  in: shapeOpen('seq', (item, [list = null]) => contains(list, item)),
  contains: shapeOpen('value', (item, [one = null]) => contains(item, one)),
  eq,
  equalto: eq,
  '==': eq,
  ne,
  '!=': ne,
  lt,
  lessthan: lt,
  '<': lt,
  le,
  '<=': le,
  gt,
  greaterthan: gt,
  '>': gt,
  ge,
  '>=': ge, // biome-ignore format: one line
  match: openly(
    (item, [pattern, ignore, multi]) => regexTest(item, pattern, ignore, multi, 'match'),
    'pattern ignorecase multiline',
  ),
  search: openly(
    (item, [pattern, ignore, multi]) => regexTest(item, pattern, ignore, multi, 'search'),
    'pattern ignorecase multiline',
  ),
  regex: openly(
    (item, [pattern, ignore, multi, type]) => regexTest(item, pattern, ignore, multi, text(type, 'search')),
    'pattern ignorecase multiline match_type',
  ),
  version,
  version_compare: version,
  failed,
  failure: failed,
  success: succeeded,
  succeeded,
  successful: succeeded,
  changed,
  change: changed,
  skipped,
  skip: skipped,
  unreachable: result('unreachable', (dict) => truth(entry(dict, 'unreachable') ?? false)),
  reachable: result('reachable', (dict) => !truth(entry(dict, 'unreachable') ?? false)),
  finished: result('finished', (dict) => truth(entry(dict, 'finished') ?? true)),
  started: result('started', (dict) => truth(entry(dict, 'started') ?? true)),
  timedout: result('timedout', (dict) => truth(entry(dict, 'timedout') ?? false)),
  subset,
  issubset: subset,
  superset,
  issuperset: superset,
  any: shapeOpen('', (item) => iterate(item).some(truth)),
  all: shapeOpen('', (item) => iterate(item).every(truth)),
  nan: openly((item) => Number.isNaN(asNumber(item)), ''),
  isnan: openly((item) => Number.isNaN(asNumber(item)), ''),
  abs: openly((item) => posix.isAbsolute(str(item)), ''),
  is_abs: openly((item) => posix.isAbsolute(str(item)), ''),
  uri: openly((item) => /^[A-Za-z][A-Za-z\d+.-]*:\S+$/.test(str(item)), 'schemes'),
  url: openly((item) => /^[A-Za-z][A-Za-z\d+.-]*:\/\/[^\s/]+/.test(str(item)), 'schemes'),
  urn: openly((item) => /^urn:[^:\s]+:\S+$/i.test(str(item)), ''),
  vault_encrypted: openly((item) => str(item).startsWith('$ANSIBLE_VAULT;'), ''),
  file: disk(({ kind }) => kind === 'file'),
  is_file: disk(({ kind }) => kind === 'file'),
  directory: disk(({ kind }) => kind === 'directory'),
  is_dir: disk(({ kind }) => kind === 'directory'),
  link: disk(({ isLink }) => isLink),
  is_link: disk(({ isLink }) => isLink),
  exists: disk(({ kind }) => kind !== 'absent'),
  link_exists: disk(({ kind, isLink }) => kind !== 'absent' || isLink),
  mount: disk(({ isMount }) => isMount),
  is_mount: disk(({ isMount }) => isMount),
  same_file: value('other', (item, [other], ctx) => {
    const { look } = ctx.env.ports;
    return look(text(item)).kind !== 'absent' && look(text(item)).id === look(text(other)).id;
  }),
  is_same_file: value('other', (item, [other], ctx) => {
    const { look } = ctx.env.ports;
    return look(text(item)).kind !== 'absent' && look(text(item)).id === look(text(other)).id;
  }),
};

/** Tests the type of a value. An undefined value has none, as in Jinja2. */
function known(test: Judge): Operation {
  return lazy('', (item) => (item instanceof Unknown ? item : !(item instanceof Undefined) && test(item)));
}

function needed(item: Item | undefined): number {
  return asNumber(item) ?? wrong(`expected a number, got ${typeName(item ?? null)}`);
}

/** A test on a registered result. */
function result(name: string, test: (dict: Parameters<typeof entry>[0]) => boolean): Operation {
  return shapeOpen('', (item) =>
    isMapping(item) ? test(item) : wrong(`the '${name}' test expects the result of a task (register)`),
  );
}

/** With convert_bool, a word for a boolean such as 'no' counts as one. */
function asBoolean(item: Item, convert: Item | undefined): Item {
  if (convert === undefined || !truth(convert)) return item;
  const word = toBoolean(item);
  return typeof word === 'boolean' ? word : item;
}

function regexTest(
  item: Item,
  pattern: Item | undefined,
  ignore: Item | undefined,
  multi: Item | undefined,
  type: string,
): boolean {
  const regex = pythonRegex(text(pattern), { ignoreCase: asNumber(ignore) === 1, multiline: asNumber(multi) === 1 });
  const subject = str(item);
  const found = matching(text(pattern), () => regex.exec(subject), subject);
  if (type === 'search') return found !== null;
  if (found?.index === 0 && type === 'match') return true;
  // The first match may start later although another one exists at the start, so the pattern is anchored.
  const anchored = pythonRegex(type === 'fullmatch' ? `\\A(?:${text(pattern)})\\Z` : `\\A(?:${text(pattern)})`, {
    ignoreCase: asNumber(ignore) === 1,
    multiline: asNumber(multi) === 1,
  });
  return matching(text(pattern), () => anchored.test(subject), subject);
}
