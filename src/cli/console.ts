// `bringup console`: the serial console of a host.
import { failure } from '../core/errors/index.ts';
import type { BoundConsole, ConsoleScene } from '../hardware/console/contract.ts';
import { readable } from '../hardware/console/record.ts';
import { bootLogs, consoleScene } from './boot-logs.ts';
import { machinesOf } from './hardware.ts';
import type { HostOptions } from './options.ts';
import { streams } from './output.ts';
import { openProject, stopOnProblems } from './project.ts';

/** Ctrl-], as in telnet and virsh. */
const ESCAPE = 0x1d;

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
