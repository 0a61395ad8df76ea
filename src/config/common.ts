import { tell } from '../core/errors/index.ts';
import type { Become, Common, Role } from '../core/playbook.ts';
import type { Raw } from '../core/value.ts';
import { booleanOf, conditionsOf, type Reading, rawOf, varsOf, wordsOf } from './reading.ts';
import { entry, type MapNode } from './source.ts';

/** What an item inherits if no block or play surrounds it. */
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
    notify: [],
    delegateTo: undefined,
    role,
    dir,
    faults: [],
    reads: [],
  };
}

/** Reads the item's own keywords and combines them with the inherited ones. */
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
    notify: entry(node, 'notify') === undefined ? around.notify : listOf(rawOf(node, 'notify', reading)),
    delegateTo: rawOf(node, 'delegate_to', reading) ?? around.delegateTo,
    role: around.role,
    dir: around.dir,
    faults: around.faults,
    reads: around.reads,
  };
}

export function readBecome(node: MapNode, around: Become, reading: Reading): Become {
  const become = booleanOf(node, 'become', reading);
  const user = rawOf(node, 'become_user', reading);
  const method = rawOf(node, 'become_method', reading);
  if (method !== undefined && method !== 'sudo') {
    const found = entry(node, 'become_method')?.value;
    const value = found?.kind === 'scalar' ? found.source : 'a list';
    const hint = 'set ansible_become_method in the inventory';
    reading.problems.push(
      tell('E_UNSUPPORTED_VALUE', { keyword: 'become_method', value, expected: 'sudo', hint }, found?.at),
    );
  }
  return {
    ...around,
    ...(become !== undefined && { become }),
    ...(user !== undefined && { user }),
    ...(method !== undefined && { method }),
  };
}

export function listOf(raw: Raw | undefined): readonly Raw[] {
  return raw === undefined || raw === null ? [] : Array.isArray(raw) ? raw : [raw];
}
