import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pc from 'picocolors';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { isBoundStep } from '../core/drill.ts';
import { failure } from '../core/errors/index.ts';
import type { DrilledEvent, Event } from '../core/event.ts';
import { duration } from '../core/units.ts';
import { steps } from '../drills/index.ts';
import type { Recap } from '../engine/play/run.ts';
import type { Reporter } from '../report/plain.ts';
import { table } from '../report/summary.ts';
import { plural } from '../report/words.ts';
import { runPlays } from './apply.ts';
import { countChecks, planChecks } from './check.ts';
import { planDrills, runDrills } from './drill.ts';
import { type DrillHands, drillHands } from './drill-hands.ts';
import { COMMAND_LINE, chosenHosts } from './hosts.ts';
import type { HostOptions } from './options.ts';
import { chooseReporter, type OutputOptions, streams } from './output.ts';
import { openPlaybook, openProject, type Project, stopOnProblems } from './project.ts';
import {
  type Asked,
  addStep,
  beginProof,
  fullCycles,
  nextStep,
  type Proof,
  type ProofStep,
  readProof,
  spreads,
  tellStep,
} from './prove-record.ts';

import { rebuildAll } from './rebuild.ts';
import { planRebuild, type RebuildOptions } from './rebuild-plan.ts';

export type ProveOptions = OutputOptions &
  HostOptions &
  Readonly<{
    playbook: string;
    checks: string | undefined;
    /** Files of drills; undefined: those of playbooks/drills; empty: none. */
    drills: readonly string[] | undefined;
    cycles: number | undefined;
    /** Milliseconds. */
    for: number | undefined;
    /** Patterns of hosts. */
    rebuild: string | undefined;
    powerCycle: string | undefined;
    resume: boolean;
    file: string;
  }>;

const CHECKS = 'playbooks/checks/site.yml';
const DRILLS = 'playbooks/drills';

type Outcome = Readonly<{ kept: boolean; seen: string }>;

/**
 * Proves a site again and again: rebuild, apply, apply again, check, cut the power of each host, check, drills. It stops at
 * the first promise that is not kept and leaves everything as it is. Returns the exit code.
 */
export async function prove(options: ProveOptions, signal: AbortSignal): Promise<number> {
  const { file } = options;
  const before = options.resume ? readProof(file) : undefined;
  const asked = before?.asked ?? ask(options);
  const own = { ...options, inventory: asked.inventory };
  if (before !== undefined && (before.done.at(-1)?.kept === false || nextStep(before, Date.now()) === undefined))
    throw failure('E_PROOF_ENDED', { file });
  readAhead(own, asked);
  let proof = before ?? beginProof(file, asked, Date.now());
  for (;;) {
    const step = nextStep(proof, Date.now());
    if (step === undefined || proof.done.at(-1)?.kept === false) break;
    streams.err(heading(proof, step));
    const began = Date.now();
    const outcome = await carryOut(step, own, proof.asked, signal).catch((error: unknown): Outcome => {
      if (!(error instanceof Failure) || signal.aborted) throw error;
      return { kept: false, seen: error.diagnostics.map((d) => d.message).join('; ') };
    });
    // A step that was interrupted is done anew by --resume.
    if (signal.aborted) break;
    proof = addStep(file, proof, { ...step, ...outcome, began, ms: Date.now() - began });
  }
  streams.out(summary(proof, file, signal.aborted));
  return signal.aborted ? 130 : proof.done.every((step) => step.kept) ? 0 : 1;
}

/** What the options ask for, with the files and hosts that they name. Nothing is touched yet. */
function ask(options: ProveOptions): Asked {
  const project = open(options, options.playbook);
  const hosts = (pattern: string | undefined): readonly string[] =>
    pattern === undefined ? [] : chosenHosts(pattern, project);
  const chosen = { rebuild: hosts(options.rebuild), powerCycle: hosts(options.powerCycle) };
  stopOnProblems(project.problems);
  return {
    inventory: [options.inventory].flat(),
    playbook: options.playbook,
    checks: options.checks ?? (existsSync(CHECKS) ? CHECKS : undefined),
    drills: options.drills ?? filesIn(DRILLS),
    cycles: options.for === undefined ? (options.cycles ?? 1) : undefined,
    ms: options.for,
    ...chosen,
  };
}

function open(options: Omit<ProveOptions, 'file'>, file: string): Project {
  const project = openProject({ ...options, writes: false }, dirname(file));
  stopOnProblems(project.problems);
  return project;
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  return names.sort().map((name) => join(folder, name));
}

/**
 * Reads all files, and refuses hosts that must not be harmed or whose power or disk nothing here controls, before a host
 * is touched.
 */
function readAhead(options: ProveOptions, { playbook, checks, drills, rebuild, powerCycle }: Asked): void {
  openPlaybook(playbook, open(options, playbook), []);
  if (checks !== undefined) planChecks(checks, options);
  for (const file of drills) planDrills(file, options, () => {});
  const hands = handsOf(options, playbook);
  const wrong: Diagnostic[] = [...hands.unfit(powerCycle, COMMAND_LINE)];
  const lacking = (kind: string, args: Readonly<Record<string, unknown>>, hosts: readonly string[]): void => {
    const bound = hosts.length === 0 ? undefined : steps.get(kind)?.bind(args);
    if (bound !== undefined && isBoundStep(bound)) wrong.push(...hands.lacking(bound, hosts, COMMAND_LINE));
  };
  lacking('power', { hosts: powerCycle, state: 'cut' }, powerCycle);
  if (wrong.length > 0) throw new Failure(wrong);
  if (rebuild.length > 0) planRebuild(rebuildOptions(options, { playbook, checks, rebuild }));
}

