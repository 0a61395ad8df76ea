import { dirname, join, resolve as resolvePath } from 'node:path';
import { type Diagnostic, Failure, type Pos } from '../../core/diagnostic.ts';
import { failure } from '../../core/errors/index.ts';
import type { Context, LocalFile, Module, Step } from '../../core/module.ts';
import { isBlocked, touchesOf } from '../../core/module.ts';
import type { Condition, LoopControl, Task } from '../../core/playbook.ts';
import { quote, type Script, sh, verbatim } from '../../core/sh.ts';
import { isDict, type Raw, type RawVars, Secret, Unknown, type Value } from '../../core/value.ts';
import type { Probe } from '../host/answers.ts';
import type { Run, Scope } from '../host/ports.ts';
import { NotKnown } from '../host/state.ts';
import { bindArgs } from './arguments.ts';
import { checkBooleans, isTrue } from './booleans.ts';
import { faultsOn } from './here.ts';
import { type ReadRecorder, remembered } from './memo.ts';
import { renderFile } from './render.ts';

/** One piece of a task's work on a host: the task itself, or one item of its loop. */
export type Unit = Readonly<{
  /** The item's label in reports. undefined without a loop. */
  label: string | undefined;
  item: Value | undefined;
  scope: Scope;
  /** The text of the condition that is false, or undefined. */
  skipped: string | undefined;
  /** undefined if the unit is skipped. */
  step: Step | undefined;
  /** The module's probe, if it has one. */
  probe: Script | undefined;
  ctx: Context;
  /** The user that the scripts run as. undefined stands for the login user. */
  user: string | undefined;
  environment: Script;
}>;

/** The user that a task's scripts run as: become_user, or root if only `become` is set. */
export function userOf(task: Pick<Task, 'become' | 'becomeUser' | 'at'>, scope: Scope, run: Run): string | undefined {
  const { become, becomeUser: user } = task;
  if (!isTrue(run, become ?? scope.get('ansible_become'), scope, 'become', task.at)) return undefined;
  const value = user !== undefined ? run.templates.resolve(user, scope) : scope.get('ansible_become_user');
  if (value instanceof Unknown) throw new NotKnown(value.because);
  const name = value instanceof Secret ? value.reveal() : run.templates.print(value ?? '');
  if (name === '') return 'root';
  if (USER.test(name)) return name;
  throw failure('E_BECOME_USER', { name: run.redactor.hide(name) }, task.at);
}
/** Rejects names that could be a command's option, a path, or contain a separator of /etc/passwd. */
const USER = /^[^-\s:/\p{C}][^\s:/\p{C}]*$/u;

/** The list that a task loops over. undefined without a loop. */
export function loopItems(
  task: Readonly<{ loop: Raw | undefined; at: Pos; when: readonly Condition[] }>,
  scope: Scope,
  run: Run,
): readonly Value[] | undefined {
  if (task.loop === undefined) return undefined;
  try {
    return listOf(task.loop, task.at, scope, run);
  } catch (error) {
    // As in Ansible, a list that is undefined does not matter if the condition is false without its items.
    if (error instanceof Failure && isSurelySkipped(task.when, scope, run)) return undefined;
    throw error;
  }
}

function isSurelySkipped(when: readonly Condition[], scope: Scope, run: Run): boolean {
  try {
    return falseCondition(when, scope, run) !== undefined;
  } catch {
    return false; // the error of the list is reported
  }
}

function listOf(loop: Raw, at: Pos, scope: Scope, run: Run): readonly Value[] {
  const list =
    isDict(loop) && '__bringup_with' in loop
      ? withItems(loop as RawVars, scope, run)
      : run.templates.resolve(loop, scope);
  const unknown = run.templates.findUnknown(list);
  if (list instanceof Unknown || (unknown !== undefined && !Array.isArray(list)))
    throw new NotKnown((unknown ?? (list as Unknown)).because);
  if (Array.isArray(list)) return list;
  const found = isDict(list) ? 'a dict' : `'${run.templates.print(list)}'`;
  const hint = isDict(list) ? 'add | dict2items' : 'write a list, or with_items';
  throw failure('E_KEYWORD_VALUE', { keyword: 'loop', wanted: 'a list', found, hint }, at);
}

