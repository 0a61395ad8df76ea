import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bridged, Stopped } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import type { Output } from '../core/module.ts';
import { quote } from '../core/sh.ts';

/** A program on the host. `ended` resolves to its exit code when everything that it printed was read. */
export type Far = Readonly<{
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  ended: Promise<number | undefined>;
  close: () => void;
}>;

/**
 * What runs on the host: it reads one line, which is a program in base64, and runs that. The program is in no list of
 * arguments, and nothing is printed before the line is there.
 */
export const RECEIVER = 'IFS= read -r p || exit 1; eval "$(printf %s "$p" | base64 -d)"';

/**
 * The local program's remote shell, in the form that rsync splits: it sends the command of its arguments through file
 * descriptor 4, without the host's name, and then joins its own streams with 3 and 4. It ends with the
 * program on the host, as ssh does: rsync keeps the other direction open until then.
 */
const REMOTE_SHELL = `sh -c 'shift; printf "%s\\0" "$*" >&4; exec 5<&0; cat <&5 >&4 & cat <&3; kill $!' sh`;

/** Runs the local program, and `open` with the program that it asks for on the host. Throws Failure and Stopped. */
export async function bridge(
  { argv, before }: Bridged,
  open: () => Promise<Far>,
  user: string | undefined,
  signal: AbortSignal,
): Promise<Output> {
  signal.throwIfAborted();
  const [program = '', ...rest] = argv(REMOTE_SHELL);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'] });
  const over = new AbortController();
  const stdout = collected(child.stdio[1] as Readable);
  const stderr = [collected(child.stdio[2] as Readable)];
  const ended = endOf(child, program);
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop, { once: true, signal: over.signal });
  const joined = async (): Promise<number | undefined> => {
    const [toChild, fromChild] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
    const command = await commandFrom(fromChild);
    if (command === undefined) return undefined;
    const far = await open();
    stderr.push(collected(far.stderr));
    // Either end may close first. The exit codes say what went wrong.
    for (const stream of [toChild, fromChild, far.stdin]) stream.on('error', () => {});
    far.stdin.write(`${Buffer.from(programOf(before.text, command, user)).toString('base64')}\n`);
    fromChild.pipe(far.stdin);
    far.stdout.pipe(toChild);
    await Promise.race([far.ended, ended]);
    toChild.end();
    far.stdin.end();
    const codeThere = signal.aborted
      ? undefined
      : await Promise.race([far.ended, pause(GRACE, undefined, { ref: false })]);
    far.close();
    return codeThere;
  };
  try {
    const [code, codeThere = 0] = await Promise.all([ended, joined()]);
    if (signal.aborted) throw new Stopped(signal.reason?.name === 'TimeoutError' ? 'timeout' : 'interrupted', []);
    // What the sender on the host could not read shows in its exit code alone.
    return { code: code === 0 ? codeThere : code, stdout: stdout(), stderr: stderr.map((text) => text()).join('') };
  } finally {
    over.abort();
    child.kill();
  }
}
/** How long the program on the host may take to end after the local one has, in milliseconds. */
const GRACE = 5000;

/** `user`: who runs the command, if that is neither the login user nor root. */
function programOf(before: string, command: string, user: string | undefined): string {
  return `${before}${user === undefined ? command : `exec su -s /bin/sh -c ${quote(command)} -- ${quote(user)}`}`;
}

function collected(stream: Readable): () => string {
  const parts: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => parts.push(chunk));
  return () => Buffer.concat(parts).toString();
}

function endOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? failure('E_LOCAL_PROGRAM', { program }) : error),
    );
    // Not `close`: a descriptor stays open as long as the host's program runs.
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Reads up to the first NUL. undefined: the program ended without a command for the host. */
async function commandFrom(stream: Readable): Promise<string | undefined> {
  let seen = Buffer.alloc(0);
  for (;;) {
    const chunk: Buffer | null = stream.read();
    if (chunk !== null) seen = Buffer.concat([seen, chunk]);
    const at = seen.indexOf(0);
    if (at >= 0) {
      stream.unshift(seen.subarray(at + 1));
      return seen.toString('utf8', 0, at);
    }
    if (chunk !== null) continue;
    if (stream.readableEnded || stream.destroyed) return undefined;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of ['readable', 'end', 'close', 'error']) stream.off(event, done);
        resolve();
      };
      for (const event of ['readable', 'end', 'close', 'error']) stream.on(event, done);
    });
  }
}
