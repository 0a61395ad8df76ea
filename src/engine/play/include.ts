import { Failure } from '../../core/diagnostic.ts';
import { failure } from '../../core/errors/index.ts';
import type { Include, Item, Task } from '../../core/playbook.ts';
import type { RawVars } from '../../core/value.ts';
import { isTrue } from '../evaluate/booleans.ts';
import { hasRun, NotKnown, type Where } from '../host/state.ts';
import { scopeOfItem } from '../host/way.ts';
import { expansions, within } from '../trip/ahead.ts';
import { failStep } from '../trip/fail.ts';
import type { HostRun } from '../trip/host-run.ts';
import { readNotes } from '../trip/recall.ts';

/** Runs what an include adds for this host. `run` runs a list of items. */
export async function runInclude(
  hostRun: HostRun,
  include: Include,
  where: Where,
  run: (items: readonly Item[], where: Where) => Promise<void>,
): Promise<void> {
  const { world, host } = hostRun;
  try {
    const found = expansions(world, host, include, where);
    for (const { loaded, vars } of found) {
      if (!include.allowsDuplicates && loaded.roles.every((role) => hasRun(host, role))) continue;
      await bringHandlers(hostRun, loaded.handlers);
      for (const role of loaded.roles) {
        host.ended.delete(role);
        host.entered.delete(role);
      }
      if (include.isPublic) host.publicRoles = [...host.publicRoles, ...loaded.roles];
      if (host.depth >= MOST) throw tooDeep(include);
      host.depth++;
      try {
        await run(loaded.items, within(where, include, vars as RawVars));
      } finally {
        host.depth--;
      }
    }
    if (found.length === 0) host.counts.skipped++;
  } catch (error) {
    if (error instanceof NotKnown) {
      host.counts.unknown++;
      world.run.emit({
        type: 'task',
        host: host.name,
        play: hostRun.play.name,
        task: `include ${String(include.what)}`,
        module: 'include',
        at: include.at,
        role: include.role?.name,
        isHandler: false,
        status: 'unknown',
        changes: [],
        because: error.because,
        ms: 0,
      });
      return;
    }
    if (!(error instanceof Failure)) throw error;
    const [diagnostic] = error.diagnostics;
    if (diagnostic === undefined) throw error;
    const scope = scopeOfItem(world, host, include, where);
    const isIgnored = isTrue(world.run, include.ignoreErrors, scope, 'ignore_errors', include.at);
    const failed = failStep(
      hostRun,
      { name: 'include', module: 'include', at: include.at, role: include.role, isIgnored },
      diagnostic,
    );
    if (!isIgnored) throw failed;
  }
}

/** The deepest nesting of includes. */
const MOST = 200;
function tooDeep({ at }: Include): Failure {
  return failure('E_INCLUDE_DEPTH', { limit: MOST }, at);
}

/**
 * Adds a role's handlers, once for each role. If the role is included again, the handlers of the last include replace
 * the earlier ones.
 */
async function bringHandlers(hostRun: HostRun, handlers: readonly Task[]): Promise<void> {
  if (handlers.length === 0) return;
  const { host } = hostRun;
  const isSame = (one: Task, other: Task): boolean => one.at.file === other.at.file && one.at.line === other.at.line;
  const replaced = (one: Task): Task => handlers.find((other) => isSame(one, other)) ?? one;
  for (const old of host.late) {
    const handler = replaced(old);
    if (handler === old || !host.notified.has(old)) continue;
    host.notified.set(handler, host.notified.get(old));
    host.notified.delete(old);
  }
  const kept = host.late.map(replaced);
  host.late = [...kept, ...handlers.filter((one) => !kept.includes(one))];
  await readNotes(hostRun);
}
