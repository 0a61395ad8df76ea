import { type ArgError, argDiagnostic } from '../core/bind.ts';
import { tell } from '../core/errors/index.ts';
import { withHomes } from '../core/home.ts';
import { isOfCollection } from '../core/language/ansible-modules.ts';
import type { Module } from '../core/module.ts';
import { isStep } from '../core/module.ts';
import { type Raw, type RawVars, TemplateText } from '../core/value.ts';
import { freeForm, keyValues } from './freeform.ts';
import { checkTemplates, isNull, type Reading, textOf } from './reading.ts';
import { type Entry, entry, type MapNode, type Node, placeOf, toVars } from './source.ts';

/** Ansible's own collection. Its prefix is optional, and it also forwards to modules that moved to other collections. */
export const BUILTIN = /^ansible\.(builtin|legacy)\./;

/** `action: module k=v` or `action: {module: …, …}`. */
export function actionOf(action: Entry, reading: Reading): { name: string; value: Node } {
  const { value } = action;
  if (value.kind === 'map') {
    const name = textOf(value, 'module', reading) ?? '';
    return { name, value: { ...value, entries: value.entries.filter((e) => e.key !== 'module') } };
  }
  const source = value.kind === 'scalar' ? value.source : '';
  const [name = '', rest = ''] = source.split(/\s+(.*)/s);
  return {
    name,
    value: { kind: 'scalar', at: value.at, value: rest, source: rest, isPlain: true },
  };
}

/** The module's short name. A name with a collection that has no such module stays as it is, and nobody knows it. */
export function moduleName(key: string): string {
  const [, collection = '', short = ''] = /^(\w+\.\w+)\.(\w+)$/.exec(key) ?? [];
  return BUILTIN.test(key) || isOfCollection(short, collection) ? short : key;
}

export function readArgs(
  node: MapNode,
  value: Node,
  impl: Module | undefined,
  module: string,
  reading: Reading,
): RawVars {
  const more = entry(node, 'args')?.value;
  const extra = more?.kind === 'map' ? toVars(more) : {};
  checkTemplates(extra as Raw, reading);
  if (value.kind === 'map') {
    const args = toVars(value);
    const modes = value.entries.filter((e) => isMode(e, impl));
    checkModes(modes, reading);
    checkTemplates(args as Raw, reading);
    return {
      ...args,
      ...Object.fromEntries(modes.map((e) => [e.key, (e.value as { source: string }).source])),
      ...extra,
    };
  }
  if (isNull(value)) return extra;
  if (value.kind === 'seq') {
    reading.problems.push(tell('E_ARGUMENT_FORM', { module, found: 'a list' }, value.at));
    return extra;
  }
  const into = impl?.freeForm ?? (module === 'meta' ? 'free_form' : undefined);
  const parsed =
    into === undefined
      ? keyValues(value.source, value.at)
      : freeForm(value.source, value.at, into, Object.keys(impl?.args.properties ?? {}));
  if (parsed === undefined) {
    reading.problems.push(tell('E_ARGUMENT_FORM', { module, found: 'not key=value' }, value.at));
    return extra;
  }
  checkTemplates(parsed as Raw, reading);
  return { ...parsed, ...extra };
}

/** Whether an argument of the module is a file mode that is written as a number. */
function isMode({ key, value }: Entry, impl: Module | undefined): boolean {
  const isOwn = Object.hasOwn(impl?.args.properties ?? {}, impl?.aliases[key] ?? key);
  return isOwn && /mode$/.test(key) && value.kind === 'scalar' && value.isPlain && typeof value.value === 'number';
}

/**
 * `mode: 644` is a decimal number, which Ansible turns into octal 1204. 0644 (octal in YAML 1.1) is read as written.
 */
function checkModes(modes: readonly Entry[], reading: Reading): void {
  for (const { key, value } of modes) {
    if (value.kind !== 'scalar' || /^0[0-7]+$/.test(value.source)) continue;
    const { source } = value;
    reading.problems.push(tell('E_MODE_NOT_OCTAL', { name: key, value: source, digits: `0${source}` }, value.at));
  }
}

/** Checks arguments before templates have values: all names, and every value that contains no template. */
export function checkArgs(impl: Module, args: RawVars, node: Node, action: Entry, reading: Reading): void {
  const bound = impl.bind(withHomes(args, impl, () => '/root')); // any home will do
  if (isStep(bound)) return;
  for (const wrong of bound) {
    if (leadsToTemplate(wrong.path, renamedBack(args, impl), reading)) continue;
    const own = wrong.path.map((step, i) => (i === 0 ? aliasOf(String(step), args, impl) : step));
    const at = wrong.path.length === 0 || node.kind !== 'map' ? action.keyAt : placeOf(node, own, markOf(wrong));
    reading.problems.push(argDiagnostic(impl.name, wrong, at));
  }
}

/** An unknown name is marked itself. A wrong value is marked where it stands. */
export function markOf(wrong: ArgError): 'key' | 'value' {
  return wrong.code === 'E_UNKNOWN_ARGUMENT' ? 'key' : 'value';
}

function renamedBack(args: RawVars, impl: Module): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [impl.aliases[key] ?? key, value]));
}

function aliasOf(name: string, args: RawVars, impl: Module): string {
  return Object.keys(args).find((key) => (impl.aliases[key] ?? key) === name) ?? name;
}

/** Whether the value at `path`, or one on the way to it, is or contains a template, so that it is not known yet. */
export function leadsToTemplate(
  path: readonly (string | number)[],
  args: unknown,
  { ports }: Pick<Reading, 'ports'>,
): boolean {
  let value = args;
  for (const step of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined;
    if (value instanceof TemplateText) return true;
  }
  for (const _ of path.length === 0 ? [] : ports.templatesIn(value as Raw)) return true;
  return false;
}
