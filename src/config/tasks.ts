import { dirname } from 'node:path';
import { Type } from 'typebox';
import { tell } from '../core/errors/index.ts';
import { isAnsibleModule } from '../core/language/ansible-modules.ts';
import { keywordsOn, rowOf } from '../core/language/keywords.ts';
import { META_ACTIONS } from '../core/language/meta.ts';
import type { Module } from '../core/module.ts';
import { type Block, type Common, type Item, SPREAD, type Task } from '../core/playbook.ts';
import type { RawVars } from '../core/value.ts';
import { actionOf, BUILTIN, checkArgs, moduleName, readArgs } from './arguments.ts';
import { isKeyword, readCommon, readOwnKeywords } from './common.ts';
import { defaultsFor } from './defaults.ts';
import { readInclude } from './includes.ts';
import { isLateAction, readLateAction } from './late-action.ts';
import { readLoop } from './loops.ts';
import { ownModule } from './own-modules.ts';
import { aside, isNull, type Reading, settle } from './reading.ts';
import { described, type Entry, entry, type MapNode, type Node, placeOf, wrongShape } from './source.ts';

/** Keywords that name the module in their value. */
const ACTIONS: readonly string[] = ['action', 'local_action'];
const IMPORTS = new Set(['import_tasks', 'import_role', 'include_tasks', 'include_role', 'include', 'import_playbook']);
/** Actions that the engine carries out itself. */
export const ENGINE_ACTIONS: readonly string[] = ['meta'];

/** The items of a list of tasks: `tasks:`, a block's body, a role's tasks/main.yml. */
export function readItems(node: Node | undefined, around: Common, reading: Reading): readonly Item[] {
  if (node === undefined || isNull(node)) return [];
  if (node.kind !== 'seq') {
    reading.problems.push(wrongShape(node, 'this part', 'a list of tasks', '- name: …'));
    return [];
  }
  return node.items.flatMap((item) => {
    if (item.kind === 'map') return readItem(item, around, reading);
    reading.problems.push(wrongShape(item, 'a task', 'a map', '- name: … and a module'));
    return [];
  });
}

export function readTasksFile(file: string, around: Common, reading: Reading, from?: Common): readonly Item[] {
  const node = reading.files.yaml(file, undefined, from?.at);
  return readItems(node, { ...around, dir: dirname(file) }, reading);
}

function readItem(node: MapNode, around: Common, reading: Reading): readonly Item[] {
  if (entry(node, 'block') !== undefined) return [readBlock(node, around, reading)];
  // A keyword of plays may be a module's name in a task: `user`.
  const isAction = ({ key }: Entry): boolean =>
    !key.startsWith('with_') &&
    (rowOf(key) === undefined || (!keywordsOn(reading.place).includes(key) && reading.ports.modules.has(key)));
  const actions = node.entries.filter(isAction);
  const include = actions.find((e) => IMPORTS.has(e.key.replace(BUILTIN, '')));
  if (include !== undefined) return readInclude(node, include, around, reading);
  const named = node.entries.find((e) => e.key === 'action');
  const target = named === undefined ? undefined : actionOf(named, reading);
  const key = moduleName(target?.name ?? '');
  if (named !== undefined && target !== undefined && IMPORTS.has(key)) {
    // `action: include_tasks web.yml`
    const own: Entry = { ...named, key, keyValue: key, value: target.value };
    return readInclude({ ...node, entries: node.entries.map((e) => (e === named ? own : e)) }, own, around, reading);
  }
  const late = node.entries.find((e) => ACTIONS.includes(e.key) && isLateAction(e, reading));
  if (late !== undefined) return [readLateAction(node, late, around, reading, readItem)];
  const task = readTask(node, actions, around, reading);
  return task === undefined ? [] : [task];
}

function readBlock(node: MapNode, around: Common, reading: Reading): Block {
  const own = aside(reading);
  for (const e of node.entries) isKeyword(e, 'block', 'a block', own.problems);
  const read = readCommon(node, around, own);
  const common = { ...read, ...settle(own, around, reading) };
  const part = (key: string): readonly Item[] => readItems(entry(node, key)?.value, common, reading);
  return { ...common, kind: 'block', body: part('block'), rescue: part('rescue'), always: part('always') };
}

function readTask(node: MapNode, actions: readonly Entry[], around: Common, reading: Reading): Task | undefined {
  const own = aside(reading);
  const task = readOwn(node, actions, around, own);
  const found = settle(own, around, reading);
  return task && { ...task, ...found };
}

