import { failure } from '../core/errors/index.ts';
import type { Act, Bound, DrillRun } from './contract.ts';
import type { Watched } from './judge.ts';
import { within } from './steps.ts';
import { collector, recorder, samplesOf } from './watch.ts';

/** A watch that nobody collects ends by itself at most this many seconds after the load. */
const WATCH_SPARE_S = 900;
const COLLECT_MS = 60_000;

const watchId = ({ nonce, run }: DrillRun, i: number): string => `${nonce}-${run}-${i}`;

export async function startWatches(act: Act, { watches, load }: Bound): Promise<void> {
  const { hands, signal } = act.given;
  const seconds = Math.max(load.seconds, load.up_to ?? 0) + WATCH_SPARE_S;
  for (const [i, { watch, hosts }] of watches.entries())
    await Promise.all(
      hosts.map(async (host) => {
        const id = watchId(act.given, i);
        act.clocks.set(`${id} ${host}`, 0);
        const before = Date.now();
        const { code, stdout, stderr } = await hands.root(host, recorder(watch, id, seconds), signal);
        if (code !== 0) throw failure('E_WATCH_START', { host, watch: watch.name, why: stderr.trim() });
        const clock = Number(stdout.trim().split('\n').at(-1));
        // The host's clock was read at the end of a round trip whose start and end we know. Differences below that
        // precision count as none.
        const ahead = clock - Date.now();
        if (Math.abs(ahead) > Date.now() - before + 20) act.clocks.set(`${id} ${host}`, ahead);
      }),
    );
}

export async function endWatches(act: Act): Promise<readonly Watched[]> {
  const { bound, given } = act;
  const signal = within(COLLECT_MS);
  const all = (bound?.watches ?? []).map(async ({ watch, hosts }, i): Promise<Watched> => {
    const id = watchId(given, i);
    const started = hosts.filter((host) => act.clocks.has(`${id} ${host}`));
    const recordings = await Promise.all(
      started.map(async (host) => ({
        host,
        output: await given.hands.root(host, collector(id), signal).catch(() => undefined),
      })),
    );
    return {
      name: watch.name,
      every: watch.every,
      recordings: recordings.flatMap(({ host, output }) =>
        output?.code === 0 ? [{ host, samples: samplesOf(output.stdout, act.clocks.get(`${id} ${host}`) ?? 0) }] : [],
      ),
      missing: recordings.filter((g) => g.output?.code !== 0).map((g) => g.host),
    };
  });
  return Promise.all(all);
}
