// What a container is started with, as options of `docker create`.
import { type Static, type TObject, Type } from 'typebox';
import { optionalFlag, text } from './args.ts';
import { pairs, scalar } from './docker.ts';

const words = (description: string) => Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description }));
const dict = (description: string) =>
  Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]), {
      description,
    }),
  );
const number = (description: string) => Type.Optional(Type.Number({ description }));
const size = (description: string) =>
  Type.Optional(
    Type.Union([Type.String({ pattern: '^(-1|0|\\d+(\\.\\d+)?[bkmgtp]?[bB]?)$' }), Type.Integer()], {
      expected: 'a size, as 512m',
      description,
    }),
  );

export const running = {
  hostname: text('The name of the host in the container.'),
  domainname: text('Its domain.'),
  user: text('The user in the container.'),
  working_dir: text('The working directory.'),
  network_mode: text('host, none, bridge, container:NAME or the name of a network.'),
  ipc_mode: text('The IPC namespace: host, private, container:NAME.'),
  pid_mode: text('The PID namespace: host, container:NAME.'),
  uts: text('The UTS namespace: host.'),
  userns_mode: text('The user namespace: host.'),
  cgroupns_mode: Type.Optional(Type.Enum(['host', 'private'], { description: 'The cgroup namespace.' })),
  runtime: text('The runtime.'),
  platform: text('The platform of the image: linux/arm64.'),
  mac_address: text('The MAC address.'),
  volume_driver: text('The driver of new volumes.'),
  log_driver: text('The driver of the log: journald.'),
  stop_signal: text('The signal that stops the container.'),
  cgroup_parent: text('The cgroup above the one of the container.'),
  cpuset_cpus: text('The processors: 0-1.'),
  cpuset_mems: text('The memory nodes.'),
  memory: size('The limit of memory: 512m.'),
  memory_reservation: size('The memory that it gets if memory is short.'),
  memory_swap: size('The limit of memory and swap. -1: no limit.'),
  shm_size: size('The size of /dev/shm.'),
  memory_swappiness: number('How eagerly memory is swapped, 0 to 100.'),
  cpus: number('How many processors it may use: 1.5.'),
  cpu_period: number('The period of the scheduler in µs.'),
  cpu_quota: number('The share of it in µs.'),
  cpu_shares: number('The weight of its processor time.'),
  blkio_weight: number('The weight of its block I/O, 10 to 1000.'),
  pids_limit: number('The limit of processes.'),
  oom_score_adj: number('How likely it is killed if memory is short.'),
  stop_timeout: number('The seconds between the signal and a kill.'),
  privileged: optionalFlag('It may do everything on the host.'),
  read_only: optionalFlag('Its root file system is read-only.'),
  init: optionalFlag('A small init runs as process 1.'),
  tty: optionalFlag('It has a terminal.'),
  interactive: optionalFlag('Its stdin stays open.'),
  auto_remove: optionalFlag('It is removed when it ends.'),
  oom_killer: optionalFlag('false: it is not killed if memory is short.'),
  volumes: words('Volumes and directories: data:/var/lib/app, /srv/conf:/etc/app:ro.'),
  volumes_from: words('Containers whose volumes it has too.'),
  devices: words('Devices: /dev/ttyUSB0:/dev/ttyUSB0:rwm.'),
  capabilities: words('Capabilities that it has too: NET_ADMIN.'),
  cap_drop: words('Capabilities that it does not have: all.'),
  dns_servers: words('Its DNS servers.'),
  dns_opts: words('Options of its resolver.'),
  dns_search_domains: words('Domains in which it searches names.'),
  exposed_ports: words('Ports that other containers see.'),
  published_ports: words('Ports of the host: 8080:80, 127.0.0.1:53:53/udp. all: every exposed port gets one.'),
  groups: words('Groups of its user.'),
  links: words('Links to other containers: db:database.'),
  security_opts: words('Options for security: no-new-privileges.'),
  tmpfs: words('Directories in memory: /run:size=64m.'),
  ulimits: words('Limits: nofile:1024:2048.'),
  labels: dict('Labels of the container.'),
  log_options: dict('Options of log_driver: {max-size: 10m}.'),
  sysctls: dict('Settings of the kernel: {net.core.somaxconn: 1024}.'),
  storage_opts: dict('Options of the storage driver.'),
  etc_hosts: dict('Lines of /etc/hosts: {db: 192.0.2.3}.'),
  healthcheck: Type.Optional(
    Type.Object(
      {
        test: Type.Optional(
          Type.Union([Type.String(), Type.Array(Type.String())], {
            description: 'The command: curl -f localhost, [CMD, curl, localhost] or [NONE].',
          }),
        ),
        interval: text('The time between two checks: 30s.'),
        timeout: text('The time that a check may take.'),
        start_period: text('The time in which failures do not count.'),
        retries: Type.Optional(Type.Integer({ minimum: 0, description: 'Failures until it is unhealthy.' })),
      },
      { additionalProperties: false, description: 'How its health is checked.' },
    ),
  ),
  mounts: Type.Optional(
    Type.Array(
      Type.Object(
        {
          target: Type.String({ description: 'The path in the container.' }),
          source: text('The volume or the path on the host.'),
          type: Type.Enum(['bind', 'tmpfs', 'volume'], { default: 'volume', description: 'What is mounted.' }),
          read_only: optionalFlag('It cannot be written.'),
          propagation: text('The propagation of a bind mount.'),
          tmpfs_size: text('The size of a tmpfs.'),
          tmpfs_mode: text('The mode of a tmpfs.'),
        },
        { additionalProperties: false },
      ),
      { description: 'What is mounted, as dicts.' },
    ),
  ),
};
export type Running = Static<TObject<typeof running>>;

