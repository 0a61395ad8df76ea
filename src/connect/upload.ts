import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Client } from 'ssh2';
import { closeUpload, Lost, openUpload, type Sending, type Target } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Content } from '../core/module.ts';
import { quote } from '../core/sh.ts';
import { become } from './become.ts';
import { BLOCK, blocksOf } from './content.ts';

/**
 * Writes a file of `owner` on a channel of its own, as fast as the link: SFTP's window would hold a distant host to 1.6 MB/s.
 * What shrinks travels packed where the link is what takes the time. Some MB of it are in memory at a time. Throws a Failure
 * where the host cannot write it.
 */
export async function upload(
  client: Client,
  target: Target,
  loginUser: string,
  sending: Sending,
  owner: string,
): Promise<void> {
  const { content, to: path } = sending;
  const send = async (isPacked: boolean) => {
    const take = isPacked ? 'gzip -dc' : 'cat';
    const script = `umask 077 && set -C && ${openUpload(sending).text} && ${take} > ${quote(path)} && sync -- ${quote(path)}`;
    const whole = owner === loginUser || owner === 'root' ? script : `${script} && ${givenTo(owner, sending)}`;
    const own = `{ ${whole}; } || { x=$?; ${closeUpload(sending).text}; exit $x; }`;
    const channel = await become(client, target, loginUser, owner === loginUser ? loginUser : 'root', own);
    const ended = new Promise<number | undefined>((resolve) => {
      let code: number | undefined;
      channel.once('exit', (status: number | null) => {
        code = status ?? undefined;
      });
      channel.once('close', () => resolve(code));
      client.once('close', () => resolve(undefined));
    });
    let stderr = '';
    channel.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    channel.resume();
    const blocks = blocksOf(content);
    await pipeline(isPacked ? packed(blocks) : blocks, channel).catch((error: unknown) => {
      if (error instanceof Failure) throw error;
      // A broken pipe shows in the exit status.
    });
    return { code: await ended, stderr };
  };
  const isPacked = await shrinks(content);
  const sent = await send(isPacked);
  const { code, stderr } = isPacked && sent.code === NOT_FOUND ? await send(false) : sent;
  if (code === 0) return;
  if (code === undefined) throw new Lost(target.name, new Error(stderr));
  const hint = /No space left/.test(stderr) ? 'make room on the disk: df -h; nothing was changed' : undefined;
  throw failure('E_UPLOAD', { host: target.name, path, detail: stderr.trim(), hint });
}

/** The file first: whoever owns its directory can put a link in its place. */
function givenTo(owner: string, { to, isSpooled }: Sending): string {
  // `NAME:` is the user with the group of their own.
  const whose = quote(`${owner}:`);
  const file = `chown -- ${whose} ${quote(to)}`;
  return isSpooled ? `${file} && chown -- ${whose} ${quote(to.slice(0, to.lastIndexOf('/')))}` : file;
}

/** What a shell says of a program that is not there: a small system may have no gzip. */
const NOT_FOUND = 127;
/** Blocks. */
const FIRST = 4;
/** zlib's fastest takes about as long as a gigabit link, on threads of its own, and packs nearly as well as its best. */
const FASTEST = 1;

/** Whether packing halves its beginning. Archives, images and packages of programs are packed already. */
async function shrinks(content: Content): Promise<boolean> {
  for await (const block of blocksOf(content)) {
    const sample = block.subarray(0, BLOCK / 16);
    return (await promisify(gzip)(sample, { level: FASTEST })).length * 2 < sample.length;
  }
  return false;
}

/**
 * The blocks as members of a gzip file: each packed where that took half the time so far, else as it is. The first ones are
 * packed in any case: buffers of the link swallow some MB at once, and would have it look fast.
 *
 * @param now milliseconds, of any clock
 */
export async function* packed(
  blocks: AsyncIterable<Uint8Array>,
  now = (): number => performance.now(),
): AsyncGenerator<Uint8Array> {
  const [plain, small] = [
    { level: 0, blocks: 0, ms: 0 },
    { level: FASTEST, blocks: 0, ms: 0 },
  ];
  for await (const block of blocks) {
    const pays = small.blocks < FIRST || plain.ms * small.blocks > 2 * small.ms * plain.blocks;
    const way = pays ? small : plain;
    const since = now();
    yield await promisify(gzip)(block, { level: way.level, chunkSize: BLOCK + 1024 });
    way.ms += now() - since; // until more is asked for
    way.blocks++;
  }
}
