import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, type Pos } from '../core/diagnostic.ts';
import type { Cut, DrillScene, Figures, Power, StepRun, Verdict } from '../core/drill.ts';
import type { Expect, Find, Load, Watch } from '../core/drill-args.ts';
import type { Emit } from '../core/event.ts';
import { type Script, sh, verbatim } from '../core/sh.ts';
import { type Debts, openDebts, type Paid } from './debts.ts';
import { judge, notesOf, type Watched } from './judge.ts';
import { type Running, startLoad } from './load.ts';
import { collector, recorder, samplesOf } from './watch.ts';

/** A step with its time: `at` seconds after the load began, or `after` the step before it ended. */
export type TimedStep = Readonly<{
  what: string;
  pos: Pos;
  at: number | undefined;
  after: number;
  run: (scene: DrillScene) => Promise<void>;
}>;
/** Where acknowledged writes are looked for: a script that prints every token it finds, one a line. */
export type LedgerSpec = Readonly<{ hosts: readonly string[]; command: string; within: number }>;
/** A drill whose variables are all known. `hosts`: those that it may hurt. */
export type Bound = Readonly<{
  load: Load;
  watches: readonly Readonly<{ watch: Watch; hosts: readonly string[] }>[];
  steps: readonly TimedStep[];
  cleanup: readonly TimedStep[];
  expect: Expect;
  ledger: LedgerSpec | undefined;
  check: (signal: AbortSignal) => Promise<readonly Verdict[]>;
}>;
export type PlannedDrill = Readonly<{
  name: string;
  at: Pos;
  hosts: readonly string[];
  find: readonly Readonly<{ find: Find; hosts: readonly string[]; at: Pos }>[];
  /** Throws Failure where what was found makes no sense. */
  bind: (found: Readonly<Record<string, readonly string[]>>) => Bound;
}>;
/** What a drill needs of the other rooms: cli/ hands it in. */
export type Hands = Readonly<{
  select: DrillScene['select'];
  /** A script on a host as root; the line is opened when it is needed, and again when it was lost. */
  root: (
    host: string,
    script: Script,
    signal: AbortSignal,
    timeout?: number,
  ) => Promise<Readonly<{ code: number; stdout: string; stderr: string }>>;
  power: (hosts: readonly string[], to: Power, signal: AbortSignal) => Promise<void>;
  wire: (cut: Cut | 'heal', hosts: readonly string[]) => Promise<void>;
  playbook: (
    file: string,
    extraVars: Readonly<Record<string, unknown>>,
    limit: string | undefined,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Closes the lines of this signal. */
  hangUp: () => Promise<void>;
}>;
export type DrillRun = Readonly<{
  drill: PlannedDrill;
  hands: Hands;
  allowed: readonly string[];
  emit: Emit;
  signal: AbortSignal;
  nonce: string;
  run: number;
  of: number;
}>;

/** After the last step the load goes on so long, where it waits for steps: how the site stands afterwards is part of it. */
const SETTLE_MS = 3000;
/** What puts things right may take so long, all in all. */
const PAY_MS = 5 * 60_000;
const COLLECT_MS = 60_000;
const WATCH_SPARE_S = 900;

type Act = {
  readonly given: DrillRun;
  readonly debts: Debts;
  readonly steps: StepRun[];
  bound: Bound | undefined;
  load: Running | undefined;
  /** When the load began, in ms since the epoch. */
  from: number;
  /** By id: how far each host's clock is ahead of ours. */
  readonly clocks: Map<string, number>;
  paid: readonly Paid[];
};

/** Runs one drill. Whatever happens, what it broke is put right, and said. Gives whether it passed. */
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
    await guarded(verdicts, signal, () => perform(act));
    await putRight(act);
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

/** A Failure is a verdict; what an interrupt throws is not; all else is a bug of ours. */
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

/** From the first look to the last answer. */
async function perform(act: Act): Promise<void> {
  const { drill, hands, signal, emit, allowed } = act.given;
  const bound = drill.bind(await findAll(act));
  act.bound = bound;
  await Promise.all(bound.steps.length === 0 ? [] : drill.hosts.map((host) => hands.root(host, sh`:`, signal)));
  await startWatches(act, bound);
  const load = startLoad(bound.load, prefixOf(act.given), allowed);
  act.load = load;
  const problems = await load.warm();
  if (problems.length > 0)
    throw new Failure({
      code: 'E_CHECK',
      message: `the site does not answer even before anything was broken: ${problems.join('; ')}`,
      mend: 'make it right first: bringup check',
    });
  signal.throwIfAborted();
  await load.begin();
  act.from = Date.now();
  const atEnd = new AbortController();
  const onAbort = (): void => load.stop(0);
  signal.addEventListener('abort', onAbort, { once: true });
  const ticking = tick(act, load, bound.load, AbortSignal.any([signal, atEnd.signal]));
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
      throw new Failure({
        code: 'E_CHECK',
        message: `'${find.var}' must be ${find.count} of ${hosts.join(', ')}, and is ${meant.length === 0 ? 'none' : meant.join(', ')}`,
        at,
        mend: 'see what the command prints there, and whether the site is sound: bringup check',
      });
    found[find.var] = meant;
  }
  return found;
}

