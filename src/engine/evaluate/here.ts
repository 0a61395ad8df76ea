import type { Diagnostic } from '../../core/diagnostic.ts';
import type { Task } from '../../core/playbook.ts';
import type { Run, Scope } from '../host/ports.ts';
import { wayOf } from '../host/way.ts';

/** The directory in which a task's relative paths begin: the playbook's, for a task that runs on this machine. */
export function baseOf(run: Run, task: Task, scope: Scope): string | undefined {
  const dir = scope.get('playbook_dir');
  return isHere(run, task, scope) && typeof dir === 'string' ? dir : undefined;
}

/** What is wrong with a task for this host: a relative path is right on this machine. */
export function faultsOn(run: Run, task: Task, scope: Scope): readonly Diagnostic[] {
  const { faults } = task;
  const isOfPaths = faults.length > 0 && faults.every(({ code }) => code === 'E_RELATIVE_PATH');
  return isOfPaths && isHere(run, task, scope) ? [] : faults;
}

function isHere(run: Run, task: Task, scope: Scope): boolean {
  const way = wayOf(run, task, scope)['ansible_connection'] ?? run.connection['ansible_connection'];
  if (task.delegateTo === undefined) return (scope.get('ansible_connection') ?? way) === 'local';
  const name = run.templates.resolve(task.delegateTo, scope);
  if (typeof name !== 'string') return false;
  const listed = run.inventory.hosts.get(name);
  if (listed === undefined) return ['localhost', '127.0.0.1', '::1'].includes(name);
  return (
    (listed.layers.findLast(({ vars }) => 'ansible_connection' in vars)?.vars['ansible_connection'] ?? way) === 'local'
  );
}
