import { Failure } from '../../core/diagnostic.ts';
import type { Context, Folder, LocalFile, Source } from '../../core/module.ts';
import type { Doubts, Task } from '../../core/playbook.ts';
import { searchPath } from '../evaluate/resolve.ts';
import type { Run } from '../host/ports.ts';

/** The controller's files that a task names without a template. */
function sourcesOf({ impl, args, faults }: Task): readonly (Source & { readonly path: string })[] {
  if (faults.length > 0) return [];
  const named = impl?.sources?.(args) ?? [];
  return named.flatMap((one) =>
    typeof one.path === 'string' && !one.path.startsWith('~') ? [{ ...one, path: one.path }] : [],
  );
}

/** The template files that a task names without a template, as far as they can be read. */
export function templatesOf(run: Run, task: Task): readonly string[] {
  return sourcesOf(task).flatMap(({ path, folder, isTemplate }) => {
    if (isTemplate !== true) return [];
    try {
      return [new TextDecoder().decode(run.localFiles.file(path, searchPath(run, task, folder), task.at).read())];
    } catch (error) {
      if (error instanceof Failure) return []; // reported where the task needs it
      throw error;
    }
  });
}

/** Decrypts an encrypted file. Files of variables are decrypted by who reads them. Throws Failure. */
function mustOpen(file: LocalFile, folder: Folder): void {
  if (folder === 'files' && file.sealed !== undefined) file.read();
}

/** Whether a file that the task needs is missing, or is a template that may not render. */
export function areSourcesDoubtful(run: Run, doubts: Doubts, task: Task): boolean {
  return sourcesOf(task).some(({ path, folder, isTemplate, staysSealed }) => {
    const folders = searchPath(run, task, folder);
    try {
      if (run.localFiles.isFolder(path, folders)) return false;
      const file = run.localFiles.file(path, folders, task.at);
      if (isTemplate !== true) {
        if (staysSealed !== true) mustOpen(file, folder);
        return false;
      }
      const text = new TextDecoder().decode(file.read());
      if (text.startsWith('#jinja2:')) return false; // it may set marks of its own
      const names = run.templates.namesIn(text, { file: file.path, line: 1, col: 1 });
      return doubts.areIn([new Map([...names].map((name) => [name, task.at]))]);
    } catch (error) {
      if (error instanceof Failure) return true;
      throw error;
    }
  });
}

/**
 * Finds the files and renders the templates as the task will. Throws NotKnown, Failure.
 *
 * @param isMadeHere an earlier task may create files on this machine. It names them by absolute paths
 */
export function trySources(task: Task, ctx: Context, isMadeHere: boolean): void {
  for (const { path, folder, isTemplate, staysSealed } of sourcesOf(task)) {
    if (isMadeHere && path.startsWith('/')) continue;
    if (isTemplate === true) ctx.render(path);
    else if (!ctx.isFolder(path, folder)) {
      const file = ctx.file(path, folder);
      if (staysSealed !== true) mustOpen(file, folder);
    }
  }
}
