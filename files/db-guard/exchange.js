// A newer guard of this host takes the place of the one that runs, without anybody seeing it: it is started first, and when it
// is ready it gets the lease. The dead-man switch hears its beats from then on, as both have the same pipe to it.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const NEXT = fileURLToPath(new URL('../current/main.js', import.meta.url));
const READY_MS = 10_000;
/** Each process has its own zero; the clock below is the machine's. */
const zero = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** In the newer one: what the older one gives, once it has heard that we are ready. undefined at a start as usual. */
export async function inheritance() {
  if (process.send === undefined) return undefined;
  const deserted = () => process.exit(1); // it changed its mind, or died
  process.once('disconnect', deserted);
  const given = await new Promise((resolve) => {
    process.once('message', resolve);
    process.send('ready');
  });
  process.off('disconnect', deserted);
  process.disconnect();
  return { ...given, renewedAt: given.renewedAt - zero };
}

/** In the older one: returns when the newer one has it all. Throws when that does not start, and this guard goes on. */
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
      isReady ? 'this guard is stopped: no newer one follows' : 'the newer guard does not start: this one goes on',
    );
  }
  await new Promise((resolve) => next.send({ ...given, renewedAt: given.renewedAt + zero }, resolve));
}
