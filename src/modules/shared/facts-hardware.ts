// Facts about processors, memory, mounts and virtualization.
import type { Vars } from '../../core/value.ts';
import { lines, type Sections } from './facts-sections.ts';

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

/** The number of processors as nproc counts them, from a list such as 0-3,8. */
function allowedCpus(status: string): number | undefined {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(status)?.[1];
  return list?.split(',').reduce((sum, range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return sum + to - from + 1;
  }, 0);
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

/** Reads only files, because systemd-detect-virt takes longer than all other facts together. */
export function virtualization(s: Sections): Vars {
  const container =
    s.get('/run/systemd/container') || /\b(docker|lxc|kubepods)\b/.exec(s.get('/proc/1/cgroup') ?? '')?.[1];
  const machine = `${dmi(s, 'sys_vendor')} ${dmi(s, 'product_name')} ${dmi(s, 'bios_vendor')}`;
  const type =
    container ??
    (s.get('/sys/hypervisor/type') || HYPERVISORS.find(([pattern]) => pattern.test(machine))?.[1]) ??
    (/^flags\s*:.*\bhypervisor\b/m.test(s.get('/proc/cpuinfo') ?? '') ? 'kvm' : undefined);
  return type === undefined
    ? {
        virtualization_type: 'NA',
        virtualization_role: 'NA',
        virtualization_tech_guest: [],
        virtualization_tech_host: [],
      }
    : {
        virtualization_type: type,
        virtualization_role: 'guest',
        virtualization_tech_guest: container === undefined ? [type] : ['container', type],
        virtualization_tech_host: [],
      };
}
const HYPERVISORS: readonly (readonly [RegExp, string])[] = [
  [/QEMU|KVM|RHEV|oVirt|OpenStack|Amazon EC2|Google/i, 'kvm'],
  [/VMware/i, 'VMware'],
  [/innotek|VirtualBox/i, 'virtualbox'],
  [/Microsoft.*Virtual/i, 'VirtualPC'],
  [/Xen/i, 'xen'],
  [/Parallels/i, 'parallels'],
];