/** The steps, one after the other, each at its time. A failed one ends them: what follows would not be what was meant. */
async function walk(act: Act, steps: readonly TimedStep[]): Promise<void> {
  const { given, load } = act;
  if (load === undefined) return;
  for (const step of steps) {
    const wait = step.at === undefined ? step.after * 1000 : step.at * 1000 - load.now();
    await sleep(Math.max(0, wait), undefined, { signal: given.signal }).catch(() => {});
    if (given.signal.aborted) return;
    if (!(await oneStep(act, step, given.signal, load))) return;
  }
}

async function oneStep(act: Act, step: TimedStep, signal: AbortSignal, load: Running | undefined): Promise<boolean> {
  const { emit, drill } = act.given;
  const now = (): number => load?.now() ?? 0;
  const from = now();
  emit({ type: 'drill-step', drill: drill.name, what: step.what, at: step.pos, status: 'begun', ms: from });
  const failed = await step.run(sceneOf(act, signal)).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Error) return textOf(error);
      throw error;
    },
  );
  const isCut = failed !== undefined && signal.aborted;
  const to = now();
  act.steps.push({ what: step.what, at: step.pos, from, to, failed: isCut ? 'interrupted' : failed });
  emit({
    type: 'drill-step',
    drill: drill.name,
    what: step.what,
    at: step.pos,
    status: failed === undefined ? 'done' : 'failed',
    ms: to,
    failed,
  });
  return failed === undefined;
}

function sceneOf({ given, debts }: Act, signal: AbortSignal): DrillScene {
  const { hands, nonce } = given;
  return {
    select: hands.select,
    async root(host, script, { timeout, mayFail = false } = {}) {
      const { code, stdout, stderr } = await hands.root(host, script, signal, timeout);
      if (code === 0 || mayFail) return stdout;
      throw new Failure({
        code: 'E_APPLY',
        message: `${host}: exit code ${code}: ${(stderr || stdout).trim().split('\n').slice(-3).join(' ')}`,
      });
    },
    power: (hosts, to) => hands.power(hosts, to, signal),
    wire: hands.wire,
    playbook: (file, extraVars, limit) => hands.playbook(file, extraVars, limit, signal),
    owe: debts.owe,
    settle: debts.settle,
    signal,
    nonce,
  };
}

/** Cleanup steps, then every fault that still stands: also after an interrupt, so by a signal of its own. */
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

/** Every host listens to it. */
function within(ms: number): AbortSignal {
  const signal = AbortSignal.timeout(ms);
  setMaxListeners(0, signal);
  return signal;
}

const verifies = (bound: Bound): boolean =>
  bound.ledger !== undefined || bound.load.requests.some((r) => r.verify !== undefined);

