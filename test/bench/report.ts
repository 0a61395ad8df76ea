import type { Traffic } from './proxy.ts';
import { baseOf, type Case } from './tools.ts';

/**
 * In seconds; `hostCpu` is for each host. `ratio` compares with the row that `baseOf` names, for the same number of
 * hosts. Missing values were not recorded.
 */
export type Row = Readonly<{
  hosts: number;
  what: Case;
  tool: string;
  wall: number;
  least?: number;
  cpu?: number;
  hostCpu?: number;
  ratio?: number;
  runs: number;
}>;
export type Report = Readonly<{
  date: string;
  machine: string;
  load: readonly number[];
  delay: number;
  runs: number;
  rows: readonly Row[];
  /** The versions of Ansible, if it ran too. */
  peers?: string;
  /** For each host in a re-run. */
  traffic?: Traffic;
  /** In MB, of a re-run on all hosts. */
  memory?: number;
  help?: number;
}>;

const CASES: Readonly<Record<Case, string>> = {
  first: 'first converge',
  rerun: 're-run, nothing to do',
  drift: 'one file drifted',
  plan: 'plan, nothing to do',
};

const HEAD = ['hosts', 'case', 'tool', 'wall s', 'min s', 'controller CPU s', 'CPU s per host', '× by hand', 'runs'];

function cells(row: Row): readonly string[] {
  return [
    String(row.hosts),
    CASES[row.what],
    row.tool,
    ...[row.wall, row.least, row.cpu, row.hostCpu, row.ratio].map((n) => n?.toFixed(2) ?? ''),
    String(row.runs),
  ];
}

function sorted(rows: readonly Row[]): readonly Row[] {
  const order = Object.keys(CASES);
  return [...rows].sort(
    (a, b) => a.hosts - b.hosts || order.indexOf(a.what) - order.indexOf(b.what) || a.wall - b.wall,
  );
}

export function table(report: Report): string {
  const rows = [HEAD, ...sorted(report.rows).map(cells)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((r) => r[i]?.length ?? 0)));
  return `\n${about(report)}\n\n${rows.map((r) => r.map((c, i) => c.padEnd(widths[i] ?? 0)).join('  ')).join('\n')}\n\n${facts(report).join('\n')}\n`;
}

function about({ date, machine, load, delay, runs, peers }: Report): string {
  const link = delay === 0 ? '' : `, ${delay} ms in each direction`;
  const others = peers === undefined ? '' : `, Ansible once, from a lab host of its own: ${peers}`;
  return `${date}, ${machine}, load average ${load.join(' ') || 'unknown'}${link}; median of ${runs}${others}`;
}

function facts({ traffic, memory, help, rows }: Report): readonly string[] {
  const most = Math.max(...rows.map((r) => r.hosts));
  const own = rows.find((r) => r.hosts === most && r.what === 'rerun' && r.tool === 'bringup')?.hostCpu;
  return [
    traffic &&
      `A re-run sends ${kb(traffic.sent)} to each host and receives ${kb(traffic.received)}, in ${traffic.roundTrips} round trips including the handshake.`,
    own &&
      most > 1 &&
      `A re-run of ${most} hosts costs the hosts ${(own * most).toFixed(1)} s of CPU in all, on the same machine.`,
    memory && `The controller's peak memory with ${counted(most)} is ${memory.toFixed(0)} MB.`,
    help && `\`--help\` takes ${help.toFixed(1)} times the CPU of \`node -e 0\`.`,
  ].filter((line) => typeof line === 'string');
}

const counted = (hosts: number): string => (hosts === 1 ? '1 host' : `${hosts} hosts`);
const kb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

/** docs/benchmark.md: explains the terms and has a section for each stored run. */
export function page(reports: readonly Report[]): string {
  const [look, converge] = [baseOf('rerun').tool, baseOf('first').tool];
  return `# Benchmark

\`npm run bench -- --write\` writes this page. Each section shows the last run of its kind: the same number of hosts, the same
distance, with or without Ansible. The figures are stored in [benchmark.json](benchmark.json). Do not edit this page by hand.

The workload is [test/bench/workload](../test/bench/workload/README.md), a role of 59 resources that Ansible runs unmodified. Its
packages are installed beforehand. The hosts are lab hosts on the controller's machine, so many hosts share its CPUs. The ratios
say more than the seconds.

The column *× by hand* is the wall time divided by that of a hand-written shell script, over one OpenSSH connection to each host, all
at the same time:

- A first converge is compared with \`${converge}\`. The script makes the same 59 resources and nothing more: it does
  not stage, sync or verify. If bringup then finds anything to do, the benchmark fails.
- Every other case is compared with \`${look}\`. The script reads the same 59 resources at once.

NODE_EXTRA_CA_CERTS is unset for every process. If a shell sets it, Node reads those certificates at every start, with and without
bringup. 144 certificates cost 50 ms.

${reports.map(section).join('\n')}`;
}

function section(report: Report, at: number): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const rows = sorted(report.rows).map((r) => line(cells(r)));
  const parts = [
    `## ${titleOf(report)}`,
    `${about(report)}.`,
    ...(at === 0 ? ['![Re-run, wall time](benchmark.svg)'] : []),
    [line(HEAD), line(HEAD.map(() => '---')), ...rows].join('\n'),
    facts(report).join('  \n'),
  ];
  return `${parts.filter((text) => text !== '').join('\n\n')}\n`;
}

/** The kind of a run, as a heading. A run replaces the stored run with the same title. */
export function titleOf({ rows, delay, peers }: Report): string {
  const sizes = [...new Set(rows.map((r) => r.hosts))].sort((a, b) => a - b);
  const hosts = [...sizes.slice(0, -1), counted(sizes.at(-1) ?? 0)].join(' and ');
  const away = delay === 0 ? '' : `, ${2 * delay} ms round trip`;
  return `${hosts}${away}${peers === undefined ? '' : ', with Ansible'}`;
}

/** A bar chart of the re-run, with a group for each number of hosts. The longest bar fills the width. */
export function chart(report: Report): string {
  const rows = sorted(report.rows).filter((r) => r.what === 'rerun');
  const most = Math.max(...rows.map((r) => r.wall));
  const bars = rows.map((row, i) => {
    const y = 34 + i * 24 + new Set(rows.slice(0, i + 1).map((r) => r.hosts)).size * 10;
    const width = Math.max(2, (row.wall / most) * 380);
    const label = `${counted(row.hosts)}, ${row.tool}`;
    return `<text x="250" y="${y + 13}" text-anchor="end">${xml(label)}</text><rect x="258" y="${y}" width="${width.toFixed(1)}" height="17" rx="2" fill="${row.tool === 'bringup' ? '#2a7d4f' : '#9aa5b1'}"/><text x="${(264 + width).toFixed(1)}" y="${y + 13}">${row.wall.toFixed(2)} s</text>`;
  });
  const height = 60 + rows.length * 24 + new Set(rows.map((r) => r.hosts)).size * 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${height}" font-family="sans-serif" font-size="12" fill="#333"><rect width="720" height="${height}" fill="#fff"/><text x="20" y="24" font-size="14">Re-run of a converged rack, wall time</text>${bars.join('')}</svg>\n`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
