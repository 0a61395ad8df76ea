import { dirname, isAbsolute, join } from 'node:path';
import { didYouMean, Failure } from '../core/diagnostic.ts';
import { META_ACTIONS } from '../core/meta.ts';
import type { Become, Block, Common, Include, Item, Loaded, Role, Task } from '../core/playbook.ts';
import type { Raw, RawVars } from '../core/value.ts';
import { actionOf, COLLECTIONS, checkArgs, moduleName, noteDefinitions, readArgs } from './arguments.ts';
import { BLOCK, INCLUDE, isKeyword, isUnsupported, TASK } from './keywords.ts';
import { readLoop } from './loops.ts';
import {
  booleanOf,
  checkTemplates,
  conditionsOf,
  isNull,
  type Reading,
  rawOf,
  textOf,
  variableName,
  varsOf,
  wordsOf,
} from './reading.ts';
import { type Entry, entry, type MapNode, type Node, placeOf, toRaw } from './source.ts';

const IMPORTS = new Set(['import_tasks', 'import_role', 'include_tasks', 'include_role', 'include', 'import_playbook']);
/** Actions that the engine itself does. */
export const ENGINE_ACTIONS: readonly string[] = ['meta', 'include_vars'];

/** What an item inherits when nothing is around it. */
export function topLevel(dir: string, become: Become, role?: Role, tags: readonly string[] = []): Common {
  return {
    at: { file: dir, line: 1, col: 1 },
    name: undefined,
    when: [],
    vars: [],
    tags,
    become,
    environment: [],
    ignoreErrors: false,
    noLog: false,
    checkMode: undefined,
    diff: undefined,
    runOnce: false,
    anyErrorsFatal: false,
    delegateTo: undefined,
    role,
    dir,
  };
}