function withItems(loop: RawVars, scope: Scope, run: Run): Value {
  const terms = run.templates.resolve(loop['__terms'] ?? [], scope);
  return run.templates.resolve(loop['__bringup_with'] ?? [], scope.with({ __terms: terms }));
}

/** The variables of one loop item: the item, its index, ansible_loop. */
export function loopVars(items: readonly Value[], i: number, control: LoopControl): RawVars {
  return {
    [control.loopVar]: items[i] ?? null,
    ansible_loop_var: control.loopVar,
    ...(control.indexVar !== undefined && { [control.indexVar]: i, ansible_index_var: control.indexVar }),
    ...(control.extended && {
      ansible_loop: {
        index: i + 1,
        index0: i,
        first: i === 0,
        last: i === items.length - 1,
        length: items.length,
        revindex: items.length - i,
        revindex0: items.length - i - 1,
        ...(control.allItems && { allitems: items as Value }),
        ...(i > 0 && { previtem: items[i - 1] ?? null }),
        ...(i < items.length - 1 && { nextitem: items[i + 1] ?? null }),
      },
    }),
  };
}

/** The text of the first condition that does not hold, or undefined if all hold. Throws NotKnown. */
export function falseCondition(conditions: readonly Condition[], scope: Scope, run: Run): string | undefined {
  for (const condition of conditions) {
    if (typeof condition === 'boolean') {
      if (!condition) return 'false';
      continue;
    }
    const holds = run.templates.truthy(evaluated(condition.text, condition.at, scope, run));
    if (holds instanceof Unknown) throw new NotKnown(holds.because);
    if (!holds) return condition.text.trim();
  }
  return undefined;
}

/**
 * An expression. One with {{ }} inside is rendered first, as old playbooks expect. The result is then evaluated without
 * lookups: it may contain what a host printed, and a host must not run programs here.
 */
export function evaluated(text: string, at: Pos, scope: Scope, run: Run): Value {
  if (!text.includes('{{')) return run.templates.evaluate(text, at, scope);
  const rendered = run.templates.render(text, at, scope);
  if (rendered instanceof Unknown) return rendered;
  return run.templates.evaluateClosed(run.templates.print(rendered), at, scope);
}

/**
 * The parts of a unit that are the same for all hosts and moments at which the variables that it reads are the same.
 */
type Worked = Pick<Unit, 'skipped' | 'step' | 'user' | 'environment' | 'probe'>;

/**
 * One unit with its arguments resolved. `isAhead`: its turn has not come yet. Throws NotKnown if an argument depends on
 * a change that was not made yet, Failure if an argument is wrong.
 */
export function unitOf(
  run: Run,
  task: Task,
  module: Module,
  scope: Scope,
  label: string | undefined,
  item: Value | undefined,
  isAhead = false,
): Unit {
  const worked = remembered(run, task, item, scope, (watch): Worked => {
    const skipped = isAhead ? surelySkipped(task, run, watch) : falseCondition(task.when, watch.scope, run);
    if (skipped !== undefined)
      return { skipped, step: undefined, user: undefined, environment: sh``, probe: undefined };
    const faults = faultsOn(run, task, watch.scope);
    if (faults.length > 0) throw new Failure(faults);
    const user = userOf(task, watch.scope, run);
    const step = bindArgs(run, task, module, watch.scope, user);
    const environment = environmentOf(run, task, watch.scope);
    return { skipped, step, user, environment, probe: step.probe?.(contextFor(run, task, watch.scope, user, watch)) };
  });
  if (!isAhead && worked.skipped === undefined) checkBooleans(run, task, scope);
  return { ...worked, label, item, scope, ctx: contextFor(run, task, scope, worked.user) };
}

/**
 * When probing ahead, a condition that depends on an unknown value (a registered result) may hold. Probing in vain does
 * no harm.
 */
function surelySkipped(task: Task, run: Run, { scope, forbidReuse }: ReadRecorder): string | undefined {
  try {
    return falseCondition(task.when, scope, run);
  } catch {
    forbidReuse(); // the error is reported when the task runs
    return undefined;
  }
}

