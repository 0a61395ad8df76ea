import { argDiagnostic } from '../core/bind.ts';
import { type Check, isBound } from '../core/check.ts';
import type { Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import type { Raw, RawVars } from '../core/value.ts';
import { leadsToTemplate, markOf } from './arguments.ts';
import { isOption } from './common.ts';
import { isNull, type Reading, rawOf, type TemplateReading } from './reading.ts';
import { type MapNode, type Node, placeOf, toRaw, toVars, wrongShape } from './source.ts';

/** One entry of a checks file, with templates not yet evaluated. */
export type CheckEntry = Readonly<{
  name: Raw | undefined;
  kind: string;
  check: Check;
  args: RawVars;
  at: Pos;
  argAt: (path: readonly (string | number)[]) => Pos;
  /** What the check proves, in a word or two: results are grouped by it. */
  proves: Raw | undefined;
  within: Raw | undefined;
  when: Raw | undefined;
  loop: Raw | undefined;
}>;

export type SourceReading = Pick<Reading, 'files' | 'problems' | 'ports'>;
type Noted = SourceReading & TemplateReading;
const KEYWORDS = ['name', 'proves', 'within', 'loop', 'when'];

/** Reads a checks file: a list of `- name: … KIND: {arguments}`, with `proves`, `within` (seconds), `when` and `loop`. */
export function loadChecks(
  file: string,
  kinds: ReadonlyMap<string, Check>,
  context: SourceReading,
): readonly CheckEntry[] {
  const node = context.files.yaml(file);
  if (node === undefined || isNull(node)) return [];
  return readChecks(node, kinds, context);
}

/** Reads checks that are part of another file, for example of a drill. */
export function readChecks(
  node: Node,
  kinds: ReadonlyMap<string, Check>,
  context: SourceReading,
): readonly CheckEntry[] {
  if (node.kind !== 'seq') {
    context.problems.push(wrongShape(node, "'checks'", 'a list', '- name: … and a check'));
    return [];
  }
  const noted: Noted = { ...context, defined: new Set(), used: new Map() };
  return node.items.flatMap((item) => readCheck(item, kinds, noted));
}

function readCheck(item: Node, kinds: ReadonlyMap<string, Check>, context: Noted): readonly CheckEntry[] {
  const { problems } = context;
  if (item.kind !== 'map') {
    problems.push(wrongShape(item, 'a check', 'a map', '- name: … and a check'));
    return [];
  }
  const [kind, ...more] = item.entries.filter((e) => kinds.has(e.key));
  const others = item.entries.filter((e) => !kinds.has(e.key) && !KEYWORDS.includes(e.key));
  if (kind === undefined) {
    const [wrong] = others;
    if (wrong === undefined)
      problems.push(
        tell(
          'E_NO_ACTION',
          { of: 'entry', action: 'check', expected: `one of ${[...kinds.keys()].join(', ')}` },
          item.at,
        ),
      );
    else problems.push(tell('E_UNKNOWN_CHECK', { name: wrong.key, known: kinds.keys() }, wrong.keyAt));
    return [];
  }
  for (const e of others) isOption(e, KEYWORDS, 'a check', problems);
  for (const e of more)
    problems.push(tell('E_TWO_ACTIONS', { of: 'entry', action: 'check', first: kind.key, second: e.key }, e.keyAt));
  const check = kinds.get(kind.key);
  if (check === undefined || kind.value.kind !== 'map') {
    problems.push(wrongShape(kind.value, `'${kind.key}'`, 'a map'));
    return [];
  }
  const value = kind.value;
  const args = toVars(value);
  checkStatic(check, args, value, context);
  const get = (key: string): Raw | undefined => rawOf(item, key, context);
  const whens = item.entries.find((e) => e.key === 'when');
  return [
    {
      name: get('name'),
      kind: kind.key,
      check,
      args,
      at: item.at,
      argAt: (path) => placeOf(value, path),
      proves: get('proves'),
      within: get('within'),
      when: whens && toRaw(whens.value),
      loop: get('loop'),
    },
  ];
}

/** Checks what is known before templates are evaluated: names of arguments, and values without templates. */
function checkStatic(check: Check, args: RawVars, node: MapNode, context: SourceReading): void {
  const bound = check.bind(args);
  if (isBound(bound)) return;
  for (const wrong of bound) {
    if (!leadsToTemplate(wrong.path, args, context)) {
      context.problems.push(argDiagnostic(check.name, wrong, placeOf(node, wrong.path, markOf(wrong))));
    }
  }
}
