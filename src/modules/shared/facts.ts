import type { Value, Vars } from '../../core/value.ts';

/** What the probe of `setup` printed, by file or command. */
export type Sections = ReadonlyMap<string, string>;

export function distribution(s: Sections): Vars {
  const release = keyValues(s.get('/etc/os-release') ?? s.get('/usr/lib/os-release') ?? '');
  const id = release['ID'] ?? 'linux';
  const debian = s.get('/etc/debian_version') ?? '';
  const version =
    id === 'debian' || id === 'raspbian'
      ? debian || (release['VERSION_ID'] ?? 'n/a')
      : (release['VERSION_ID'] ?? 'n/a');
  const codename = release['VERSION_CODENAME'] ?? version.replace(/\/.*/, '');
  const [major = version, minor] = version.split('.');
  const distribution = NAMES[id] ?? release['NAME'] ?? id;
  const commands = lines(s.get('commands'));
  return {
    distribution,
    distribution_version: version,
    distribution_major_version: major,
    ...(minor !== undefined && { distribution_minor_version: minor }),
    distribution_release: codename,
    distribution_file_parsed: true,
    distribution_file_path: '/etc/os-release',
    os_family: FAMILIES.find(([pattern]) => pattern.test(`${id} ${release['ID_LIKE'] ?? ''}`))?.[1] ?? distribution,
    pkg_mgr: MANAGERS.find(([command]) => commands.includes(command))?.[1] ?? 'unknown',
    service_mgr:
      s.get('/proc/1/comm') === 'systemd'
        ? 'systemd'
        : commands.includes('systemctl')
          ? 'systemd'
          : (s.get('/proc/1/comm') ?? 'unknown'),
    lsb: {
      codename,
      description: release['PRETTY_NAME'] ?? '',
      id: distribution,
      release: release['VERSION_ID'] ?? version,
      major_release: major,
    },
  };
}
const NAMES: Readonly<Record<string, string>> = {
  debian: 'Debian',
  raspbian: 'Debian',
  ubuntu: 'Ubuntu',
  fedora: 'Fedora',
  alpine: 'Alpine',
  arch: 'Archlinux',
  rhel: 'RedHat',
  centos: 'CentOS',
  rocky: 'Rocky',
  almalinux: 'AlmaLinux',
};
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/debian|ubuntu|raspbian/, 'Debian'],
  [/rhel|fedora|centos/, 'RedHat'],
  [/suse/, 'Suse'],
  [/arch/, 'Archlinux'],
  [/alpine/, 'Alpine'],
];
const MANAGERS = [
  ['apt-get', 'apt'],
  ['dnf', 'dnf'],
  ['yum', 'yum'],
  ['zypper', 'zypper'],
  ['apk', 'apk'],
  ['pacman', 'pacman'],
] as const;

/** As `uname -snrvm` prints it. */
function unameOf(s: Sections): string {
  return ['ostype', 'hostname', 'osrelease', 'version', 'arch'].map((k) => s.get(`/proc/sys/kernel/${k}`)).join(' ');
}

