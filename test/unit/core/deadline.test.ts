import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { withDeadline } from '../../../src/core/deadline.ts';

/** Ends only when the signal aborts. */
const waiting = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const timer = setInterval(() => {}, 1000); // nothing else keeps the process
    const onAbort = (): void => {
      clearInterval(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
const never = new AbortController().signal;

it('no signal is combined in a way that garbage collection can break', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const combining = files.filter((name) =>
    /AbortSignal\.any\(/.test(readFileSync(join('src', name), 'utf8').replace(/`[^`]*`/g, '')),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(combining).toEqual([]);
});

describe('a deadline', () => {
  it('ends what takes longer, though garbage is collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const ended = withDeadline(never, 300, waiting);
    ended.catch(() => {});
    for (let i = 0; i < 10; i++) {
      collect();
      await pause(5);
    }
    await expect(ended).rejects.toThrow('no result within 300 ms');
  });
  it('ends when the other signal aborts, before or meanwhile', async () => {
    await expect(withDeadline(AbortSignal.abort(new Error('early')), 60_000, waiting)).rejects.toThrow('early');
    const controller = new AbortController();
    const ended = withDeadline(controller.signal, 60_000, waiting);
    controller.abort(new Error('late'));
    await expect(ended).rejects.toThrow('late');
  });
  it('returns what came in time, or its error', async () => {
    expect(await withDeadline(never, 60_000, async () => 'done')).toBe('done');
    await expect(withDeadline(never, 60_000, () => Promise.reject(new Error('own')))).rejects.toThrow('own');
  });
});
