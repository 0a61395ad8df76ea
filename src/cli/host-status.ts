// `bringup host status`: where hosts are on their way from off to proven. Everything is read from the world.
import { Failure } from '../core/diagnostic.ts';
import type { Emit, Event } from '../core/event.ts';
import type { Machine } from '../hardware/machine.ts';
import { type Observed, type Where, whereIs } from '../hardware/states.ts';
import { type Switchable, switchAll } from '../hardware/switch.ts';
import { jsonReporter } from '../report/json.ts';
import { plainReporter, type Reporter } from '../report/plain.ts';
import { runPlays } from './apply.ts';
import { type BootLogs, bootLogs } from './boot-logs.ts';
import { countChecks } from './check.ts';
import { machinesOf, powerScene } from './hardware.ts';
import { chosenHosts, lineTo } from './hosts.ts';
import { type Mark, type Marks, marksOf } from './marks.ts';
import type { HostOptions } from './options.ts';
import { type OutputOptions, source, streams } from './output.ts';
import { openProject, type Project, stopOnProblems } from './project.ts';

export type StateOptions = OutputOptions &
  HostOptions &
  Readonly<{
    playbook: string;
    /** undefined: no checks. */
    checks: string | undefined;
  }>;

/** Hosts of an inventory with their machines, and what is needed to observe them. */
export type Rack = Readonly<{
  hosts: readonly string[];
  project: Project;
  machines: ReadonlyMap<string, Machine>;
  marks: Marks;
  logs: BootLogs;
  /** The host with its power switch. undefined: nothing switches it. */
  switchable: (host: string) => Switchable | undefined;
  /** Why SSH accepts no login. undefined: it accepts one. */
  noLogin: (host: string) => Promise<string | undefined>;
}>;

/** Throws Failure with all mistakes in patterns and in the variables of machines. No patterns: all hosts. */
export function openRack(patterns: readonly string[], options: HostOptions, signal: AbortSignal): Rack {
  const project = openProject({ ...options, writes: false });
  const hosts = chosenHosts(patterns.length === 0 ? 'all' : patterns.join(','), project);
  const machines = machinesOf(project);
  stopOnProblems(project.problems);
  return {
    hosts,
    project,
    machines,
    marks: marksOf(options.inventory),
    logs: bootLogs(project, options.inventory, (host) => machines.get(host)?.console, signal),
    switchable(host) {
      const power = machines.get(host)?.power;
      return power && { host, power, scene: powerScene(host, project, (stop) => lineTo(host, project, stop), signal) };
    },
    async noLogin(host) {
      try {
        await (await lineTo(host, project, signal)).close();
        return undefined;
      } catch (error) {
        if (!(error instanceof Failure) || signal.aborted) throw error;
        return error.diagnostics[0]?.message ?? error.message;
      }
    },
  };
}

/** What is seen of a host without a plan and checks. */
export async function observe(host: string, rack: Rack): Promise<Observed> {
  const one = rack.switchable(host);
  const power = async (): Promise<Observed['power']> => {
    if (one === undefined) return { unknown: 'the inventory has no power for it' };
    const [outcome] = await switchAll([one], 'status', { isHard: false });
    if (outcome === undefined || 'failed' in outcome) return { unknown: outcome?.failed.message ?? 'no answer' };
    return { state: outcome.done.state, by: one.power.driver };
  };
  const [seen, log, noLogin] = await Promise.all([power(), rack.logs.log(host), rack.noLogin(host)]);
  return { power: seen, log, noLogin };
}

/** Returns the exit code: 0 every state is known, 1 a state is not. */
export async function hostStatus(
  patterns: readonly string[],
  options: StateOptions & Readonly<{ isQuick: boolean }>,
  signal: AbortSignal,
): Promise<number> {
  const rack = openRack(patterns, options, signal);
  const reporter = reporterOf(options);
  const observed = new Map<string, Observed>();
  await Promise.all(rack.hosts.map(async (host) => observed.set(host, await observe(host, rack))));
  const reachable = rack.hosts.filter((host) => observed.get(host)?.noLogin === undefined);
  if (!options.isQuick && reachable.length > 0) {
    const plans = await planned(options, signal);
    const clean = reachable.filter((host) => plans(host).changes === 0);
    const checks =
      clean.length > 0 && options.checks !== undefined ? await checked(options.checks, options, signal) : undefined;
    for (const host of reachable) {
      const seen = observed.get(host);
      if (seen !== undefined) observed.set(host, { ...seen, plan: plans(host), checks });
    }
  }
  let isKnown = true;
  for (const host of rack.hosts) {
    const seen = observed.get(host);
    if (seen === undefined) continue;
    const where = whereIs(seen);
    isKnown &&= where.state !== 'unknown';
    tellState(host, where, rack, reporter.emit);
  }
  await reporter.end();
  return isKnown ? 0 : 1;
}

export function tellState(host: string, where: Where, { marks, project }: Rack, emit: Emit): void {
  const mark = marks.get(host);
  emit(project.redactor.hide({ type: 'state', host, ...where, mark: mark && markText(mark) }));
}

const markText = ({ doing, since, why }: Mark): string => `${doing}, since ${since}: ${why ?? 'it has not ended'}`;

export function reporterOf(options: OutputOptions): Reporter {
  return options.output === 'json' ? jsonReporter(streams.out) : plainReporter(streams, { ...options, source });
}

/** What the playbook would change on each host. The whole site is planned: hosts depend on each other's answers. */
async function planned(
  options: StateOptions,
  signal: AbortSignal,
): Promise<(host: string) => { changes: number; unknown?: never } | { unknown: string; changes?: never }> {
  const reasons = new Map<string, string>();
  const emit = (event: Event): void => {
    if (event.type === 'task' && event.status === 'failed')
      reasons.set(event.host, `the plan fails at '${event.task}': ${event.diagnostic?.message ?? ''}`);
  };
  const run = { ...options, limit: undefined, tags: [], skipTags: [], forks: 25 };
  const recap = await runPlays('plan', options.playbook, run, signal, { emit, end: async () => {} });
  return (host) => {
    const own = recap.hosts.find((one) => one.host === host);
    if (own === undefined) return { unknown: 'the playbook does not name it' };
    const reason = reasons.get(host);
    return reason === undefined || own.failed === 0 ? { changes: own.changed + own.unknown } : { unknown: reason };
  };
}

/** The result of the site's checks, which are shown nowhere. */
export function checked(
  file: string,
  options: StateOptions,
  signal: AbortSignal,
): Promise<NonNullable<Observed['checks']>> {
  return countChecks(file, { ...options, limit: undefined }, signal, { emit: () => {}, end: async () => {} });
}

/** Clears the marks of hosts, and says which had one. */
export function clearMarks(patterns: readonly string[], options: HostOptions): number {
  const { hosts, marks } = openRack(patterns, options, new AbortController().signal);
  for (const host of hosts) streams.out(`${host}  ${marks.clear(host) ? 'mark cleared' : 'has no mark'}\n`);
  return 0;
}
