// What a run may do with the machines of hosts that reboot.
import { Failure } from '../core/diagnostic.ts';
import type { Machines } from '../engine/host/ports.ts';
import { switchAll } from '../hardware/switch.ts';
import { bootLogs } from './boot-logs.ts';
import { machinesOf, powerScene } from './hardware.ts';
import { lineTo } from './hosts.ts';
import type { Project } from './project.ts';

/** The variables of machines are read when the first host reboots. */
export function machinesPort(project: Project, inventories: string | readonly string[], signal: AbortSignal): Machines {
  let read: ReturnType<typeof readMachines> | undefined;
  const machines = (): ReturnType<typeof readMachines> => {
    read ??= readMachines(project);
    return read;
  };
  const logs = bootLogs(project, inventories, (host) => machines().of.get(host)?.console, signal);
  return {
    watch: (host) => logs.watch(host),
    explain: logs.explain,
    async cycle(host, stop) {
      const { of, wrong } = machines();
      const machine = of.get(host);
      if (machine === undefined && wrong.length > 0) throw new Failure(wrong);
      if (machine?.power?.cut === undefined) return false;
      const line = (end: AbortSignal) => lineTo(host, project, end);
      const one = { host, power: machine.power, scene: powerScene(host, project, line, stop) };
      const [outcome] = await switchAll([one], 'cycle', { isHard: true });
      if (outcome !== undefined && 'failed' in outcome) throw new Failure([outcome.failed]);
      return true;
    },
  };
}

function readMachines(project: Project) {
  const before = project.problems.length;
  const of = machinesOf(project);
  return { of, wrong: project.problems.splice(before) };
}
