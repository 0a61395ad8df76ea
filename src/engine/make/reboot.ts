import type { Pos } from '../../core/diagnostic.ts';
import { Failure } from '../../core/diagnostic.ts';
import { failure } from '../../core/errors/index.ts';
import { sh } from '../../core/sh.ts';
import type { Probe } from '../host/answers.ts';
import { pause } from '../host/pause.ts';
import type { Run } from '../host/ports.ts';
import type { Session } from '../host/session.ts';

/**
 * Identifies a boot: the kernel's boot id, and the start time of pid 1 for containers, which share the host's kernel.
 */
const BOOT_ID = sh`cat /proc/sys/kernel/random/boot_id; sed 's/.*) //' /proc/1/stat | cut -d' ' -f20`;

export async function bootId(session: Session): Promise<string> {
  const probe: Probe = { script: BOOT_ID, user: undefined, needs: ['*'] };
  session.forget(probe);
  return (await session.ask(probe, () => [])).stdout;
}

/** The host that reboots, and the position of the task. */
export type Rebooting = Readonly<{ host: string; at: Pos }>;

/**
 * Waits until the host has another boot id. A host that does not answer in time is power-cycled once, if something
 * switches its power, and gets the same time again. Times are in seconds.
 */
export async function awaitReboot(
  run: Run,
  session: Session,
  before: string,
  { timeout, delay }: Readonly<{ timeout: number; delay: number }>,
  rebooting: Rebooting | undefined,
): Promise<void> {
  await pause(delay * 1000, run.signal);
  session.forgetAll();
  if (await isBack(run, session, before, timeout)) return;
  const lost = failure('E_NOT_BACK', { timeout });
  const { machines } = run;
  if (machines === undefined || rebooting === undefined) throw lost;
  const { host, at } = rebooting;
  const isCycled = await machines.cycle(host, run.signal).catch((error: unknown) => {
    if (!(error instanceof Failure) || run.signal.aborted) throw error;
    const [first] = error.diagnostics;
    throw failure('E_NOT_BACK', { timeout, cycle: first?.message ?? error.message });
  });
  if (isCycled) {
    const text = `warning: ${host} did not come back within ${timeout} s after the reboot, so its power was cycled`;
    run.emit({ type: 'message', host, text, at });
    if (await isBack(run, session, before, timeout)) return;
  }
  const cycled = isCycled ? { cycle: `a power cycle did not bring it back within another ${timeout} s` } : {};
  throw await machines.explain(host, failure('E_NOT_BACK', { timeout, ...cycled }));
}

/** Whether the host answers with another boot id within `timeout`. Throws Failure if it never rebooted. */
async function isBack(run: Run, session: Session, before: string, timeout: number): Promise<boolean> {
  const deadline = run.now() + timeout * 1000;
  for (;;) {
    await session.drop();
    try {
      if ((await bootId(session)) !== before) {
        session.forgetAll();
        return true;
      }
      if (run.now() > deadline) throw failure('E_NO_REBOOT', { timeout });
    } catch (error) {
      if (run.signal.aborted || isNoReboot(error)) throw error;
      if (run.now() > deadline) return false;
    }
    await pause(1000, run.signal);
  }
}

const isNoReboot = (error: unknown): boolean =>
  error instanceof Failure && error.diagnostics[0]?.code === 'E_NO_REBOOT';

/** Records the console of a host while changes reboot it. */
export async function whileWatched<T>(
  { machines }: Run,
  host: string,
  reboots: boolean,
  work: () => Promise<T>,
): Promise<T> {
  if (!reboots || machines === undefined) return work();
  return work().finally(await machines.watch(host));
}
