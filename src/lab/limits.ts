import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { absent, replaceFile, stateDir } from './state.ts';

/**
 * All hosts share this machine's limit for root. A host takes six instances, so the kernel's default of 128 is
 * exhausted by the third lab.
 */
const INSTANCES = '/proc/sys/fs/inotify/max_user_instances';
const ENOUGH = 1024;
const memory = () => path.join(stateDir(), 'max_user_instances.before');

/** Raises the kernel's limit if it is too low for many hosts. Returns whether it had to. */
export async function raiseLimits(): Promise<boolean> {
  const now = await readFile(INSTANCES, 'utf8');
  if (Number(now) >= ENOUGH) return false;
  await replaceFile(memory(), now, 0o600);
  await writeFile(INSTANCES, `${ENOUGH}\n`);
  return true;
}

/** Restores the limit of before the first lab. */
export async function restoreLimits(): Promise<void> {
  const before = await readFile(memory(), 'utf8').catch(absent);
  if (before === undefined) return;
  await writeFile(INSTANCES, before);
  await rm(memory());
}
