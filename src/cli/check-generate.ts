import { connect as connectTcp } from 'node:net';
import { listText } from '../config/yaml-text.ts';
import type { Connection } from '../core/connection.ts';
import { failure } from '../core/errors/index.ts';
import { sh } from '../core/sh.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import type { CheckOptions } from './check.ts';
import { lineTo } from './hosts.ts';
import { streams } from './output.ts';
import { openProject, stopOnProblems } from './project.ts';

/** What runs on a host. */
type Running = Readonly<{
  units: readonly string[];
  ports: readonly number[];
  mounts: readonly string[];
  users: readonly string[];
  packages: readonly string[];
}>;
type Entry = Readonly<Record<string, unknown>>;

/** How long a port of the host may take to answer, in milliseconds. */
const PORT_MS = 2000;

/**
 * Reads what runs on a host and prints a checks file that passes now: units that are enabled and active, ports that
 * listen, file systems of fstab, people's accounts, packages that
 * somebody asked for and that no Debian has by itself. Returns the exit code.
 */
export async function generateChecks(host: string, options: CheckOptions, signal: AbortSignal): Promise<number> {
  const project = openProject({ ...options, writes: false });
  stopOnProblems(project.problems);
  const { inventory, templates, extraVars } = project;
  if (!inventory.hosts.has(host)) throw failure('E_UNKNOWN_HOST', { pattern: host, known: inventory.hosts.keys() });
  const scope = inventoryScope(templates, inventory, extraVars, '.', host);
  const line = await lineTo(host, project, signal);
  try {
    const running = await readRunning(line, signal);
    const address = scope.get('ansible_host');
    const reachable = await openPorts(typeof address === 'string' ? address : host, running.ports);
    const comment = `What ran on ${host} when \`bringup check --generate\` read it. Keep what must stay so.`;
    streams.out(listText(entriesFor(host, running, reachable), comment));
    return 0;
  } finally {
    await line.close();
  }
}

/** One trip. Each line of the output has a kind and a name. */
async function readRunning(line: Connection, signal: AbortSignal): Promise<Running> {
  const script = sh`
systemctl list-units --type=service,socket,timer --state=active --no-legend --plain 2>/dev/null |
  while read -r unit _; do
    case $unit in systemd-* | *getty* | user* | dbus* | *@*) continue ;; esac
    [ "$(systemctl is-enabled "$unit" 2>/dev/null)" = enabled ] && echo "unit $unit"
  done
ss -Hltn 2>/dev/null | awk '$4 !~ /^(127[.]|[[]::1[]])/ { sub(/.*:/, "", $4); print "port", $4 }'
findmnt --fstab -n -r -o TARGET 2>/dev/null | while read -r target; do mountpoint -q "$target" && echo "mount $target"; done
getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print "user", $1 }'
base=$(dpkg-query -W -f '\${Package} \${Priority}\n' 2>/dev/null | awk '$2 ~ /^(required|important|standard)$/ { print $1 }')
apt-mark showmanual 2>/dev/null | awk -v base="$base" '
  BEGIN { n = split(base, all, "\n"); for (i = 1; i <= n; i++) isBase[all[i]] = 1 }
  !($1 in isBase) { print "package", $1 }'
exit 0`;
  const [output] = await line.run([{ script, user: undefined }], { signal });
  const found = (output?.stdout ?? '').split('\n').map((row) => row.split(' ', 2) as [string, string?]);
  const named = (kind: string): readonly string[] =>
    [...new Set(found.flatMap(([of, name]) => (of === kind && name !== undefined ? [name] : [])))].sort();
  return {
    units: named('unit'),
    ports: named('port')
      .map(Number)
      .sort((a, b) => a - b),
    mounts: named('mount'),
    users: named('user'),
    packages: named('package'),
  };
}

/** The ports that answer this machine. */
async function openPorts(address: string, ports: readonly number[]): Promise<ReadonlySet<number>> {
  const answers = await Promise.all(
    ports.map(
      (port) =>
        new Promise<boolean>((resolve) => {
          const socket = connectTcp({ host: address, port });
          const end = (isOpen: boolean): void => {
            socket.destroy();
            resolve(isOpen);
          };
          socket.setTimeout(PORT_MS, () => end(false));
          socket.once('connect', () => end(true)).once('error', () => end(false));
        }),
    ),
  );
  return new Set(ports.filter((_, i) => answers[i] === true));
}

function entriesFor(host: string, running: Running, reachable: ReadonlySet<number>): readonly Entry[] {
  const address = `{{ hostvars['${host}'].ansible_host | default('${host}') }}`;
  const port = (name: string, ports: readonly number[], state: object): readonly Entry[] =>
    loop(ports, { name, proves: 'ports', port: { host: address, port: '{{ item }}', ...state } });
  const command = (cmd: string): Entry => ({ command: { hosts: [host], cmd } });
  const { units, ports, mounts, users, packages } = running;
  return [
    ...loop(units, {
      name: `{{ item }} runs on ${host}`,
      proves: 'services',
      service: { host, name: '{{ item }}', enabled: true },
    }),
    ...port(
      `Port {{ item }} of ${host} is open`,
      ports.filter((p) => reachable.has(p)),
      {},
    ),
    ...port(
      `Port {{ item }} of ${host} is closed to outsiders`,
      ports.filter((p) => !reachable.has(p)),
      { state: 'closed', timeout: 1 },
    ),
    ...loop(mounts, {
      name: `{{ item }} is mounted on ${host}`,
      proves: 'file systems',
      ...command("mountpoint -q '{{ item }}'"),
    }),
    ...loop(users, { name: `{{ item }} has an account on ${host}`, proves: 'accounts', ...command("id '{{ item }}'") }),
    ...loop(packages, {
      name: `{{ item }} is installed on ${host}`,
      proves: 'packages',
      command: { hosts: [host], cmd: "dpkg-query -W -f '${db:Status-Status}' '{{ item }}'", matches: '^installed$' },
    }),
  ];
}

function loop(items: readonly (string | number)[], entry: Entry): readonly Entry[] {
  return items.length === 0 ? [] : [{ ...entry, loop: items }];
}
