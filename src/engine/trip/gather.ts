import { Failure } from '../../core/diagnostic.ts';
import { isCutOff, tell } from '../../core/errors/index.ts';
import type { Play, Task } from '../../core/playbook.ts';
import { isDict, type RawVars, type Value } from '../../core/value.ts';
import { isTrue } from '../evaluate/booleans.ts';
import { withoutPrefix } from '../evaluate/facts.ts';
import { falseCondition, probeOf, unitOf, userOf } from '../evaluate/resolve.ts';
import { pendingProbe } from '../host/pending.ts';
import { Unreachable } from '../host/state.ts';
import { scopeFor } from '../host/variables.ts';
import { playRest } from './ahead.ts';
import { failStep } from './fail.ts';
import { aheadOf, type HostRun } from './host-run.ts';

/**
 * Gathers facts. The probe travels with all other probes. Facts of the last run are used for probing ahead, and the new
 * answer confirms or replaces them. Each play gathers them, as in Ansible, but it asks the host again only if something
 * was changed that may alter them.
 */
export async function gather(hostRun: HostRun): Promise<void> {
  const { host, world, play, where } = hostRun;
  const { run } = world;
  if (host.gathered !== undefined && run.gathersOnce) return;
  if (!isTrue(run, play.gatherFacts, scopeFor(world, host, where), 'gather_facts', play.at)) return;
  if (isLeftOut(hostRun)) return;
  // Facts of the last run do not count here: an environment that extends ansible_env.PATH would grow with each run.
  const scope = scopeFor(world, host, where);
  const task = gatherTask(play);
  const unit = unitOf(run, task, run.setup, scope, undefined, undefined);
  host.facts ??= run.factsCache.get(host.name);
  const rest = aheadOf(hostRun, playRest(play, where));
  const probe = probeOf(unit);
  if (probe === undefined || unit.step === undefined) return;
  const pending = pendingProbe(host.name, userOf(task, scope, run) === undefined ? undefined : 'root');
  let output: Awaited<ReturnType<typeof host.session.ask>>;
  try {
    output = await host.session.ask(probe, () => [pending, ...rest()]);
  } catch (error) {
    throw asUnreachable(error);
  }
  if (output.code !== 0) {
    const detail = output.stderr.trim();
    throw failStep(
      hostRun,
      { name: 'Gathering Facts', module: 'setup', at: play.at, role: undefined },
      tell('E_PROBE_FAILED', { what: 'gathering facts', exit: output.code, detail }, play.at),
    );
  }
  if (output === host.gathered) return;
  const facts = unit.step.data(output.stdout, unit.ctx)['ansible_facts'];
  // Copy the facts: a string that is cut out of an answer keeps the whole answer in memory, and the facts of every host
  // are kept.
  const read = JSON.parse(JSON.stringify(withoutPrefix(isDict(facts) ? facts : {}))) as RawVars;
  host.facts = host.gathered === undefined ? read : { ...host.facts, ...read };
  host.gathered = output;
  run.factsCache.set(host.name, host.facts as Record<string, Value>);
}

/** Whether the condition of the play's import skips the whole play. A condition that reads facts is not known yet. */
function isLeftOut({ world, play, host, where }: HostRun): boolean {
  if (play.common.when.length === 0) return false;
  try {
    return falseCondition(play.common.when, scopeFor(world, host, where), world.run) !== undefined;
  } catch {
    return false;
  }
}

/** Turns a failed connection into Unreachable, which no rescue catches. */
export function asUnreachable(error: unknown): unknown {
  if (!(error instanceof Failure))
    return error instanceof Error && error.name === 'Lost'
      ? new Unreachable(tell('E_CONNECTION_LOST', { why: error.message }))
      : error;
  const [first] = error.diagnostics;
  return first !== undefined && isCutOff(first.code) ? new Unreachable(first) : error;
}

/** The task that gathers a play's facts. All hosts of the play share it. */
export function gatherTask(play: Play): Task {
  const known = gatherTasks.get(play);
  if (known !== undefined) return known;
  const task: Task = {
    ...play.common,
    kind: 'task',
    module: 'setup',
    impl: undefined, // callers pass the module themselves
    args: play.gatherArgs,
    argAt: () => play.at,
    at: play.at,
    name: 'Gathering Facts',
    when: [],
    vars: [],
    tags: ['always'],
    ignoreErrors: false,
    runOnce: false,
    anyErrorsFatal: false,
    faults: [],
    reads: [],
    register: undefined,
    changedWhen: [],
    failedWhen: [],
    until: [],
    retries: undefined,
    delay: undefined,
    async: undefined,
    poll: undefined,
    listen: [],
    loop: undefined,
    loopControl: {
      loopVar: 'item',
      indexVar: undefined,
      label: undefined,
      pause: undefined,
      extended: false,
      allItems: true,
      breakWhen: [],
    },
  };
  gatherTasks.set(play, task);
  return task;
}
const gatherTasks = new WeakMap<Play, Task>();
