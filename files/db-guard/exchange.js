// Upgrades db-guard on this host without a handover to another host: the new process starts, and gets the lease when it is ready.
// Both processes have the same pipe to the dead-man switch, so the heartbeats continue.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const NEXT = fileURLToPath(new URL('../current/main.js', import.meta.url));
const READY_MS = 10_000;
/**
 * performance.now() starts at 0 in each process; this offset converts it to the clock of the machine. A pause between the two
 * readings makes it too small, and a lease would look younger than it is, so the largest of several counts.
 */
const zero = Math.max(...Array.from({ length: 9 }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now()));

/** In the new process: tells the old one that it is ready and returns the state it passes on. undefined at a normal start. */
export async function inheritance() {
  if (process.send === undefined) return undefined;
  const deserted = () => process.exit(1); // the old process cancelled the upgrade, or died
  process.once('disconnect', deserted);
  const given = await new Promise((resolve) => {
    process.once('message', resolve);
    process.send('ready');
  });
  process.off('disconnect', deserted);
  process.disconnect();
  return { ...given, renewedAt: given.renewedAt - zero };
}

/** In the old process: returns when the new one has taken over. Throws if the new one does not start; the old one continues. */
export async function exchange(guard) {
  const beat = Number(process.env.DB_GUARD_BEAT ?? 2);
  const stdio = Array.from({ length: Math.max(4, beat + 1) }, (_, fd) => (fd === 3 ? 'ipc' : 'ignore'));
  for (const fd of [1, 2, beat]) stdio[fd] = fd;
  const next = fork(NEXT, ['run'], { stdio });
  const isReady = await new Promise((resolve) => {
    next.once('message', () => resolve(true));
    for (const event of ['error', 'exit']) next.once(event, () => resolve(false));
    setTimeout(resolve, READY_MS, false).unref();
  });
  const given = isReady ? await guard.leave() : undefined;
  if (given === undefined) {
    next.kill('SIGKILL');
    throw new Error(
      isReady
        ? 'upgrade cancelled: db-guard is stopping'
        : 'upgrade failed: the new db-guard does not start; the old one continues',
    );
  }
  await new Promise((resolve) => next.send({ ...given, renewedAt: given.renewedAt + zero }, resolve));
}
