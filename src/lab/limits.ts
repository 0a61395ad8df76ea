import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { absent, replaceFile, stateDir } from './state.ts';

/** All hosts share one root's allowance with this machine: a host takes six, and the kernel's 128 are gone with the third lab. */
const INSTANCES = '/proc/sys/fs/inotify/max_user_instances';
const ENOUGH = 1024;
const memory = () => path.join(stateDir(), 'max_user_instances.before');

/** Raises the kernel's limit where it is too low for many hosts; true when it had to. */
export async function raiseLimits(): Promise<boolean> {
  const now = await readFile(INSTANCES, 'utf8');
  if (Number(now) >= ENOUGH) return false;
  await replaceFile(memory(), now, 0o600);
  await writeFile(INSTANCES, `${ENOUGH}\n`);
  return true;
}

/** Puts back what was before the first lab. */
export async function restoreLimits(): Promise<void> {
  const before = await readFile(memory(), 'utf8').catch(absent);
  if (before === undefined) return;
  await writeFile(INSTANCES, before);
  await rm(memory());
}
