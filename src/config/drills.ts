import type { TObject } from 'typebox';
import { type ArgError, argDiagnostic, binder } from '../core/bind.ts';
import type { Check } from '../core/check.ts';
import type { Pos } from '../core/diagnostic.ts';
import { isBoundStep, type StepKind } from '../core/drill.ts';
import { Expect, Find, Ledger, Load, Watch } from '../core/drill-args.ts';
import { tell } from '../core/errors/index.ts';
import type { Raw, RawVars } from '../core/value.ts';
import { leadsToTemplate, markOf } from './arguments.ts';
import { type CheckEntry, readChecks, type SourceReading } from './checks.ts';
import { isOption } from './common.ts';
import { checkTemplates, isNull, rawOf, type TemplateReading } from './reading.ts';
import { entry, type MapNode, type Node, placeOf, toRaw, toVars, wrongShape } from './source.ts';

/** A part of a drill with its templates not yet evaluated, and the positions of its values. */
export type Piece = Readonly<{ raw: Raw; at: Pos; argAt: (path: readonly (string | number)[]) => Pos }>;
export type StepEntry = Readonly<{
  name: Raw | undefined;
  at: Pos;
  time: Raw | undefined;
  after: Raw | undefined;
  when: Raw | undefined;
  /** `wait_for` waits for a check. All other keys are kinds of steps. */
  does: Readonly<{ kind: StepKind; args: Piece }> | Readonly<{ check: CheckEntry }>;
}>;
/** One entry of a drills file. */
export type DrillEntry = Readonly<{
  name: Raw;
  at: Pos;
  when: Raw | undefined;
  vars: RawVars;
  load: Piece;
  find: readonly Piece[];
  watch: readonly Piece[];
  ledger: Piece | undefined;
  steps: readonly StepEntry[];
  cleanup: readonly StepEntry[];
  expect: Piece;
  checks: readonly CheckEntry[];
}>;
export type Kinds = Readonly<{ steps: ReadonlyMap<string, StepKind>; checks: ReadonlyMap<string, Check> }>;

const KEYWORDS = ['name', 'when', 'vars', 'load', 'find', 'watch', 'ledger', 'steps', 'cleanup', 'expect', 'checks'];
const STEP_KEYWORDS = ['name', 'at', 'after', 'when'];
const WAIT = 'wait_for';

/** Reads a drills file: a list of drills. Every mistake that can be found before variables have values is reported. */
export function loadDrills(file: string, kinds: Kinds, context: SourceReading): readonly DrillEntry[] {
  const node = context.files.yaml(file);
  if (node === undefined || isNull(node)) return [];
  const noted: DrillReading = { ...context, defined: new Set(), used: new Map() };
  return itemsOf(node, 'a drills file', '- name: …', noted).flatMap((item) => readDrill(item, kinds, noted));
}
type DrillReading = SourceReading & TemplateReading;

function readDrill(node: MapNode, kinds: Kinds, context: DrillReading): readonly DrillEntry[] {
  const { problems } = context;
  for (const e of node.entries) isOption(e, KEYWORDS, 'a drill', problems);
  for (const key of ['name', 'load', 'expect'])
    if (entry(node, key) === undefined)
      problems.push(tell('E_DRILL_INCOMPLETE', { key, expected: EXPECTED[key] }, node.at));
  const [name, load, expect] = [entry(node, 'name'), entry(node, 'load'), entry(node, 'expect')];
  if (name === undefined || load === undefined || expect === undefined) return [];
  const pieces = (key: string, schema: TObject): readonly Piece[] =>
    listOf(node, key, context).map((item) => piece(key, item, binder(schema, `drill ${key}`), context));
  const vars = entry(node, 'vars')?.value;
  if (vars !== undefined && vars.kind !== 'map') problems.push(wrongShape(vars, "'vars'", 'a map', 'name: value'));
  const found = vars?.kind === 'map' ? toVars(vars) : {};
  checkTemplates(found as Raw, context);
  const ledger = entry(node, 'ledger');
  const checks = entry(node, 'checks');
  const steps = (key: string): readonly StepEntry[] =>
    listOf(node, key, context).flatMap((item) => readStep(item, kinds, context));
  return [
    {
      name: rawOf(node, 'name', context) ?? '',
      at: name.value.at,
      when: whenOf(node),
      vars: found,
      load: piece('load', load.value, binder(Load, 'drill load'), context),
      find: pieces('find', Find),
      watch: pieces('watch', Watch),
      ledger: ledger && piece('ledger', ledger.value, binder(Ledger, 'drill ledger'), context),
      steps: steps('steps'),
      cleanup: steps('cleanup'),
      expect: piece('expect', expect.value, binder(Expect, 'drill expect'), context),
      checks: checks === undefined || isNull(checks.value) ? [] : readChecks(checks.value, kinds.checks, context),
    },
  ];
}
const EXPECTED: Readonly<Record<string, string>> = {
  name: 'name: what happens',
  load: 'load: {url: …, seconds: …, requests: […]}',
  expect: 'expect: {failed: 0}',
};

