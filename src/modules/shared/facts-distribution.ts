import type { Vars } from '../../core/value.ts';
import { lines, type Sections } from './facts-sections.ts';

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
  const family = FAMILIES.find(([pattern]) => pattern.test(`${id} ${release['ID_LIKE'] ?? ''}`))?.[1] ?? distribution;
  return {
    distribution,
    distribution_version: version,
    distribution_major_version: major,
    ...(minor !== undefined && { distribution_minor_version: minor }),
    distribution_release: codename,
    distribution_file_parsed: true,
    distribution_file_path: '/etc/os-release',
    distribution_file_variety: family,
    os_family: family,
    pkg_mgr: managerOf(family, commands),
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
/** The package managers by their commands. Those of the host's family come first: Debian has the others' programs too. */
const MANAGERS = [
  ['Debian', 'apt-get', 'apt'],
  ['RedHat', 'dnf5', 'dnf5'],
  ['RedHat', 'dnf', 'dnf'],
  ['RedHat', 'yum', 'yum'],
  ['Suse', 'zypper', 'zypper'],
  ['Alpine', 'apk', 'apk'],
  ['Archlinux', 'pacman', 'pacman'],
] as const;

function managerOf(family: string, commands: readonly string[]): string {
  const there = MANAGERS.filter(([, command]) => commands.includes(command));
  return (there.find(([of]) => of === family) ?? there[0])?.[2] ?? 'unknown';
}

function keyValues(text: string): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const line of lines(text)) {
    const [, key, value] = /^([A-Z_0-9]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) out[key] = value.replace(/^(["'])(.*)\1$/, '$2');
  }
  return out;
}
