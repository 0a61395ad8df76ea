// `bringup rebuild`: a fresh system for hosts, with the same name, address and host key, while the site keeps serving.
import { mkdirSync } from 'node:fs';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { Emit, Event } from '../core/event.ts';
import { duration } from '../core/units.ts';
import type { Recap } from '../engine/play/run.ts';
import type { BootProgress } from '../hardware/boot/contract.ts';
import { withFileLock } from '../lab/lock.ts';
import { jsonReporter } from '../report/json.ts';
import { plainReporter } from '../report/plain.ts';
import { runPlays } from './apply.ts';
import { installable } from './boot.ts';
import { bootLogs } from './boot-logs.ts';
import { countChecks } from './check.ts';
import { marksOf } from './marks.ts';
import { source, streams } from './output.ts';
import { factsCache } from './project.ts';
import { hookOptions, planRebuild, type RebuildOptions, type RebuildPlan } from './rebuild-plan.ts';

const INSTALL = 'install a fresh system';

/** Returns the exit code: 0 all hosts are back in service, 1 one is not, 130 interrupted. */
export async function rebuild(options: RebuildOptions, signal: AbortSignal): Promise<number> {
  const plan = planRebuild(options);
  const reporter =
    options.output === 'json' ? jsonReporter(streams.out) : plainReporter(streams, { ...options, source });
  const began = Date.now();
  await rebuildAll(plan, options, reporter.emit, signal).finally(() => reporter.end());
  if (options.output !== 'json')
    streams.out(`rebuilt: ${plan.hosts.join(', ')} in ${duration(Date.now() - began)}, all back in service\n`);
  return 0;
}

/**
 * Rebuilds hosts, one after the other. First every host is judged, so that nothing was touched if one is refused. Throws
 * Failure at the first stage that fails; what comes after it is left untouched. A second call begins anew.
 */
export async function rebuildAll(
  plan: RebuildPlan,
  options: RebuildOptions,
  show: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { project, hosts } = plan;
  const emit: Emit = (event) => show(project.redactor.hide(event));
  mkdirSync('.bringup', { recursive: true });
  const lock = { name: 'a rebuild in this project', patience: 0, signal };
  await withFileLock('.bringup', lock, async () => {
    for (const host of hosts) await judge(host, plan, options, emit, signal);
    for (const host of hosts) await rebuildOne(host, plan, options, emit, signal);
  });
}

/** Throws Failure E_REBUILD_REFUSED with what the site says against it. */
async function judge(
  host: string,
  { hooks: { may } }: RebuildPlan,
  options: RebuildOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  if (may === undefined) return;
  const { recap, failed } = await quietly(may, hookOptions(options, host), emit, signal);
  if (recap.failed) throw failure('E_REBUILD_REFUSED', { host, why: messages(failed) });
}

async function rebuildOne(
  host: string,
  plan: RebuildPlan,
  options: RebuildOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { hooks, playbook, checks } = plan;
  const marks = marksOf(options.inventory);
  const logs = bootLogs(plan.project, options.inventory, (name) => plan.machines.get(name)?.console, signal);
  const since = new Date().toISOString();
  const stage = async (name: string, work: () => Promise<string>): Promise<void> => {
    signal.throwIfAborted();
    const began = Date.now();
    marks.set(host, { doing: `rebuild, ${name}`, since });
    emit({ type: 'stage', host, stage: name, status: 'begun' });
    try {
      emit({ type: 'stage', host, stage: name, status: 'done', how: await work(), ms: Date.now() - began });
      signal.throwIfAborted();
    } catch (error) {
      if (!(error instanceof Failure) || signal.aborted) throw error;
      const why = messages(error.diagnostics);
      marks.set(host, { doing: `rebuild, ${name}`, since, why });
      const stopped = failure('E_REBUILD_STOPPED', { host, stage: name, why });
      throw name === INSTALL ? await logs.explain(host, stopped) : stopped;
    }
  };
  const play = async (file: string, own: RebuildOptions): Promise<string> => {
    const { recap, failed } = await quietly(file, own, emit, signal);
    if (!recap.failed) return `${recap.hosts.reduce((n, one) => n + one.changed, 0)} changed`;
    throw failed.length > 0 ? new Failure(failed) : failure('E_PLAYBOOK_FAILED', { playbook: file, why: 'it stopped' });
  };
  const { may, leave, back } = hooks;
  // The hosts before this one may have changed what the site can do without.
  if (may !== undefined) await judge(host, plan, options, emit, signal);
  const { project, machines } = plan;
  const progress = (_: string, { stage: doing }: BootProgress): void => emit({ type: 'busy', host, doing });
  const system = installable(host, { project, machines, progress, signal });
  // What can fail without the host fails while it is in service.
  await stage('prepare', async () => {
    await system.boot.prepare(system.scene);
    return `boot ${system.boot.way}`;
  });
  if (leave !== undefined) await stage('leave service', () => play(leave, hookOptions(options, host)));
  await stage(INSTALL, async () => {
    await logs.whileRecording(host, () => system.boot.install(system.scene));
    factsCache(options.inventory).forget(host);
    return 'accepts logins with its host key';
  });
  await stage('apply', () => play(playbook, { ...options, limit: undefined }));
  if (back !== undefined) await stage('return to service', () => play(back, hookOptions(options, host)));
  if (checks !== undefined) await stage('check', () => check(checks, options, emit, signal));
  marks.clear(host);
}

/** Hosts that run one task together fail with the same words. */
const messages = (all: readonly Diagnostic[]): string => [...new Set(all.map((d) => d.message))].join('; ');

/** Runs a playbook. Only failures, and with -v all, is shown of it. */
async function quietly(
  playbook: string,
  options: RebuildOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<Readonly<{ recap: Recap; failed: readonly Diagnostic[] }>> {
  const failed: Diagnostic[] = [];
  const listen = (event: Event): void => {
    if (event.type === 'unreachable') failed.push(event.diagnostic);
    if (event.type === 'task' && event.status === 'failed' && event.diagnostic !== undefined)
      failed.push({ ...event.diagnostic, message: `${event.host}: ${event.task}: ${event.diagnostic.message}` });
    if (options.output === 'json' || options.verbose > 0) emit(event);
  };
  const run = { ...options, tags: [], skipTags: [], forks: 25 };
  const recap = await runPlays('apply', playbook, run, signal, { emit: listen, end: async () => {} });
  return { recap, failed };
}

async function check(checks: string, options: RebuildOptions, emit: Emit, signal: AbortSignal): Promise<string> {
  const shown: Emit = options.output === 'json' || options.verbose > 0 ? emit : () => {};
  const all = { ...options, limit: undefined };
  const { passed, failed } = await countChecks(checks, all, signal, { emit: shown, end: async () => {} });
  if (failed.length > 0) throw failure('E_REBUILD_CHECKS', { failed });
  return `${passed} of ${passed} passed`;
}
