import { failure } from '../../core/errors/index.ts';
import type { Change } from '../../core/module.ts';
import { lines, sh, verbatim } from '../../core/sh.ts';
import type { Vars } from '../../core/value.ts';
import { wholeNumber } from '../evaluate/booleans.ts';
import type { TaskRun } from '../evaluate/outcome.ts';
import type { Run, Scope } from '../host/ports.ts';

/** The directory of jobs in the home of the user that runs them, as in Ansible. async_status reads it. */
const FOLDER = '.ansible_async';

/** A task with `async` and `poll: 0`, which is started and not waited for. */
export type Job = Readonly<{ id: string; seconds: number }>;

let jobs = 0;
/** The job that the task starts. undefined: the task is waited for. */
export function jobOf({ task, world: { run } }: TaskRun, scope: Scope): Job | undefined {
  if (task.async === undefined || task.poll === undefined) return undefined;
  const seconds = wholeNumber(run, task.async, scope, 'async', task.at);
  if (seconds === 0 || wholeNumber(run, task.poll, scope, 'poll', task.at) > 0) return undefined;
  return { id: newId(run), seconds };
}

/** Starts the changes apart from the connection. They end after `seconds` at the latest. Throws Failure for uploads. */
export function inBackground({ task }: TaskRun, changes: readonly Change[], { id, seconds }: Job): readonly Change[] {
  if (
    changes.some(
      (c) =>
        (c.upload?.length ?? 0) > 0 || c.confirm !== undefined || c.reboots !== undefined || c.verdict !== undefined,
    )
  )
    throw failure('E_ASYNC', { module: task.module }, task.at);
  const what = changes.map((c) => c.what).join('; ');
  // The job's own shell writes its result under another name first, so that a reader never sees half of it.
  const run = sh`set -e; d=$HOME/${FOLDER}; (umask 077; mkdir -p "$d"); cd "$d"
(umask 077; printf started >${id}.state)
setsid sh -c ${supervisor(id, seconds)} </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &`;
  const body = lines(changes.map((c) => c.run));
  // The job's shell gets the libraries that the scripts use from its environment.
  const exports = lines(body.libraries.map(({ variable }) => verbatim(`export ${variable}`)));
  const script = sh`(umask 077; mkdir -p "$HOME/${FOLDER}"; cat >"$HOME/${FOLDER}/"${id}.sh <<'bringup-job'
${body}
bringup-job
)`;
  return [{ what: `start in the background: ${what}`, run: lines([script, exports, run]), action: true }];
}

function supervisor(id: string, seconds: number): string {
  return [
    `timeout -k 5 ${seconds} sh ./${id}.sh >${id}.out 2>${id}.err`,
    `echo $? >${id}.rc.new; mv ${id}.rc.new ${id}.rc; rm -f ${id}.sh`,
  ].join('; ');
}

/** What `register` sees of a job that was started. */
export function startedResult({ id }: Job): Vars {
  return {
    ansible_job_id: id,
    results_file: `~/${FOLDER}/${id}`,
    started: 1,
    finished: 0,
    changed: true,
    failed: false,
  };
}

/** What `register` sees of a task with `async` that was waited for, beside its own result. */
export function finishedResult(task: TaskRun['task'], run: Run): Vars {
  return task.async === undefined ? {} : { ansible_job_id: newId(run), started: 1, finished: 1 };
}

function newId(run: Run): string {
  jobs++;
  return `j${run.now()}.${jobs}`;
}
