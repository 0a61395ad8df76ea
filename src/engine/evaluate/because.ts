// Phrases that say why a task is known only after apply, or is skipped. They are complete, so that no other code has to
// guess which part is a task's name.

/** The result depends on an earlier change that must be made first. */
export const dependsOn = (task: string): string => `depends on '${task}'`;
/** The task of a rescue, which runs only if one of these tasks fails. */
export const runsOnlyIfFails = (task: string, hasOthers: boolean): string =>
  hasOthers ? `runs only if '${task}' or another task of its block fails` : `runs only if '${task}' fails`;
export const ONLY_APPLY_RUNS = 'only apply runs the task';
export const ONLY_APPLY_ASKS = 'only apply asks the host';
export const EMPTY_LOOP = 'the loop is empty';
export const isFalse = (condition: string | undefined): string => `condition is false: ${condition ?? ''}`;