/** The items of a tasks list: `tasks:`, a block's body, a role's tasks/main.yml. */
export function readItems(node: Node | undefined, around: Common, reading: Reading): readonly Item[] {
  if (node === undefined || isNull(node)) return [];
  if (node.kind !== 'seq') {
    reading.problems.push({
      code: 'E_SYNTAX',
      message: 'a list of tasks is expected here',
      at: node.at,
      expected: '- name: …',
    });
    return [];
  }
  return node.items.flatMap((item) => {
    if (item.kind === 'map') return readItem(item, around, reading);
    reading.problems.push({
      code: 'E_SYNTAX',
      message: 'a task is a map',
      at: item.at,
      expected: '- name: … and a module',
    });
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

/** What the item says itself, put on what is around it. */
export function readCommon(node: MapNode, around: Common, reading: Reading): Common {
  const vars = varsOf(node, reading);
  const tags = wordsOf(node, 'tags', reading);
  for (const tag of tags) reading.tags.add(tag);
  const environment = rawOf(node, 'environment', reading);
  return {
    at: node.at,
    name: rawOf(node, 'name', reading),
    when: [...around.when, ...conditionsOf(node, 'when', reading)],
    vars: Object.keys(vars).length > 0 ? [...around.vars, vars] : around.vars,
    tags: [...new Set([...around.tags, ...tags])],
    become: readBecome(node, around.become, reading),
    environment: environment === undefined ? around.environment : [...around.environment, environment],
    ignoreErrors: booleanOf(node, 'ignore_errors', reading) ?? around.ignoreErrors,
    noLog: booleanOf(node, 'no_log', reading) ?? around.noLog,
    checkMode: booleanOf(node, 'check_mode', reading) ?? around.checkMode,
    diff: booleanOf(node, 'diff', reading) ?? around.diff,
    runOnce: booleanOf(node, 'run_once', reading) ?? around.runOnce,
    anyErrorsFatal: booleanOf(node, 'any_errors_fatal', reading) ?? around.anyErrorsFatal,
    delegateTo: rawOf(node, 'delegate_to', reading) ?? around.delegateTo,
    role: around.role,
    dir: around.dir,
  };
}

export function readBecome(node: MapNode, around: Become, reading: Reading): Become {
  const become = booleanOf(node, 'become', reading);
  const user = rawOf(node, 'become_user', reading);
  const method = rawOf(node, 'become_method', reading);
  return {
    ...around,
    ...(become !== undefined && { become }),
    ...(user !== undefined && { user }),
    ...(method !== undefined && { method }),
  };
}

function readBlock(node: MapNode, around: Common, reading: Reading): Block {
  for (const e of node.entries) isKeyword(e, BLOCK, 'a block', reading.problems);
  const common = readCommon(node, around, reading);
  const part = (key: string): readonly Item[] => readItems(entry(node, key)?.value, common, reading);
  return { ...common, kind: 'block', body: part('block'), rescue: part('rescue'), always: part('always') };
}

function readTask(node: MapNode, actions: readonly Entry[], around: Common, reading: Reading): Task | undefined {
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
      problems.push({
        code: 'E_SYNTAX',
        message: `two modules in one task: '${action?.key}' and '${e.key}'`,
        at: e.keyAt,
        mend: 'make two tasks of it',
      });
    else if (isUnsupported(e.key)) isKeyword(e, TASK, 'a task', problems);
  }
  if (action === undefined) {
    if (actions.length === 0)
      problems.push({
        code: 'E_SYNTAX',
        message: 'this task names no module',
        at: node.at,
        expected: 'a module, as in: apt: {name: nginx}',
      });
    return undefined;
  }
  const given =
    action.key === 'action' ? actionOf(action, reading) : { module: moduleName(action.key), value: action.value };
  const impl = ports.modules.get(given.module);
  if (impl === undefined && !ENGINE_ACTIONS.includes(given.module)) {
    const known = [...ports.modules.keys(), ...ENGINE_ACTIONS, ...TASK];
    problems.push({
      code: 'E_UNKNOWN',
      message: `unknown module or keyword '${action.key}'`,
      at: action.keyAt,
      ...onlyMend(didYouMean(given.module, known)),
    });
    return undefined;
  }
  const args = readArgs(node, given.value, impl, given.module, reading);
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
    impl,
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
    notify: listOf(rawOf(node, 'notify', reading)),
    listen: wordsOf(node, 'listen', reading),
  };
}

/** A meta action that nobody knows would end the play in silence: it is refused before the run. */
function checkMeta(args: RawVars, action: Entry, { role }: Common, { problems }: Reading): void {
  const what = args['free_form'];
  const at = action.value.at;
  if (typeof what !== 'string') {
    problems.push({
      code: 'E_ARGS',
      message: "'meta' takes the name of an action",
      at,
      expected: META_ACTIONS.join(', '),
    });
  } else if (!META_ACTIONS.includes(what)) {
    problems.push({
      code: 'E_UNKNOWN',
      message: `unknown meta action '${what}'`,
      at,
      ...didYouMean(what, META_ACTIONS),
    });
  } else if (what === 'end_role' && role === undefined) {
    problems.push({
      code: 'E_ARGS',
      message: "'meta: end_role' stands outside of a role",
      at,
      mend: 'use end_play or end_host',
    });
  }
}

function onlyMend({ mend }: { expected?: string | undefined; mend?: string | undefined }) {
  return { mend: mend ?? "see 'bringup doc' for the modules there are" };
}

function listOf(raw: Raw | undefined): readonly Raw[] {
  return raw === undefined || raw === null ? [] : Array.isArray(raw) ? raw : [raw];
}

function readInclude(node: MapNode, action: Entry, around: Common, reading: Reading): readonly Item[] {
  const kind = action.key.replace(COLLECTIONS, '');
  const { problems } = reading;
  for (const e of node.entries) if (e !== action && !e.key.startsWith('with_')) isKeyword(e, INCLUDE, kind, problems);
  if (kind === 'include' || kind === 'import_playbook') {
    const mend =
      kind === 'include'
        ? 'write include_tasks or import_tasks'
        : 'import_playbook stands at the top of a playbook, beside plays';
    problems.push({ code: 'E_UNSUPPORTED', message: `'${kind}' cannot stand here`, at: action.keyAt, mend });
    return [];
  }
  const isRole = kind.endsWith('role');
  const options = action.value.kind === 'map' ? action.value : undefined;
  const target = options === undefined ? toRaw(action.value) : rawOf(options, isRole ? 'name' : 'file', reading);
  if (target === undefined || target === null) {
    problems.push({
      code: 'E_ARGS',
      message: `${kind} names no ${isRole ? 'role' : 'file'}`,
      at: action.keyAt,
      expected: isRole ? 'name: ROLE' : 'a file',
    });
    return [];
  }
  const optionNames = isRole
    ? ['name', 'tasks_from', 'vars_from', 'defaults_from', 'handlers_from', 'apply', 'public', 'allow_duplicates']
    : ['file', 'apply'];
  for (const e of options?.entries ?? []) isKeyword(e, optionNames, kind, problems);
  checkTemplates(target, reading);
  const common = readCommon(node, around, reading);
  const tasksFrom = (options && textOf(options, 'tasks_from', reading)) ?? 'main';
  // An import's when and tags go to each task; an include's are its own, only its variables go on.
  const inner = kind.startsWith('import')
    ? common
    : { ...around, vars: common.vars, become: common.become, role: common.role, environment: common.environment };
  const load = (name: string): Loaded => {
    if (isRole)
      return reading.loadRole(name, common.at, inner, reading, { tasksFrom, params: common.vars.at(-1) ?? {} });
    return { items: readTasksFile(findTasks(name, common, reading), inner, reading, common), handlers: [], roles: [] };
  };
  const isStatic = typeof target === 'string';
  if (kind.startsWith('import')) {
    if (!isStatic || entry(node, 'loop') !== undefined) {
      problems.push({
        code: 'E_UNSUPPORTED',
        message: `${kind} is read before the run: it takes no ${isStatic ? 'loop' : 'template'}`,
        at: action.value.at,
        mend: `write ${kind.replace('import', 'include')}`,
      });
      return [];
    }
    const loaded = load(target);
    reading.imported.handlers.push(...loaded.handlers);
    reading.imported.roles.push(...loaded.roles);
    return loaded.items;
  }
  if (isStatic) reading.imported.late.push(...load(target).handlers); // and for its mistakes: they are told before the run
  const include: Include = {
    ...common,
    kind: 'include',
    what: isRole ? 'role' : 'tasks',
    target,
    targetAt: action.value.at,
    load: (name) => loadLate(name, load, reading),
    ...readLoop(node, reading),
  };
  return [include];
}

/** During the run a mistake in an included file is that task's failure. */
function loadLate(name: string, load: (name: string) => Loaded, reading: Reading): Loaded {
  const before = reading.problems.length;
  const loaded = load(name);
  const found = reading.problems.slice(before);
  if (found.length > 0) throw new Failure(found);
  return loaded;
}

/** Beside the including file, then the role's tasks/, then beside the playbook. */
function findTasks(name: string, common: Common, reading: Reading): string {
  if (isAbsolute(name)) return name;
  const roots = [
    common.dir,
    ...(common.role === undefined ? [] : [join(common.role.path, 'tasks')]),
    reading.playbookDir,
  ];
  const found = roots.map((root) => join(root, name)).find((path) => reading.files.isFile(path));
  return found ?? join(common.dir, name);
}
