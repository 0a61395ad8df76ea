import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { type Planned, runAll } from '../checks/run.ts';
import { select } from '../config/patterns.ts';
import type { Connection } from '../core/connection.ts';
import { Lost, Stopped } from '../core/connection.ts';
import { type Diagnostic, Failure, type Pos } from '../core/diagnostic.ts';
import type { BoundStep, Verdict } from '../core/drill.ts';
import { failure, isOfConnection, tell } from '../core/errors/index.ts';
import type { Emit, Event } from '../core/event.ts';
import { Secret, type Value } from '../core/value.ts';
import type { Hands } from '../drills/contract.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { cut, heal, powerAll, reset } from '../lab/lab.ts';
import { runPlays } from './apply.ts';
import { bootLogs } from './boot-logs.ts';
import type { CheckOptions } from './check.ts';
import { openLine } from './connections.ts';
import { machinesOf, switchByDriver } from './hardware.ts';
import { healthOf } from './health-of.ts';
import { openPlaybook, openProject, type Project } from './project.ts';

/** What drills need of the other rooms, and checks whether hosts are suitable. */
export type DrillHands = Hands &
  Readonly<{
    allowed: readonly string[];
    /** Why these hosts must not be harmed. */
    unfit: (hosts: readonly string[], at: Pos) => readonly Diagnostic[];
    /** What a step needs of hosts and they lack. */
    lacking: (step: BoundStep, hosts: readonly string[], at: Pos) => readonly Diagnostic[];
    /** Reads the files that a step will read, so that mistakes in them are reported now. Throws Failure. */
    readAhead: (step: BoundStep, at: Pos) => void;
    wrongUrl: (url: string, at: Pos) => readonly Diagnostic[];
    check: (checks: readonly Planned[], signal: AbortSignal) => Promise<readonly Verdict[]>;
    waitFor: (check: Planned, signal: AbortSignal) => Promise<void>;
  }>;

const RECONNECT_MS = 30_000;

export function drillHands(project: Project, file: string, options: CheckOptions, emit: Emit): DrillHands {
  const { inventory, templates, extraVars } = project;
  const get = (host: string, name: string): Value | undefined =>
    inventoryScope(templates, inventory, extraVars, dirname(file), host).get(name);
  const text = (host: string, name: string): string | undefined => {
    const value = get(host, name);
    if (value instanceof Secret) return value.reveal();
    return typeof value === 'string' ? value : undefined;
  };
  const allowed = addresses(project, file, text);
  const lines = openLines(project, get);
  const quiet = { progress: () => {} };
  const machines = once(() => {
    const before = project.problems.length;
    const of = machinesOf(project);
    return { of, wrong: project.problems.splice(before) };
  });
  const labOf = (hosts: readonly string[]): string => text(hosts[0] ?? '', 'lab_name') ?? 'lab';
  return {
    allowed,
    root: lines.root,
    hangUp: lines.hangUp,
    select: (patterns) => select(patterns.join(','), inventory, NOWHERE, []),
    async power(hosts, to, signal) {
      lines.forget(hosts); // connections that are open to them will be dead
      const inLab = hosts.filter((host) => machines().of.get(host)?.power?.driver === 'lab');
      await Promise.all([
        // All at once, as when a rack loses its power.
        inLab.length === 0 ? undefined : powerAll(labOf(inLab), inLab, to, { ...quiet, signal }),
        switchByDriver(
          hosts.filter((host) => !inLab.includes(host)),
          to,
          {
            ...{ project, machines: machines().of, line: lines.fresh, signal },
            logs: bootLogs(project, options.inventory, (host) => machines().of.get(host)?.console, signal),
          },
        ),
      ]);
    },
    async reset(hosts, signal) {
      lines.forget(hosts);
      await reset(labOf(hosts), hosts, { ...quiet, signal });
    },
    wire: (how, hosts) => (how === 'heal' ? heal(labOf(hosts), hosts, quiet) : cut(labOf(hosts), hosts, how, quiet)),
    async playbook(playbook, vars, limit, signal) {
      const failed: string[] = [];
      const reporter = { emit: (event: Event) => void failed.push(...failureOf(event)), end: async () => {} };
      const recap = await runPlays('apply', playbook, runOptions(options, vars, limit), signal, reporter);
      if (recap.failed) throw failure('E_PLAYBOOK_FAILED', { playbook, why: failed.join('; ') });
    },
    unfit: (hosts, at) =>
      hosts.filter((host) => get(host, 'drill') !== true).map((host) => tell('E_DRILL_HOST', { host }, at)),
    lacking(step, hosts, at) {
      if (step.wants === 'power')
        return [
          ...machines().wrong.splice(0), // once
          ...hosts
            .filter((host) => machines().of.get(host)?.power === undefined)
            .map((host) => tell('E_NO_POWER', { host }, at)),
        ];
      return hosts.flatMap((host) => lack(step, host, text, at));
    },
    readAhead(step, at) {
      if (step.kind !== 'playbook') return;
      const {
        file: playbook,
        limit,
        vars,
      } = step.args as { file: string; limit?: string; vars: Record<string, unknown> };
      try {
        const opened = openProject({ ...runOptions(options, vars, limit), writes: false }, dirname(playbook));
        openPlaybook(playbook, opened, []);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        throw new Failure(error.diagnostics.map((d) => ({ ...d, at: d.at ?? at })));
      }
    },
    wrongUrl(url, at) {
      const { hostname } = new URL(url);
      if (isIP(hostname) === 0 || allowed.includes(hostname)) return [];
      return [foreign(hostname, at)];
    },
    async check(checks, signal) {
      await lines.hangUp(); // a host may have rebooted, and a check must not fail on a dead connection
      const verdicts: Verdict[] = []; // in the order of the file
      const keep = (event: Event): void => {
        if (event.type !== 'check' || event.status === 'trying') return;
        const seen = event.mismatches.map((m) => `${m.property}: expected ${m.expected}, seen ${m.seen}`).join('; ');
        verdicts[event.index] = {
          what: event.check,
          expected: 'passes',
          seen: event.status === 'passed' ? event.seen : seen,
          passed: event.status === 'passed',
        };
      };
      const scene = { connect: (name: string) => lines.line(name, signal), health: healthOf };
      await runAll({ checks, scene, emit: keep, signal, now: () => Date.now() });
      return verdicts;
    },
    async waitFor(check, signal) {
      const [verdict] = await this.check([check], signal);
      if (verdict?.passed !== true)
        throw failure('E_WAIT_FOR', { check: check.name, seen: verdict?.seen ?? 'not seen' });
    },
  };
  function failureOf(event: Event): readonly string[] {
    if (event.type === 'task') emit({ type: 'busy', host: event.host, doing: event.task });
    if (event.type === 'task' && event.status === 'failed')
      return [`${event.host}: ${event.task}: ${event.diagnostic?.message ?? ''}`];
    return event.type === 'unreachable' ? [`${event.host}: ${event.diagnostic.message}`] : [];
  }
}
const NOWHERE: Pos = { file: '', line: 1, col: 1 };

