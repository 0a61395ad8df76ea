// Written by `npm run gen`: do not edit.
import type { Driver } from '../contract.ts';
import { command } from './command.ts';
import { lab } from './lab.ts';
import { manual } from './manual.ts';
import { shelly } from './shelly.ts';

/** Every power driver, by the name that `power` has. */
export const drivers: Readonly<Record<string, Driver>> = {
  command,
  lab,
  manual,
  shelly,
};