function readOwn(node: MapNode, actions: readonly Entry[], around: Common, reading: Reading): Task | undefined {
  const { problems, ports, place } = reading;
  const read = readCommon(node, around, reading);
  const isModule = (e: Entry): boolean => isKnownModule(e.key, reading) || ENGINE_ACTIONS.includes(moduleName(e.key));
  const modules = [...actions.filter(isModule), ...node.entries.filter((e) => ACTIONS.includes(e.key))];
  const action = modules[0] ?? actions[0];
  const where = place === 'handler' ? 'a handler' : 'a task';
  for (const e of node.entries) {
    if (!actions.includes(e) && !e.key.startsWith('with_')) isKeyword(e, place, where, problems);
    else if (actions.includes(e) && modules.length > 0 && !modules.includes(e)) isKeyword(e, place, where, problems);
  }
  for (const e of modules.slice(1)) {
    const two = { of: 'task', action: 'module', first: action?.key ?? '', second: e.key };
    problems.push(tell('E_TWO_ACTIONS', two, e.keyAt));
  }
  if (action === undefined) {
    const expected = 'a module, such as: apt: {name: nginx}';
    problems.push(tell('E_NO_ACTION', { of: 'task', action: 'module', expected }, node.at));
    return undefined;
  }
  const isNamed = ACTIONS.includes(action.key);
  const { name, value } = isNamed ? actionOf(action, reading) : { name: action.key, value: action.value };
  const given = { module: moduleName(name), value };
  const common = action.key === 'local_action' ? { ...read, delegateTo: 'localhost' } : read;
  const owned = ownModule(name, reading);
  const impl = owned === undefined ? ports.modules.get(given.module) : owned.module;
  if (owned !== undefined) problems.push(...owned.problems.map((wrong) => ({ at: action.keyAt, ...wrong })));
  else if (impl === undefined && !ENGINE_ACTIONS.includes(given.module)) {
    const known = [...ports.modules.keys(), ...ENGINE_ACTIONS, ...keywordsOn(place)];
    const wrong = isAnsibleModule(name)
      ? tell('E_MODULE_MISSING', { name }, action.keyAt)
      : tell('E_UNKNOWN_MODULE', { name, known }, action.keyAt);
    problems.push(wrong);
  }
  const isKnown = impl !== undefined || ENGINE_ACTIONS.includes(given.module);
  const own = isKnown ? readArgs(node, given.value, impl, given.module, reading) : {};
  const args = { ...defaultsFor(given.module, common.moduleDefaults), ...own };
  if (impl !== undefined) checkArgs(impl, args, given.value, action, reading);
  if (given.module === 'meta') checkMeta(args, action, around, reading);
  const defined = Object.hasOwn(args, SPREAD) && impl?.defines !== undefined ? ['*'] : (impl?.defines?.(args) ?? []);
  for (const name of [...defined, ...(impl?.facts?.(args) ?? [])]) {
    reading.defined.add(name);
    reading.setByTasks.add(name);
  }
  const keywords = readOwnKeywords(node, 'handler', reading);
  if (keywords.register !== undefined) {
    reading.defined.add(keywords.register);
    reading.setByTasks.add(keywords.register);
  }
  return {
    ...common,
    kind: 'task',
    module: given.module,
    impl: isKnown ? impl : unknownModule(given.module),
    args,
    argAt: (path) => (given.value.kind === 'map' && path.length > 0 ? placeOf(given.value, path) : action.keyAt),
    ...keywords,
    ...readLoop(node, reading),
  };
}

/** Whether the project or bringup has a file for the module. */
function isKnownModule(key: string, reading: Reading): boolean {
  return reading.ports.modules.has(moduleName(key)) || ownModule(key, reading) !== undefined;
}

/** Stands for a module that bringup does not have. The task's faults say so, and it fails where it is reached. */
function unknownModule(name: string): Module {
  const args = Type.Object({}, { additionalProperties: true });
  return { name, summary: '', args, aliases: {}, examples: [], bind: () => [] };
}

/** An unknown meta action would end the play silently, so it is rejected before the run. */
function checkMeta(args: RawVars, action: Entry, { role }: Common, { problems }: Reading): void {
  const what = args['free_form'];
  const at = action.value.at;
  if (typeof what !== 'string') {
    const expected = `one of ${META_ACTIONS.join(', ')}`;
    const found = described(action.value);
    problems.push(tell('E_KEYWORD_VALUE', { keyword: 'meta', wanted: 'the name of an action', found, expected }, at));
  } else if (!META_ACTIONS.includes(what)) {
    problems.push(tell('E_UNKNOWN_META', { name: what, known: META_ACTIONS }, at));
  } else if (what === 'end_role' && role === undefined) {
    problems.push(tell('E_END_ROLE_OUTSIDE', {}, at));
  }
}
