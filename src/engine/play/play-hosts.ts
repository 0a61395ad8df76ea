import type { Play } from '../../core/playbook.ts';
import type { World } from '../host/variables.ts';

/** The hosts of a play after its pattern may select hosts that were added or grouped during the run. */
export function hostsNow({ run, added, limit }: World, play: Play): readonly string[] {
  const selected = run.select(play.pattern, run.inventory);
  return inOrder(
    selected.filter((name) => limit.has(name) || added.has(name)),
    play.order,
  );
}

/** The order in which the hosts of a play take their turns. */
export function inOrder(hosts: readonly string[], order: Play['order']): readonly string[] {
  const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  switch (order) {
    case 'inventory':
      return hosts;
    case 'reverse_inventory':
      return hosts.toReversed();
    case 'sorted':
      return hosts.toSorted(byName);
    case 'reverse_sorted':
      return hosts.toSorted(byName).toReversed();
    case 'shuffle':
      return hosts
        .map((host) => ({ host, at: Math.random() }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ host }) => host);
  }
}
