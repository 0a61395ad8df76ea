import { Failure } from '../../core/diagnostic.ts';
import type { Task } from '../../core/playbook.ts';
import { type RawVars, TemplateText, Unknown, type Value } from '../../core/value.ts';
import type { Scope } from '../host/ports.ts';
import type { World } from '../host/variables.ts';

/** The task's name, or its module and main argument: 'apt nginx'. */
export function taskName(task: Task, scope: Scope, { run }: World): string {
  try {
    if (task.name !== undefined) {
      const name = run.templates.resolve(task.name, scope);
      return name instanceof Unknown
        ? String((task.name as TemplateText).text)
        : run.redactor.hide(run.templates.print(name));
    }
    const about = ['name', 'path', 'dest', 'cmd', 'url', 'msg', 'unit', 'variable']
      .map((key) => (task.args as RawVars)[key])
      .find((v) => v !== undefined);
    const text = about === undefined ? '' : run.templates.print(run.templates.resolve(about, scope));
    return run.redactor.hide(`${task.module} ${text.length > 60 ? `${text.slice(0, 59)}…` : text}`.trim());
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return task.name instanceof TemplateText ? task.name.text : task.module;
  }
}

export function labelOf(task: Task, item: Value, scope: Scope, { run }: World): string {
  const label = task.loopControl.label === undefined ? item : run.templates.resolve(task.loopControl.label, scope);
  const text = run.templates.print(label);
  return run.redactor.hide(text.length > 100 ? `${text.slice(0, 99)}…` : text);
}
