import type { StepKind } from '../core/drill.ts';
import { command } from './command.ts';
import { disk } from './disk.ts';
import { network } from './network.ts';
import { playbook } from './playbook.ts';
import { power } from './power.ts';
import { reset } from './reset.ts';
import { service } from './service.ts';

/** Every kind of step by the name that drills use. The additional key `wait_for` takes a check. */
export const steps: ReadonlyMap<string, StepKind> = new Map(
  [service, power, reset, network, disk, command, playbook].map((kind) => [kind.name, kind]),
);
