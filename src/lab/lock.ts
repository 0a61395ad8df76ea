import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../core/errors/index.ts';
import { stateDir } from './state.ts';

/** The exit code with which flock reports that another process holds the lock (our choice). */
const HELD = 75;

type LockOptions = Readonly<{ patience: number; signal?: AbortSignal | undefined; waiting?: () => void }>;

/** Runs `work` while holding the lab's lock of that name between processes. */
export async function withLock<T>(name: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const file = path.join(stateDir(), 'locks', `${name}.lock`);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  return withFileLock(file, { ...options, name }, work);
}

/**
 * Runs `work` while holding a lock on a file or an existing directory between processes. A child process that ends with us
 * holds the lock, so no lock is ever left behind. Waits for `patience` ms, then throws Failure, which calls it `name`.
 */
export async function withFileLock<T>(
  file: string,
  options: LockOptions & Readonly<{ name: string }>,
  work: () => Promise<T>,
): Promise<T> {
  const release = await acquire(file, options);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(
  file: string,
  { name, patience, signal, waiting }: LockOptions & Readonly<{ name: string }>,
): Promise<() => Promise<void>> {
  const until = Date.now() + patience;
  for (let isReported = false; ; ) {
    const release = await take(file);
    if (release !== undefined) return release;
    if (!isReported) waiting?.();
    isReported = true;
    if (Date.now() > until) {
      throw failure('E_LAB_BUSY', { name });
    }
    await sleep(200, undefined, signal ? { signal } : {});
  }
}

/** Tries once. Returns a function that releases the lock, or undefined if another process holds it. */
function take(file: string): Promise<(() => Promise<void>) | undefined> {
  return new Promise((resolve, reject) => {
    // `cat` ends when our end of the pipe closes: on release, or when this process dies.
    const child = spawn('flock', ['-n', '-E', String(HELD), file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // A session of its own, so that Ctrl-C in a terminal does not release the lock while we still clean up.
      detached: true,
    });
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === HELD) resolve(undefined);
      else reject(failure('E_LAB_PROGRAM', { command: `flock ${file}`, code }));
    });
    child.stdout.once('data', () => {
      resolve(async () => {
        child.stdin.end();
        await ended;
      });
    });
  });
}
