import type { Piece } from '../../core/connection.ts';
import type { Diagnostic } from '../../core/diagnostic.ts';
import type { TaskStatus } from '../../core/event.ts';
import type { Change } from '../../core/module.ts';
import type { Task } from '../../core/playbook.ts';
import type { Value } from '../../core/value.ts';
import type { Probe } from '../host/answers.ts';
import type { Scope } from '../host/ports.ts';
import type { HostState, Where } from '../host/state.ts';
import type { World } from '../host/variables.ts';

export type Outcome = Readonly<{
  status: TaskStatus;
  /** The result that `register` stores. Unknown in a plan if only apply can tell. */
  result: Value;
  changes: readonly Change[];
  because?: string | undefined;
  diagnostic?: Diagnostic | undefined;
  label?: string | undefined;
  /** The variables of the loop's item, which `notify` may read. */
  scope?: Scope | undefined;
}>;

/**
 * A piece that runs on a task's last round trip, after all its changes. `isDone`: the piece ran. `isTold`: the task was
 * reported.
 */
export type After = { readonly piece: Piece | undefined; isDone: boolean; isReported: boolean; isFailed?: boolean };

export type TaskRun = Readonly<{
  world: World;
  host: HostState;
  where: Where;
  task: Task;
  isHandler: boolean;
  /** In a plan: why it is not certain that this task runs at all. */
  maybe: string | undefined;
  ahead: () => Iterable<Probe>;
  after?: After;
}>;
