import type { Output, Step } from '../../core/module.ts';
import { isDict, Unknown, type Value, type Vars } from '../../core/value.ts';
import type { Outcome } from './outcome.ts';
import type { Unit } from './resolve.ts';

export function skippedResult(unit: Unit): Value {
  return {
    skipped: true,
    changed: false,
    skip_reason: 'Conditional result was False',
    false_condition: unit.skipped === 'false' ? false : (unit.skipped ?? ''),
    ...itemOf(unit),
  };
}

export function dataOf(step: Step, stdout: string, unit: Unit, ran?: Output): Vars {
  return step.data(stdout, unit.ctx, ran);
}

export function rcOf(ran: Output): Vars {
  return { rc: ran.code, stdout: ran.stdout, stderr: ran.stderr };
}

export function resultOf(step: Step, stdout: string, unit: Unit, base: Vars, ran?: Output): Value {
  const data: Vars = { failed: false, ...base, ...step.data(stdout, unit.ctx, ran) };
  const lines = (text: Value | undefined): Value =>
    typeof text === 'string' && text !== '' ? text.replace(/\n$/, '').split('\n') : [];
  return {
    ...data,
    ...('stdout' in data && !('stdout_lines' in data) && { stdout_lines: lines(data['stdout']) }),
    ...('stderr' in data && !('stderr_lines' in data) && { stderr_lines: lines(data['stderr']) }),
    ...itemOf(unit),
  };
}

export function itemOf({ item, scope }: Unit): Vars {
  if (item === undefined) return {};
  const name = scope.get('ansible_loop_var');
  return { [typeof name === 'string' ? name : 'item']: item, ansible_loop_var: name ?? 'item' };
}

/** Ansible's result of a loop: changed if any item changed, failed if any failed, skipped if all were skipped. */
export function loopResult(outcomes: readonly Outcome[]): Value {
  const unknown = outcomes.find((o) => o.result instanceof Unknown);
  if (unknown !== undefined) return unknown.result;
  if (outcomes.length === 0)
    return { results: [], changed: false, failed: false, skipped: true, skipped_reason: 'No items in the list' };
  const failed = outcomes.some((o) => o.status === 'failed' || (isDict(o.result) && o.result['failed'] === true));
  const skipped = outcomes.every((o) => o.status === 'skipped');
  return {
    results: outcomes.map((o) => o.result),
    changed: outcomes.some((o) => isDict(o.result) && o.result['changed'] === true),
    ...(failed && { failed: true }),
    skipped,
    msg: failed ? 'One or more items failed' : skipped ? 'All items skipped' : 'All items completed',
  };
}
