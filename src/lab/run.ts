import { $ } from 'zx/core';
import { failure } from '../core/errors/index.ts';

export type Ran = Readonly<{ code: number; stdout: string; stderr: string }>;
type Options = Readonly<{
  input?: string;
  signal?: AbortSignal | undefined;
  env?: Readonly<Record<string, string>>;
  killSignal?: NodeJS.Signals;
}>;

/**
 * Runs a command to its end, whatever its exit code. 127 if the command does not exist. On abort, its process group
 * gets `killSignal` (default SIGTERM).
 */
export async function tryRun(argv: readonly string[], options: Options = {}): Promise<Ran> {
  const { signal, killSignal = 'SIGTERM' } = options;
  signal?.throwIfAborted();
  const shell = $({
    quiet: true,
    nothrow: true,
    // A process group of its own.
    detached: true,
    // exec, so that no shell stands between us and the command: a death signal must reach the command.
    prefix: 'exec ',
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    input: options.input ?? '',
  });
  const running = shell`${argv}`;
  running.stdin.on('error', () => {}); // if a command ends without reading its input, its exit code tells
  const kill = () => running.pid !== undefined && process.kill(-running.pid, killSignal);
  signal?.addEventListener('abort', kill);
  const out = await running.finally(() => signal?.removeEventListener('abort', kill));
  signal?.throwIfAborted();
  return { code: out.exitCode ?? 128, stdout: out.stdout, stderr: out.stderr };
}

/** Runs a command and returns its stdout. If the command fails, throws Failure with the end of its stderr. */
export async function run(argv: readonly string[], options: Options = {}): Promise<string> {
  const { code, stdout, stderr } = await tryRun(argv, options);
  if (code === 0) return stdout;
  throw failure('E_LAB_PROGRAM', { command: argv.join(' '), code, detail: lastLines(stderr || stdout, 20) });
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
