import type { TObject } from 'typebox';
import type { Planned } from '../checks/run.ts';
import type { DrillEntry, Piece, StepEntry } from '../config/drills.ts';
import { select } from '../config/patterns.ts';
import { argDiagnostic, binder } from '../core/bind.ts';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import { isBoundStep } from '../core/drill.ts';
import { Expect, Find, Ledger, Load, Watch } from '../core/drill-args.ts';
import { failure, tell } from '../core/errors/index.ts';
import { Ready, type Value } from '../core/value.ts';
import type { Bound, PlannedDrill, TimedStep } from '../drills/contract.ts';
import type { Scope } from '../engine/host/ports.ts';
import { applies, planCheck } from './check.ts';
import type { DrillHands } from './drill-hands.ts';
import type { Project } from './project.ts';

export type Planning = Readonly<{ project: Project; scope: Scope; hands: DrillHands }>;

/**
 * Prepares a drill. The result of `find` is not known yet, so it stands for every host that may be found, and all of
 * these hosts are checked before anything changes. The drill is bound again with the real result.
 */
export function planDrill(entry: DrillEntry, planning: Planning): PlannedDrill | undefined {
  const { project } = planning;
  const scope = planning.scope.with(entry.vars);
  const problems: Diagnostic[] = [];
  try {
    if (!applies(entry.when, entry.at, scope, project)) return undefined;
    const name = project.templates.print(project.templates.resolve(entry.name, scope));
    const find = entry.find.map((piece) => {
      const bound = bindPiece(piece, Find, 'find', scope, project);
      return { find: bound, hosts: hostsOf(bound.hosts, piece.at, project), at: piece.at };
    });
    const stand = Object.fromEntries(find.map((f) => [f.find.var, f.hosts]));
    const first = bindAll(entry, stand, planning, problems, find.length > 0);
    project.problems.push(...problems);
    return {
      name,
      at: entry.at,
      find,
      hosts: first.hosts,
      bind(found) {
        const wrong: Diagnostic[] = [];
        const { bound } = bindAll(entry, found, planning, wrong, false);
        if (bound === undefined || wrong.length > 0) throw new Failure(wrong);
        return bound;
      },
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    project.problems.push(...error.diagnostics.map((d) => ({ ...d, at: d.at ?? entry.at })));
    return undefined;
  }
}

function bindAll(
  entry: DrillEntry,
  found: Readonly<Record<string, readonly string[]>>,
  planning: Planning,
  problems: Diagnostic[],
  isGuess: boolean,
): { bound: Bound | undefined; hosts: readonly string[] } {
  const { project, hands } = planning;
  const vars = Object.fromEntries(Object.entries(found).map(([k, v]) => [k, new Ready(v as Value)]));
  const scope = planning.scope.with(entry.vars).with(vars);
  const hurt = new Set<string>();
  const ready = <T>(work: () => T): T | undefined => gathered(work, problems, entry.at);
  const load = ready(() => bindPiece(entry.load, Load, 'load', scope, project));
  if (load !== undefined) problems.push(...hands.wrongUrl(load.url, entry.load.argAt(['url'])));
  const watches = entry.watch.flatMap(
    (piece) =>
      ready(() => {
        const watch = bindPiece(piece, Watch, 'watch', scope, project);
        return [{ watch, hosts: hostsOf(watch.hosts, piece.at, project) }];
      }) ?? [],
  );
  const steps = (all: readonly StepEntry[]): readonly TimedStep[] =>
    all.flatMap((step) => {
      // With a guessed result of `find`, a template may fail. The template is evaluated again before the load, so such
      // an error is ignored here.
      const quiet: Diagnostic[] = [];
      const bound = gathered(() => bindStep(step, scope, planning, hurt, quiet), quiet, step.at);
      problems.push(...quiet.filter((d) => !isGuess || d.code === 'E_DRIVER'));
      return bound ?? [];
    });
  const bound = {
    steps: steps(entry.steps),
    cleanup: steps(entry.cleanup),
    expect: ready(() => bindPiece(entry.expect, Expect, 'expect', scope, project)),
    ledger:
      entry.ledger === undefined
        ? undefined
        : ready(() => {
            const ledger = bindPiece(entry.ledger as Piece, Ledger, 'ledger', scope, project);
            return { ...ledger, hosts: hostsOf(ledger.hosts, entry.at, project) };
          }),
    checks: bindChecks(entry, scope, project, isGuess ? [] : problems),
  };
  if (load !== undefined && bound.expect !== undefined)
    problems.push(
      ...unknownNames(
        bound.expect,
        load,
        watches.map((w) => w.watch.name),
        entry.expect,
      ),
    );
  for (const { hosts } of watches) for (const host of hosts) hurt.add(host);
  problems.push(...hands.unfit([...hurt], entry.at));
  const { expect } = bound;
  if (load === undefined || expect === undefined) return { bound: undefined, hosts: [...hurt] };
  return {
    bound: { ...bound, load, watches, expect, check: (signal) => hands.check(bound.checks, signal) },
    hosts: [...hurt],
  };
}

/** Mistakes are collected with those of the drill. Those of a checks file go to the project directly. */
function bindChecks(entry: DrillEntry, scope: Scope, project: Project, problems: Diagnostic[]): readonly Planned[] {
  const own = { ...project, problems };
  return entry.checks.flatMap((check) => planCheck(check, scope, own, undefined));
}

function bindStep(
  step: StepEntry,
  scope: Scope,
  planning: Planning,
  hurt: Set<string>,
  problems: Diagnostic[],
): readonly TimedStep[] {
  const { project, hands } = planning;
  if (!applies(step.when, step.at, scope, project)) return [];
  const seconds = (raw: StepEntry['time'], otherwise: number | undefined): number | undefined => {
    if (raw === undefined) return otherwise;
    const value = Number(project.templates.toPlain(project.templates.resolve(raw, scope), project.redactor.add));
    if (Number.isFinite(value) && value >= 0) return value;
    throw failure('E_DRILL_TIME', { found: String(value) }, step.at);
  };
  const timing = { pos: step.at, at: seconds(step.time, undefined), after: seconds(step.after, 0) ?? 0 };
  const given =
    step.name === undefined ? undefined : project.templates.print(project.templates.resolve(step.name, scope));
  if ('check' in step.does) {
    const planned = planCheck(step.does.check, scope, { ...project, problems }, undefined);
    return planned.map((check) => ({
      ...timing,
      what: given ?? `wait for ${check.name}`,
      run: ({ signal }) => hands.waitFor(check, signal),
    }));
  }
  const { kind, args } = step.does;
  const bound = kind.bind(plainOf(args, scope, project));
  if (!isBoundStep(bound)) throw new Failure(bound.map((w) => argDiagnostic(kind.name, w, args.argAt(w.path))));
  const hosts = hostsOf(bound.hosts, args.at, project);
  for (const host of hosts) hurt.add(host);
  problems.push(...hands.lacking(bound, hosts, step.at));
  hands.readAhead(bound, step.at);
  return [{ ...timing, what: given ?? bound.tell(hosts), run: bound.run }];
}

function gathered<T>(work: () => T, problems: Diagnostic[], at: Pos): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...error.diagnostics.map((d) => ({ ...d, at: d.at ?? at })));
    return undefined;
  }
}

