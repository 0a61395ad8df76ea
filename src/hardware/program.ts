import { spawn } from 'node:child_process';
import { withDeadline } from '../core/deadline.ts';
import { failure } from '../core/errors/index.ts';
import type { PowerScene } from './contract.ts';

export type Ran = Readonly<{ code: number; stdout: string; stderr: string }>;
export type Call = Readonly<{
  argv: readonly string[];
  /** Names the device in messages. */
  device: string;
  /** Variables for the program, beside ours. */
  env?: Readonly<Record<string, string>>;
  /** What the program reads from stdin. */
  input?: string;
  /** What to do if the program is missing. */
  hint: string;
}>;

/** Runs a program of this machine. Throws Failure if it is missing, or does not end in time. */
export function run(scene: PowerScene, { argv, device, env = {}, input = '', hint }: Call): Promise<Ran> {
  const [program = '', ...args] = argv;
  const { host, patience } = scene;
  const running = (stop: AbortSignal) =>
    new Promise<Ran>((resolve, reject) => {
      const child = spawn(program, args, {
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true, // a group of its own, so that what it started ends with it
      });
      const end = (): void => {
        try {
          process.kill(-(child.pid ?? 0), 'SIGKILL');
        } catch {
          // it has ended
        }
      };
      if (child.pid !== undefined) stop.addEventListener('abort', end, { once: true });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        stdout = (stdout + part).slice(-MOST);
      });
      child.stderr.setEncoding('utf8').on('data', (part: string) => {
        stderr = (stderr + part).slice(-MOST);
      });
      child.stdin.on('error', () => {}); // the program need not read it
      child.stdin.end(input);
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') reject(failure('E_POWER_PROGRAM', { host, program, hint }));
        else reject(failure('E_POWER_REFUSED', { host, device, doing: program, detail: error.message }));
      });
      child.on('close', (code) => {
        stop.removeEventListener('abort', end);
        if (scene.signal.aborted) return reject(scene.signal.reason);
        if (stop.aborted)
          return reject(failure('E_POWER_SILENT', { host, device, why: `no answer within ${patience} s` }));
        resolve({ code: code ?? 1, stdout, stderr });
      });
    });
  return withDeadline(scene.signal, patience * 1000, running);
}
const MOST = 64 * 1024;
