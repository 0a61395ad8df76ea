import { Failure } from '../../core/diagnostic.ts';
import type { Play } from '../../core/playbook.ts';
import type { HostState } from '../host/state.ts';
import type { World } from '../host/variables.ts';
import { isSuspicious, judge, type Reached } from './reach.ts';

export type PlayHosts = Readonly<{ play: Play; hosts: readonly string[] }>;

/**
 * Nothing changes before everything that a host can reach is understood. Mistakes that depend on a host's facts are
 * judged after `gatherAll` asked all hosts for theirs, which is the first round trip of a run anyway. Throws Failure with
 * all mistakes.
 */
export async function checkReached(
  world: World,
  plays: readonly PlayHosts[],
  gatherAll: (plays: readonly PlayHosts[]) => Promise<void>,
): Promise<void> {
  const { run } = world;
  const taken = plays.filter(({ hosts }) => hosts.length > 0);
  const known = taken.map((p) => p.play);
  if (!isSuspicious(run, known)) return;
  const reached = (): readonly Reached[] =>
    taken.map(({ play, hosts }) => ({ play, hosts: hosts.flatMap((name) => aliveAt(world, name)) }));
  const first = run.templates.ahead(() => judge(world, reached()));
  if (first.problems.length > 0) throw new Failure(first.problems);
  const needsFacts = first.possible.length > 0 || first.isOpen;
  if (needsFacts) await gatherAll(taken);
  const { problems, possible, notes } = needsFacts ? run.templates.ahead(() => judge(world, reached())) : first;
  if (problems.length + possible.length > 0) throw new Failure([...problems, ...possible]);
  for (const diagnostic of notes) run.emit({ type: 'note', diagnostic });
}

function aliveAt({ hosts }: World, name: string): readonly HostState[] {
  const host = hosts.get(name);
  return host !== undefined && !host.failed && !host.unreachable ? [host] : [];
}
