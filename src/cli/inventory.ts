import pc from 'picocolors';
import { failure } from '../core/errors/index.ts';
import { Secret, TemplateText } from '../core/value.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { table } from '../report/summary.ts';
import { streams } from './output.ts';
import { openProject, type ProjectOptions, stopOnProblems } from './project.ts';

/**
 * Without a host, prints all hosts and their groups. With a host, prints each variable, its value and every layer that
 * sets it.
 */
export function listInventory(name: string | undefined, options: Omit<ProjectOptions, 'writes'>): number {
  const project = openProject({ ...options, writes: false });
  stopOnProblems(project.problems);
  const { inventory, limit, templates } = project;
  if (name === undefined) {
    const rows = [...inventory.hosts.values()]
      .filter((h) => limit.has(h.name))
      .map((h) => [pc.bold(h.name), h.groups.join(', ')]);
    streams.out(`${table(rows)}\n`);
    return 0;
  }
  const host = inventory.hosts.get(name);
  if (host === undefined) throw failure('E_UNKNOWN_HOST', { pattern: name, known: inventory.hosts.keys() });
  const scope = inventoryScope(templates, inventory, project.extraVars, '.', name);
  const names = [...new Set(host.layers.flatMap((l) => Object.keys(l.vars)))].sort();
  for (const key of names) {
    const layers = host.layers.filter((l) => Object.hasOwn(l.vars, key));
    streams.out(`${pc.bold(key)}: ${valueText(() => scope.get(key))}\n`);
    for (const [i, { from, vars }] of [...layers].reverse().entries()) {
      const raw = vars[key];
      const written = raw instanceof TemplateText ? ` ${pc.dim(raw.text)}` : '';
      streams.out(`    ${i === 0 ? pc.green('from') : pc.dim('over')} ${from}${written}\n`);
    }
  }
  return 0;
}

function valueText(get: () => unknown): string {
  try {
    const value = get();
    return value instanceof Secret ? value.toString() : JSON.stringify(value);
  } catch (error) {
    return pc.red(error instanceof Error ? error.message : String(error));
  }
}
