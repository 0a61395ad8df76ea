import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../core/errors/index.ts';
import type { BootScene } from './contract.ts';

const PAUSE_MS = 1000;

/**
 * Waits until the host accepts logins with its pinned host key. Throws Failure after so many seconds, or at once with
 * the reason if `failed` tells one.
 */
export async function waitForLogins(
  scene: BootScene,
  seconds: number,
  failed: () => Error | undefined = () => undefined,
): Promise<void> {
  const { host, signal } = scene;
  scene.progress({ stage: 'waiting for logins' });
  for (const until = Date.now() + seconds * 1000; !(await scene.answers()); ) {
    const why = failed();
    if (why !== undefined) throw why;
    if (Date.now() > until) throw failure('E_BOOT_SILENT', { host, seconds });
    await sleep(PAUSE_MS, undefined, { signal });
  }
}

/** Asks the person, and waits for the answer. Throws Failure without a terminal. */
export async function personAnswers(scene: BootScene, question: string): Promise<string> {
  const answer = await scene.ask(question);
  if (answer === undefined) throw failure('E_BOOT_TERMINAL', { host: scene.host });
  return answer.trim();
}
