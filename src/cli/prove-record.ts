// What `bringup prove` has done, as a file that survives a restart of this machine. Pure, but for the file itself.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../core/errors/index.ts';

/** What a proof is asked to do. Paths are relative to the project. */
export type Asked = Readonly<{
  inventory: readonly string[];
  playbook: string;
  /** undefined: no checks. */
  checks: string | undefined;
  drills: readonly string[];
  /** Undefined: until `ms` are over. */
  cycles: number | undefined;
  ms: number | undefined;
  /** Hosts whose system is made anew at the beginning of each cycle. */
  rebuild: readonly string[];
  /** Hosts whose power is cut and switched on again in each cycle. */
  powerCycle: readonly string[];
}>;

export type StepKind = 'rebuild' | 'apply' | 'apply again' | 'check' | 'power-cycle' | 'drill';

/** One step of a cycle. `on` is the host, or the file of drills. Cycles count from 1. */
export type ProofStep = Readonly<{ cycle: number; kind: StepKind; on?: string }>;

/** A step that was done. `began` in milliseconds since 1970. `seen` is one line. */
export type Done = ProofStep & Readonly<{ began: number; ms: number; kept: boolean; seen: string }>;

/** What the file holds: the first line says what was asked, each further line is a step. */
export type Proof = Readonly<{ asked: Asked; began: number; done: readonly Done[] }>;

/** The steps of one cycle. A host is cut off only when the checks have passed, so a peer is there to take over. */
export function stepsOf(cycle: number, { checks, rebuild, powerCycle, drills }: Asked): readonly ProofStep[] {
  const check: readonly ProofStep[] = checks === undefined ? [] : [{ cycle, kind: 'check' }];
  return [
    ...(rebuild.length === 0 ? [] : [{ cycle, kind: 'rebuild', on: rebuild.join(',') } as const]),
    { cycle, kind: 'apply' },
    { cycle, kind: 'apply again' },
    ...check,
    ...powerCycle.flatMap((on): readonly ProofStep[] => [{ cycle, kind: 'power-cycle', on }, ...check]),
    // What a boot undoes, the playbook would repair without a word in the next cycle.
    ...(powerCycle.length === 0 ? [] : [{ cycle, kind: 'apply again' } as const]),
    ...drills.flatMap((on): readonly ProofStep[] => [{ cycle, kind: 'drill', on }]),
  ];
}

/**
 * The next step, or undefined at the end: after the last cycle, or when the time is over at the end of a cycle. A proof
 * does at least one cycle.
 */
export function nextStep({ asked, began, done }: Proof, now: number): ProofStep | undefined {
  const cycle = done.at(-1)?.cycle ?? 1;
  const steps = stepsOf(cycle, asked);
  const rest = steps[done.filter((step) => step.cycle === cycle).length];
  if (rest !== undefined) return rest;
  const isOver = asked.ms === undefined ? cycle >= (asked.cycles ?? 1) : now - began >= asked.ms;
  return isOver ? undefined : stepsOf(cycle + 1, asked)[0];
}

export function tellStep({ kind, on }: ProofStep): string {
  return kind === 'apply' || kind === 'apply again' || kind === 'check' ? kind : `${kind} ${on}`;
}

/** The duration of steps of one kind in milliseconds. */
export type Spread = Readonly<{ kind: StepKind; runs: number; min: number; median: number; max: number }>;

/** How long each kind of step took, in the order in which they first ran. */
export function spreads(done: readonly Done[]): readonly Spread[] {
  return [...new Set(done.map((step) => step.kind))].map((kind) => {
    const sorted = done.filter((step) => step.kind === kind).map((step) => step.ms);
    sorted.sort((a, b) => a - b);
    const at = (n: number): number => sorted[n] ?? 0;
    return { kind, runs: sorted.length, min: at(0), median: at((sorted.length - 1) >> 1), max: at(sorted.length - 1) };
  });
}

/** The cycles of which every step was done and kept its promise. */
export function fullCycles({ asked, done }: Proof): number {
  const last = done.at(-1)?.cycle ?? 0;
  let full = 0;
  for (let cycle = 1; cycle <= last; cycle++) {
    const own = done.filter((step) => step.cycle === cycle);
    if (own.length === stepsOf(cycle, asked).length && own.every((step) => step.kept)) full++;
  }
  return full;
}

/** Begins a file, replacing an older one. */
export function beginProof(file: string, asked: Asked, began: number): Proof {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ version: 1, asked, began })}\n`);
  return { asked, began, done: [] };
}

/** Adds a step, on the disk before this returns. */
export function addStep(file: string, proof: Proof, step: Done): Proof {
  const open = openSync(file, 'a');
  writeSync(open, `${JSON.stringify(step)}\n`);
  fsyncSync(open);
  closeSync(open);
  return { ...proof, done: [...proof.done, step] };
}

/** Reads a file. A last line that was not written to its end is no step. Throws Failure if the file is none of ours. */
export function readProof(file: string): Proof {
  if (!existsSync(file)) throw failure('E_NO_PROOF', { file });
  const [first = '', ...rest] = readFileSync(file, 'utf8').split('\n');
  const done: Done[] = [];
  try {
    const { version, asked, began } = JSON.parse(first);
    if (version !== 1) throw new Error('another version');
    for (const line of rest.slice(0, -1)) done.push(JSON.parse(line));
    return { asked, began, done };
  } catch {
    throw failure('E_PROOF_FILE', { file });
  }
}