/** The unit's probe, or undefined for a module that reads nothing from the host. */
export function probeOf({ step, ctx, probe, user, environment }: Unit): Probe | undefined {
  if (step === undefined || probe === undefined) return undefined;
  return {
    script: environment.text === '' ? probe : sh`${environment}${probe}`,
    user,
    needs: step.needs,
    touches: step.touches,
    series: step.series,
    edits: step.edits?.of,
    leadsTo({ code, stdout }) {
      try {
        const steps = code === 0 ? step.plan(stdout, ctx) : [];
        if (isBlocked(steps)) return step.touches; // an earlier change may remove the obstacle by then
        return steps.length === 0 ? [] : touchesOf(step, steps);
      } catch {
        return []; // the error is reported when the task runs
      }
    },
  };
}

function environmentOf(run: Run, task: Task, scope: Scope): Script {
  const pairs = task.environment.flatMap((raw) => {
    const value = withoutEarly(raw, task, scope, run);
    return isDict(value) ? Object.entries(value) : [];
  });
  if (pairs.length === 0) return sh``;
  const text = pairs.map(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name)) throw failure('E_ENVIRONMENT_NAME', { name }, task.at);
    const plain = value instanceof Secret ? value.reveal() : run.templates.print(value);
    return `export ${name}=${quote(plain)}\n`;
  });
  return verbatim(text.join(''));
}

/**
 * The value of an environment. As in Ansible, what it takes from `ansible_env` is left out while facts are not gathered: a
 * play may set PATH from the PATH that its first task finds out.
 */
function withoutEarly(raw: Raw, task: Task, scope: Scope, run: Run): Value {
  const isGathering = task.impl === run.setup || task.module === 'gather_facts';
  const isEarly = ({ code, message }: Diagnostic): boolean =>
    /^E_UNDEFINED_/.test(code) && (message.includes("'ansible_env'") || (isGathering && message.includes("'env'")));
  try {
    return run.templates.resolve(raw, scope);
  } catch (error) {
    if (!(error instanceof Failure && error.diagnostics.some(isEarly))) throw error;
    if (!isDict(raw)) return {};
    const known = Object.entries(raw as RawVars).map(
      ([name, one]) => [name, withoutEarly(one, task, scope, run)] as const,
    );
    return Object.fromEntries(known.filter(([, value]) => !isDict(value)));
  }
}

/** What a module may use: files, searched as Ansible does, and templates rendered with the unit's own variables. */
export function contextFor(
  run: Run,
  task: Task,
  scope: Scope,
  user: string | undefined,
  { recordRead, forbidReuse }: Pick<ReadRecorder, 'recordRead' | 'forbidReuse'> = UNWATCHED,
): Context {
  const folders = (kind: string): readonly string[] => searchPath(run, task, kind);
  const file = (path: string, kind: string): LocalFile =>
    recordRead(() => run.localFiles.file(path, folders(kind), task.at));
  return {
    get facts() {
      const facts = scope.get('ansible_facts');
      return isDict(facts) ? facts : {};
    },
    user: user ?? 'login',
    diff: run.diff || run.mode === 'plan' || (task.diff !== undefined && task.diff !== false),
    file,
    isFolder: (path, kind) => recordRead(() => run.localFiles.isFolder(path, folders(kind))),
    tree(path, kind, follow = true) {
      forbidReuse();
      return run.localFiles.tree(path, folders(kind), task.at, follow);
    },
    variables: (path) => {
      forbidReuse();
      return run.localFiles.vars(resolvePath(path), [], task.at);
    },
    render: (path, options) => renderFile(run, scope, file(path, 'templates'), options),
    evaluate(expression) {
      const value = evaluated(expression, task.at, scope, run);
      const unknown = run.templates.findUnknown(value);
      if (unknown !== undefined) throw new NotKnown(unknown.because);
      return value;
    },
    sha256: run.sha256,
    sha1: run.sha1,
    md5: run.md5,
    nonce: run.nonce,
  };
}

const UNWATCHED: Pick<ReadRecorder, 'recordRead' | 'forbidReuse'> = {
  recordRead: (look) => look(),
  forbidReuse: () => {},
};

export function searchPath(run: Run, task: Pick<Task, 'role' | 'dir'>, kind: string): readonly string[] {
  const playbookDir = dirname(run.playbook.file);
  const roots = [...(task.role === undefined ? [] : [task.role.path]), task.dir, playbookDir];
  return [...new Set(roots.flatMap((root) => [join(root, kind), root]))];
}
