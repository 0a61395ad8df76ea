// What the inventory says of machines, and what their drivers need of the other rooms.
import { setTimeout as sleep } from 'node:timers/promises';
import { placeOfVariable } from '../config/variable-place.ts';
import type { Connection } from '../core/connection.ts';
import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure, isOfConnection, tell } from '../core/errors/index.ts';
import type { InventoryHost } from '../core/playbook.ts';
import { sh } from '../core/sh.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import type { LabPower, PowerScene } from '../hardware/contract.ts';
import { type Machine, type MachineVariables, machineOf, sharedOutlets } from '../hardware/machine.ts';
import { type Switchable, switchAll } from '../hardware/switch.ts';
import type { BootLogs } from './boot-logs.ts';
import { ask } from './connections.ts';
import type { Project } from './project.ts';

/**
 * The machines of all hosts of the inventory whose variables have no mistake. Mistakes are added to the project's
 * problems, also those of hosts that are not switched: two hosts may be on the same outlet.
 */
export function machinesOf(project: Project): ReadonlyMap<string, Machine> {
  const { inventory, problems } = project;
  const machines = new Map<string, Machine>();
  for (const host of inventory.hosts.values()) {
    const wrong: Diagnostic[] = [];
    const machine = machineOfHost(host, project, wrong);
    problems.push(...wrong);
    if (wrong.length === 0) machines.set(host.name, machine);
  }
  for (const shared of sharedOutlets(machines)) {
    const host = inventory.hosts.get(shared.host);
    problems.push(tell('E_OUTLET_SHARED', shared, host && placeOfVariable(host, 'power')));
  }
  return machines;
}

function machineOfHost(host: InventoryHost, project: Project, problems: Diagnostic[]): Machine {
  const { templates, inventory, extraVars, redactor } = project;
  const scope = inventoryScope(templates, inventory, extraVars, '.', host.name);
  const get = (name: string): unknown => {
    try {
      const value = scope.get(name);
      if (value !== undefined || !LAB_HAS.includes(name)) return value && templates.toPlain(value, redactor.add);
      return scope.get('lab_image') === undefined ? undefined : 'lab';
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      problems.push(...error.diagnostics.map((d) => ({ ...d, at: d.at ?? placeOfVariable(host, name) })));
      return undefined;
    }
  };
  const place: MachineVariables['place'] = (name, path, mark) => placeOfVariable(host, name, path, mark);
  return machineOf({ host: host.name, get, place, onSecret: redactor.add }, problems);
}

/** The variables that are 'lab' for hosts of the lab that do not say so. */
const LAB_HAS = ['power', 'boot', 'console'];

/** How long a machine may take from power on to logins. */
const BOOT_MS = 600_000;

/**
 * Switches hosts by their drivers. `on` waits until each accepts logins, `off` shuts down, `cut` cuts the power at once.
 * Throws Failure with what went wrong on each host.
 */
export async function switchByDriver(
  hosts: readonly string[],
  to: 'on' | 'off' | 'cut',
  {
    project,
    machines,
    line,
    logs,
    signal,
  }: Readonly<{
    project: Project;
    machines: ReadonlyMap<string, Machine>;
    line: (host: string, signal: AbortSignal) => Promise<Connection>;
    logs: BootLogs;
    signal: AbortSignal;
  }>,
): Promise<void> {
  const switchable = hosts.flatMap((host): readonly Switchable[] => {
    const power = machines.get(host)?.power;
    if (power === undefined) throw failure('E_NO_POWER', { host });
    return [{ host, power, scene: powerScene(host, project, (stop) => line(host, stop), signal) }];
  });
  const ends = to === 'on' ? await Promise.all(hosts.map((host) => logs.watch(host))) : [];
  try {
    const outcomes = await switchAll(switchable, to === 'on' ? 'on' : 'off', { isHard: to === 'cut' });
    const failed = outcomes.flatMap((outcome) => ('failed' in outcome ? [outcome.failed] : []));
    if (failed.length > 0) throw new Failure(failed);
    if (to === 'on') await Promise.all(switchable.map((one) => accepts(one, logs, signal)));
  } finally {
    for (const end of ends) end();
  }
}

/** Waits until a host accepts logins. Throws Failure with the end of its console. */
async function accepts({ host, scene }: Switchable, logs: BootLogs, signal: AbortSignal): Promise<void> {
  for (const until = Date.now() + BOOT_MS; !(await scene.answers()); await sleep(500, undefined, { signal }))
    if (Date.now() > until)
      throw await logs.explain(host, failure('E_WAIT_FOR', { check: `${host} accepts logins`, seen: 'no answer' }));
}

/** What the driver of a host may use. `line` opens a connection to the host. */
export function powerScene(
  host: string,
  project: Project,
  line: (signal: AbortSignal) => Promise<Connection>,
  signal: AbortSignal,
): Omit<PowerScene, 'patience'> {
  const scope = inventoryScope(project.templates, project.inventory, project.extraVars, '.', host);
  return {
    host,
    signal,
    lab: labPower(String(scope.get('lab_name') ?? 'lab'), host, signal),
    ask: (question) => ask(question, { echo: true }),
    async answers() {
      try {
        await (await line(signal)).close();
        return true;
      } catch (error) {
        if (error instanceof Failure && isAway(error)) return false;
        if (error instanceof Failure) return true; // whoever refuses a login is up
        throw error;
      }
    },
    async halt() {
      try {
        const opened = await line(signal);
        try {
          // In the background and a moment later, so that this script can report its end.
          const script = sh`(sleep 1; systemctl poweroff || poweroff) >/dev/null 2>&1 </dev/null &`;
          const [output] = await opened.run([{ script, user: 'root' }], { signal, timeout: 30 });
          return output?.code === 0 ? undefined : (output?.stderr.trim() ?? 'no answer');
        } finally {
          await opened.close();
        }
      } catch (error) {
        if (signal.aborted || !(error instanceof Failure)) throw error;
        return error.message;
      }
    },
  };
}

const isAway = ({ diagnostics: [first] }: Failure): boolean =>
  isOfConnection(first?.code) && !['E_AUTH', 'E_NO_CREDENTIALS', 'E_KEY_FILE'].includes(first?.code ?? '');

function labPower(lab: string, host: string, signal: AbortSignal): LabPower {
  const power = (to: 'on' | 'off' | 'cut') => together(lab, host, to, signal);
  return {
    async status() {
      const { connection, status } = await import('../lab/lab.ts');
      await connection(lab, host); // fails if there is no such lab or host
      const state = await status(lab);
      return state?.hosts.find(({ name }) => name === host)?.power ?? 'off';
    },
    on: () => power('on'),
    shutDown: () => power('off'),
    cut: () => power('cut'),
    async bootFromNetwork() {
      const { bootFromNetwork } = await import('../lab/lab.ts');
      await bootFromNetwork(lab, host);
    },
  };
}

/** Calls of the same moment travel together: a rack that loses its power loses it on all hosts at once. */
function together(lab: string, host: string, to: 'on' | 'off' | 'cut', signal: AbortSignal): Promise<void> {
  const key = `${to} ${lab}`;
  const waiting = batches.get(key);
  if (waiting !== undefined) {
    waiting.hosts.push(host);
    return waiting.done;
  }
  const hosts = [host];
  const done = (async () => {
    await new Promise((resolve) => setImmediate(resolve));
    batches.delete(key);
    const { powerAll } = await import('../lab/lab.ts');
    await powerAll(lab, hosts, to, { progress: () => {}, signal });
  })();
  batches.set(key, { hosts, done });
  return done;
}
const batches = new Map<string, { hosts: string[]; done: Promise<void> }>();
