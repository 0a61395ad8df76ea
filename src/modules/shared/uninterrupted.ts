import { sh } from '../../core/sh.ts';

/**
 * For scripts whose program must not be cut short: useradd that ends early leaves a home directory with the wrong mode and
 * without its files, and the next run takes the account for complete. A program inherits ignored signals. What still runs
 * five seconds after an interruption is killed all the same.
 */
export const UNINTERRUPTED = sh`trap '' HUP INT TERM`;