function readStep(node: MapNode, kinds: Kinds, context: DrillReading): readonly StepEntry[] {
  const { problems } = context;
  const known = [...kinds.steps.keys(), WAIT];
  const [does, ...more] = node.entries.filter((e) => known.includes(e.key));
  const others = node.entries.filter((e) => !known.includes(e.key) && !STEP_KEYWORDS.includes(e.key));
  if (does === undefined) {
    const [wrong] = others;
    if (wrong === undefined)
      problems.push(
        tell('E_NO_ACTION', { of: 'step', action: 'action', expected: `one of ${known.join(', ')}` }, node.at),
      );
    else problems.push(tell('E_UNKNOWN_STEP', { name: wrong.key, known }, wrong.keyAt));
    return [];
  }
  for (const e of others) isOption(e, STEP_KEYWORDS, 'a step', problems);
  for (const e of more)
    problems.push(tell('E_TWO_ACTIONS', { of: 'step', action: 'action', first: does.key, second: e.key }, e.keyAt));
  const timing = {
    name: rawOf(node, 'name', context),
    at: node.at,
    time: rawOf(node, 'at', context),
    after: rawOf(node, 'after', context),
    when: whenOf(node),
  };
  if (does.key === WAIT) {
    const list: Node = { kind: 'seq', at: does.value.at, items: [does.value] };
    return readChecks(list, kinds.checks, context).map((check) => ({ ...timing, does: { check } }));
  }
  const kind = kinds.steps.get(does.key);
  if (kind === undefined) return [];
  const bind = (args: RawVars): { errors: readonly ArgError[] } | object => {
    const bound = kind.bind(args);
    return isBoundStep(bound) ? bound : { errors: bound };
  };
  return [{ ...timing, does: { kind, args: piece(does.key, does.value, bind, context) } }];
}

/** Checks what is known before templates are evaluated: names of arguments, and values without templates. */
function piece(
  what: string,
  node: Node,
  bind: (args: RawVars) => { errors: readonly ArgError[] } | object,
  context: DrillReading,
): Piece {
  const raw = toRaw(node);
  checkTemplates(raw, context);
  const self: Piece = { raw, at: node.at, argAt: (path) => placeOf(node, path) };
  if (node.kind !== 'map') {
    if ([...context.ports.templatesIn(raw)].length === 0) context.problems.push(wrongShape(node, `'${what}'`, 'a map'));
    return self;
  }
  const args = toVars(node);
  const bound = bind(args);
  for (const wrong of 'errors' in bound ? bound.errors : [])
    if (!leadsToTemplate(wrong.path, args, context))
      context.problems.push(argDiagnostic(what, wrong, placeOf(node, wrong.path, markOf(wrong))));
  return self;
}

function listOf(node: MapNode, key: string, context: DrillReading): readonly MapNode[] {
  const found = entry(node, key);
  return found === undefined || isNull(found.value) ? [] : itemsOf(found.value, `'${key}'`, `${key}: [{…}]`, context);
}

function itemsOf(node: Node, what: string, expected: string, { problems }: DrillReading): readonly MapNode[] {
  if (node.kind !== 'seq') {
    problems.push(wrongShape(node, what, 'a list', expected));
    return [];
  }
  return node.items.flatMap((item) => {
    if (item.kind === 'map') return [item];
    problems.push(wrongShape(item, `an item of ${what}`, 'a map', expected));
    return [];
  });
}

function whenOf(node: MapNode): Raw | undefined {
  const found = entry(node, 'when');
  return found && toRaw(found.value);
}
