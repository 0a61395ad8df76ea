import { dirname } from 'node:path';
import { Type } from 'typebox';
import { tell } from '../core/errors/index.ts';
import { META_ACTIONS } from '../core/meta.ts';
import type { Module } from '../core/module.ts';
import type { Block, Common, Item, Task } from '../core/playbook.ts';
import type { RawVars } from '../core/value.ts';
import { actionOf, COLLECTIONS, checkArgs, moduleName, noteDefinitions, readArgs } from './arguments.ts';
import { readCommon } from './common.ts';
import { readInclude } from './includes.ts';
import { BLOCK, isKeyword, isUnsupported, TASK } from './keywords.ts';
import { readLoop } from './loops.ts';
import { aside, conditionsOf, isNull, type Reading, rawOf, settle, variableName, wordsOf } from './reading.ts';
import { described, type Entry, entry, type MapNode, type Node, placeOf, wrongShape } from './source.ts';

const IMPORTS = new Set(['import_tasks', 'import_role', 'include_tasks', 'include_role', 'include', 'import_playbook']);
/** Actions that the engine carries out itself. */
export const ENGINE_ACTIONS: readonly string[] = ['meta', 'include_vars'];

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
  const actions = node.entries.filter((e) => !TASK.includes(e.key) && !e.key.startsWith('with_'));
  const include = actions.find((e) => IMPORTS.has(e.key.replace(COLLECTIONS, '')));
  if (include !== undefined) return readInclude(node, include, around, reading);
  const task = readTask(node, actions, around, reading);
  return task === undefined ? [] : [task];
}

function readBlock(node: MapNode, around: Common, reading: Reading): Block {
  const own = aside(reading);
  for (const e of node.entries) isKeyword(e, BLOCK, 'a block', own.problems);
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
  const { problems, ports } = reading;
  const common = readCommon(node, around, reading);
  const isModule = (e: Entry): boolean =>
    ports.modules.has(moduleName(e.key)) || ENGINE_ACTIONS.includes(moduleName(e.key));
  const modules = actions.filter(isModule);
  const action = modules[0] ?? (entry(node, 'action') || actions.find((e) => !isUnsupported(e.key)));
  for (const e of actions) {
    if (e === action || (modules.length > 0 && !modules.includes(e))) {
      if (e !== action) isKeyword(e, TASK, 'a task', problems);
    } else if (modules.includes(e))
      problems.push(
        tell('E_TWO_ACTIONS', { of: 'task', action: 'module', first: action?.key ?? '', second: e.key }, e.keyAt),
      );
    else if (isUnsupported(e.key)) isKeyword(e, TASK, 'a task', problems);
  }
  if (action === undefined) {
    if (actions.length === 0)
      problems.push(
        tell(
          'E_NO_ACTION',
          { of: 'task', action: 'module', expected: 'a module, such as: apt: {name: nginx}' },
          node.at,
        ),
      );
    return undefined;
  }
  const given =
    action.key === 'action' ? actionOf(action, reading) : { module: moduleName(action.key), value: action.value };
  const impl = ports.modules.get(given.module);
  if (impl === undefined && !ENGINE_ACTIONS.includes(given.module)) {
    const known = [...ports.modules.keys(), ...ENGINE_ACTIONS, ...TASK];
    problems.push(tell('E_UNKNOWN_MODULE', { name: action.key, known }, action.keyAt));
  }
  const isKnown = impl !== undefined || ENGINE_ACTIONS.includes(given.module);
  const args = isKnown ? readArgs(node, given.value, impl, given.module, reading) : {};
  if (impl !== undefined) checkArgs(impl, args, given.value, action, reading);
  if (given.module === 'meta') checkMeta(args, action, around, reading);
  noteDefinitions(given.module, args, reading);
  const register = variableName(node, 'register', reading);
  if (register !== undefined) reading.defined.add(register);
  const { loop, loopControl } = readLoop(node, reading);
  return {
    ...common,
    kind: 'task',
    module: given.module,
    impl: isKnown ? impl : unknownModule(given.module),
    args,
    argAt: (path) => (given.value.kind === 'map' && path.length > 0 ? placeOf(given.value, path) : action.keyAt),
    loop,
    loopControl,
    register,
    changedWhen: conditionsOf(node, 'changed_when', reading),
    failedWhen: conditionsOf(node, 'failed_when', reading),
    until: conditionsOf(node, 'until', reading),
    retries: rawOf(node, 'retries', reading),
    delay: rawOf(node, 'delay', reading),
    timeout: rawOf(node, 'timeout', reading),
    listen: wordsOf(node, 'listen', reading),
  };
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
