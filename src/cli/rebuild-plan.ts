// Reads everything that a rebuild needs, and refuses before a host is touched.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { placeOfVariable } from '../config/variable-place.ts';
import { tell } from '../core/errors/index.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import type { Machine } from '../hardware/machine.ts';
import { planChecks } from './check.ts';
import { machinesOf } from './hardware.ts';
import { chosenHosts } from './hosts.ts';
import type { HostOptions } from './options.ts';
import type { OutputOptions } from './output.ts';
import { openPlaybook, openProject, type Project, stopOnProblems } from './project.ts';

export type RebuildOptions = OutputOptions &
  HostOptions &
  Readonly<{
    /** Patterns of hosts. */
    hosts: readonly string[];
    playbook: string;
    /** undefined: no checks. */
    checks: string | undefined;
  }>;

/** The playbooks beside the site's playbook that know what a host does for the site. Each may be missing. */
export type Hooks = Readonly<{
  /** Fails if the site cannot do without the host now. Changes nothing. */
  may: string | undefined;
  /** Takes the host out of service. */
  leave: string | undefined;
  /** Puts the host back into service, and waits until it serves. */
  back: string | undefined;
}>;

/** Hosts that may be rebuilt as far as files tell it, in the order of the inventory. */
export type RebuildPlan = Readonly<{
  hosts: readonly string[];
  hooks: Hooks;
  playbook: string;
  checks: string | undefined;
  project: Project;
  machines: ReadonlyMap<string, Machine>;
}>;

/** The variable that names the host to the hooks. */
const HOST = 'rebuild_host';

/** The options of a hook for a host. */
export function hookOptions<O extends HostOptions>(options: O, host: string): O {
  return { ...options, limit: undefined, extraVars: [...options.extraVars, JSON.stringify({ [HOST]: host })] };
}

/** Throws Failure with all mistakes. */
export function planRebuild(options: RebuildOptions): RebuildPlan {
  const { playbook, checks } = options;
  const project = openProject({ ...options, writes: false }, dirname(playbook));
  const { inventory, problems, templates, extraVars } = project;
  const chosen = chosenHosts(options.hosts.join(','), project);
  const machines = machinesOf(project);
  for (const name of chosen) {
    const scope = inventoryScope(templates, inventory, extraVars, dirname(playbook), name);
    const mark = scope.get('rebuild');
    const host = inventory.hosts.get(name);
    const at = host && (placeOfVariable(host, 'rebuild') ?? host.at);
    const seen = mark === undefined ? 'nothing' : JSON.stringify(templates.toPlain(mark, project.redactor.add));
    if (mark !== true) problems.push(tell('E_REBUILD_HOST', { host: name, seen }, at));
    if (machines.has(name) && machines.get(name)?.boot === undefined)
      problems.push(tell('E_NO_BOOT', { host: name }, at));
  }
  stopOnProblems(problems);
  const hooks = hooksOf(playbook);
  openPlaybook(playbook, project, []);
  for (const hook of Object.values(hooks))
    if (hook !== undefined)
      for (const host of chosen.slice(0, 1)) {
        const own = hookOptions({ ...options, writes: false }, host);
        openPlaybook(hook, openProject(own, dirname(hook)), []);
      }
  if (checks !== undefined) planChecks(checks, options);
  return { hosts: chosen, hooks, playbook, checks, project, machines };
}

function hooksOf(playbook: string): Hooks {
  const hook = (name: string): string | undefined => {
    const file = join(dirname(playbook), 'rebuild', `${name}.yml`);
    return existsSync(file) ? file : undefined;
  };
  return { may: hook('may'), leave: hook('leave'), back: hook('back') };
}
