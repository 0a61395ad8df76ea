import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import { Failure } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import { duration } from '../core/units.ts';
import { Secret } from '../core/value.ts';
import { type LabEvent, type LabOptions, machinesOf } from '../lab/guard.ts';
import {
  connection,
  cut,
  down,
  heal,
  type LabState,
  list,
  logs,
  power,
  reset,
  restore,
  snapshot,
  status,
  up,
} from '../lab/lab.ts';
import { install, type Requirement, requirements } from '../lab/requirements.ts';
import type { LabSpec } from '../lab/spec.ts';
import { table } from '../report/summary.ts';
import { ask, type Getter } from './connections.ts';
import { streams } from './output.ts';
import { openProject, type Project, stopOnProblems } from './project.ts';
import { usualOptions } from './settings.ts';

/**
 * The lab that an inventory describes: every host with `lab_image`, at its ansible_host. All of them share `lab_name`
 * and `lab_subnet`.
 */
export function labSpec(project: Project, name?: string): LabSpec {
  const hosts: { name: string; address: string; image: string; machine?: string; memory?: unknown; mac?: string }[] =
    [];
  const names = new Set<string>();
  const subnets = new Set<string>();
  for (const host of project.inventory.hosts.values()) {
    const scope = project.templates.scope([...host.layers.map((l) => l.vars), project.extraVars]);
    const text = textOf(scope.get);
    const image = text('lab_image');
    if (image === undefined) continue;
    const machine = text('lab_machine');
    const memory = scope.get('lab_memory');
    const mac = text('mac')?.toLowerCase().replaceAll('-', ':');
    hosts.push({
      ...{ name: host.name, address: text('ansible_host') ?? '', image },
      ...(machine !== undefined && { machine }),
      ...(mac !== undefined && { mac }),
      ...(memory !== undefined && { memory: memory instanceof Secret ? memory.reveal() : memory }),
    });
    names.add(text('lab_name') ?? 'lab');
    const subnet = text('lab_subnet');
    if (subnet !== undefined) subnets.add(subnet);
  }
  if (hosts.length === 0) {
    throw failure('E_LAB_NO_HOSTS', { inventory: project.inventory.source });
  }
  if (names.size > 1 || subnets.size > 1) throw failure('E_LAB_MIXED', { inventory: project.inventory.source });
  const [subnet] = subnets;
  return {
    name: name ?? [...names][0] ?? 'lab',
    hosts: hosts as LabSpec['hosts'],
    ...(subnet !== undefined && { subnet }),
  };
}

function textOf(get: Getter) {
  return (name: string): string | undefined => {
    const value = get(name);
    if (value instanceof Secret) return value.reveal();
    return typeof value === 'string' ? value : undefined;
  };
}

export function openLab(inventory: string, extraVars: readonly string[] = []): LabSpec {
  const project = openProject({ ...usualOptions(), inventory, extraVars, writes: false });
  stopOnProblems(project.problems);
  return labSpec(project);
}

/** Prints what the lab needs of this machine and why, and installs it after asking, or at once with `yes`. */
export async function ensureRequirements(
  yes: boolean,
  signal?: AbortSignal,
  hosts: LabSpec['hosts'] = [],
): Promise<void> {
  const missing = [...(await requirements(machinesOf(hosts))), ...ownRequirements()];
  if (missing.length === 0) return;
  const packages = [...new Set(missing.flatMap((m) => m.packages))];
  streams.err(
    `The lab needs the following on this machine:\n${table(missing.map((m) => [`  ${pc.bold(m.what)}`, m.why, m.packages.length > 0 ? pc.dim(`apt: ${m.packages.join(' ')}`) : pc.cyan(m.hint ?? '')]))}\n`,
  );
  const byHand = missing.filter((m) => m.packages.length === 0);
  if (byHand.length > 0) {
    throw new Failure(
      byHand.map((m) => tell('E_LAB_REQUIREMENTS', { problem: `${m.what} is missing: ${m.why}`, hint: m.hint })),
    );
  }
  if (!yes && !(await agrees(`Install ${packages.join(' ')} with apt-get? [Y/n] `))) {
    throw failure('E_LAB_NOT_INSTALLED', { packages: packages.join(' ') });
  }
  await install(missing, { progress: (line) => streams.err(`${pc.dim(line)}\n`), signal });
}

/** What the site's playbook and checks need of this machine in addition to the lab. */
function ownRequirements(): readonly Requirement[] {
  const folders = (process.env['PATH'] ?? '').split(':').concat('/usr/sbin', '/sbin');
  const has = (command: string): boolean => folders.some((folder) => existsSync(join(folder, command)));
  const needed = [
    { command: 'ping', why: 'the smoke checks ping the hosts', name: 'iputils-ping' },
    { command: 'openssl', why: "it makes the rack's CA and certificates", name: 'openssl' },
    { command: 'ssh', why: 'it reads ~/.ssh/config, and logs you in to lab hosts', name: 'openssh-client' },
  ];
  return needed.flatMap(({ command, why, name }) =>
    has(command) ? [] : [{ what: command, why, to: 'run' as const, packages: [name] }],
  );
}

