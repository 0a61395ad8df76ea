// Written by `npm run gen`: do not edit.
import type { ConsoleDriver } from '../contract.ts';
import { ipmi } from './ipmi.ts';
import { lab } from './lab.ts';
import { qemu } from './qemu.ts';
import { socket } from './socket.ts';
import { ssh } from './ssh.ts';
import { tty } from './tty.ts';

/** Every console driver, by the name that `console` has. */
export const consoles: Readonly<Record<string, ConsoleDriver>> = { ipmi, lab, qemu, socket, ssh, tty };
