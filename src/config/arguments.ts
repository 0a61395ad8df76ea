import { type ArgError, argDiagnostic } from '../core/bind.ts';
import type { Pos } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { relativePaths, withFullPaths } from '../core/host-paths.ts';
import { isOfCollection } from '../core/language/ansible-modules.ts';
import type { Module } from '../core/module.ts';
import { isStep } from '../core/module.ts';
import { SPREAD } from '../core/playbook.ts';
import { type Raw, type RawVars, TemplateText } from '../core/value.ts';
import { firstWord, freeForm, keyValues } from './freeform.ts';
import { checkTemplates, isNull, type Reading, textOf } from './reading.ts';
import { type Entry, entry, type MapNode, type Node, placeOf, toRaw, toVars } from './source.ts';

/** Ansible's own collection. Its prefix is optional, and it also forwards to modules that moved to other collections. */
export const BUILTIN = /^ansible\.(builtin|legacy)\./;

/** `action: module k=v` or `action: {module: …, …}`. */
export function actionOf(action: Entry, reading: Reading): { module: string; value: Node } {
  const { value } = action;
  if (value.kind === 'map') {
    const named = entry(value, 'module')?.value;
    const isLate = named?.kind === 'scalar' && named.value instanceof TemplateText;
    const name = isLate ? named.source.trim() : (textOf(value, 'module', reading) ?? '');
    return { module: moduleName(name), value: { ...value, entries: value.entries.filter((e) => e.key !== 'module') } };
  }
  const { name, rest } = firstWord(value.kind === 'scalar' ? value.source.trim() : '');
  return {
    module: moduleName(name),
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
  const extra = extraArgs(node, module, reading);
  if (value.kind === 'map') {
    const args = toVars(value);
    const modes = value.entries.filter((e) => isMode(e, impl));
    checkModes(modes, reading);
    checkTemplates(args as Raw, reading);
    return {
      ...extra,
      ...args,
      ...Object.fromEntries(modes.map((e) => [e.key, (e.value as { source: string }).source])),
    };
  }
  if (isNull(value)) return extra;
  if (value.kind === 'seq') {
    reading.problems.push(tell('E_ARGUMENT_FORM', { module, found: 'a list' }, value.at));
    return extra;
  }
  if (impl?.freeForm === undefined && isWhole(value) && keyValues(value.source, value.at) === undefined) {
    const whole = toRaw(value);
    checkTemplates(whole, reading);
    return { ...extra, [SPREAD]: whole };
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
  return { ...extra, ...parsed };
}

/**
 * `args:` beside the module: more arguments, as a map or as one template that evaluates to a map. What is given with
 * the module overrides them.
 */
function extraArgs(node: MapNode, module: string, reading: Reading): RawVars {
  const more = entry(node, 'args')?.value;
  if (more === undefined || isNull(more)) return {};
  const extra: RawVars | undefined =
    more.kind === 'map' ? toVars(more) : isWhole(more) ? { [SPREAD]: toRaw(more) } : undefined;
  if (extra === undefined) reading.problems.push(tell('E_ARGUMENT_FORM', { module, found: 'not a map' }, more.at));
  else checkTemplates(extra as Raw, reading);
  return extra ?? {};
}

/** Whether a value is one template and nothing else: `user: "{{ item }}"`. */
function isWhole(value: Node): boolean {
  return value.kind === 'scalar' && value.value instanceof TemplateText && /^\s*\{\{.*\}\}\s*$/s.test(value.source);
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
  if (Object.hasOwn(args, SPREAD)) return; // the rest is known when the template has its value
  const placeOfArg = (path: ArgError['path'], mark: 'key' | 'value'): Pos => {
    const own = path.map((step, i) => (i === 0 ? aliasOf(String(step), args, impl) : step));
    return path.length === 0 || node.kind !== 'map' ? action.keyAt : placeOf(node, own, mark);
  };
  // Any home will do, and any directory: whether the task runs on this machine depends on the host.
  const bound = impl.bind(withFullPaths(args, impl, { homeOf: () => '/root', base: () => '' }));
  for (const wrong of isStep(bound) ? [] : bound)
    if (!leadsToTemplate(wrong.path, renamedBack(args, impl), reading))
      reading.problems.push(argDiagnostic(impl.name, wrong, placeOfArg(wrong.path, markOf(wrong))));
  for (const [name, path] of relativePaths(args, impl)) {
    const given = { of: impl.name, name, path };
    reading.problems.push(tell('E_RELATIVE_PATH', given, placeOfArg([impl.aliases[name] ?? name], 'value')));
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
