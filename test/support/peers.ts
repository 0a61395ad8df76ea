import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Real programs that a driver talks to, each in a folder of its own. */

/** Installs Debian packages of programs that are missing. */
export function installed(programs: Readonly<Record<string, string>>): void {
  const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
  const missing = Object.entries(programs).filter(
    ([name]) => !folders.some((folder) => existsSync(join(folder, name))),
  );
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, one]) => one))];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const how = ['-o', 'DPkg::Lock::Timeout=300', '-qq', '-y', '--no-install-recommends', 'install'];
  execFileSync('apt-get', [...how, ...packages], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

export type Peer = Readonly<{ port: number; folder: string; isOn: () => boolean; close: () => void }>;

function room(): string {
  return mkdtempSync(join(tmpdir(), 'peer-'));
}
/** A port that the kernel does not give to others: below those for clients. Tests of one file run one by one. */
let nextPort = 20_000 + (process.pid % 5000) * 2;

async function started(child: ChildProcess, isReady: () => boolean): Promise<void> {
  for (let tries = 0; !isReady(); tries++) {
    if (child.exitCode !== null || tries > 600) throw new Error(`${child.spawnfile} did not start`);
    await sleep(100);
  }
}

/** OpenIPMI's simulator of a BMC. Its machine is a file that contains 1 or 0. */
export async function bmc(password: string): Promise<Peer> {
  const folder = room();
  const [state, hook] = [join(folder, 'power'), join(folder, 'hook')];
  const port = nextPort++;
  writeFileSync(state, '0');
  writeFileSync(
    hook,
    `#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in
get) do=get ;; set) do=set ;;
power) if [ $do = get ]; then echo "power:$(cat ${state})"; else echo "$2" >${state}; shift; fi ;;
shutdown) echo 0 >${state}; shift ;;
*) shift ;; esac; shift; done\n`,
  );
  chmodSync(hook, 0o755);
  writeFileSync(
    join(folder, 'lan.conf'),
    `name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "${hook}"
  startnow false
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "admin" "${password}" admin 10 none md2 md5 straight
`,
  );
  writeFileSync(
    join(folder, 'cmds'),
    'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n',
  );
  const child = spawn(
    'ipmi_sim',
    ['-n', '-c', join(folder, 'lan.conf'), '-f', join(folder, 'cmds'), '-s', join(folder, 'state')],
    { stdio: 'ignore' },
  );
  await started(child, () => hasUdp(port));
  return {
    port,
    folder,
    isOn: () => readFileSync(state, 'utf8').trim() === '1',
    close: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

/** Net-SNMP's agent as a PoE switch with two ports, which are on. It knows a community and a user of SNMP v3. */
export async function poeSwitch(password: string): Promise<Peer> {
  const folder = room();
  const port = nextPort++;
  const state = join(folder, 'ports');
  writeFileSync(state, '{}');
  writeFileSync(
    join(folder, 'snmpd.conf'),
    `agentaddress udp:127.0.0.1:${port}
rwcommunity ${password} 127.0.0.1
createUser poe SHA-256 "${password}" AES "${password}"
rwuser poe priv
sysName switch-1
pass_persist .1.3.6.1.2.1.105.1.1.1 ${process.execPath} ${resolve('test/support/poe-ports.mjs')} ${state}
`,
  );
  const args = ['-f', '-Lo', '-C', '-c', join(folder, 'snmpd.conf'), '-p', join(folder, 'pid')];
  const child = spawn('snmpd', args, { stdio: 'ignore', env: { ...process.env, SNMP_PERSISTENT_DIR: folder } });
  await started(child, () => hasUdp(port));
  return {
    port,
    folder,
    isOn: () => (JSON.parse(readFileSync(state, 'utf8'))['1'] ?? 1) === 1,
    close: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

/** A QEMU machine without a disk, which waits to be started. */
export async function machine(): Promise<Readonly<{ socket: string; close: () => void }>> {
  const folder = room();
  const socket = join(folder, 'qmp');
  const args = ['-name', 'vm1', '-machine', 'q35', '-accel', 'tcg', '-m', '32', '-nodefaults', '-display', 'none'];
  const monitor = ['-S', '-no-shutdown', '-qmp', `unix:${socket},server=on,wait=off`];
  const child = spawn('qemu-system-x86_64', [...args, ...monitor], { stdio: 'ignore' });
  await started(child, () => existsSync(socket));
  return {
    socket,
    close: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

function hasUdp(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/udp', 'utf8').includes(`:${hex} `);
}