async function agrees(question: string): Promise<boolean> {
  const answer = await ask(question);
  return answer !== undefined && /^(y|yes|)$/i.test(answer.trim());
}

export const showProgress = (event: LabEvent): void => {
  const took = event.ms === undefined ? '' : pc.dim(` (${duration(event.ms)})`);
  streams.err(
    `${pc.dim('lab')}  ${event.host === undefined ? '' : `${pc.bold(event.host)}  `}${event.message}${took}\n`,
  );
};

export async function labUp(spec: LabSpec, yes: boolean, signal: AbortSignal): Promise<LabState> {
  await ensureRequirements(yes, signal, spec.hosts);
  return up(spec, { progress: showProgress, signal });
}

export function stateText(state: LabState): string {
  const rows = state.hosts.map((h) => [
    `  ${pc.bold(h.name)}`,
    h.address,
    h.machine === 'nspawn' ? h.image : `${h.image} (${h.machine})`,
    h.power === 'on' ? pc.green('on') : pc.red('off'),
  ]);
  const snapshots =
    state.snapshots.length === 0 ? '' : `\n  snapshots: ${state.snapshots.map((s) => s.label).join(', ')}`;
  const wires = state.cuts.length === 0 ? '' : `\n  ${pc.red('cut off')}: ${state.cuts.join(', ')}`;
  return `lab ${pc.bold(state.name)}  ${state.subnet}\n${table(rows)}${wires}${snapshots}`;
}

/** Runs a subcommand of the lab other than `up`. `name` is the lab, `args` are the subcommand's arguments. */
export async function labCommand(
  verb: string,
  name: string,
  args: readonly string[],
  options: Readonly<{ images: boolean; spec?: LabSpec; from?: readonly string[]; way?: string }>,
  signal: AbortSignal,
): Promise<number> {
  const quiet = { progress: showProgress, signal };
  const [first = '', second = ''] = args;
  switch (verb) {
    case 'status': {
      const state = await status(name);
      const others = (await list()).filter((n) => n !== name);
      streams.out(state === undefined ? `lab ${name} is not up\n` : `${stateText(state)}\n`);
      if (others.length > 0) streams.out(`other labs: ${others.join(', ')}\n`);
      return 0;
    }
    case 'down':
      await down(name, { ...quiet, images: options.images });
      return 0;
    case 'reset':
      await reset(name, args, { ...quiet, ...(options.spec !== undefined && { spec: options.spec }) });
      return 0;
    case 'power':
      if (first !== 'on' && first !== 'off' && first !== 'cut')
        throw failure('E_LAB_COMMAND', { problem: `power '${first}' is not known`, expected: 'on, off or cut' });
      for (const host of args.slice(1)) await power(name, host, first, quiet);
      return 0;
    case 'net':
      await wire(name, first, args.slice(1), options, quiet);
      return 0;
    case 'snapshot':
      await snapshot(name, first, quiet);
      return 0;
    case 'restore':
      await restore(name, first, quiet);
      return 0;
    case 'logs': {
      const { console, journal } = await logs(name, first);
      streams.out(`── console of ${first} ──\n${console}\n── journal of ${first} ──\n${journal}\n`);
      return 0;
    }
    case 'ssh':
      return ssh(
        name,
        first,
        [second, ...args.slice(2)].filter((a) => a !== ''),
      );
    default:
      throw failure('E_LAB_COMMAND', {
        problem: `lab '${verb}' is not known`,
        expected: 'a command of bringup lab --help',
      });
  }
}

async function wire(
  name: string,
  verb: string,
  hosts: readonly string[],
  { from = [], way = 'both' }: Readonly<{ from?: readonly string[]; way?: string }>,
  quiet: LabOptions,
): Promise<void> {
  if (verb === 'heal') return heal(name, hosts, quiet);
  if (verb !== 'cut')
    throw failure('E_LAB_COMMAND', { problem: `net '${verb}' is not known`, expected: 'cut or heal' });
  if (way !== 'both' && way !== 'in' && way !== 'out')
    throw failure('E_LAB_COMMAND', { problem: `--way ${way} is not known`, expected: 'both, in or out' });
  if (hosts.length === 0)
    throw failure('E_LAB_COMMAND', { problem: 'net cut names no host', expected: 'net cut HOST…' });
  await cut(name, hosts, { from: from.length === 0 ? undefined : from, direction: way }, quiet);
}

async function ssh(name: string, host: string, command: readonly string[]): Promise<number> {
  const { address, user, privateKeyFile, knownHostsFile } = await connection(name, host);
  const options = [
    '-i',
    privateKeyFile,
    '-o',
    `UserKnownHostsFile=${knownHostsFile}`,
    '-o',
    'StrictHostKeyChecking=yes',
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'LogLevel=ERROR',
  ];
  const child = spawn('ssh', [...options, `${user}@${address}`, ...command], { stdio: 'inherit' });
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 255)));
}
