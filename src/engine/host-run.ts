import type { Play } from '../core/playbook.ts';
import { probesAhead, type Rest } from './ahead.ts';
import type { Probe } from './answers.ts';
import type { Batch } from './batch.ts';
import type { HostState, Where } from './state.ts';
import type { World } from './variables.ts';

/** One host's way through one play. */
export type HostRun = Readonly<{
  world: World;
  host: HostState;
  play: Play;
  batch: Batch;
  where: Where;
  /** plan: why it is not certain that what is run now runs at all. */
  maybe?: string;
  /** The plays that this host has still before it. */
  laterPlays: () => Iterable<Rest>;
}>;

/** What this host will ask from there on. */
export function aheadOf(h: HostRun, rest: Rest | undefined): () => Iterable<Probe> {
  const empty: Rest = { items: [], index: 0, where: h.where, up: undefined };
  return () => probesAhead(h.world, h.host, rest ?? empty, h.laterPlays);
}
