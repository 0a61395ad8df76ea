// The ways to a console that drivers share: a Unix socket, and a program of this machine.
import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { Duplex } from 'node:stream';
import { failure } from '../../core/errors/index.ts';
import { quote } from '../../core/sh.ts';
import type { ConsoleScene } from './contract.ts';

/** Connects to a Unix socket. Throws Failure if nobody listens there. */
export function openSocket({ host, signal }: ConsoleScene, path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, signal });
    socket.once('error', (error) => {
      if (signal.aborted) return reject(signal.reason);
      reject(failure('E_CONSOLE_OPEN', { host, device: `socket ${path}`, why: error.message }));
    });
    socket.once('connect', () => {
      socket.on('error', () => {}); // it ends
      resolve(socket);
    });
  });
}

export type Program = Readonly<{
  argv: readonly string[];
  device: string;
  /** Variables for the program, beside ours. */
  env?: Readonly<Record<string, string>>;
  /** What to do if the program is missing. */
  hint: string;
  /**
   * What the program says when it is connected, which is not shown. Default: it is connected when it says something, or
   * still runs after two seconds.
   */
  ready?: RegExp;
}>;

/**
 * Starts a program whose stdin and stdout are the console. Throws Failure if it is missing, or ends before it is
 * connected. The program ends with the stream.
 */
export function openProgram({ host, signal }: ConsoleScene, program: Program): Promise<Duplex> {
  const { argv, device, env = {}, hint, ready } = program;
  return new Promise((resolve, reject) => {
    const [command = '', ...args] = argv;
    // A group of its own, so that what it started ends with it, and Ctrl-C at the terminal reaches the console.
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe', detached: true });
    let said = '';
    const end = (): void => {
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // it has ended
      }
    };
    const refuse = (why: string): void => reject(failure('E_CONSOLE_OPEN', { host, device, why }));
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') reject(failure('E_CONSOLE_PROGRAM', { host, program: command, hint }));
      else refuse(error.message);
    });
    child.stdin.on('error', () => {}); // it ends
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000);
    });
    child.once('exit', (code) => {
      signal.removeEventListener('abort', end);
      if (signal.aborted) reject(signal.reason);
      refuse(said.trim().split('\n').at(-1) || `${command} ended with exit code ${code}`);
    });
    let seen = Buffer.alloc(0);
    const look = (part: Buffer): void => {
      seen = Buffer.concat([seen, part]);
      const found = (ready ?? ANYTHING).exec(seen.toString('latin1'));
      if (found !== null) connected(seen.subarray(found.index + found[0].length));
      else said = seen.toString('utf8').slice(-2000);
    };
    const late = setTimeout(
      () => {
        if (ready === undefined) return connected(seen);
        refuse(said.trim().split('\n').at(-1) || `no connection within ${PATIENCE_MS / 1000} s`);
        end();
      },
      ready === undefined ? 2000 : PATIENCE_MS,
    );
    const connected = (rest: Buffer): void => {
      clearTimeout(late);
      child.stdout.off('data', look);
      child.stdout.pause();
      if (rest.length > 0) child.stdout.unshift(rest);
      const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
      stream.on('error', () => {}); // it ends
      stream.once('close', end);
      resolve(stream);
    };
    child.once('exit', () => clearTimeout(late));
    child.once('spawn', () => {
      signal.addEventListener('abort', end, { once: true });
      child.stdout.on('data', look);
    });
  });
}
/** Matches before the first character. */
const ANYTHING = /(?=[\s\S])/;
const PATIENCE_MS = 30_000;

/** Words for sh, each quoted. */
export const shellWords = (words: readonly string[]): string => words.map(quote).join(' ');

/** Gives a program a terminal of its own. `command` is for sh. util-linux has `script`. */
export const inTerminal = (command: string): readonly string[] => [
  'script',
  '-q',
  '-e',
  '-f',
  '-c',
  command,
  '/dev/null',
];
