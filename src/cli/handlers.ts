import pLimit from 'p-limit';
import pc from 'picocolors';
import { type Connection, Lost } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Output } from '../core/module.ts';
import { forgetPending, type Note, notesIn, type Owner, pendingProbe } from '../engine/host/pending.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { printable } from '../report/words.ts';
import { openLine } from './connections.ts';
import { streams, tellError } from './output.ts';
import { openProject, type Project, type ProjectOptions, stopOnProblems } from './project.ts';

export type HandlersOptions = Omit<ProjectOptions, 'writes'> &
  Readonly<{
    /** Only handlers with this name. */
    name?: string | undefined;
    forget: boolean;
  }>;
type Waiting = Readonly<{ note: Note; owner: Owner }>;

/** The number of hosts that are asked at the same time. */
const AT_ONCE = 25;

/** Lists the handlers that wait on each host, and forgets them on request. */
export async function listHandlers(options: HandlersOptions, signal: AbortSignal): Promise<number> {
  const project = openProject({ ...options, writes: false });
  stopOnProblems(project.problems);
  const slot = pLimit(AT_ONCE);
  const hosts = [...project.inventory.hosts.keys()].filter((host) => project.limit.has(host));
  const codes = await Promise.all(hosts.map((host) => slot(() => ofHost(project, host, options, signal))));
  return Math.max(0, ...codes);
}

async function ofHost(
  project: Project,
  host: string,
  { name, forget }: HandlersOptions,
  signal: AbortSignal,
): Promise<number> {
  const scope = inventoryScope(project.templates, project.inventory, project.extraVars, '.', host);
  let line: Connection | undefined;
  try {
    const at = project.inventory.hosts.get(host)?.at;
    line = await openLine(host, at, scope.get, {
      defaults: project.connection,
      onSecret: project.redactor.add,
      signal,
    });
    const all = await waitingOn(line, host, signal);
    const found = all.filter(({ note }) => name === undefined || handlerOf(note).includes(name));
    if (forget) await forgetAll(line, host, found, signal);
    for (const { note } of found) streams.out(`${lineOf(host, note, forget)}\n`);
    return 0;
  } catch (error) {
    if (error instanceof Lost) tellError(failure('E_CONNECTION_LOST', { why: error.message }));
    else if (error instanceof Failure) tellError(error);
    else throw error;
    return 1;
  } finally {
    await line?.close();
  }
}

/**
 * Reads notes as the login user and, if that user may become root, as root, because root's notes need not be readable
 * for others.
 */
async function waitingOn(line: Connection, host: string, signal: AbortSignal): Promise<readonly Waiting[]> {
  const ask = async (reader: Owner): Promise<readonly Waiting[]> => {
    const { script, user } = pendingProbe(host, reader);
    const [output] = await line.run([{ script, user }], { signal });
    return notesIn(output?.stdout ?? '', reader);
  };
  const own = await ask(undefined);
  const roots = await ask('root').catch((error: unknown) => {
    if (error instanceof Failure) return [];
    throw error;
  });
  const isNew = ({ note, owner }: Waiting): boolean => !own.some((o) => o.note.key === note.key && o.owner === owner);
  return [...own, ...roots.filter(isNew)];
}

async function forgetAll(
  line: Connection,
  host: string,
  found: readonly Waiting[],
  signal: AbortSignal,
): Promise<void> {
  for (const owner of new Set(found.map((one) => one.owner))) {
    const keys = found.filter((one) => one.owner === owner).map(({ note }) => note.key);
    const [output] = await line.run([{ script: forgetPending(host, keys, owner), user: owner }], { signal });
    mustSucceed(output, host);
  }
}

function mustSucceed(output: Output | undefined, host: string): void {
  if (output?.code === 0) return;
  throw failure('E_HANDLER_NOTE', { host, exit: String(output?.code ?? 'unknown'), detail: output?.stderr.trim() });
}

function handlerOf({ key }: Note): string {
  return key.split('\t')[2] ?? '';
}

function lineOf(host: string, note: Note, isForgotten: boolean): string {
  const [file = '', play = ''] = note.key.split('\t');
  const by = note.by === '' ? '' : `, notified by '${note.by}'`;
  const about = pc.dim(printable(`(play '${play}' of ${file}${by})`));
  return `${pc.bold(host)}  ${isForgotten ? 'forgotten: ' : ''}${printable(handlerOf(note))} ${about}`;
}
