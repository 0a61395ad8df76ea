import { tell } from '../core/errors/index.ts';
import { KEYWORDS } from '../core/language/keywords.ts';
import { FROM, type From, type IncludeKind, optionsOfInclude } from '../core/language/options.ts';
import type { Common } from '../core/playbook.ts';
import type { Raw } from '../core/value.ts';
import { isOption, readCommon } from './common.ts';
import { keyValues } from './freeform.ts';
import { booleanOf, checkTemplates, isNull, type Reading, rawOf } from './reading.ts';
import { type Entry, entry, type MapNode, toRaw, wrongShape } from './source.ts';

/** What an include or an import says beside its keywords. */
export type IncludeOptions = Readonly<{
  /** The file, or the name of the role. undefined: it is missing. */
  target: Raw | undefined;
  /** The parts of the role that it names, as they stand. */
  from: Readonly<Partial<Record<From, Raw>>>;
  isPublic: boolean;
  allowsDuplicates: boolean;
  validates: boolean;
  map: MapNode | undefined;
}>;

export function readIncludeOptions(node: MapNode, action: Entry, kind: IncludeKind, reading: Reading): IncludeOptions {
  const isRole = kind.endsWith('role');
  const map = mapOf(node, action, isRole);
  for (const e of map?.entries ?? []) isOption(e, optionsOfInclude(kind), kind, reading.problems);
  const key = isRole && map !== undefined && entry(map, 'name') === undefined ? 'role' : 'name';
  const target = map === undefined ? toRaw(action.value) : rawOf(map, isRole ? key : 'file', reading);
  if (target !== undefined) checkTemplates(target, reading);
  const from = FROM.flatMap((name) => {
    const raw = map && rawOf(map, name, reading);
    return raw === undefined ? [] : [[name, raw] as const];
  });
  const flag = (name: string): Raw | undefined => map && booleanOf(map, name, reading);
  return {
    target: target === null ? undefined : target,
    from: Object.fromEntries(from),
    isPublic: (flag('public') ?? kind === 'import_role') === true,
    allowsDuplicates: flag('allow_duplicates') !== false,
    validates: flag('rolespec_validate') !== false,
    map,
  };
}

/** The options as a map: written as one, as `name=x tasks_from=y`, or as a bare name with `args:` beside it. */
function mapOf(node: MapNode, action: Entry, isRole: boolean): MapNode | undefined {
  const { value } = action;
  const args = entry(node, 'args')?.value;
  const more = args?.kind === 'map' ? args.entries : [];
  if (value.kind === 'map') return { ...value, entries: [...value.entries, ...more] };
  const pairs = value.kind === 'scalar' && /^\w+=/.test(value.source) ? keyValues(value.source, value.at) : undefined;
  if (pairs !== undefined) {
    const entries = Object.entries(pairs).map(([key, raw]): Entry => {
      const source = typeof raw === 'string' ? raw : value.kind === 'scalar' ? value.source : '';
      const own = { kind: 'scalar', at: value.at, value: raw, source, isPlain: true } as const;
      return { key, keyValue: key, keyAt: value.at, value: own };
    });
    return { kind: 'map', at: value.at, entries: [...entries, ...more] };
  }
  if (more.length === 0) return undefined;
  const key = isRole ? 'name' : 'file';
  const target = isNull(value) ? [] : [{ key, keyValue: key, keyAt: action.keyAt, value }];
  return { kind: 'map', at: action.keyAt, entries: [...target, ...more] };
}

const INHERITED = Object.entries(KEYWORDS).flatMap(([name, row]) =>
  'inherit' in row && row.inherit !== 'own' ? [name] : [],
);

/** `apply:` of an include. Its tasks inherit these keywords as if a block surrounded them. */
export function applied(map: MapNode | undefined, inner: Common, reading: Reading): Common {
  const apply = map && entry(map, 'apply')?.value;
  if (apply === undefined || isNull(apply)) return inner;
  if (apply.kind !== 'map') {
    reading.problems.push(wrongShape(apply, "'apply'", 'a map of keywords'));
    return inner;
  }
  for (const e of apply.entries) isOption(e, INHERITED, "'apply'", reading.problems);
  return { ...readCommon(apply, inner, reading), at: inner.at, name: inner.name };
}

/** A missing target. */
export function noTarget(kind: IncludeKind, action: Entry) {
  const [wanted, expected] = kind.endsWith('role') ? ['role', 'name: ROLE'] : ['file', `${kind}: FILE`];
  return tell('E_NO_TARGET', { kind, wanted, expected }, action.keyAt);
}
