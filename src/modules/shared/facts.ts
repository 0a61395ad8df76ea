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

export function identity(s: Sections): Vars {
  const [, system = 'Linux', node = '', kernel = '', kernelVersion = '', machine = ''] =
    /^(\S+) (\S+) (\S+) (.*) (\S+)$/.exec(s.get('uname') ?? '') ?? [];
  const fqdn = s.get('fqdn') || node;
  const [uid = '0', gid = '0', user = 'root'] = lines(s.get('id'));
  const [, , , , gecos = '', home = '', shell = ''] = (s.get('passwd') ?? '').split(':');
  const env: Record<string, Value> = {};
  for (const line of lines(s.get('env'))) {
    const at = line.indexOf('=');
    if (at > 0) env[line.slice(0, at)] = line.slice(at + 1);
  }
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
    user_uid: Number(uid),
    user_gid: Number(gid),
    real_user_id: Number(uid),
    effective_user_id: Number(uid),
    real_group_id: Number(gid),
    effective_group_id: Number(gid),
    user_gecos: gecos,
    user_dir: home,
    user_shell: shell,
    env,
    selinux: { status: s.has('/sys/fs/selinux/enforce') ? 'enabled' : 'disabled' },
    selinux_python_present: false,
    apparmor: { status: s.get('/sys/module/apparmor/parameters/enabled') === 'Y' ? 'enabled' : 'disabled' },
    is_chroot: new Set(lines(s.get('chroot'))).size > 1,
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
  const cpus = lines(s.get('cpu')).map((line) => line.split(/\s*:\s*/));
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
    processor_nproc: Number(s.get('nproc') ?? vcpus),
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

export function mounts(s: Sections): Vars {
  const inodes = new Map(
    lines(s.get('dfi')).map((line) => {
      const c = line.trim().split(/\s+/);
      return [c.slice(5).join(' '), c] as const;
    }),
  );
  const sizes = new Map(
    lines(s.get('df')).map((line) => {
      const c = line.trim().split(/\s+/);
      return [c.slice(6).join(' '), c] as const;
    }),
  );
  const list = lines(s.get('mounts')).map((line) => {
    const [device = '', raw = '', fstype = '', options = ''] = line.split(' ');
    const mount = raw.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    const [, , total, , free] = sizes.get(mount) ?? [];
    const [, itotal, iused, ifree] = inodes.get(mount) ?? [];
    return {
      device,
      mount,
      fstype,
      options,
      ...(total !== undefined && { size_total: Number(total), size_available: Number(free) }),
      ...(itotal !== undefined && {
        inode_total: Number(itotal),
        inode_used: Number(iused),
        inode_available: Number(ifree),
      }),
    };
  });
  return { mounts: list };
}

export function virtualization(s: Sections): Vars {
  const type = s.get('virt') ?? '';
  return type === '' || type === 'none'
    ? { virtualization_type: 'NA', virtualization_role: 'NA' }
    : { virtualization_type: type, virtualization_role: 'guest' };
}

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
  const [uy = '', um = '', ud = '', uh = '', umin = '', us = ''] = (s.get('utc') ?? '').split(' ');
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
    iso8601: `${uy}-${um}-${ud}T${uh}:${umin}:${us}Z`,
    iso8601_micro: `${uy}-${um}-${ud}T${uh}:${umin}:${us}.${micro}Z`,
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
