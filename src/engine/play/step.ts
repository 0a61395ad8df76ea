import type { Task } from '../../core/playbook.ts';
import { type Raw, TemplateText } from '../../core/value.ts';
import type { Batch } from '../trip/batch.ts';
import type { HostRun } from '../trip/host-run.ts';

/** --step: asks before each task, once for all hosts of the batch. Without an answer of yes, the task is left out. */
export async function stepped({ world, batch }: HostRun, task: Task, work: () => Promise<void>): Promise<void> {
  const { step } = world.run;
  if (step === undefined) return work();
  const asked = answers.get(batch) ?? new Map<Task, Promise<boolean>>();
  answers.set(batch, asked);
  const { name } = task;
  const text = name === undefined ? task.module : nameOf(name);
  const answer = asked.get(task) ?? step(task.role === undefined ? text : `${task.role.name} : ${text}`);
  asked.set(task, answer);
  if (await answer) await work();
}

const nameOf = (name: Raw): string => (name instanceof TemplateText ? name.text : String(name));
/** The answers of each batch. */
const answers = new WeakMap<Batch, Map<Task, Promise<boolean>>>();
