// npm run bench: measures what a run costs in comparison with bare connections and (with --tools all) with Ansible.
// Everything is measured on one lab in one run, because ratios are comparable between machines and absolute times are
// not. --site measures the site of this repository instead.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { hostCpu, median, timed } from './measure.ts';
import type { Traffic } from './proxy.ts';
import { type Report, type Row, table } from './report.ts';
import { scale } from './scale.ts';
import { openStage, PLAYBOOK, type Stage } from './stage.ts';
import { store } from './stored.ts';
import { baseOf, type Case, checkConverged, peerVersions, TOOLS, type Tool } from './tools.ts';

const USAGE = `npm run bench -- [--hosts 1,6] [--tools bringup,floor] [--runs 5] [--delay MS] [--write]
  --tools   of ${Object.keys(TOOLS).join(', ')}; Ansible runs once each
  --delay   a proxy holds everything for so long each way (peers go without)
  --write   the section of docs/benchmark.md that such a run has, and its figures in docs/benchmark.json
npm run bench -- --site              the repository's own site, re-run
npm run bench -- --scale 10,100,1000   simulated hosts: what one more costs the controller`;

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1,6' },
    tools: { type: 'string', default: 'bringup,floor' },
    runs: { type: 'string', default: '5' },
    delay: { type: 'string', default: '0' },
    write: { type: 'boolean', default: false },
    site: { type: 'boolean', default: false },
    scale: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else if (values.scale !== undefined) await scale(values.scale.split(',').map(Number));
else if (values.site) await import('./converged.ts');
else await bench();

async function bench(): Promise<void> {
  const sizes = values.hosts.split(',').map(Number);
  const [runs, delay] = [Number(values.runs), Number(values.delay)];
  const tools = [...new Set(values.tools.split(',').flatMap(toolsNamed))];
  if ([...sizes, runs, delay].some((n) => !Number.isInteger(n) || n < 0)) throw new Error(USAGE);
  const withPeers = tools.some((t) => t.prepare !== undefined);
  if (withPeers && delay > 0) throw new Error('peers cannot be measured with --delay: their controller is a lab host');
  const stage = await openStage(Math.max(...sizes), delay, withPeers);
  try {
    for (const tool of tools) await tool.prepare?.(stage);
    await stage.keep();
    const rows: Row[] = [];
    for (const size of sizes) rows.push(...(await measure(stage, stage.hosts.slice(0, size), tools, runs)));
    const report: Report = {
      date: new Date().toISOString().slice(0, 16).replace('T', ' '),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? '?'}, Linux ${release()}, Node ${process.version}`,
      load: loadavg().map((l) => Number(l.toFixed(1))),
      delay,
      runs,
      rows,
      ...(withPeers && { peers: (await peerVersions(stage)).trim() }),
      ...(await costs(stage)),
    };
    console.log(table(report));
    mkdirSync('.bringup', { recursive: true });
    writeFileSync('.bringup/benchmark.json', `${JSON.stringify(report, undefined, 2)}\n`);
    if (values.write) store(report);
  } finally {
    await stage.down();
  }
}

function toolsNamed(word: string): readonly Tool[] {
  const found = TOOLS[word];
  if (found === undefined) throw new Error(`no tool '${word}'\n${USAGE}`);
  return found;
}

/**
 * Runs all tools in turn for each case, `runs` times. Ansible runs once, because one of its runs takes as long as fifty
 * of ours. A first converge reboots every host, so it runs three times at most.
 */
async function measure(stage: Stage, hosts: readonly string[], tools: readonly Tool[], runs: number): Promise<Row[]> {
  const rows = new Map<string, { wall: number[]; cpu: number[]; hostCpu: number[] }>();
  const once = async (tool: Tool, what: Case): Promise<void> => {
    const before = hostCpu(stage.rack.name, hosts);
    const { wall, cpu } = await tool.run(stage, hosts, what);
    const key = `${what}\0${tool.name}`;
    const row = rows.get(key) ?? { wall: [], cpu: [], hostCpu: [] };
    rows.set(key, row);
    row.wall.push(wall);
    row.cpu.push(cpu);
    row.hostCpu.push(hostCpu(stage.rack.name, hosts) - before);
    console.error(`${hosts.length} hosts  ${what}  ${tool.name}: ${wall.toFixed(2)} s`);
  };
  const turn = (what: Case, i: number): readonly Tool[] =>
    tools.filter((t) => t.cases.includes(what) && (i === 0 || t.prepare === undefined));
  for (let i = 0; i < Math.min(runs, 3); i++) {
    for (const tool of turn('first', i)) {
      await stage.bare();
      await once(tool, 'first');
      if (tool.prepare !== undefined) await tool.run(stage, hosts, 'rerun'); // its second run may still have work to do
      await checkConverged(stage, hosts, tool);
    }
  }
  for (let i = 0; i < runs; i++) {
    for (const what of ['rerun', 'plan', 'drift'] as const) {
      for (const tool of turn(what, i)) {
        if (what === 'drift') await stage.drift(hosts);
        await once(tool, what);
      }
    }
  }
  const base = (of: Case): number => {
    const { what, tool } = baseOf(of);
    return median(rows.get(`${what}\0${tool}`)?.wall ?? []);
  };
  return [...rows].map(([key, { wall, cpu, hostCpu: ofHosts }]) => {
    const [what = '', tool = ''] = key.split('\0');
    const ratio = median(wall) / base(what as Case);
    return {
      hosts: hosts.length,
      what: what as Case,
      tool,
      wall: median(wall),
      least: Math.min(...wall),
      cpu: median(cpu),
      hostCpu: median(ofHosts) / hosts.length,
      ...(!Number.isNaN(ratio) && { ratio }),
      runs: wall.length,
    };
  });
}

/** Costs that do not depend on the machine's load: traffic and memory of a re-run, and the time of `--help`. */
async function costs(stage: Stage): Promise<Readonly<{ traffic: Traffic; memory: number; help: number }>> {
  await timed(['node', 'dist/bringup.cjs', 'apply', PLAYBOOK, '-i', stage.counted, '-o', 'json']); // removes the drift
  stage.proxy.reset();
  const argv = ['-r', './test/bench/rss.cjs', 'dist/bringup.cjs', 'apply', PLAYBOOK, '-i', stage.counted];
  const { stdout } = await timed(['sh', '-c', 'exec node "$@" -o json 2>&1 >/dev/null', 'node', ...argv]);
  const traffic = stage.proxy.traffic();
  const times = { help: [] as number[], node: [] as number[] };
  for (let i = 0; i < 7; i++) {
    times.help.push((await timed(['node', 'dist/bringup.cjs', '--help'])).cpu);
    times.node.push((await timed(['node', '-e', '0'])).cpu);
  }
  const n = stage.hosts.length;
  return {
    traffic: {
      sent: Math.round(traffic.sent / n),
      received: Math.round(traffic.received / n),
      roundTrips: Math.round((traffic.roundTrips / n) * 10) / 10,
    },
    memory: Number(/rss (\d+)/.exec(stdout)?.[1] ?? Number.NaN) / 1024,
    help: median(times.help) / median(times.node),
  };
}
