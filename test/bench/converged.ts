// npm run bench: measures what a run costs that finds nothing to do, in comparison with bare connections. All cases
// alternate in one run on one machine, because ratios are comparable and absolute times are not. It boots its own lab
// and takes it down.
import { spawn } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { connection } from '../../src/lab/lab.ts';
import { makeRack } from '../lab/support/rack.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 7);
const HOSTS = ['dns1', 'lb1', 'web1', 'web2', 'db1', 'db2'];
const rack = makeRack('inventory/lab.yml', '10.88.3');

type Case = Readonly<{ name: string; run: () => Promise<void> }>;

function command(file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${file} ${args.join(' ')}: exit code ${code}`)),
    );
  });
}

async function sshTrue(host: string): Promise<void> {
  const { address, user, privateKeyFile, knownHostsFile } = await connection(rack.name, host);
  const options = [
    '-F',
    'none',
    '-i',
    privateKeyFile,
    '-o',
    `UserKnownHostsFile=${knownHostsFile}`,
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'LogLevel=ERROR',
  ];
  await command('ssh', [...options, `${user}@${address}`, 'true']);
}

const bringup = (...args: string[]): Promise<void> =>
  command('node', ['dist/bringup.cjs', ...args, '-i', rack.inventory, '-o', 'json']);

const CASES: readonly Case[] = [
  { name: 'ssh HOST true, 6 hosts at once (the floor)', run: async () => void (await Promise.all(HOSTS.map(sshTrue))) },
  { name: 'apply, nothing to change, 6 hosts', run: () => bringup('apply', 'playbooks/site.yml') },
  { name: 'plan, nothing to change, 6 hosts', run: () => bringup('plan', 'playbooks/site.yml') },
  { name: 'apply, nothing to change, 1 host', run: () => bringup('apply', 'playbooks/site.yml', '-l', 'web1') },
  { name: 'ssh web1 true', run: () => sshTrue('web1') },
  { name: 'bringup --help', run: () => command('node', ['dist/bringup.cjs', '--help']) },
  { name: 'node -e 0', run: () => command('node', ['-e', '0']) },
];

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

try {
  await rack.up();
  const first = await rack.apply();
  if (first.recap.failed) throw new Error('the site could not be provisioned');
  for (const { run } of CASES) await run(); // warms the caches, as in daily use
  const times = new Map(CASES.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, run } of CASES) {
      const began = performance.now();
      await run();
      times.get(name)?.push(performance.now() - began);
    }
  }
  const of = (name: string): number => median(times.get(name) ?? []);
  console.log(
    `\n${ROUNDS} rounds, median (minimum) in ms; ${cpus().length} × ${cpus()[0]?.model ?? '?'}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}`,
  );
  for (const [name, all] of times)
    console.log(`  ${name.padEnd(46)} ${of(name).toFixed(0).padStart(6)} (${Math.min(...all).toFixed(0)})`);
  const [floor = '', apply = '', plan = '', one = '', oneFloor = '', help = '', node = ''] = CASES.map((c) => c.name);
  console.log('ratios');
  for (const [what, a, b] of [
    ['apply : floor, 6 hosts', apply, floor],
    ['plan : floor, 6 hosts', plan, floor],
    ['apply : floor, 1 host', one, oneFloor],
    ['--help : node -e 0', help, node],
  ] as const) {
    console.log(`  ${what.padEnd(46)} ${(of(a) / of(b)).toFixed(2).padStart(6)}`);
  }
} finally {
  await rack.down();
}
