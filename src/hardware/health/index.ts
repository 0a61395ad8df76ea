import { bmc } from './bmc.ts';
import { board } from './board.ts';
import { clock } from './clock.ts';
import type { Probe } from './contract.ts';
import { disks } from './disks.ts';
import { filesystems } from './filesystems.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { temperature } from './temperature.ts';
import { throttling } from './throttling.ts';

/** Every probe, in the order in which findings are shown. */
export const probes: readonly Probe[] = [
  board,
  temperature,
  throttling,
  disks,
  filesystems,
  memory,
  network,
  clock,
  bmc,
];
