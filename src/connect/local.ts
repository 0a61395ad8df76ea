import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Connection, Lost, type Target } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { blocksOf } from './content.ts';
import { decoder, encode } from './frame.ts';

/** This machine (`ansible_connection: local`), as if it were a host: the same frames, into a local sh. */
export function connectLocal(target: Target): Connection {
  const user = userInfo().username;
  return {
    user,
    async run(pieces, options = {}) {
      const { $ } = await import('zx/core');
      const who = pieces.every((p) => p.user === undefined || p.user === user) ? user : 'root';
      const mark = `bringup-${randomBytes(8).toString('hex')}`;
      const own = pieces.map((p) => ({ ...p, user: p.user ?? user }));
      const input = encode(own, mark, who, options.groups ?? []);
      const shell = $({
        input,
        quiet: true,
        nothrow: true,
        ...(options.signal && { signal: options.signal }),
        ...(options.timeout !== undefined && { timeout: `${options.timeout}s` as const }),
      });
      const child = who === user ? shell`sh -s` : shell`sudo -n sh -s`;
      child.stdin.on('error', () => {}); // it ended before it read all: its outputs tell
      const got = decoder(mark);
      child.stdout.on('data', got.stdout);
      child.stderr.on('data', got.stderr);
      await child;
      options.signal?.throwIfAborted();
      if (got.isDone()) return got.outputs();
      if (/sudo:/.test(got.trouble())) {
        const mend = 'run as root, or allow yourself NOPASSWD in sudoers';
        throw new Failure({ code: 'E_BECOME', message: `${target.name}: no root here`, detail: got.trouble(), mend });
      }
      throw new Lost(target.name, new Error(got.trouble()));
    },
    async put({ content, to, isSpooled }, owner) {
      const folder = dirname(to);
      if (isSpooled) await mkdir(folder, { mode: 0o700 });
      await pipeline(blocksOf(content), createWriteStream(to, { mode: 0o600, flags: 'wx', flush: true }));
      if (owner === undefined || owner === user) return;
      const { $ } = await import('zx/core');
      await $({ quiet: true })`sudo -n chown -- ${`${owner}:`} ${to}`;
      if (isSpooled) await $({ quiet: true })`sudo -n chown -- ${`${owner}:`} ${folder}`;
    },
    forward: async (_address, port) => port,
    close: async () => {},
  };
}
