import { setMaxListeners } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checks } from '../checks/index.ts';
import { loadDrills } from '../config/drills.ts';
import { failure } from '../core/errors/index.ts';
import type { Emit, Event } from '../core/event.ts';
import type { PlannedDrill } from '../drills/contract.ts';
import { steps } from '../drills/index.ts';
import { runDrill } from '../drills/run.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { drillsXml } from '../report/junit.ts';
import type { Reporter } from '../report/plain.ts';
import type { CheckOptions } from './check.ts';
import { type DrillHands, drillHands } from './drill-hands.ts';
import { planDrill } from './drill-plan.ts';
import { chooseReporter } from './output.ts';
import { openProject, type Project, stopOnProblems } from './project.ts';
import { nonce } from './templates.ts';

export type DrillOptions = CheckOptions &
  Readonly<{
    /** How many times each drill runs. */
    times: number;
    /** Only drills whose name contains one of these texts. */
    only: readonly string[];
  }>;

const FOLDER = 'playbooks/drills';

/** Reads and checks all drills, then runs them one after the other. Returns the exit code. */
export async function runDrills(
  files: readonly string[],
  options: DrillOptions,
  signal: AbortSignal,
  given?: Reporter,
): Promise<number> {
  setMaxListeners(0, signal);
  const reporter = given ?? (await chooseReporter(options));
  const seen: Event[] = [];
  const began = Date.now();
  let hide = (event: Event): Event => event;
  const emit = (event: Event): void => {
    const shown = hide(event);
    seen.push(shown);
    reporter.emit(shown);
  };
  try {
    const planned = (files.length > 0 ? files : ownFiles()).flatMap((file) => {
      const { project, hands, drills } = planDrills(file, options, emit);
      const before = hide;
      hide = (event) => project.redactor.hide(before(event));
      return drills.map((drill) => ({ drill, hands }));
    });
    const chosen = planned.filter(
      (p) => options.only.length === 0 || options.only.some((o) => p.drill.name.includes(o)),
    );
    if (chosen.length === 0) throw failure('E_NO_DRILL_SELECTED', { names: planned.map((p) => p.drill.name) });
    const failed = await runEach(chosen, options.times, emit, signal);
    const total = chosen.length * options.times;
    emit({ type: 'drills', passed: total - failed, failed, ms: Date.now() - began, interrupted: signal.aborted });
    if (options.junit !== undefined) writeFileSync(options.junit, drillsXml(seen, files.join(' ') || FOLDER));
    return signal.aborted ? 130 : failed > 0 ? 1 : 0;
  } finally {
    await reporter.end();
  }
}

/** Reads a file of drills. Throws Failure with all of its mistakes. */
export function planDrills(
  file: string,
  options: CheckOptions,
  emit: Emit,
): Readonly<{ project: Project; hands: DrillHands; drills: readonly PlannedDrill[] }> {
  const project = openProject({ ...options, writes: false }, dirname(file));
  const { problems, files: read, readPorts } = project;
  const entries = loadDrills(file, { steps, checks }, { files: read, problems, ports: readPorts });
  stopOnProblems(problems);
  const hands = drillHands(project, file, options, emit);
  const scope = inventoryScope(project.templates, project.inventory, project.extraVars, dirname(file));
  const drills = entries.flatMap((entry) => planDrill(entry, { project, scope, hands }) ?? []);
  stopOnProblems(problems);
  return { project, hands, drills };
}

async function runEach(
  chosen: readonly Readonly<{ drill: PlannedDrill; hands: DrillHands }>[],
  times: number,
  emit: (event: Event) => void,
  signal: AbortSignal,
): Promise<number> {
  let failed = 0;
  for (const { drill, hands } of chosen)
    for (let run = 1; run <= times; run++) {
      if (signal.aborted) return failed;
      const word = nonce();
      const passed = await runDrill({
        drill,
        hands,
        allowed: hands.allowed,
        emit,
        signal,
        nonce: word,
        run,
        of: times,
      });
      if (!passed) failed++;
    }
  return failed;
}

function ownFiles(): readonly string[] {
  try {
    const found = readdirSync(FOLDER).filter((name) => /\.ya?ml$/.test(name));
    if (found.length > 0) return found.sort().map((name) => join(FOLDER, name));
  } catch {
    // reported below
  }
  throw failure('E_NO_DRILLS', { folder: FOLDER });
}
