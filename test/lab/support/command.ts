import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** The built command, running in the background, and its output so far. */
export type Running = Readonly<{
  child: ChildProcess;
  said: () => string;
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
}>;

export function bringup(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [resolve('dist/bringup.cjs'), ...argv], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const take = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const ended = new Promise<number | NodeJS.Signals | null>((done) =>
    child.once('close', (code, signal) => done(code ?? signal)),
  );
  return { child, said: () => text, ended };
}

/**
 * Waits until the condition holds, because a busy machine needs time. `seen` describes the state for the error message.
 */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  seen: () => Promise<string> | string = () => '',
): Promise<void> {
  for (const end = Date.now() + 120_000; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`not in two minutes: ${what}\n${await seen()}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}