function rebuildOptions(
  options: ProveOptions,
  { playbook, checks, rebuild }: Pick<Asked, 'playbook' | 'checks' | 'rebuild'>,
): RebuildOptions {
  return { ...options, hosts: rebuild, playbook, checks };
}

function handsOf(options: ProveOptions, playbook: string): DrillHands {
  return drillHands(open(options, playbook), playbook, options, () => {});
}

async function carryOut(
  { kind, on = '' }: ProofStep,
  options: ProveOptions,
  { playbook, checks }: Asked,
  signal: AbortSignal,
): Promise<Outcome> {
  const run = { ...options, tags: [], skipTags: [], forks: 25 };
  switch (kind) {
    case 'rebuild': {
      const own = rebuildOptions(options, { playbook, checks, rebuild: on.split(',') });
      const reporter = await chooseReporter(options);
      await rebuildAll(planRebuild(own), own, reporter.emit, signal).finally(() => reporter.end());
      return { kept: true, seen: `${plural(own.hosts.length, 'host')} with a fresh system, back in service` };
    }
    case 'apply': {
      const recap = await runPlays('apply', playbook, run, signal);
      return { kept: !recap.failed, seen: changes(recap) };
    }
    case 'apply again': {
      const changed: string[] = [];
      const keep = (event: Event): void => {
        if (event.type === 'task' && event.status === 'changed') changed.push(`${event.host}: ${event.task}`);
      };
      const recap = await runPlays('apply', playbook, run, signal, await listening(options, keep));
      const first = changed.sort().slice(0, 5).join('; ');
      const seen = `${changes(recap)}${changed.length > 0 ? ` (${first}${changed.length > 5 ? '; …' : ''})` : ''}`;
      return { kept: !recap.failed && !recap.changed, seen };
    }
    case 'check': {
      const { passed, failed } = await countChecks(checks ?? '', options, signal, await chooseReporter(options));
      const all = `${passed} of ${passed + failed.length} passed`;
      const kept = failed.length === 0 && !signal.aborted;
      return { kept, seen: [all, ...failed.map((name) => `failed: ${name}`)].join('; ') };
    }
    case 'power-cycle': {
      const hands = handsOf(options, playbook);
      await hands.power([on], 'cut', signal);
      await hands.power([on], 'on', signal);
      return { kept: true, seen: 'accepts logins again' };
    }
    case 'drill': {
      const seen: DrilledEvent[] = [];
      const keep = (event: Event): void => {
        if (event.type === 'drilled') seen.push(event);
      };
      const drill = { ...options, times: 1, only: [] };
      const code = await runDrills([on], drill, signal, await listening(options, keep));
      const failed = seen.filter((one) => !one.passed).map((one) => one.drill);
      const passed = `${seen.length - failed.length} of ${seen.length} passed`;
      return { kept: code === 0, seen: [passed, ...failed.map((name) => `failed: ${name}`)].join('; ') };
    }
  }
}

/** The usual reporter, and somebody who listens. */
async function listening(options: OutputOptions, keep: (event: Event) => void): Promise<Reporter> {
  const reporter = await chooseReporter(options);
  return {
    emit(event) {
      keep(event);
      reporter.emit(event);
    },
    end: () => reporter.end(),
  };
}

function changes(recap: Recap): string {
  const count = (of: 'changed' | 'failed'): number => recap.hosts.reduce((n, host) => n + host[of], 0);
  const lost = recap.hosts.filter((host) => host.unreachable).map((host) => host.host);
  return [
    `${count('changed')} changed`,
    ...(count('failed') > 0 ? [`${count('failed')} failed`] : []),
    ...(lost.length > 0 ? [`unreachable: ${lost.join(', ')}`] : []),
  ].join(', ');
}

function heading({ asked, began }: Proof, step: ProofStep): string {
  const of = asked.cycles === undefined ? '' : ` of ${asked.cycles}`;
  const text = `cycle ${step.cycle}${of}, ${tellStep(step)}`;
  const time = duration(Date.now() - began);
  return `\n${pc.bold(pc.cyan(`── ${text} `))}${pc.cyan('─'.repeat(Math.max(0, 56 - text.length)))} ${pc.dim(time)}\n`;
}

function summary(proof: Proof, file: string, interrupted: boolean): string {
  const rows = spreads(proof.done).map((s) => [
    `  ${s.kind}`,
    `${s.runs}`,
    duration(s.min),
    duration(s.median),
    duration(s.max),
  ]);
  const head = ['  step', 'runs', 'shortest', 'median', 'longest'].map((word) => pc.dim(word));
  const broken = proof.done.find((step) => !step.kept);
  const cycles = plural(fullCycles(proof), 'cycle');
  const verdict =
    broken !== undefined
      ? `${pc.red('not proven')}: cycle ${broken.cycle}, ${tellStep(broken)}: ${broken.seen}\nThe hosts are left as they are. ${cycles} passed before.`
      : interrupted
        ? `interrupted after ${cycles}; 'bringup prove --resume' continues with the step at hand`
        : `${pc.green('proven')}: ${cycles} in ${duration(Date.now() - proof.began)}, every promise kept`;
  return `\n${rows.length > 0 ? `${table([head, ...rows])}\n\n` : ''}${verdict}\n${pc.dim(`each step is in ${file}`)}\n`;
}
