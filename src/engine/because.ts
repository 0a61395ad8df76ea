// Why a task is not known before apply, or is skipped: whole phrases, so that nothing has to guess what is a task's name.

/** An earlier change that has to be made before this can be known. */
export const dependsOn = (task: string): string => `depends on '${task}'`;
/** A rescue that runs only where one of these fails. */
export const runsOnlyIfFails = (task: string, hasOthers: boolean): string =>
  hasOthers ? `runs only if '${task}' or another task of its block fails` : `runs only if '${task}' fails`;
export const ONLY_APPLY_RUNS = 'only apply runs the task';
export const ONLY_APPLY_ASKS = 'only apply asks the host';
export const EMPTY_LOOP = 'the loop is empty';
export const isFalse = (condition: string | undefined): string => `condition is false: ${condition ?? ''}`;
