import { randomBytes, timingSafeEqual } from 'node:crypto';
import { failure } from '../../core/errors/index.ts';
import { size } from '../../core/units.ts';
import type { Seed } from '../image/seed.ts';
import type { BootProgress, DiskRule } from './contract.ts';
import type { Payload } from './payload.ts';

/** An installation that was asked for. */
export type Order = Readonly<{
  host: string;
  disk: DiskRule;
  payload: Payload;
  seed: Seed;
  progress: (progress: BootProgress) => void;
}>;

/** A machine may start the installer so often in one run, as after a power cut. More would be a loop. */
const MOST_BOOTS = 3;

/**
 * One installation as the controller sees it. It is armed until it is done, has failed or is ended, and everything is
 * refused afterwards. Each start of the installer gets a token of its own, with which each file of the seed is given
 * out once, because it holds the private host key. Whoever asks for a token later makes the earlier one worthless, so a
 * stranger who asks in place of the machine stops the installation, and is seen.
 */
export function openSession(order: Order) {
  const { host, payload, progress } = order;
  let state: 'armed' | 'done' | 'failed' = 'armed';
  let token: string | undefined;
  let boots = 0;
  let given = new Set<string>();
  let disks = '';
  let settle: Readonly<{ done: () => void; fail: (why: Error) => void }> | undefined;
  const ended = new Promise<void>((done, fail) => {
    settle = { done, fail };
  });
  ended.catch(() => {}); // who waits for it gets the error
  const fail = (why: Error): void => {
    if (state !== 'armed') return;
    state = 'failed';
    settle?.fail(why);
  };

  return {
    host,
    payload,
    /** Settles when the installer has said that it is done. Throws Failure if it failed. */
    ended,
    isArmed: (): boolean => state === 'armed',
    /** Whether the machine has asked for the installer. */
    hasBegun: (): boolean => boots > 0 && token !== undefined,
    fail,

    /** A new token, for a machine that starts the installer. undefined: nothing is to be installed. */
    begin(): string | undefined {
      if (state !== 'armed') return undefined;
      boots++;
      if (boots > MOST_BOOTS) {
        fail(failure('E_BOOT_LOOP', { host, boots: MOST_BOOTS }));
        return undefined;
      }
      token = randomBytes(24).toString('hex');
      given = new Set();
      progress({ stage: boots === 1 ? 'starting the installer' : 'starting the installer again' });
      return token;
    },

    /** Whether this is the token of the machine that is installing now. */
    isCurrent(offered: string): boolean {
      if (state !== 'armed' || token === undefined || offered.length !== token.length) return false;
      return timingSafeEqual(Buffer.from(offered), Buffer.from(token));
    },

    /** What the installer reads first, as KEY=VALUE lines. `image` is the image's URL. */
    task(image: string): string {
      const disk = order.disk === 'only' ? 'only' : `serial=${order.disk.serial}`;
      return `DISK=${disk}\nBYTES=${payload.bytes}\nSHA256=${payload.sha256}\nIMAGE=${image}\n`;
    },

    /** A file of the seed. undefined: there is none, or it was given out. */
    seedFile(name: string): string | undefined {
      if (!Object.hasOwn(order.seed, name)) return undefined;
      if (given.has(name)) {
        fail(failure('E_BOOT_SEED_TWICE', { host }));
        return undefined;
      }
      given.add(name);
      return order.seed[name as keyof Seed];
    },

    sent(bytes: number): void {
      progress({ stage: 'writing the disk', bytes, of: payload.sent });
    },

    step(stage: string): void {
      progress({ stage });
    },

    sees(listing: string): void {
      disks = listing;
    },

    /** The installer gave up. */
    failed(why: string): void {
      if (why !== 'disk') return fail(failure('E_BOOT_FAILED', { host, why }));
      const rule = order.disk === 'only' ? 'only' : `serial=${order.disk.serial}`;
      fail(failure('E_BOOT_DISK', { host, rule, least: size(payload.bytes), disks: disksText(disks) }));
    },

    done(): void {
      if (state !== 'armed') return;
      state = 'done';
      settle?.done();
    },
  };
}
export type Session = ReturnType<typeof openSession>;

/** The disks as the installer lists them: device, bytes, serial number or -, model. */
function disksText(listing: string): readonly string[] {
  return listing
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([device, bytes, serial, ...model]) =>
      device === undefined || serial === undefined
        ? []
        : [
            `${device}  ${size(Number(bytes))}  ${serial === '-' ? 'no serial number' : `serial=${serial}`}  ${model.join(' ')}`.trimEnd(),
          ],
    );
}