function plainOf(piece: Piece, scope: Scope, { templates, redactor }: Project): Record<string, unknown> {
  const value = templates.toPlain(templates.resolve(piece.raw, scope), redactor.add);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  const found = Array.isArray(value) ? 'a list' : `'${String(value)}'`;
  throw failure('E_WRONG_SHAPE', { what: 'this part of a drill', wanted: 'a map', found }, piece.at);
}

function bindPiece<A extends TObject>(piece: Piece, schema: A, what: string, scope: Scope, project: Project) {
  const bound = binder(schema, `drill ${what}`)(plainOf(piece, scope, project));
  if (!('errors' in bound)) return bound.args;
  throw new Failure(bound.errors.map((w) => argDiagnostic(what, w, piece.argAt(w.path))));
}

function hostsOf(patterns: readonly string[], at: Pos, { inventory }: Project): readonly string[] {
  const wrong: Diagnostic[] = [];
  const hosts = select(patterns.join(','), inventory, at, wrong);
  if (wrong.length > 0) throw new Failure(wrong);
  return hosts;
}

/** Reports names in `expect` that stand for nothing, because such an expectation could never be judged. */
function unknownNames(expect: Expect, load: Load, watches: readonly string[], piece: Piece): readonly Diagnostic[] {
  const requests = [
    'all',
    ...load.requests.flatMap((r) => (r.read_back === undefined ? [r.name] : [r.name, `${r.name}, read back`])),
  ];
  const of = (key: 'gap' | 'failed_by'): readonly Diagnostic[] =>
    Object.keys(expect[key] ?? {})
      .filter((name) => !requests.includes(name))
      .map((name) => tell('E_UNKNOWN_REQUEST', { name, known: requests }, piece.argAt([key, name])));
  return [
    ...of('gap'),
    ...of('failed_by'),
    ...expect.watch.flatMap((w, i) =>
      watches.includes(w.name)
        ? []
        : [tell('E_UNKNOWN_WATCH', { name: w.name, known: watches }, piece.argAt(['watch', i, 'name']))],
    ),
  ];
}