/** Looks up every acknowledged write. */
async function lookAgain(act: Act): Promise<Figures | undefined> {
  const { bound, load } = act;
  if (bound === undefined || load === undefined || act.from === 0) return undefined;
  const { acknowledged } = await load.done;
  const writes = bound.load.requests.some((r) => r.read_back !== undefined) || verifies(bound);
  if (!writes) return load.figures();
  const asked = bound.load.requests.some((r) => r.verify !== undefined);
  const { lost, unknown } = asked ? await load.verify() : { lost: [], unknown: 0 };
  const missing = bound.ledger === undefined ? [] : await missingIn(act, bound.ledger, acknowledged);
  return load.figures({ lost: [...lost, ...missing], unknown });
}

/** Tokens that a host does not show. Tried again while replication may still be on its way. */
async function missingIn(
  act: Act,
  { hosts, command, within }: LedgerSpec,
  tokens: readonly string[],
): Promise<readonly string[]> {
  const { hands, signal } = act.given;
  const script = verbatim(command.replaceAll('{prefix}', `${prefixOf(act.given)}-`));
  const until = Date.now() + within * 1000;
  const missing = async (host: string): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await hands.root(host, script, signal, 60);
    if (code !== 0)
      throw new Failure({
        code: 'E_CHECK',
        message: `the ledger cannot be read on ${host}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
      });
    const there = new Set(stdout.split('\n').map((l) => l.trim()));
    return tokens.filter((t) => !there.has(t)).map((t) => `${t} on ${host}`);
  };
  for (;;) {
    const lost = (await Promise.all(hosts.map(missing))).flat();
    if (lost.length === 0 || Date.now() > until || signal.aborted) return lost;
    await sleep(1000);
  }
}

/** What every token of this run begins with. */
const prefixOf = ({ nonce, run }: DrillRun): string => `${nonce}${run}`;

const watchId = ({ nonce, run }: DrillRun, i: number): string => `${nonce}-${run}-${i}`;

async function startWatches(act: Act, { watches, load }: Bound): Promise<void> {
  const { hands, signal } = act.given;
  const seconds = Math.max(load.seconds, load.up_to ?? 0) + WATCH_SPARE_S;
  for (const [i, { watch, hosts }] of watches.entries())
    await Promise.all(
      hosts.map(async (host) => {
        const id = watchId(act.given, i);
        act.clocks.set(`${id} ${host}`, 0);
        const before = Date.now();
        const { code, stdout, stderr } = await hands.root(host, recorder(watch, id, seconds), signal);
        if (code !== 0)
          throw new Failure({
            code: 'E_APPLY',
            message: `${host}: the watch '${watch.name}' does not start: ${stderr.trim()}`,
          });
        const clock = Number(stdout.trim().split('\n').at(-1));
        // Its clock was read at the end of a trip that we saw begin and end. Below what that can tell, they are alike.
        const ahead = clock - Date.now();
        if (Math.abs(ahead) > Date.now() - before + 20) act.clocks.set(`${id} ${host}`, ahead);
      }),
    );
}

async function endWatches(act: Act): Promise<readonly Watched[]> {
  const { bound, given } = act;
  const signal = within(COLLECT_MS);
  const all = (bound?.watches ?? []).map(async ({ watch, hosts }, i): Promise<Watched> => {
    const id = watchId(given, i);
    const started = hosts.filter((host) => act.clocks.has(`${id} ${host}`));
    const got = await Promise.all(
      started.map(async (host) => ({
        host,
        output: await given.hands.root(host, collector(id), signal).catch(() => undefined),
      })),
    );
    return {
      name: watch.name,
      every: watch.every,
      recordings: got.flatMap(({ host, output }) =>
        output?.code === 0 ? [{ host, samples: samplesOf(output.stdout, act.clocks.get(`${id} ${host}`) ?? 0) }] : [],
      ),
      missing: got.filter((g) => g.output?.code !== 0).map((g) => g.host),
    };
  });
  return Promise.all(all);
}

/** Once a second, how it goes. */
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

function textOf(error: Error): string {
  if (!(error instanceof Failure)) return error.message;
  return error.diagnostics.map((d) => `${d.message}${d.mend === undefined ? '' : `: ${d.mend}`}`).join('; ');
}
