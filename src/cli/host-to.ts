// `bringup host to`: brings hosts to a state, or marks those that do not reach it.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Emit } from '../core/event.ts';
import { hasReached, STATES, type State, type Where, whereIs } from '../hardware/states.ts';
import { switchAll } from '../hardware/switch.ts';
import { runPlays } from './apply.ts';
import { checked, observe, openRack, type Rack, reporterOf, type StateOptions, tellState } from './host-status.ts';

/** `within`: seconds for a boot. */
export type ToOptions = StateOptions & Readonly<{ within: number }>;

/** Returns the exit code: 0 all hosts are in the state, 1 one is not. Throws Failure if a host is marked. */
export async function hostsTo(
  wanted: State,
  patterns: readonly string[],
  options: ToOptions,
  signal: AbortSignal,
): Promise<number> {
  const rack = openRack(patterns, options, signal);
  const marked = rack.hosts.flatMap((host): readonly Failure[] => {
    const mark = rack.marks.get(host);
    return mark?.why === undefined ? [] : [failure('E_HOST_MARKED', { host, ...mark, why: mark.why })];
  });
  if (marked.length > 0) throw new Failure(marked.flatMap((one) => one.diagnostics));
  const reporter = reporterOf(options);
  const emit: Emit = (event) => reporter.emit(rack.project.redactor.hide(event));
  const since = new Date().toISOString();
  const doing = `to ${wanted}`;
  const failed: Diagnostic[] = [];
  const lose = async (host: string, error: unknown): Promise<void> => {
    if (!(error instanceof Failure) || signal.aborted) throw error;
    rack.marks.set(host, { doing, since, why: error.diagnostics.map((d) => d.message).join('; ') });
    failed.push(...error.diagnostics);
  };
  const machineState: State = STATES.indexOf(wanted) > STATES.indexOf('reachable') ? 'reachable' : wanted;
  const arrived: string[] = [];
  await Promise.all(
    rack.hosts.map(async (host) => {
      rack.marks.set(host, { doing, since });
      try {
        await switchTo(host, machineState, rack, options, signal);
        arrived.push(host);
      } catch (error) {
        await lose(host, error);
      }
    }),
  );
  const ready = rack.hosts.filter((host) => arrived.includes(host));
  if (machineState !== wanted && ready.length > 0) await provision(wanted, ready, options, signal, lose);
  for (const host of ready) if (rack.marks.get(host)?.why === undefined) rack.marks.clear(host);
  for (const host of rack.hosts) {
    const where = await stateAfter(host, wanted, rack);
    tellState(host, where, rack, emit);
  }
  await reporter.end();
  if (failed.length > 0) throw new Failure(failed);
  return 0;
}

/** A host without a mark is in the wanted state: that was just seen. */
async function stateAfter(host: string, wanted: State, rack: Rack): Promise<Where> {
  const where = whereIs(await observe(host, rack));
  const isProvisioned = STATES.indexOf(wanted) > STATES.indexOf('reachable') && rack.marks.get(host) === undefined;
  return isProvisioned && where.state === 'reachable'
    ? { state: wanted, known: 'it was just brought there', why: undefined }
    : where;
}

/** Switches the power, and waits for what the console and SSH show. Throws Failure with the end of the console. */
async function switchTo(
  host: string,
  wanted: State,
  rack: Rack,
  options: ToOptions,
  signal: AbortSignal,
): Promise<void> {
  let where = whereIs(await observe(host, rack));
  if (hasReached(where.state, wanted)) return;
  const one = rack.switchable(host);
  const turn = async (to: 'on' | 'off'): Promise<void> => {
    if (one === undefined) throw failure('E_NO_POWER', { host }, rack.project.inventory.hosts.get(host)?.at);
    const [outcome] = await switchAll([one], to, { isHard: false });
    if (outcome !== undefined && 'failed' in outcome) throw new Failure([outcome.failed]);
  };
  if (wanted === 'off') return turn('off');
  const boot = async (): Promise<void> => {
    // A host that is on may still be booting, so only one that is off is switched.
    if (where.state === 'off') await turn('on');
    for (const until = Date.now() + options.within * 1000; ; await sleep(500, undefined, { signal })) {
      where = whereIs(await observe(host, rack));
      if (hasReached(where.state, wanted)) return;
      if (Date.now() <= until) continue;
      const why = `${where.why ?? 'no answer'} (after ${options.within} s)`;
      throw failure('E_HOST_STUCK', { host, wanted, state: where.state, why });
    }
  };
  try {
    await rack.logs.whileRecording(host, boot);
  } catch (error) {
    throw error instanceof Failure ? await rack.logs.explain(host, error) : error;
  }
}

/** Applies the playbook to hosts, and for proven runs the checks of the site. `lose` gets each host that fails. */
async function provision(
  wanted: State,
  hosts: readonly string[],
  options: ToOptions,
  signal: AbortSignal,
  lose: (host: string, error: unknown) => Promise<void>,
): Promise<void> {
  const why = new Map<string, string>();
  const run = { ...options, limit: hosts.join(','), tags: [], skipTags: [], forks: 25 };
  const recap = await runPlays('apply', options.playbook, run, signal, {
    emit(event) {
      if (event.type === 'unreachable') why.set(event.host, event.diagnostic.message);
      if (event.type === 'task' && event.status === 'failed')
        why.set(event.host, `${event.task}: ${event.diagnostic?.message ?? ''}`);
    },
    end: async () => {},
  });
  const bad = recap.hosts.filter((one) => one.failed > 0 || one.unreachable).map((one) => one.host);
  const stuck = (host: string, state: State, reason: string): Promise<void> =>
    lose(host, failure('E_HOST_STUCK', { host, wanted, state, why: reason }));
  for (const host of bad) await stuck(host, 'reachable', why.get(host) ?? 'the playbook failed');
  if (wanted !== 'proven' || bad.length > 0) return;
  if (options.checks === undefined) {
    for (const host of hosts) await stuck(host, 'provisioned', 'there are no checks: name them with --checks');
    return;
  }
  const { failed } = await checked(options.checks, options, signal);
  if (failed.length > 0)
    for (const host of hosts) await stuck(host, 'provisioned', `checks fail: ${failed.join('; ')}`);
}
