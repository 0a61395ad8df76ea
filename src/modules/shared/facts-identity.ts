import type { Value, Vars } from '../../core/value.ts';
import { lines, type Sections } from './facts-sections.ts';

/** Facts about host names, kernel, user and session. */
/** In the form of `uname -snrvm`. */
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
  // sudo removes the variable, but one of the shell's ancestors has it
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
    fips: s.get('/proc/sys/crypto/fips_enabled') === '1',
    ...python(s),
    ...systemd(s),
    is_chroot: s.has('otherroot'),
    cmdline: commandLine(s.get('/proc/cmdline') ?? ''),
    proc_cmdline: commandLine(s.get('/proc/cmdline') ?? ''),
    ...hostKeys(s),
  };
}

/**
 * The Python of the host, as its file's name tells it: to start Python takes longer than to gather all other facts. Roles
 * choose packages (python3-apt) by these facts, so a host without Python has the major version too.
 */
function python(s: Sections): Vars {
  const installed = s.get('python');
  const version = installed ?? '3';
  const [major = 3, minor] = version.split('.').map(Number);
  return {
    python_version: version,
    python: {
      version: { major, ...(minor !== undefined && { minor }) },
      version_info: minor === undefined ? [major] : [major, minor],
      type: 'cpython',
      ...(installed !== undefined && { executable: '/usr/bin/python3' }),
    },
  };
}

function systemd(s: Sections): Vars {
  const version = /^\d+/.exec(s.get('systemd') ?? '')?.[0];
  return version === undefined ? {} : { systemd: { version: Number(version) } };
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
