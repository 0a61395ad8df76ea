// --list-hosts, --list-tasks, --list-tags: what a playbook has, without contacting a host. The forms are Ansible's.
import { dirname } from 'node:path';
import { startAt } from '../config/start-at.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Item, Play, Playbook } from '../core/playbook.ts';
import { TemplateText } from '../core/value.ts';
import { isSelected } from '../engine/evaluate/selection.ts';
import type { HostOptions } from './options.ts';
import { streams } from './output.ts';
import { openPlaybook, openProject, stopOnProblems } from './project.ts';

export type Listing = Readonly<{
  hosts: boolean;
  tasks: boolean;
  tags: boolean;
  /** --syntax-check: a mistake in a task counts, whether a host reaches it or not. */
  checks: boolean;
}>;
type ListOptions = HostOptions & Readonly<{ tags: readonly string[]; skipTags: readonly string[]; startAt?: string }>;
type Selection = Readonly<{ limit: ReadonlySet<string>; tags: readonly string[]; skipTags: readonly string[] }>;

/** Reads and checks the playbook, and prints what is asked for. Returns the exit code. */
export function listPlays(file: string, what: Listing, options: ListOptions): number {
  const project = openProject({ ...options, writes: false }, dirname(file));
  const whole = openPlaybook(file, project, [...options.tags, ...options.skipTags]);
  const playbook = options.startAt === undefined ? whole : startAt(whole, options.startAt);
  if (what.checks) stopOnProblems(playbook.plays.flatMap(faultsOf));
  const { warnings } = project.settings;
  for (const warning of [...warnings, ...playbook.plays.flatMap((play) => play.warnings)])
    streams.err(`warning: ${warning.message}\n`);
  streams.out(`${listingOf(playbook, what, { ...options, limit: project.limit })}`);
  return 0;
}

/** The tags of all tasks. */
export function tagsOf(playbook: Playbook): readonly string[] {
  const tasks = playbook.plays.flatMap((play) => play.sections.flatMap(({ body }) => tasksOf(body)));
  return [...new Set(tasks.flatMap(({ tags }) => tags))];
}

/** The lists as text, by play. Only tasks that the tags select are listed. */
function listingOf(playbook: Playbook, what: Listing, selection: Selection): string {
  const plays = playbook.plays.map((play, i) => playText(play, i + 1, what, selection));
  return `\nplaybook: ${playbook.file}\n\n${plays.join('\n')}`;
}

function playText(play: Play, n: number, what: Listing, selection: Selection): string {
  const lines = [`  play #${n} (${play.pattern}): ${play.name}\tTAGS: [${play.common.tags.join(', ')}]`];
  if (what.hosts) {
    const hosts = play.hosts.filter((host) => selection.limit.has(host));
    lines.push(
      `    pattern: ['${play.pattern}']`,
      `    hosts (${hosts.length}):`,
      ...hosts.map((host) => `      ${host}`),
    );
  }
  const items = play.sections.flatMap(({ body }) => tasksOf(body)).filter(({ tags }) => isSelected(tags, selection));
  if (what.tasks) {
    const tasks = items.map((item) => `      ${nameOf(item)}\tTAGS: [${[...item.tags].sort().join(', ')}]`);
    lines.push('    tasks:', ...tasks);
  }
  if (what.tags) {
    const all = [...new Set(items.flatMap(({ tags }) => tags))].sort();
    lines.push(`      TASK TAGS: [${all.join(', ')}]`);
  }
  return `${lines.join('\n')}\n`;
}

function faultsOf(play: Play): readonly Diagnostic[] {
  const of = (items: readonly Item[]): readonly Diagnostic[] =>
    items.flatMap((item) => {
      if (item.kind === 'block') return [...item.faults, ...of([...item.body, ...item.rescue, ...item.always])];
      const added = item.kind === 'include' ? item.preview : item.include?.preview;
      return [...item.faults, ...(added === undefined ? [] : of([...added.items, ...added.handlers]))];
    });
  return of([...play.sections.flatMap(({ body }) => body), ...play.handlers]);
}

/** The tasks in their order. As in Ansible, `meta` is not listed. */
function tasksOf(items: readonly Item[]): readonly Item[] {
  return items.flatMap((item) => {
    if (item.kind === 'block') return tasksOf([...item.body, ...item.rescue, ...item.always]);
    return item.kind === 'task' && item.module === 'meta' ? [] : [item];
  });
}

function nameOf(item: Item): string {
  const { name, role } = item;
  const kind = item.kind === 'task' ? item.module : item.kind === 'include' ? `include_${item.what}` : 'block';
  const own = name instanceof TemplateText ? name.text : typeof name === 'string' ? name : kind;
  return role === undefined ? own : `${role.name} : ${own}`;
}
