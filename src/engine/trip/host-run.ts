import type { Item, Play } from '../../core/playbook.ts';
import type { Probe } from '../host/answers.ts';
import type { HostState, Where } from '../host/state.ts';
import type { World } from '../host/variables.ts';
import { probesAhead, type Rest } from './ahead.ts';
import type { Batch } from './batch.ts';

/** One host's run through one play. */
export type HostRun = Readonly<{
  world: World;
  host: HostState;
  play: Play;
  batch: Batch;
  where: Where;
  /** Runs a list of items on this host. */
  runItems: (items: readonly Item[], where: Where) => Promise<void>;
  /** In a plan: why it is not certain that this part runs at all. */
  maybe?: string;
  /** The plays that this host has yet to run. */
  laterPlays: () => Iterable<Rest>;
}>;

/** The probes that this host will need from this point on. */
export function aheadOf(hostRun: HostRun, rest: Rest | undefined): () => Iterable<Probe> {
  const empty: Rest = { items: [], index: 0, where: hostRun.where, up: undefined };
  return () => probesAhead(hostRun.world, hostRun.host, rest ?? empty, hostRun.laterPlays);
}
