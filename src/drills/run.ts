import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../core/diagnostic.ts';
import type { Figures, Verdict } from '../core/drill.ts';
import type { Load } from '../core/drill-args.ts';
import { failure } from '../core/errors/index.ts';
import { sh, verbatim } from '../core/sh.ts';
import type { Act, DrillRun } from './contract.ts';
import { openDebts } from './debts.ts';
import { judge, notesOf } from './judge.ts';
import { lookAgain, prefixOf, verifies } from './ledger.ts';
import { type Running, startLoad } from './load.ts';
import { endWatches, startWatches } from './recorders.ts';
import { oneStep, sceneOf, textOf, walk, within } from './steps.ts';

/** If the load waits for steps, it goes on this long after the last step, to measure the site after it. */
const SETTLE_MS = 3000;
/** The time limit for all repairs together. */
const PAY_MS = 10 * 60_000;

/** Runs one drill. Whatever happens, it repairs what it broke and reports that. Returns whether the drill passed. */
export async function runDrill(given: DrillRun): Promise<boolean> {
  const { drill, emit, signal, run, of } = given;
  const began = performance.now();
  emit({ type: 'drill', drill: drill.name, at: drill.at, hosts: drill.hosts, run, of });
  const act: Act = {
    given,
    debts: openDebts(),
    steps: [],
    bound: undefined,
    load: undefined,
    from: 0,
    clocks: new Map(),
    paid: [],
  };
  const verdicts: Verdict[] = [];
  let figures: Figures | undefined;
  try {
    const bug = await guarded(verdicts, signal, () => perform(act)).catch((error: unknown) => ({ error }));
    await putRight(act);
    if (bug !== undefined) throw bug.error;
    await guarded(verdicts, signal, async () => {
      figures = await lookAgain(act);
      if (!signal.aborted) verdicts.push(...((await act.bound?.check(signal)) ?? []));
    });
    const watched = await endWatches(act);
    figures ??= act.load?.figures();
    if (act.bound !== undefined && figures !== undefined && act.from > 0)
      verdicts.unshift(
        ...judge(act.bound.expect, {
          figures,
          steps: act.steps,
          paid: act.paid,
          watched,
          from: act.from,
          to: Date.now(),
          verifies: verifies(act.bound),
        }),
      );
  } finally {
    await act.load?.close();
    await given.hands.hangUp();
  }
  const passed = !signal.aborted && verdicts.length > 0 && verdicts.every((v) => v.passed);
  const notes = figures === undefined ? [] : notesOf({ figures });
  const ms = performance.now() - began;
  const interrupted = signal.aborted;
  emit({
    type: 'drilled',
    drill: drill.name,
    at: drill.at,
    run,
    of,
    passed,
    interrupted,
    verdicts,
    notes,
    steps: act.steps,
    figures,
    ms,
  });
  return passed;
}

/** A Failure becomes a verdict. Errors of an interruption do not. Any other error is a bug of ours. */
async function guarded(verdicts: Verdict[], signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  if (signal.aborted) return;
  try {
    await work();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Failure)) throw error;
    verdicts.push({ what: 'the drill', expected: 'to be run', seen: textOf(error), passed: false });
  }
}

/** The drill from the first lookup to the last answer. */
async function perform(act: Act): Promise<void> {
  const { drill, hands, signal, emit, allowed } = act.given;
  const bound = drill.bind(await findAll(act));
  act.bound = bound;
  await Promise.all(bound.steps.length === 0 ? [] : drill.hosts.map((host) => hands.root(host, sh`:`, signal)));
  await startWatches(act, bound);
  const load = startLoad(bound.load, prefixOf(act.given), allowed);
  act.load = load;
  const problems = await load.warm();
  if (problems.length > 0) throw failure('E_SITE_DOWN', { why: problems.join('; ') });
  signal.throwIfAborted();
  await load.begin();
  act.from = Date.now();
  const atEnd = new AbortController();
  const onAbort = (): void => {
    load.stop(0);
    atEnd.abort();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const ticking = tick(act, load, bound.load, atEnd.signal);
  try {
    const stepping = walk(act, bound.steps);
    const least = bound.load.seconds * 1000;
    if ((bound.load.up_to ?? 0) > bound.load.seconds)
      void stepping.then(() => load.stop(Math.max(least, load.now() + SETTLE_MS)));
    await stepping;
    await load.done;
  } finally {
    atEnd.abort();
    signal.removeEventListener('abort', onAbort);
    await ticking;
  }
  emit({ type: 'drill-load', drill: drill.name, ...progress(load, bound.load) });
}

async function findAll({ given: { drill, hands, signal } }: Act): Promise<Readonly<Record<string, readonly string[]>>> {
  const found: Record<string, readonly string[]> = {};
  for (const { find, hosts, at } of drill.find) {
    const pattern = new RegExp(find.prints, 'm');
    const said = await Promise.all(
      hosts.map(async (host) => ({ host, ...(await hands.root(host, verbatim(find.command), signal)) })),
    );
    const meant = said.filter((s) => pattern.test(s.stdout)).map((s) => s.host);
    if (meant.length !== find.count)
      throw failure('E_FIND', { variable: find.var, count: find.count, hosts, found: meant }, at);
    found[find.var] = meant;
  }
  return found;
}

/**
 * Runs the cleanup steps, then repairs every remaining fault. It also runs after an interruption, so it has a signal of
 * its own.
 */
async function putRight(act: Act): Promise<void> {
  const { emit, drill } = act.given;
  const signal = within(PAY_MS);
  for (const step of act.bound?.cleanup ?? []) await oneStep(act, step, signal, act.load);
  act.paid = await act.debts.payAll(sceneOf(act, signal), ({ what, failed }) =>
    emit({
      type: 'drill-step',
      drill: drill.name,
      what,
      at: drill.at,
      status: failed === undefined ? 'righted' : 'failed',
      ms: act.load?.now() ?? 0,
      failed,
    }),
  );
}

/** Reports the progress once a second. */
async function tick(act: Act, load: Running, spec: Load, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(1000, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    act.given.emit({ type: 'drill-load', drill: act.given.drill.name, ...progress(load, spec) });
  }
}

function progress(
  load: Running,
  spec: Load,
): Readonly<{ ms: number; of: number; sent: number; failed: number; lastOk: number }> {
  const { seconds } = load.figures();
  const sum = (key: 'sent' | 'failed'): number => seconds.reduce((n, s) => n + s[key], 0);
  return {
    ms: load.now(),
    of: spec.seconds * 1000,
    sent: sum('sent'),
    failed: sum('failed'),
    lastOk: seconds.at(-2)?.ok ?? 0,
  };
}
