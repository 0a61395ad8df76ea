// The hosts that a command line names, and connections to them.
import pLimit from 'p-limit';
import { select } from '../config/patterns.ts';
import { type Connection, Lost } from '../core/connection.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { openLine } from './connections.ts';
import type { Project } from './project.ts';

/** The place of a mistake in an argument or an option. */
export const COMMAND_LINE: Pos = { file: '<command line>', line: 1, col: 1 };

/** The hosts of a pattern, within --limit, in the order of the inventory. Mistakes are added to the project's problems. */
export function chosenHosts(pattern: string, { inventory, limit, problems }: Project): readonly string[] {
  return select(pattern, inventory, COMMAND_LINE, problems).filter((host) => limit.has(host));
}

/** Opens a connection to a host of the inventory, as its variables say. Throws Failure. */
export function lineTo(host: string, project: Project, signal: AbortSignal): Promise<Connection> {
  const { get } = inventoryScope(project.templates, project.inventory, project.extraVars, '.', host);
  const options = { defaults: project.connection, onSecret: project.redactor.add, signal };
  return openLine(host, project.inventory.hosts.get(host)?.at, get, options);
}

/** The number of hosts that are asked at the same time. */
const AT_ONCE = 25;

/** The answer of a host, or why there is none. */
export type Answer<T> = Readonly<{ host: string }> & (Readonly<{ answer: T }> | Readonly<{ failed: Failure }>);

/** Asks hosts over connections of their own, many at a time. The answers are in the order of the hosts. */
export async function askEach<T>(
  project: Project,
  hosts: readonly string[],
  work: (line: Connection, host: string) => Promise<T>,
  signal: AbortSignal,
): Promise<readonly Answer<T>[]> {
  const slot = pLimit(AT_ONCE);
  return Promise.all(
    hosts.map((host) =>
      slot(async (): Promise<Answer<T>> => {
        let line: Connection | undefined;
        try {
          line = await lineTo(host, project, signal);
          return { host, answer: await work(line, host) };
        } catch (error) {
          if (signal.aborted) throw error;
          if (error instanceof Failure) return { host, failed: error };
          if (error instanceof Lost) return { host, failed: failure('E_CONNECTION_LOST', { why: error.message }) };
          throw error;
        } finally {
          await line?.close();
        }
      }),
    ),
  );
}
