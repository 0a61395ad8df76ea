import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Client } from 'ssh2';
import { closeUpload, Lost, openUpload, type Sending, type Target } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Content } from '../core/module.ts';
import { quote } from '../core/sh.ts';
import { become, exitOf } from './become.ts';
import { BLOCK, blocksOf } from './content.ts';

/**
 * Writes a file of `owner` on a channel of its own, at the speed of the link. SFTP's window would limit a distant host
 * to 1.6 MB/s. Content that compresses well is sent compressed if the link is the bottleneck. Some MB of it are in
 * memory at a time. Throws Failure if the host cannot write the file.
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
    const ended = exitOf(client, channel);
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

/** Change the file's owner before the directory's: the owner of the directory could replace the file with a link. */
function givenTo(owner: string, { to, isSpooled }: Sending): string {
  // `NAME:` is the user with the user's own group.
  const whose = quote(`${owner}:`);
  const file = `chown -- ${whose} ${quote(to)}`;
  return isSpooled ? `${file} && chown -- ${whose} ${quote(to.slice(0, to.lastIndexOf('/')))}` : file;
}

/** The shell's exit code for a missing program. A small system may have no gzip. */
const NOT_FOUND = 127;
/** In blocks. */
const FIRST = 4;
/**
 * zlib's fastest level takes about as long as a gigabit link, on threads of its own, and compresses nearly as well as
 * its best level.
 */
const FASTEST = 1;

/** Whether compression halves the beginning of the content. Archives, images and packages are already compressed. */
async function shrinks(content: Content): Promise<boolean> {
  for await (const block of blocksOf(content)) {
    const sample = block.subarray(0, BLOCK / 16);
    return (await promisify(gzip)(sample, { level: FASTEST })).length * 2 < sample.length;
  }
  return false;
}

/**
 * Encodes blocks as members of a gzip file. A block is compressed if that took half the time so far, else it is stored.
 * The first blocks are always compressed, because buffers accept some MB at once and make the link look fast.
 *
 * @param now milliseconds of any clock
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
    way.ms += now() - since; // until the consumer asks for more
    way.blocks++;
  }
}
