import type { Own } from '../../core/language/keywords.ts';
import type { Common, KeywordValues, LoopControl, Play, Task } from '../../core/playbook.ts';

/** What a task with a keyword may do. The engine asks nothing else about keywords when it plans round trips. */
type Rule = Readonly<{
  /** Its probe may be asked for before its turn. */
  ahead: boolean;
  /** Several items of its loop may share a round trip. */
  items: boolean;
  /** It may share a round trip with other tasks. */
  tasks: boolean;
}>;
const FREE: Rule = { ahead: true, items: true, tasks: true };
/** It needs its own outcome before the next task begins. */
const ALONE: Rule = { ahead: true, items: true, tasks: false };
/** Each of its items makes its own round trip. */
const EACH: Rule = { ahead: true, items: false, tasks: false };
/** It may work on another host or over another connection. */
const ELSEWHERE: Rule = { ahead: false, items: false, tasks: false };

type Field = keyof KeywordFields | 'loop';
type KeywordFields = Omit<Common, 'at' | 'role' | 'dir' | 'faults' | 'reads'> & Own<'handler', KeywordValues>;

/** The rule that holds if a task has the keyword. A keyword without an answer here does not compile. */
const POLICY: Readonly<Record<Field, Rule>> = {
  name: FREE,
  vars: FREE,
  tags: FREE,
  when: FREE,
  become: FREE,
  becomeUser: FREE,
  becomeMethod: ELSEWHERE,
  becomeExe: ELSEWHERE,
  becomeFlags: ELSEWHERE,
  connection: ELSEWHERE,
  remoteUser: ELSEWHERE,
  port: ELSEWHERE,
  environment: FREE,
  moduleDefaults: FREE,
  collections: FREE,
  timeout: EACH,
  throttle: ALONE,
  checkMode: EACH,
  diff: FREE,
  noLog: FREE,
  runOnce: ALONE,
  anyErrorsFatal: ALONE,
  ignoreErrors: ALONE,
  ignoreUnreachable: ALONE,
  delegateTo: ELSEWHERE,
  delegateFacts: FREE,
  notify: FREE,
  register: FREE, // it ends a round trip, because the next task may read the result: see tasksTogether
  changedWhen: ALONE,
  failedWhen: ALONE,
  until: EACH,
  retries: EACH, // without `until`, it repeats a task that fails
  delay: FREE,
  async: EACH,
  poll: FREE,
  listen: FREE,
  loop: FREE,
};
const FIELDS = Object.keys(POLICY) as readonly Field[];

/** What the play sets for all its tasks is how its hosts are reached anyway. */
const OF_PLAY: readonly Field[] = ['connection', 'remoteUser', 'port', 'becomeMethod', 'becomeExe', 'becomeFlags'];

/** Whether everything that the task says allows it. */
export function allows(task: Task, what: keyof Rule, play: Pick<Play, 'common'>): boolean {
  return (
    FIELDS.every((field) => POLICY[field][what] || !isSet(task, field, play)) && allowsLoop(task.loopControl, what)
  );
}

function isSet(task: Task, field: Field, { common }: Pick<Play, 'common'>): boolean {
  const value: unknown = task[field];
  if (OF_PLAY.includes(field) && value === common[field as keyof Common]) return false;
  if (field === 'changedWhen') return task.changedWhen.some((c) => typeof c !== 'boolean');
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
}

function allowsLoop({ pause, breakWhen }: LoopControl, what: keyof Rule): boolean {
  return what === 'ahead' || (pause === undefined && breakWhen.length === 0);
}
