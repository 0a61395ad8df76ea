import pLimit from 'p-limit';
import { type Connection, Lost } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { openLine } from './connections.ts';
import type { Project } from './project.ts';

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
        const scope = inventoryScope(project.templates, project.inventory, project.extraVars, '.', host);
        let line: Connection | undefined;
        try {
          const at = project.inventory.hosts.get(host)?.at;
          const options = { defaults: project.connection, onSecret: project.redactor.add, signal };
          line = await openLine(host, at, scope.get, options);
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
