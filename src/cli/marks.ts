// What bringup notes of hosts whose way to a state has begun and has not ended. All else is read from the world.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rackKey } from './project.ts';

/**
 * A host is on its way, or failed on it. `doing`: what was done, in words. `since`: ISO time. `why`: what failed;
 * undefined while it runs, or if bringup was killed.
 */
export type Mark = Readonly<{ doing: string; since: string; why?: string }>;

/** The marks of the hosts of an inventory, one file for each host. */
export type Marks = Readonly<{
  get: (host: string) => Mark | undefined;
  set: (host: string, mark: Mark) => void;
  /** Returns whether there was one. */
  clear: (host: string) => boolean;
}>;

/** Stored under .bringup/ in the working directory. */
export function marksOf(inventories: string | readonly string[]): Marks {
  const folder = join('.bringup', 'marks', rackKey(inventories));
  const file = (host: string): string => join(folder, `${encodeURIComponent(host)}.json`);
  const get = (host: string): Mark | undefined => {
    try {
      return JSON.parse(readFileSync(file(host), 'utf8'));
    } catch {
      return undefined;
    }
  };
  return {
    get,
    set(host, mark) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${file(host)}.new`, `${JSON.stringify(mark)}\n`, { flush: true });
      renameSync(`${file(host)}.new`, file(host));
    },
    clear(host) {
      const was = get(host) !== undefined;
      rmSync(file(host), { force: true });
      return was;
    },
  };
}
