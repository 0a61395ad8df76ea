import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Connection, Lost, Stopped, type Target } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import { rootBy } from './become.ts';
import { bridge, type Far, RECEIVER } from './bridge.ts';
import { blocksOf } from './content.ts';
import { type Decoder, decoder, Tampered } from './decode.ts';
import { encode } from './frame.ts';
import { type TripOptions, tampered } from './shell.ts';
import { stopping } from './stop.ts';

/**
 * Connects to this machine (`ansible_connection: local`) as if it were a host, with the same frames sent to a local sh.
 * This machine is not locked, because labs and projects run side by side on a controller.
 */
export function connectLocal(target: Target): Connection {
  const user = userInfo().username;
  return {
    user,
    async run(pieces, options = {}) {
      options.signal?.throwIfAborted();
      const shellUser = pieces.every((p) => p.user === undefined || p.user === user) ? user : 'root';
      const mark = `bringup-${randomBytes(8).toString('hex')}`;
      const own = pieces.map((p) => ({ ...p, user: p.user ?? user }));
      const program = encode({ pieces: own, groups: options.groups ?? [], shellUser }, mark);
      try {
        return (await oneTrip(target, shellUser === user, { program, mark, options })).outputs();
      } catch (error) {
        throw error instanceof Tampered ? tampered(target, error) : error;
      }
    },
    async put({ content, to, isSpooled }, owner) {
      const folder = dirname(to);
      if (isSpooled) await mkdir(folder, { mode: 0o700 });
      await pipeline(blocksOf(content), createWriteStream(to, { mode: 0o600, flags: 'wx', flush: true }));
      if (owner === undefined || owner === user) return;
      const { $ } = await import('zx/core');
      await $({ quiet: true })`${rootBy(target)} chown -- ${`${owner}:`} ${to}`;
      if (isSpooled) await $({ quiet: true })`${rootBy(target)} chown -- ${`${owner}:`} ${folder}`;
    },
    bridge: (bridged, who = user, signal) => {
      const isShell = who === user || who === 'root';
      const open = async (): Promise<Far> => {
        const words = who === user ? [] : rootBy(target);
        const [program = '', ...rest] = [...words, 'sh', '-c', RECEIVER];
        const child = spawn(program, rest, { stdio: 'pipe', detached: true });
        const ended = new Promise<number | undefined>((resolve) => {
          child.once('close', (code) => resolve(code ?? undefined));
          child.once('error', () => resolve(undefined));
        });
        const { stdin, stdout, stderr } = child;
        return { stdin, stdout, stderr, ended, close: () => endGroup(child.pid) };
      };
      return bridge(bridged, open, isShell ? undefined : who, signal);
    },
    forward: async (_address, port) => port,
    close: async () => {},
  };
}

/**
 * A shell that reads no start-up files. It has its own process group, so that it can be ended with everything that it
 * started.
 */
async function shell(target: Target, isOwn: boolean, input: string) {
  const { $ } = await import('zx/core');
  const { dir: cwd } = target;
  const how = { quiet: true, nothrow: true, detached: true, shell: '/bin/sh', prefix: '', postfix: '' } as const;
  const clean = $({ ...how, input, ...(cwd !== undefined && { cwd }) });
  return { process: isOwn ? clean`exec sh -s` : clean`exec ${rootBy(target)} sh -s` };
}

async function oneTrip(
  target: Target,
  isOwn: boolean,
  { program, mark, options: { signal, timeout } }: Readonly<{ program: string; mark: string; options: TripOptions }>,
): Promise<Decoder> {
  const answer = decoder(mark);
  const { process: child } = await shell(target, isOwn, program);
  const over = new AbortController();
  const ended = new Promise<'done' | 'interrupted' | 'timeout'>((resolve, reject) => {
    const take = (into: (chunk: Buffer) => void) => (chunk: Buffer) => {
      try {
        into(chunk);
        if (answer.isDone()) resolve('done'); // a background process of a task may keep the streams open
      } catch (error) {
        reject(error);
      }
    };
    child.stdin.on('error', () => {}); // the shell ended before it read everything; its outputs say why
    child.stdout.on('data', take(answer.stdout));
    child.stderr.on('data', take(answer.stderr));
    child.then(() => resolve('done'), reject);
    signal?.addEventListener('abort', () => resolve('interrupted'), { once: true, signal: over.signal });
    const timer = timeout === undefined ? undefined : setTimeout(() => resolve('timeout'), timeout * 1000);
    over.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
  const how = await ended.finally(() => over.abort());
  if (how !== 'done') throw new Stopped(how, await stop(target, isOwn, answer.pid()));
  if (answer.isDone()) return answer;
  if (/sudo:/.test(answer.trouble())) {
    throw failure('E_SUDO_REFUSED', { host: target.name, method: 'sudo', detail: answer.trouble() });
  }
  throw new Lost(target.name, new Error(answer.trouble()));
}

/** Ends a program with everything that it started, unless it has ended, or runs as root and we do not. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid);
  } catch {
    // The end of its input ends it too.
  }
}

async function stop(target: Target, isOwn: boolean, pid: number | undefined): Promise<readonly number[] | undefined> {
  if (pid === undefined) return undefined;
  const { process: child } = await shell(target, isOwn, stopping(pid));
  const { stdout } = await child;
  return /^left (.*)$/m.exec(stdout)?.[1]?.split(' ').filter(Boolean).map(Number);
}
