import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { type Claim, type Group, Held, Lost, type Piece, Stopped, type Target } from '../core/connection.ts';
import type { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Output } from '../core/module.ts';
import { become } from './become.ts';
import { BEAT, beat, claiming } from './claim.ts';
import { type Decoder, decoder, Tampered } from './decode.ts';
import { encode, librariesOf } from './frame.ts';
import { stopping } from './stop.ts';

export type TripOptions = Readonly<{
  groups?: readonly Group[] | undefined;
  /** In seconds. */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}>;
/**
 * Runs round trips one after the other. Throws what Connection.run throws. After an error it serves no more, except
 * after Held.
 */
export type Shell = Readonly<{ trip: (pieces: readonly Piece[], options: TripOptions) => Promise<readonly Output[]> }>;

type Place = Readonly<{ client: Client; target: Target; loginUser: string; who: string; claim: Claim | undefined }>;
/** `known`: what is known about the shell itself, from its first round trip on. */
type Where = Place & Readonly<{ known: { pid?: number | undefined; isOver: boolean } }>;

export async function openShell(place: Place): Promise<Shell> {
  const where: Where = { ...place, known: { isOver: false } };
  const { client, target, loginUser, who, claim, known } = where;
  const channel = await become(client, target, loginUser, who, 'exec sh -s');
  channel.once('close', () => {
    known.isOver = true;
  });
  let isClaimed = false;
  const has = new Set<string>();
  let queue: Promise<unknown> = Promise.resolve();
  if (claim !== undefined) keepClaim(channel, () => isClaimed);
  return {
    trip(pieces, options) {
      const next = queue.then(async () => {
        if (known.isOver) throw new Lost(target.name); // an earlier round trip ended the shell
        const mark = `bringup-${randomBytes(8).toString('hex')}`;
        const opening = claim !== undefined && !isClaimed ? claiming(claim, mark, who === 'root') : undefined;
        const trip = { pieces, groups: options.groups ?? [], shellUser: who, isClaimed: claim !== undefined, has };
        const program = encode({ ...trip, ...(opening !== undefined && { opening }) }, mark);
        const got = await oneTrip(where, channel, { program, mark, options }).catch((error: unknown) => {
          known.isOver = true;
          throw error;
        });
        const [holder] = opening === undefined ? [] : got.notes('held');
        if (holder !== undefined) {
          const [run = '', ...words] = holder.split(' ');
          throw new Held(target.name, run, words.join(' '));
        }
        if (opening !== undefined) {
          isClaimed = true;
          for (const from of got.notes('took')) claim?.tookOver?.(from);
        }
        for (const library of librariesOf(trip)) has.add(library);
        return got.outputs();
      });
      queue = next.catch(() => {}); // the caller of this round trip gets the error; the next one still runs
      return next.catch((error: unknown) =>
        Promise.reject(error instanceof Tampered ? tampered(target, error) : error),
      );
    },
  };
}

/** Signals the shell between its round trips that its controller is still there. */
function keepClaim(channel: ClientChannel, isClaimed: () => boolean): void {
  const timer = setInterval(() => {
    if (isClaimed() && channel.writable) channel.write(beat);
  }, BEAT).unref();
  channel.once('close', () => clearInterval(timer));
}

/** Writes one framed program to the shell and waits for its end on both streams. */
async function oneTrip(
  where: Where,
  channel: ClientChannel,
  { program, mark, options: { signal, timeout } }: Readonly<{ program: string; mark: string; options: TripOptions }>,
): Promise<Decoder> {
  const { client, target, who, claim, known } = where;
  signal?.throwIfAborted();
  const answer = decoder(mark);
  const over = new AbortController();
  const ended = new Promise<'done' | 'lost' | 'interrupted' | 'timeout'>((resolve, reject) => {
    // ssh2 swallows errors of its listeners, so an error ends the round trip here.
    const take = (into: (chunk: Buffer) => void) => (chunk: Buffer) => {
      try {
        into(chunk);
        if (answer.isDone()) resolve('done');
      } catch (error) {
        reject(error);
      }
    };
    const on = (emitter: NodeJS.EventEmitter, event: string, listener: (chunk: Buffer) => void): void => {
      emitter.on(event, listener);
      over.signal.addEventListener('abort', () => emitter.off(event, listener), { once: true });
    };
    on(channel, 'data', take(answer.stdout));
    on(channel.stderr, 'data', take(answer.stderr));
    on(channel, 'close', () => resolve('lost'));
    on(client, 'close', () => resolve('lost'));
    signal?.addEventListener('abort', () => resolve('interrupted'), { once: true, signal: over.signal });
    const timer = timeout === undefined ? undefined : setTimeout(() => resolve('timeout'), timeout * 1000);
    over.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
  channel.write(program);
  const how = await ended
    .catch((error: unknown) => {
      channel.close();
      throw error;
    })
    .finally(() => over.abort());
  known.pid ??= answer.pid();
  if (how === 'done') return answer;
  const { pid } = known;
  if (how === 'lost') {
    if (pid !== undefined) claim?.lost.add(pid);
    throw shellDied(target, who, answer.trouble());
  }
  const left = await stop(where, channel, pid);
  if (pid !== undefined && (left === undefined || left.length > 0)) claim?.lost.add(pid);
  throw new Stopped(how, left);
}

/** How long the host may take to report on the processes that it had to end, in milliseconds. */
const PATIENCE = 15_000;

/** Closing a channel does not end what runs on the host, so the processes are ended over another channel. */
async function stop(
  { client, target, loginUser, who }: Where,
  channel: ClientChannel,
  pid: number | undefined,
): Promise<readonly number[] | undefined> {
  try {
    if (pid === undefined) return undefined;
    const said = await Promise.race([
      become(client, target, loginUser, who, stopping(pid)).then(printed),
      pause(PATIENCE, undefined, { ref: false }),
    ]);
    const left = /^left (.*)$/m.exec(said ?? '')?.[1];
    return left?.split(' ').filter(Boolean).map(Number);
  } catch {
    return undefined; // the connection is gone too, so nobody knows what became of the processes
  } finally {
    channel.close();
  }
}

function printed(channel: ClientChannel): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    channel.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    channel.stderr.resume();
    channel.once('close', () => resolve(text));
  });
}

/** The shell ended before the round trip did. If sudo refused, its own message says so. */
function shellDied(target: Target, who: string, stderr: string): Error {
  if (who === 'root' && /\b(sudo|doas|su):/.test(stderr)) return becomeRefused(target, stderr);
  return new Lost(target.name, stderr === '' ? undefined : new Error(stderr));
}

function becomeRefused(target: Target, stderr: string): Failure {
  const given = { host: target.name, method: target.become.method, detail: stderr };
  return /password is required/.test(stderr) ? failure('E_SUDO_PASSWORD', given) : failure('E_SUDO_REFUSED', given);
}

export function tampered(target: Target, error: Tampered): Failure {
  return failure('E_TAMPERED', { host: target.name, why: error.message }, undefined, { cause: error });
}
