import { setMaxListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { checks as kinds } from '../checks/index.ts';
import { type Planned, runAll } from '../checks/run.ts';
import { type CheckEntry, loadChecks } from '../config/checks.ts';
import { argDiagnostic } from '../core/bind.ts';
import { isBound } from '../core/check.ts';
import type { Connection } from '../core/connection.ts';
import { Failure, type Pos } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { CheckEvent, Event } from '../core/event.ts';
import { type Raw, Secret, type Value } from '../core/value.ts';
import type { Scope } from '../engine/host/ports.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { junitXml } from '../report/junit.ts';
import type { Reporter } from '../report/plain.ts';
import { openLine } from './connections.ts';
import { healthOf } from './health-of.ts';
import type { HostOptions } from './options.ts';
import { chooseReporter, type OutputOptions } from './output.ts';
import { openProject, type Project, stopOnProblems } from './project.ts';

export type CheckOptions = OutputOptions &
  HostOptions &
  Readonly<{
    junit?: string | undefined;
    /** Seconds for each check. It overrides the value in the file. */
    within?: number | undefined;
  }>;

/** Runs a checks file from this machine. Returns the exit code. */
export async function runChecks(
  file: string,
  options: CheckOptions,
  signal: AbortSignal,
  given?: Reporter,
): Promise<number> {
  setMaxListeners(0, signal); // every attempt listens to it
  const reporter = given ?? (await chooseReporter(options));
  const { project, planned } = planChecks(file, options);
  const { inventory, redactor } = project;
  const lines = new Map<string, Promise<Connection>>();
  const seen: Event[] = [];
  const scopeOf = (name: string): Scope =>
    inventoryScope(project.templates, inventory, project.extraVars, dirname(file), name);
  const connect = (name: string): Promise<Connection> => {
    const host = inventory.hosts.get(name);
    if (host === undefined) return Promise.reject(new Error(`there is no host '${name}' in the inventory`));
    const line =
      lines.get(name) ??
      openLine(name, host.at, scopeOf(name).get, { defaults: project.connection, onSecret: redactor.add, signal });
    lines.set(name, line);
    line.catch(() => lines.delete(name));
    return line;
  };
  const emit = (event: Event): void => {
    const shown = redactor.hide(event);
    seen.push(shown);
    reporter.emit(shown);
  };
  try {
    const failed = await runAll({
      checks: planned,
      scene: { connect, health: healthOf },
      emit,
      signal,
      now: () => Date.now(),
    });
    if (options.junit !== undefined) writeFileSync(options.junit, junitXml(seen, file));
    return signal.aborted ? 130 : failed > 0 ? 1 : 0;
  } finally {
    for (const line of lines.values()) await line.then((l) => l.close()).catch(() => {});
    await reporter.end();
  }
}

/**
 * Runs a checks file, shown by the reporter. Returns how many passed and the names of those that did not, in the order of
 * the file.
 */
export async function countChecks(
  file: string,
  options: CheckOptions,
  signal: AbortSignal,
  reporter: Reporter,
): Promise<Readonly<{ passed: number; failed: readonly string[] }>> {
  const ended: CheckEvent[] = [];
  const emit = (event: Event): void => {
    if (event.type === 'check' && event.status !== 'trying') ended.push(event);
    reporter.emit(event);
  };
  await runChecks(file, options, signal, { emit, end: reporter.end });
  const failed = ended.filter((one) => one.status === 'failed').sort((a, b) => a.index - b.index);
  return { passed: ended.length - failed.length, failed: failed.map((one) => one.check) };
}

/** Reads a file of checks. Throws Failure with all of its mistakes. */
export function planChecks(
  file: string,
  options: CheckOptions,
): Readonly<{ project: Project; planned: readonly Planned[] }> {
  const project = openProject({ ...options, writes: false }, dirname(file));
  const { problems, files, readPorts, inventory } = project;
  const entries = loadChecks(file, kinds, { files, problems, ports: readPorts });
  stopOnProblems(problems);
  const scope = inventoryScope(project.templates, inventory, project.extraVars, dirname(file));
  const hostOf = hostsByName(project, dirname(file));
  const planned = entries.flatMap((entry) => planCheck(entry, scope, project, options.within, hostOf));
  stopOnProblems(problems);
  return { project, planned };
}

/** The checks of one entry: one for each item of its loop. Mistakes are added to the project's problems. */
export function planCheck(
  entry: CheckEntry,
  scope: Scope,
  project: Project,
  within: number | undefined,
  hostOf: HostOf = () => undefined,
): readonly Planned[] {
  const { templates, problems } = project;
  try {
    const items = entry.loop === undefined ? [undefined] : (templates.resolve(entry.loop, scope) as readonly Value[]);
    if (!Array.isArray(items)) {
      const found = `'${templates.print(items)}'`;
      throw failure('E_KEYWORD_VALUE', { keyword: 'loop', wanted: 'a list', found, hint: 'write a list' }, entry.at);
    }
    return items.flatMap((item) => {
      const own = item === undefined ? scope : scope.with({ item });
      if (!applies(entry.when, entry.at, own, project)) return [];
      const value = templates.resolve({ ...entry.args }, own);
      const args = templates.toPlain(value, project.redactor.add) as Record<string, unknown>;
      for (const [key, schema] of Object.entries(entry.check.args.properties)) {
        if ((schema as { secret?: boolean }).secret === true && typeof args[key] === 'string')
          project.redactor.add(args[key]);
      }
      const bound = entry.check.bind(args);
      if (!isBound(bound)) {
        for (const wrong of bound) problems.push(argDiagnostic(entry.kind, wrong, entry.argAt(wrong.path)));
        return [];
      }
      const name = entry.name === undefined ? entry.kind : text(templates.resolve(entry.name, own), project);
      const seconds = within ?? Number(entry.within === undefined ? 30 : templates.resolve(entry.within, own));
      const proves = entry.proves === undefined ? '' : text(templates.resolve(entry.proves, own), project);
      const hosts = [...new Set(wordsIn(args).flatMap((word) => hostOf(word) ?? []))];
      return [{ name, kind: entry.kind, at: entry.at, check: bound, proves, hosts, within: seconds }];
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...error.diagnostics.map((d) => ({ ...d, at: d.at ?? entry.at })));
    return [];
  }
}

/** Finds the host that has a name or an address. */
type HostOf = (nameOrAddress: string) => string | undefined;

function hostsByName(project: Project, playbookDir: string): HostOf {
  const { inventory, templates, extraVars } = project;
  const found = new Map<string, string>();
  for (const name of inventory.hosts.keys()) {
    const address = inventoryScope(templates, inventory, extraVars, playbookDir, name).get('ansible_host');
    if (typeof address === 'string') found.set(address, name);
  }
  for (const name of inventory.hosts.keys()) found.set(name, name);
  return (word) => found.get(word);
}

/** The texts in arguments that may name a host: whole values, and the hosts of URLs. */
function wordsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return URL.canParse(value) ? [value, new URL(value).hostname] : [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(wordsIn);
}

/** Whether `when` holds: a condition, or a list of conditions that must all hold. */
export function applies(when: Raw | undefined, at: Pos, scope: Scope, { templates }: Project): boolean {
  if (when === undefined) return true;
  const all = Array.isArray(when) ? when : [when];
  return all.every((one) =>
    typeof one === 'boolean' ? one : templates.truthy(templates.evaluate(String(one), at, scope)) === true,
  );
}

function text(value: Value, { templates }: Project): string {
  return value instanceof Secret ? value.toString() : templates.print(value);
}
