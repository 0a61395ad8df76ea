// `bringup power`: switches the machines of hosts by their drivers.
import { setMaxListeners } from 'node:events';
import { tell } from '../core/errors/index.ts';
import type { Event } from '../core/event.ts';
import { type Outcome, type PowerAction, type Switchable, switchAll } from '../hardware/switch.ts';
import { jsonReporter } from '../report/json.ts';
import { plainReporter, type Reporter } from '../report/plain.ts';
import { machinesOf, powerScene } from './hardware.ts';
import { chosenHosts, lineTo } from './hosts.ts';
import type { HostOptions } from './options.ts';
import { type OutputOptions, source, streams } from './output.ts';
import { openProject, stopOnProblems } from './project.ts';

export type PowerOptions = OutputOptions & HostOptions & Readonly<{ isHard: boolean }>;

/** Returns the exit code: 0 all hosts are in their state, 1 a host is not. */
export async function switchPower(
  action: PowerAction,
  pattern: string,
  options: PowerOptions,
  signal: AbortSignal,
  given?: Reporter,
): Promise<number> {
  setMaxListeners(0, signal);
  const project = openProject({ ...options, writes: false });
  const { inventory, problems, redactor } = project;
  const names = chosenHosts(pattern, project);
  const machines = machinesOf(project);
  const hosts = names.flatMap((host): readonly Switchable[] => {
    const machine = machines.get(host);
    if (machine === undefined) return []; // a mistake in its variables was reported
    if (machine.power === undefined) {
      problems.push(tell('E_NO_POWER', { host }, inventory.hosts.get(host)?.at));
      return [];
    }
    const line = (stop: AbortSignal) => lineTo(host, project, stop);
    return [{ host, power: machine.power, scene: powerScene(host, project, line, signal) }];
  });
  stopOnProblems(problems);
  const reporter =
    given ?? (options.output === 'json' ? jsonReporter(streams.out) : plainReporter(streams, { ...options, source }));
  const emit = (event: Event): void => reporter.emit(redactor.hide(event));
  const outcomes = await switchAll(hosts, action, options, (outcome) => emit(eventOf(action, outcome)));
  await reporter.end();
  return outcomes.some((outcome) => 'failed' in outcome) ? 1 : 0;
}

function eventOf(action: PowerAction, outcome: Outcome): Event {
  const { host, ms } = outcome;
  const head = { type: 'power' as const, host, action, ms };
  return 'failed' in outcome
    ? { ...head, status: 'failed', diagnostic: outcome.failed }
    : { ...head, status: 'done', ...outcome.done };
}
