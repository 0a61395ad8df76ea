// Written by `npm run gen`: do not edit.
import type { BootWay } from '../contract.ts';
import { card } from './card.ts';
import { lab } from './lab.ts';
import { netboot } from './netboot.ts';

/** Every boot way, by the name that `boot` has. */
export const ways: Readonly<Record<string, BootWay>> = { card, lab, netboot };