function runOptions(options: CheckOptions, vars: Readonly<Record<string, unknown>>, limit: string | undefined) {
  const more = Object.keys(vars).length === 0 ? [] : [JSON.stringify(vars)];
  return {
    ...options,
    diff: false,
    tags: [],
    skipTags: [],
    forks: 25,
    limit,
    extraVars: [...options.extraVars, ...more],
  };
}

const VERBS = { power: 'switch the power', wire: 'cut the wire', disk: 'change the disk' } as const;

/** The lab alone can cut network links and make new disks. */
function lack(
  step: BoundStep,
  host: string,
  text: (host: string, name: string) => string | undefined,
  at: Pos,
): readonly Diagnostic[] {
  if (step.wants === undefined) return [];
  if (text(host, 'lab_image') !== undefined) return [];
  return [tell('E_DRIVER', { host, what: VERBS[step.wants] }, at)];
}

/** The addresses to which a load may go: those of hosts, and `drill_addresses` if they are private. */
function addresses(
  project: Project,
  file: string,
  text: (host: string, name: string) => string | undefined,
): readonly string[] {
  const { inventory, templates, extraVars, redactor } = project;
  const scope = inventoryScope(templates, inventory, extraVars, dirname(file));
  const more = templates.toPlain(scope.get('drill_addresses') ?? [], redactor.add);
  const wrong = (Array.isArray(more) ? more : []).filter((a) => typeof a !== 'string' || !PRIVATE.test(a));
  if (wrong.length > 0 || !Array.isArray(more)) throw failure('E_DRILL_ADDRESS', { addresses: wrong.join(', ') });
  const own = [...inventory.hosts.keys()].flatMap((host) => text(host, 'ansible_host') ?? []);
  return [...new Set([...own, ...(more as string[])])];
}
const PRIVATE = /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/;

const foreign = (address: string, at: Pos): Diagnostic => tell('E_DRILL_TARGET', { address }, at);

/**
 * One connection for each host. It is opened when needed, and again after it was lost, because drills take hosts down.
 */
function openLines(project: Project, get: (host: string, name: string) => Value | undefined) {
  const { inventory, redactor, connection } = project;
  const lines = new Map<string, Promise<Connection>>();
  const never = new AbortController().signal;
  setMaxListeners(0, never); // every connection listens to it
  const line = (name: string, signal: AbortSignal): Promise<Connection> => {
    signal.throwIfAborted();
    const host = inventory.hosts.get(name);
    if (host === undefined) return Promise.reject(new Error(`there is no host '${name}' in the inventory`));
    const options = { defaults: connection, onSecret: redactor.add, signal: never };
    const opened = lines.get(name) ?? openLine(name, host.at, (key) => get(name, key), options);
    lines.set(name, opened);
    opened.catch(() => lines.delete(name));
    return opened;
  };
  const root: Hands['root'] = async (host, script, signal, timeout = 60) => {
    for (const until = Date.now() + RECONNECT_MS; ; ) {
      try {
        const opened = await line(host, signal);
        const [output] = await opened.run([{ script, user: 'root' }], { signal, timeout });
        if (output === undefined) throw new Error(`${host}: no output`);
        return output;
      } catch (error) {
        lines.delete(host);
        const isAway =
          error instanceof Lost ||
          error instanceof Stopped ||
          (error instanceof Failure && isOfConnection(error.diagnostics[0]?.code));
        if (signal.aborted || !isAway || Date.now() > until) {
          if (error instanceof Lost || error instanceof Stopped)
            throw failure('E_CONNECTION_LOST', { why: error.message });
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  };
  const hangUp = async (): Promise<void> => {
    const open = [...lines.values()];
    lines.clear();
    for (const opened of open) await opened.then((l) => l.close()).catch(() => {});
  };
  const forget = (hosts: readonly string[]): void => {
    for (const host of hosts) {
      lines
        .get(host)
        ?.then((l) => l.close())
        .catch(() => {});
      lines.delete(host);
    }
  };
  /** A connection that nobody else uses. */
  const fresh = (name: string, signal: AbortSignal): Promise<Connection> => {
    const options = { defaults: connection, onSecret: redactor.add, signal };
    return openLine(name, inventory.hosts.get(name)?.at, (key) => get(name, key), options);
  };
  return { line, root, hangUp, forget, fresh };
}

/** Calls `make` when the result is first needed. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