/** Options with one value. */
const VALUES = {
  hostname: '--hostname',
  domainname: '--domainname',
  user: '--user',
  working_dir: '--workdir',
  network_mode: '--network',
  ipc_mode: '--ipc',
  pid_mode: '--pid',
  uts: '--uts',
  userns_mode: '--userns',
  cgroupns_mode: '--cgroupns',
  runtime: '--runtime',
  platform: '--platform',
  mac_address: '--mac-address',
  volume_driver: '--volume-driver',
  log_driver: '--log-driver',
  stop_signal: '--stop-signal',
  cgroup_parent: '--cgroup-parent',
  cpuset_cpus: '--cpuset-cpus',
  cpuset_mems: '--cpuset-mems',
  memory: '--memory',
  memory_reservation: '--memory-reservation',
  memory_swap: '--memory-swap',
  shm_size: '--shm-size',
  memory_swappiness: '--memory-swappiness',
  cpus: '--cpus',
  cpu_period: '--cpu-period',
  cpu_quota: '--cpu-quota',
  cpu_shares: '--cpu-shares',
  blkio_weight: '--blkio-weight',
  pids_limit: '--pids-limit',
  oom_score_adj: '--oom-score-adj',
  stop_timeout: '--stop-timeout',
} as const;
const FLAGS = {
  privileged: '--privileged',
  read_only: '--read-only',
  init: '--init',
  tty: '--tty',
  interactive: '--interactive',
  auto_remove: '--rm',
} as const;
const LISTS = {
  volumes: '--volume',
  volumes_from: '--volumes-from',
  devices: '--device',
  capabilities: '--cap-add',
  cap_drop: '--cap-drop',
  dns_servers: '--dns',
  dns_opts: '--dns-option',
  dns_search_domains: '--dns-search',
  exposed_ports: '--expose',
  groups: '--group-add',
  links: '--link',
  security_opts: '--security-opt',
  tmpfs: '--tmpfs',
} as const;

export function runOptions(given: Running): readonly string[] {
  const { healthcheck, published_ports: ports = [] } = given;
  return [
    ...Object.entries(VALUES).flatMap(([key, option]) => {
      const value = given[key as keyof typeof VALUES];
      return value === undefined ? [] : [`${option}=${value}`];
    }),
    ...Object.entries(FLAGS).flatMap(([key, option]) => (given[key as keyof typeof FLAGS] === true ? [option] : [])),
    ...Object.entries(LISTS).flatMap(([key, option]) =>
      (given[key as keyof typeof LISTS] ?? []).map((value) => `${option}=${value}`),
    ),
    ...ports.map((port) => (port.toLowerCase() === 'all' ? '--publish-all' : `--publish=${port}`)),
    ...(given.ulimits ?? []).map((one) => `--ulimit=${one.replace(':', '=')}`),
    ...(given.oom_killer === false ? ['--oom-kill-disable'] : []),
    ...pairs('--label', given.labels),
    ...pairs('--log-opt', given.log_options),
    ...pairs('--sysctl', given.sysctls),
    ...pairs('--storage-opt', given.storage_opts),
    ...pairs('--add-host', given.etc_hosts, ':'),
    ...(given.mounts ?? []).map((one) => `--mount=${mountWord(one)}`),
    ...(healthcheck === undefined ? [] : health(healthcheck)),
  ];
}

function mountWord(one: NonNullable<Running['mounts']>[number]): string {
  const parts: readonly (readonly [string, string | undefined])[] = [
    ['type', one.type],
    ['source', one.source],
    ['target', one.target],
    ['bind-propagation', one.propagation],
    ['tmpfs-size', one.tmpfs_size],
    ['tmpfs-mode', one.tmpfs_mode],
  ];
  const given = parts.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  return [...given, ...(one.read_only === true ? ['readonly'] : [])].join(',');
}

function health({ test, retries, ...times }: NonNullable<Running['healthcheck']>): readonly string[] {
  const all = test === undefined ? [] : Array.isArray(test) ? test : ['CMD-SHELL', test];
  const [kind, ...rest] = all;
  if (kind === 'NONE') return ['--no-healthcheck'];
  const quoted = kind === 'CMD-SHELL' ? rest.join(' ') : (kind === 'CMD' ? rest : all).map(quotedWord).join(' ');
  return [
    ...(all.length === 0 ? [] : [`--health-cmd=${quoted}`]),
    ...(times.interval === undefined ? [] : [`--health-interval=${times.interval}`]),
    ...(times.timeout === undefined ? [] : [`--health-timeout=${times.timeout}`]),
    ...(times.start_period === undefined ? [] : [`--health-start-period=${times.start_period}`]),
    ...(retries === undefined ? [] : [`--health-retries=${retries}`]),
  ];
}

function quotedWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The lines of a file for --env-file. */
export function envLines(env: Readonly<Record<string, unknown>> | undefined): string {
  return Object.entries(env ?? {})
    .map(([key, value]) => `${key}=${scalar(value)}\n`)
    .join('');
}
