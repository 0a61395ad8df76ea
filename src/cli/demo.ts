import { rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import pc from 'picocolors';
import type { HostRecap } from '../core/event.ts';
import { duration } from '../core/units.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import { down } from '../lab/lab.ts';
import { plainReporter } from '../report/plain.ts';
import { table } from '../report/summary.ts';
import { plural } from '../report/words.ts';
import { runPlays } from './apply.ts';
import { countChecks } from './check.ts';
import { labUp, openLab, showProgress } from './lab.ts';
import { source, streams } from './output.ts';
import { openProject } from './project.ts';
import { usualOptions } from './settings.ts';

export type DemoOptions = Readonly<{ inventory: string; yes: boolean; down: boolean }>;
type Timing = Readonly<{ what: string; ms: number; outcome: string }>;

const PLAYBOOK = 'playbooks/site.yml';
const CHECKS = 'playbooks/checks/site.yml';
const QUIET = { output: 'plain', verbose: 0, diff: false } as const;

/** Builds a proven site from nothing: lab, apply, apply again, check. It ends with one screen about the result. */
export async function demo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const spec = openLab(options.inventory);
  if (options.down) return takeDown(options.inventory, spec.name, signal);
  const began = Date.now();
  const timings: Timing[] = [];
  const timed = async <T>(what: string, work: () => Promise<T>, outcome: (result: T) => string): Promise<T> => {
    heading(what);
    const start = Date.now();
    const result = await work();
    timings.push({ what, ms: Date.now() - start, outcome: outcome(result) });
    return result;
  };

  await timed(
    'Lab',
    () => labUp(spec, options.yes, signal),
    (state) => `${plural(state.hosts.length, 'virtual host')} on ${state.subnet}`,
  );
  const run = {
    ...QUIET,
    ...usualOptions(),
    output: 'auto' as const,
    inventory: options.inventory,
    tags: [],
    skipTags: [],
    extraVars: [],
    forks: 25,
  };
  const first = await timed(
    'Apply',
    () => runPlays('apply', PLAYBOOK, run, signal),
    (r) => changedText(r.hosts),
  );
  if (first.failed || first.interrupted)
    return stopped(first.interrupted, 'the first apply failed, see above; run the demo again to continue');
  const second = await timed(
    'Apply again',
    () => runPlays('apply', PLAYBOOK, run, signal),
    (r) => changedText(r.hosts),
  );
  if (second.failed || second.changed)
    return stopped(
      second.interrupted,
      'the second apply changed something: the playbook is not idempotent, or bringup has a bug',
    );
  const checkOptions = { ...QUIET, ...usualOptions(), inventory: options.inventory, extraVars: [] };
  const shown = plainReporter({ out: streams.err, err: streams.err }, { source, verbose: 0, diff: false });
  const { failed } = await timed(
    'Check',
    () => countChecks(CHECKS, checkOptions, signal, shown),
    (r) => `${r.passed} of ${r.passed + r.failed.length} passed`,
  );
  if (failed.length > 0 || signal.aborted)
    return stopped(signal.aborted, 'the site is up, but checks failed: see above');
  streams.out(screen(options.inventory, first.hosts, timings, Date.now() - began));
  return 0;
}

function heading(text: string): void {
  streams.err(`\n${pc.bold(pc.cyan(`── ${text} `))}${pc.cyan('─'.repeat(Math.max(0, 60 - text.length)))}\n`);
}

function changedText(hosts: readonly HostRecap[]): string {
  const trips = hosts.reduce((n, h) => n + h.trips, 0);
  return `${hosts.reduce((n, h) => n + h.changed, 0)} changed, ${plural(trips, 'round trip')}`;
}

function stopped(interrupted: boolean, why: string): number {
  streams.err(`\n${pc.red(interrupted ? 'interrupted: run the demo again to continue' : why)}\n`);
  return interrupted ? 130 : 1;
}

function screen(inventory: string, hosts: readonly HostRecap[], timings: readonly Timing[], ms: number): string {
  const project = openProject({ ...usualOptions(), inventory, writes: false });
  const vars = (name?: string) =>
    inventoryScope(project.templates, project.inventory, project.extraVars, dirname(PLAYBOOK), name);
  const address = (name: string): string => String(vars(name).get('ansible_host') ?? '');
  const shared = vars();
  const url = String(shared.get('site_url') ?? '');
  const ca = String(shared.get('site_ca') ?? '');
  const [balancer = ''] = (shared.get('site_addresses') ?? []) as readonly string[];
  const site = url.replace(/^.*\/\//, '');
  const port = url.startsWith('https:') ? 443 : 80;
  const server = address(project.inventory.groups.get('dns')?.[0] ?? '');
  const flag = inventory === 'inventory/lab.yml' ? '' : ` -i ${inventory}`;
  const rows = hosts.map((h) => [
    `  ${pc.bold(h.host)}`,
    address(h.host),
    project.inventory.hosts.get(h.host)?.groups.join(', ') ?? '',
    `${h.changed} changed`,
  ]);
  const steps = timings.map((t) => [`  ${pc.green('✓')} ${t.what}`, duration(t.ms), pc.dim(t.outcome)]);
  const hints = [
    ['  open the site', `curl ${ca && `--cacert ${relative('.', ca)} `}--resolve ${site}:${port}:${balancer} ${url}/`],
    ['  query its name server', `dig @${server} ${site}`],
    ['  log in', `./bringup lab ssh${flag} web1`],
    ['  cut the power, then check', `./bringup lab power${flag} cut web1; ./bringup check${flag}`],
    ['  plan a change', `./bringup plan playbooks/site.yml --diff${flag}`],
    ['  remove everything', `npm run demo -- --down${flag}`],
  ];
  return [
    '',
    pc.bold(`${url}/ is up, and all checks passed.`) + pc.dim(` ${duration(ms)} in total`),
    '',
    table(rows),
    '',
    table(steps),
    '',
    table(hints.map(([what = '', how = '']) => [pc.dim(what), how])),
    '',
    '',
  ].join('\n');
}

/** Removes hosts, disks, images, network, and what was created for them here: passwords, keys, caches. */
async function takeDown(inventory: string, name: string, signal: AbortSignal): Promise<number> {
  await down(name, { progress: showProgress, signal, images: true });
  const { inventory: read, templates } = openProject({ ...usualOptions(), inventory, writes: false });
  const [host] = read.hosts.values();
  const secrets =
    host === undefined
      ? undefined
      : templates
          .scope(host.layers.map((l) => l.vars))
          .with({ inventory_dir: read.dir })
          .get('secrets_dir');
  if (typeof secrets === 'string') rmSync(secrets, { recursive: true, force: true });
  for (const folder of ['facts', 'build']) rmSync(join('.bringup', folder), { recursive: true, force: true });
  streams.out(`removed lab ${name}: its processes, mounts, network and files\n`);
  return 0;
}
