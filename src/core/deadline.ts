/**
 * Runs `work` with a signal that aborts when `signal` does, or after `ms` milliseconds.
 *
 * It is no `AbortSignal.any([signal, AbortSignal.timeout(ms)])`: in Node 20 nothing holds the inner signal, so that it may
 * be collected as garbage before it fires, and what waits for it waits for ever.
 */
export async function withDeadline<T>(
  signal: AbortSignal,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timeout = (): void => controller.abort(new DOMException(`no result within ${ms} ms`, 'TimeoutError'));
  const timer = setTimeout(timeout, ms);
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
