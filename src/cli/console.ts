// The consoles of hosts: `bringup console`, and what their last boot printed.
import { join } from 'node:path';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import type { BoundConsole, ConsoleScene } from '../hardware/console/contract.ts';
import { lastLines, readable, record, recorded } from '../hardware/console/record.ts';
import { machinesOf } from './hardware.ts';
import type { HostOptions } from './options.ts';
import { streams } from './output.ts';
import { openProject, type Project, rackKey, stopOnProblems } from './project.ts';

/** The lines of a boot that messages show. */
const TAIL = 20;
/** Ctrl-], as in telnet and virsh. */
const ESCAPE = 0x1d;

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

/** Connects the terminal with the console of a host until Ctrl-], or prints the log of its last boot. */
export async function openConsole(
  host: string,
  options: HostOptions & Readonly<{ log: boolean }>,
  signal: AbortSignal,
): Promise<number> {
  const project = openProject({ ...options, writes: false });
  const { inventory, problems } = project;
  const machines = machinesOf(project);
  stopOnProblems(problems);
  if (!inventory.hosts.has(host)) throw failure('E_UNKNOWN_HOST', { pattern: host, known: inventory.hosts.keys() });
  const console = machines.get(host)?.console;
  if (console === undefined) throw failure('E_NO_CONSOLE', { host }, inventory.hosts.get(host)?.at);
  if (options.log) {
    const text = await bootLogs(project, options.inventory, () => console, signal).log(host);
    if (text === undefined || text === '') throw failure('E_CONSOLE_LOG', { host });
    streams.out(project.redactor.hide(readable(text)));
    return 0;
  }
  if (process.stdin.isTTY !== true) throw failure('E_CONSOLE_TERMINAL', { host });
  await talk(host, console, consoleScene(host, project, signal));
  return 0;
}

async function talk(host: string, console: BoundConsole, scene: ConsoleScene): Promise<void> {
  const stream = await console.open(scene);
  streams.err(`console of ${host} (${console.driver}); press Ctrl-] to leave it\r\n`);
  const { stdin, stdout } = process;
  stdin.setRawMode(true);
  try {
    await new Promise<void>((resolve) => {
      const leave = (): void => resolve();
      stream.on('data', (part: Buffer) => stdout.write(part));
      stream.once('close', leave).once('end', leave);
      scene.signal.addEventListener('abort', leave, { once: true });
      stdin.on('data', (typed: Buffer) => {
        const at = typed.indexOf(ESCAPE);
        stream.write(at < 0 ? typed : typed.subarray(0, at));
        if (at >= 0) resolve();
      });
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stdin.removeAllListeners('data');
    stream.destroy();
    streams.err(`\r\nleft the console of ${host}\n`);
  }
}
