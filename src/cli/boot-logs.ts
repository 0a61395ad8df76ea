// What the consoles of hosts print while bringup boots them.
import { join } from 'node:path';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import type { BoundConsole, ConsoleScene } from '../hardware/console/contract.ts';
import { lastLines, record, recorded } from '../hardware/console/record.ts';
import { type Project, rackKey } from './project.ts';

/** The lines of a boot that messages show. */
const TAIL = 20;

/** What commands that boot hosts do with their consoles. */
export type BootLogs = Readonly<{
  /** Records what the console prints until the result is called. */
  watch: (host: string) => Promise<() => void>;
  /** Runs `work`, which boots the host, and records what its console prints meanwhile. */
  whileRecording: <T>(host: string, work: () => Promise<T>) => Promise<T>;
  /** What the console printed in the last boot. undefined: nobody knows. */
  log: (host: string) => Promise<string | undefined>;
  /** The Failure with the end of the boot's log as its detail, where it has none. */
  explain: (host: string, error: Failure) => Promise<Failure>;
}>;

export function bootLogs(
  project: Project,
  inventories: string | readonly string[],
  consoleOf: (host: string) => BoundConsole | undefined,
  signal: AbortSignal,
): BootLogs {
  const file = (host: string): string =>
    join('.bringup', 'console', rackKey(inventories), `${encodeURIComponent(host)}.log`);
  const log = async (host: string): Promise<string | undefined> => {
    const console = consoleOf(host);
    const own = await console?.log(consoleScene(host, project, signal)).catch(nothing);
    return own ?? recorded(file(host));
  };
  const watch = async (host: string): Promise<() => void> => {
    const console = consoleOf(host);
    const scene = consoleScene(host, project, signal);
    // Something else keeps the log.
    if (console === undefined || (await console.log(scene).catch(nothing)) !== undefined) return () => {};
    return record(console, scene, file(host));
  };
  return {
    log,
    watch,
    whileRecording: async (host, work) => {
      const end = await watch(host);
      return work().finally(end);
    },
    async explain(host, error) {
      const tail = lastLines((await log(host)) ?? '', TAIL);
      if (tail === '') return error;
      return new Failure(
        error.diagnostics.map((d): Diagnostic => ({ ...d, detail: d.detail ?? `console of ${host}:\n${tail}` })),
      );
    },
  };
}

function nothing(error: unknown): undefined {
  if (!(error instanceof Failure)) throw error;
}

export function consoleScene(host: string, project: Project, signal: AbortSignal): ConsoleScene {
  const scope = inventoryScope(project.templates, project.inventory, project.extraVars, '.', host);
  const lab = String(scope.get('lab_name') ?? 'lab');
  return {
    host,
    signal,
    lab: {
      open: async () => (await import('../lab/console.ts')).consoleOf(lab, host),
      log: async () => (await import('../lab/console.ts')).bootLog(lab, host),
    },
  };
}