export function identity(s: Sections): Vars {
  const [, system = 'Linux', node = '', kernel = '', kernelVersion = '', machine = ''] =
    /^(\S+) (\S+) (\S+) (.*) (\S+)$/.exec(s.get('uname') ?? unameOf(s)) ?? [];
  const fqdn = s.get('fqdn') || node;
  const status = s.get('/proc/self/status') ?? '';
  const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  const gid = Number(/^Gid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  const [user = 'root', , , , gecos = '', home = '', shell = ''] = (s.get('passwd') ?? '').split(':');
  const env: Record<string, Value> = {};
  for (const line of lines(s.get('/proc/self/environ'))) {
    const at = line.indexOf('=');
    if (at > 0) env[line.slice(0, at)] = line.slice(at + 1);
  }
  // sudo drops it: one of the shell's ancestors has it
  const client = [...s]
    .filter(([name]) => /^\/proc\/\d+\/environ$/.test(name))
    .map(([, text]) => /^SSH_CLIENT=(.+)$/m.exec(text)?.[1])
    .find((found) => found !== undefined);
  if (client !== undefined) env['SSH_CLIENT'] ??= client;
  return {
    system,
    kernel,
    kernel_version: kernelVersion,
    machine,
    architecture: machine,
    userspace_architecture: machine,
    userspace_bits: /64/.test(machine) ? '64' : '32',
    nodename: node,
    hostname: node.replace(/\..*/, ''),
    fqdn,
    domain: fqdn.includes('.') ? fqdn.slice(fqdn.indexOf('.') + 1) : '',
    machine_id: s.get('/etc/machine-id') ?? '',
    boot_id: s.get('/proc/sys/kernel/random/boot_id') ?? '',
    user_id: user,
    user_uid: uid,
    user_gid: gid,
    real_user_id: uid,
    effective_user_id: uid,
    real_group_id: gid,
    effective_group_id: gid,
    user_gecos: gecos,
    user_dir: home,
    user_shell: shell,
    env,
    selinux: { status: s.has('/sys/fs/selinux/enforce') ? 'enabled' : 'disabled' },
    selinux_python_present: false,
    apparmor: { status: s.get('/sys/module/apparmor/parameters/enabled') === 'Y' ? 'enabled' : 'disabled' },
    is_chroot: s.has('otherroot'),
    cmdline: commandLine(s.get('/proc/cmdline') ?? ''),
    proc_cmdline: commandLine(s.get('/proc/cmdline') ?? ''),
    ...hostKeys(s),
  };
}

function hostKeys(s: Sections): Vars {
  const out: Record<string, Value> = {};
  for (const type of ['rsa', 'ed25519', 'ecdsa']) {
    const [kind, key] = (s.get(`/etc/ssh/ssh_host_${type}_key.pub`) ?? '').split(' ');
    if (key === undefined) continue;
    out[`ssh_host_key_${type}_public`] = key;
    out[`ssh_host_key_${type}_public_keytype`] = kind ?? '';
  }
  return out;
}

function commandLine(text: string): Vars {
  const out: Record<string, Value> = {};
  for (const word of text.trim().split(/\s+/)) {
    const at = word.indexOf('=');
    if (word !== '') out[at < 0 ? word : word.slice(0, at)] = at < 0 ? true : word.slice(at + 1);
  }
  return out;
}

export function hardware(s: Sections): Vars {
  const memory: Record<string, number> = {};
  for (const line of lines(s.get('/proc/meminfo'))) {
    const [, key = '', kib = '0'] = /^(\w+):\s+(\d+)/.exec(line) ?? [];
    memory[key] = Math.floor(Number(kib) / 1024);
  }
  const mb = (key: string): number => memory[key] ?? 0;
  const used = mb('MemTotal') - mb('MemFree');
  const cached = mb('Cached') + mb('Buffers');
  const cpus = lines(s.get('/proc/cpuinfo')).map((line) => line.split(/\s*:\s*/));
  const values = (key: string): readonly string[] => cpus.filter(([k]) => k?.trim() === key).map(([, v = '']) => v);
  const vcpus = values('processor').length;
  const sockets = Math.max(1, new Set(values('physical id')).size);
  const cores = Number(values('cpu cores')[0] ?? 1);
  const siblings = Number(values('siblings')[0] ?? cores);
  const model = s.get('/sys/firmware/devicetree/base/model') ?? values('Model')[0];
  return {
    processor: cpus
      .filter(([k]) => ['processor', 'vendor_id', 'model name'].includes(k?.trim() ?? ''))
      .map(([, v = '']) => v),
    processor_count: sockets,
    processor_cores: cores,
    processor_threads_per_core: Math.max(1, Math.floor(siblings / cores)),
    processor_vcpus: vcpus,
    processor_nproc: allowedCpus(s.get('/proc/self/status') ?? '') ?? vcpus,
    memtotal_mb: mb('MemTotal'),
    memfree_mb: mb('MemFree'),
    memavailable_mb: mb('MemAvailable'),
    swaptotal_mb: mb('SwapTotal'),
    swapfree_mb: mb('SwapFree'),
    memory_mb: {
      real: { total: mb('MemTotal'), used, free: mb('MemFree') },
      nocache: { free: mb('MemFree') + cached, used: used - cached },
      swap: {
        total: mb('SwapTotal'),
        free: mb('SwapFree'),
        used: mb('SwapTotal') - mb('SwapFree'),
        cached: mb('SwapCached'),
      },
    },
    uptime_seconds: Math.floor(Number((s.get('/proc/uptime') ?? '0').split(' ')[0])),
    loadavg: loads(s.get('/proc/loadavg') ?? ''),
    product_name: model ?? dmi(s, 'product_name'),
    product_version: dmi(s, 'product_version'),
    product_serial: dmi(s, 'product_serial'),
    product_uuid: dmi(s, 'product_uuid'),
    system_vendor: dmi(s, 'sys_vendor'),
    bios_vendor: dmi(s, 'bios_vendor'),
    bios_version: dmi(s, 'bios_version'),
    bios_date: dmi(s, 'bios_date'),
    board_name: model ?? dmi(s, 'board_name'),
    board_vendor: dmi(s, 'board_vendor'),
    board_version: dmi(s, 'board_version'),
    chassis_vendor: dmi(s, 'chassis_vendor'),
  };
}

function loads(line: string): Vars {
  const [one, five, fifteen] = line.split(' ').map(Number);
  return { '1m': one ?? 0, '5m': five ?? 0, '15m': fifteen ?? 0 };
}

function dmi(s: Sections, name: string): string {
  return s.get(`/sys/class/dmi/id/${name}`) || 'NA';
}

const PSEUDO = new Set(
  'proc sysfs cgroup cgroup2 devpts mqueue tmpfs devtmpfs securityfs debugfs tracefs bpf pstore configfs fusectl hugetlbfs ramfs autofs binfmt_misc rpc_pipefs nsfs overlay squashfs efivarfs'.split(
    ' ',
  ),
);

export function mounts(s: Sections): Vars {
  const sizes = new Map(
    lines(s.get('df')).map((line) => {
      const [size, free, itotal, iused, ifree, ...target] = line.trim().split(/\s+/);
      return [target.join(' '), { size, free, itotal, iused, ifree }] as const;
    }),
  );
  const list = lines(s.get('/proc/self/mounts')).flatMap((line) => {
    const [device = '', raw = '', fstype = '', options = ''] = line.split(' ');
    if (PSEUDO.has(fstype)) return [];
    const mount = raw.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    const known = sizes.get(mount);
    return [
      {
        device,
        mount,
        fstype,
        options,
        ...(known !== undefined && {
          size_total: Number(known.size),
          size_available: Number(known.free),
          inode_total: Number(known.itotal),
          inode_used: Number(known.iused),
          inode_available: Number(known.ifree),
        }),
      },
    ];
  });
  return { mounts: list };
}

/** As nproc counts them: 0-3,8. */
function allowedCpus(status: string): number | undefined {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(status)?.[1];
  return list?.split(',').reduce((sum, range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return sum + to - from + 1;
  }, 0);
}

/** From files only: systemd-detect-virt takes longer than all the rest. */
export function virtualization(s: Sections): Vars {
  const container =
    s.get('/run/systemd/container') || /\b(docker|lxc|kubepods)\b/.exec(s.get('/proc/1/cgroup') ?? '')?.[1];
  const machine = `${dmi(s, 'sys_vendor')} ${dmi(s, 'product_name')} ${dmi(s, 'bios_vendor')}`;
  const type =
    container ??
    (s.get('/sys/hypervisor/type') || HYPERVISORS.find(([pattern]) => pattern.test(machine))?.[1]) ??
    (/^flags\s*:.*\bhypervisor\b/m.test(s.get('/proc/cpuinfo') ?? '') ? 'kvm' : undefined);
  return type === undefined
    ? { virtualization_type: 'NA', virtualization_role: 'NA' }
    : { virtualization_type: type, virtualization_role: 'guest' };
}
const HYPERVISORS: readonly (readonly [RegExp, string])[] = [
  [/QEMU|KVM|RHEV|oVirt|OpenStack|Amazon EC2|Google/i, 'kvm'],
  [/VMware/i, 'VMware'],
  [/innotek|VirtualBox/i, 'virtualbox'],
  [/Microsoft.*Virtual/i, 'VirtualPC'],
  [/Xen/i, 'xen'],
  [/Parallels/i, 'parallels'],
];

export function dateTime(s: Sections): Vars {
  const [
    year = '',
    month = '',
    day = '',
    hour = '',
    minute = '',
    second = '',
    epoch = '0',
    nanos = '0',
    tz = '',
    offset = '',
    weekday = '',
    number = '',
    week = '',
  ] = (s.get('date') ?? '').split(' ');
  const utc = new Date(Number(epoch) * 1000).toISOString().slice(0, 19);
  const micro = nanos.padStart(9, '0').slice(0, 6);
  return {
    year,
    month,
    day,
    hour,
    minute,
    second,
    epoch,
    tz,
    epoch_int: epoch,
    date: `${year}-${month}-${day}`,
    time: `${hour}:${minute}:${second}`,
    tz_offset: offset,
    tz_dst: tz,
    weekday,
    weekday_number: number,
    weeknumber: week,
    iso8601: `${utc}Z`,
    iso8601_micro: `${utc}.${micro}Z`,
    iso8601_basic: `${year}${month}${day}T${hour}${minute}${second}${micro}`,
    iso8601_basic_short: `${year}${month}${day}T${hour}${minute}${second}`,
  };
}

/** *.fact files: JSON, or INI as { section: { key: text } }. */
export function localFacts(s: Sections, decode: (base64: string) => string): Vars {
  const out: Record<string, Value> = {};
  for (const [name, content] of s) {
    if (name.startsWith('local ')) out[name.slice(6)] = jsonOrIni(decode(content));
  }
  return out;
}

function jsonOrIni(text: string): Value {
  try {
    return JSON.parse(text) as Value;
  } catch {
    const out: Record<string, Record<string, string>> = {};
    let section: Record<string, string> = {};
    for (const line of text.split('\n')) {
      const [, name] = /^\s*\[(.+)\]\s*$/.exec(line) ?? [];
      const [, key, value] = /^\s*([^=:#;[]+?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
      if (name !== undefined) {
        section = {};
        out[name] = section;
      } else if (key !== undefined && value !== undefined) section[key.toLowerCase()] = value;
    }
    return out;
  }
}

export function lines(text: string | undefined): readonly string[] {
  return (text ?? '').split('\n').filter((line) => line !== '');
}

function keyValues(text: string): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const line of lines(text)) {
    const [, key, value] = /^([A-Z_0-9]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) out[key] = value.replace(/^(["'])(.*)\1$/, '$2');
  }
  return out;
}
