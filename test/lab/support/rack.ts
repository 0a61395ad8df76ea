import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type RunOptions, runPlays } from '../../../src/cli/apply.ts';
import { runChecks } from '../../../src/cli/check.ts';
import { openLab } from '../../../src/cli/lab.ts';
import type { CheckEvent, Event, TaskEvent } from '../../../src/core/event.ts';
import type { Recap } from '../../../src/engine/play/run.ts';
import type { LabState } from '../../../src/lab/lab.ts';
import { connection, down, list, up } from '../../../src/lab/lab.ts';

export type Ran = Readonly<{ recap: Recap; tasks: readonly TaskEvent[]; events: readonly Event[] }>;

/** A lab with its own inventory, independent of the user's demo and of other tests. */
export type Rack = Readonly<{
  inventory: string;
  name: string;
  /** The directory of the inventory, for more files beside it. */
  folder: string;
  up: () => Promise<LabState>;
  plan: (playbook?: string, more?: Partial<RunOptions>) => Promise<Ran>;
  apply: (playbook?: string, more?: Partial<RunOptions>) => Promise<Ran>;
  check: (within?: number) => Promise<readonly CheckEvent[]>;
  /** Runs a command on a host as root, over the system's own ssh, independent of bringup. */
  root: (host: string, command: string) => Promise<string>;
  down: () => Promise<void>;
}>;

const quiet = { progress: () => {} };

/**
 * @param inventory a lab inventory of the repository
 * @param net the first three numbers of the lab's own network
 */
export function makeRack(inventory: string, net: string): Rack {
  const rack = makeLab(readFileSync(inventory, 'utf8').replaceAll(/10\.8[34]\.0\./g, `${net}.`), net);
  cpSync('inventory/group_vars', join(dirname(rack.inventory), 'group_vars'), { recursive: true });
  return rack;
}

/** Two hosts, d12 and d13, with these Debian releases. */
export function twoDebians(net: string): Rack {
  const hosts = [12, 13].map((n) => `    d${n}: {ansible_host: ${net}.${n}, lab_image: debian-${n}}\n`).join('');
  return makeLab(`all:\n  vars: {lab_name: x, lab_subnet: ${net}.0/24}\n  hosts:\n${hosts}`, net);
}

/**
 * Takes down the labs of test processes that no longer exist. A test that was killed leaves its lab's network behind,
 * and the next lab with the same subnet would not start.
 */
async function removeAbandoned(): Promise<void> {
  for (const name of await list()) {
    const [, pid] = /^t(\d+)-\d+$/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await down(name, quiet);
  }
}

/** Creates a lab from an inventory's text and replaces its `lab_name: …`. */
export function makeLab(text: string, net: string): Rack {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-rack-'));
  const name = `t${process.pid}-${net.split('.')[2]}`;
  mkdirSync(join(folder, 'inventory'));
  const file = join(folder, 'inventory', 'lab.yml');
  writeFileSync(file, text.replace(/lab_name: [\w-]+/, `lab_name: ${name}`));
  const run = async (mode: 'plan' | 'apply', playbook: string, more: Partial<RunOptions> = {}): Promise<Ran> => {
    const events: Event[] = [];
    const reporter = { emit: (event: Event) => void events.push(event), end: async () => {} };
    const options = {
      output: 'json' as const,
      verbose: 0,
      diff: false,
      inventory: file,
      tags: [],
      skipTags: [],
      extraVars: [],
      forks: 25,
      ...more,
    };
    const recap = await runPlays(mode, playbook, options, new AbortController().signal, reporter);
    return { recap, events, tasks: events.filter((e) => e.type === 'task') };
  };
  return {
    inventory: file,
    name,
    folder,
    async up() {
      await removeAbandoned();
      return up(openLab(file), quiet);
    },
    plan: (playbook = 'playbooks/site.yml', more) => run('plan', playbook, more),
    apply: (playbook = 'playbooks/site.yml', more) => run('apply', playbook, more),
    async check(within) {
      const seen: CheckEvent[] = [];
      const reporter = {
        emit: (event: Event) => {
          if (event.type === 'check' && event.status !== 'trying') seen.push(event);
        },
        end: async () => {},
      };
      const options = {
        output: 'json' as const,
        verbose: 0,
        diff: false,
        inventory: file,
        extraVars: [],
        ...(within !== undefined && { within }),
      };
      await runChecks('playbooks/checks/site.yml', options, new AbortController().signal, reporter);
      return seen;
    },
    async root(host, command) {
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
      ];
      const got = spawnSync('ssh', [...options, `${user}@${address}`, 'sudo', 'sh', '-s'], {
        input: command,
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      });
      if (got.status !== 0) throw new Error(`${host}: ${command}: ${got.stderr}`);
      return got.stdout;
    },
    async down() {
      await down(name, quiet);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A hash of content, mode and owner of the machine's files below /. It leaves out files that a login or the clock alone
 * changes.
 */
export const TREE_HASH = String.raw`
cd /
find bin boot etc home lib opt root sbin srv usr var -xdev \
  \( -path var/log -o -path var/tmp -o -path var/lib/systemd -o -path var/cache -o -path var/lib/sudo -o -path var/lib/private \) -prune -o \
  -printf '%p %y %m %U %G %l\n' | LC_ALL=C sort | sha256sum
find bin boot etc home lib opt root sbin srv usr var -xdev \
  \( -path var/log -o -path var/tmp -o -path var/lib/systemd -o -path var/cache -o -path var/lib/sudo -o -path var/lib/private \) -prune -o \
  -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
`;
