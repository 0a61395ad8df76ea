import type { Common, Include, Item } from '../core/playbook.ts';
import { TemplateText } from '../core/value.ts';
import { actionOf } from './arguments.ts';
import { readCommon } from './common.ts';
import { loadLate, NO_LOOP } from './includes.ts';
import { aside, type Reading, settle } from './reading.ts';
import { type Entry, HAS_TEMPLATE, type MapNode } from './source.ts';

/** Whether the name of the module is a template: `action: "{{ ansible_facts.pkg_mgr }} name=nginx"`. */
export function isLateAction(action: Entry, reading: Reading): boolean {
  return HAS_TEMPLATE.test(actionOf(action, reading).module);
}

/**
 * A task whose module is known when a host gets there. It is an include of that one task: then, the name stands where
 * the template was, and the task is read and checked like any other.
 */
export function readLateAction(
  node: MapNode,
  action: Entry,
  around: Common,
  reading: Reading,
  readTask: (node: MapNode, around: Common, reading: Reading) => readonly Item[],
): Include {
  const own = aside(reading);
  const { module, value } = actionOf(action, reading);
  const { vars } = readCommon(node, around, own);
  const target = new TemplateText(module, action.value.at);
  const isLocal = action.key === 'local_action';
  const load = (name: string, _: unknown, into: Reading) => {
    const entries = node.entries.flatMap((e): readonly Entry[] => {
      if (e !== action) return [e];
      const named: Entry = { ...e, key: name, keyValue: name, value };
      return isLocal ? [named, { ...e, key: 'delegate_to', keyValue: 'delegate_to', value: localhost(e) }] : [named];
    });
    return { items: readTask({ ...node, entries }, around, into), handlers: [], roles: [] };
  };
  const { faults, reads } = settle(own, around, reading);
  return {
    ...around,
    at: node.at,
    name: undefined,
    vars,
    faults,
    reads,
    preview: undefined,
    kind: 'include',
    what: 'tasks',
    target,
    targetAt: action.value.at,
    params: {},
    from: {},
    isPublic: false,
    allowsDuplicates: true,
    listen: [],
    load: (name, parts) => loadLate(name, parts, load, reading),
    loop: undefined,
    loopControl: NO_LOOP,
  };
}

const localhost = ({ keyAt }: Entry) =>
  ({ kind: 'scalar', at: keyAt, value: 'localhost', source: 'localhost', isPlain: true }) as const;
