// npm run bench -- --scale 10,100,1000: measures what each additional host costs the controller. The hosts are
// simulated (fleet.ts): real SSH on loopback with recorded answers. The playbook has converged, so a run only probes.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { asWanted, timed } from './measure.ts';

const FIRST_PORT = 21_000;
const TASKS = 40;

type Case = Readonly<{ hosts: number; refused: number; silent: number }>;
type Cost = Case & Readonly<{ wall: number; cpu: number; memory: number }>;

export async function scale(sizes: readonly number[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-fleet-'));
  try {
    for (const name of ['id', 'host'])
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    writePlaybook(folder);
    const cases = sizes.flatMap((hosts): readonly Case[] => {
      const bad = Math.floor(hosts * 0.025);
      return [{ hosts, refused: 0, silent: 0 }, ...(bad === 0 ? [] : [{ hosts, refused: bad, silent: bad }])];
    });
    const costs: Cost[] = [];
    for (const one of cases) costs.push(await measure(folder, one));
    console.log(
      `\n${cpus().length} × ${cpus()[0]?.model ?? '?'}, load average ${loadavg()[0]?.toFixed(1)}, ${TASKS} tasks`,
    );
    for (const { hosts, refused, silent, wall, cpu, memory } of costs) {
      const bad = refused + silent === 0 ? '' : `, ${refused} refuse, ${silent} are silent`;
      const each = `${((cpu / hosts) * 1000).toFixed(1)} ms CPU and ${((memory * 1000) / hosts).toFixed(0)} kB a host`;
      console.log(
        `${`${hosts} hosts${bad}`.padEnd(44)} ${wall.toFixed(1)} s, CPU ${cpu.toFixed(1)} s, ${memory.toFixed(0)} MB: ${each}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Its tasks change nothing outside of the temporary directory. */
function writePlaybook(folder: string): void {
  const at = join(folder, 'out');
  mkdirSync(at);
  const tasks = Array.from({ length: TASKS }, (_, i) =>
    i % 4 === 0
      ? `- file: {path: ${at}/d${i}, state: directory, mode: "0755"}`
      : `- copy: {content: "text {{ number }} of ${i}\\n", dest: ${at}/f${i}, mode: "0644"}`,
  );
  writeFileSync(
    join(folder, 'site.yml'),
    `- hosts: all\n  vars: {number: 7}\n  tasks:\n${tasks.map((t) => `    ${t}\n`).join('')}`,
  );
}

async function measure(folder: string, { hosts, refused, silent }: Case): Promise<Cost> {
  const names = Array.from({ length: hosts }, (_, i) => i);
  // The bad hosts are spread over the inventory. The first is the 8th host, so that a delay would show in the good
  // hosts around it.
  const step = Math.max(1, Math.floor(hosts / Math.max(1, refused + silent)));
  const bad = names.filter((i) => i % step === Math.min(7, step - 1)).slice(0, refused + silent);
  const isRefused = new Set(bad.slice(0, refused));
  const isSilent = bad.slice(refused);
  const key = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  const portOf = (i: number): number => (isRefused.has(i) ? 1 : FIRST_PORT + i);
  writeFileSync(join(folder, 'known_hosts'), names.map((i) => `[127.0.0.1]:${portOf(i)} ${key}\n`).join(''));
  const vars = `ansible_user: ops, ansible_host: 127.0.0.1, ansible_ssh_private_key_file: ${folder}/id, bringup_known_hosts_file: ${folder}/known_hosts`;
  writeFileSync(
    join(folder, 'hosts.yml'),
    `all:\n  vars: {${vars}}\n  hosts:\n${names.map((i) => `    n${i}: {ansible_port: ${portOf(i)}}\n`).join('')}`,
  );
  const start = [`${folder}/host`, String(FIRST_PORT), String(hosts), isSilent.join(',')];
  // A fleet records its answers. The run that creates the wanted state uses another fleet, so that its answers are not
  // reused.
  await withFleet(start, () => run(folder, ['-l', `n${names.find((i) => !bad.includes(i))}`]));
  const { good, ...cost } = await withFleet(start, () => run(folder, []));
  if (good !== hosts - bad.length) throw new Error(`${good} of ${hosts} hosts are as wanted`);
  return { hosts, refused, silent, ...cost };
}

async function withFleet<T>(argv: readonly string[], work: () => Promise<T>): Promise<T> {
  const fleet = spawn('node', ['--import', 'tsx', 'test/bench/fleet-process.ts', ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => fleet.once('exit', resolve));
  try {
    const ready = new Promise((resolve) => fleet.stdout.once('data', () => resolve(true)));
    if ((await Promise.race([ready, ended])) !== true) throw new Error('the fleet could not start');
    return await work();
  } finally {
    fleet.kill();
    await ended;
  }
}

/** In seconds and MB. Failed hosts make the run fail; that is checked in its recap. */
async function run(folder: string, more: readonly string[]) {
  const apply = ['apply', join(folder, 'site.yml'), '-i', join(folder, 'hosts.yml'), '-o', 'json', ...more];
  const line = 'node -r ./test/bench/rss.cjs dist/bringup.cjs "$@" 2>&1 >"$OUT" | tail -n 1';
  const { wall, cpu, stdout } = await timed(['sh', '-c', line, 'sh', ...apply], { OUT: join(folder, 'events') });
  const good = asWanted(readFileSync(join(folder, 'events'), 'utf8'));
  return { wall, cpu, memory: Number(/rss (\d+)/.exec(stdout)?.[1] ?? Number.NaN) / 1024, good };
}
