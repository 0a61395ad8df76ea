import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../core/errors/index.ts';
import { seedOf } from '../image/seed.ts';
import type { BootScene } from './contract.ts';
import { payloadOf } from './payload.ts';
import { openSession, type Session } from './session.ts';

/** An installation of the host's system, which is armed from now on. It makes what is missing: image, keys, payload. */
export async function arm(scene: BootScene): Promise<Session> {
  const { host, machine, progress } = scene;
  const { image, identity } = await scene.system();
  const payload = await payloadOf(image, scene);
  return openSession({ host, disk: machine.disk ?? 'only', payload, seed: seedOf(identity), progress });
}

type Limits = Readonly<{
  /** Seconds until the installer must have started. */
  start: number;
  /** Seconds until it must be done. */
  whole: number;
  /** Why nothing can start any more. undefined: it still can. */
  broken?: () => string | undefined;
}>;

/**
 * Waits until the installer is done. Throws Failure if it failed, or did not start or end in time. The installation is
 * over afterwards, whatever happened.
 */
export async function untilDone(scene: BootScene, session: Session, { start, whole, broken }: Limits): Promise<void> {
  const { host, signal } = scene;
  const began = Date.now();
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  session.ended.then(over, over);
  try {
    while (!isOver) {
      const seconds = (Date.now() - began) / 1000;
      const why = broken?.();
      if (why !== undefined) throw failure('E_BOOT_NETWORK', { host, problem: why, hint: 'run it again' });
      if (!session.hasBegun() && seconds > start)
        throw failure('E_BOOT_NOT_BEGUN', { host, seconds: start, why: 'it did not ask for it' });
      if (seconds > whole) throw failure('E_BOOT_SILENT', { host, seconds: whole });
      await sleep(200, undefined, { signal });
    }
    await session.ended;
  } catch (error) {
    session.fail(error as Error);
    throw error;
  }
}
