import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../core/errors/index.ts';
import { boxGroup, isPopulated, killBelow, labGroup, makeGroups, removeGroups } from './cgroup.ts';
import { ensureDisk } from './disk.ts';
import { machineOf } from './machines/index.ts';
import { portName } from './names.ts';
import { cutPort, removePort } from './network.ts';
import { lastLines } from './run.ts';
import { consoleLog, type HostRecord, hostDir, type LabRecord } from './state.ts';

/**
 * Keeps a host powered. If its machine ends with exit code 133, the host was rebooted from inside and is started again.
 * Any other code means that it was powered off or killed. $1: log; $2: cgroup.procs files of the box; $3: cgroup.procs
 * files of the supervisor; $4: the port's name; the rest: the machine's command.
 */
const SUPERVISOR = `
log=$1 box=$2 sup=$3 port=$4; shift 4
for f in $sup; do echo $$ > "$f"; done
while :; do
  # A socket that still waits for an answer can keep the old machine's network, and so its port, for minutes.
  ip link delete "$port" 2>/dev/null
  echo "--- power on $(date -u +%FT%TZ)" >> "$log"
  sh -c 'for f in $0; do echo $$ > "$f"; done; exec "$@"' "$box" "$@" >> "$log" 2>&1 < /dev/null
  rc=$?
  echo "--- off, exit code $rc" >> "$log"
  [ $rc = 133 ] || exit 0
  # What the old machine left of cgroups would be in the new one's way.
  for f in $box; do find "\${f%/cgroup.procs}" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null; done
done
`;

/** Whether a host has power. */
export async function isOn(lab: string, host: string): Promise<boolean> {
  return await isPopulated(path.join(labGroup(lab), host));
}

/**
 * Boots a host unless it is on, without waiting for sshd. Returns whether it had to boot. The host keeps running when
 * this process ends.
 */
export async function powerOn(lab: LabRecord, host: HostRecord): Promise<boolean> {
  if (await isOn(lab.name, host.name)) return false;
  await removeGroups(path.join(labGroup(lab.name), host.name));
  await ensureDisk(lab, host);
  const groups = await makeGroups(lab.name, host.name);
  await mkdir(hostDir(lab.name, host.name), { recursive: true });
  const log = consoleLog(lab.name, host.name);
  const command = await machineOf(host).command(lab, host);
  const child = spawn(
    'sh',
    [
      '-c',
      SUPERVISOR,
      'bringup-lab',
      log,
      groups.box.join(' '),
      groups.sup.join(' '),
      portName(lab.name, host.name),
      ...command,
    ],
    {
      detached: true,
      stdio: 'ignore',
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
    },
  );
  child.unref();
  // Until the supervisor is in its cgroup, no other process would find it.
  for (const until = Date.now() + 5000; !(await isOn(lab.name, host.name)); await sleep(10)) {
    if (Date.now() > until) {
      const detail = await logEnd(lab.name, host.name);
      throw failure('E_LAB_BOOT', { host: host.name, problem: 'the host does not start', detail });
    }
  }
  return true;
}

/** Waits until the host accepts logins: sshd answers, and /run/nologin is gone. */
export async function waitForSsh(lab: string, host: HostRecord, signal?: AbortSignal): Promise<void> {
  const { acceptsLogins, patience } = machineOf(host);
  const deadline = patience.boot;
  for (const until = Date.now() + deadline; ; await sleep(100)) {
    signal?.throwIfAborted();
    if ((await saysSsh(host.address)) && (await acceptsLogins(lab, host))) return;
    const off = !(await isOn(lab, host.name));
    if (!off && Date.now() < until) continue;
    const problem = off ? 'the host powered off while it booted' : `no sshd after ${deadline / 1000} s`;
    throw failure('E_LAB_BOOT', { host: host.name, problem, detail: await logEnd(lab, host.name) });
  }
}

/**
 * Cuts the power. The network link is cut first, so that not even an RST gets out; then all processes are killed. The
 * page cache survives.
 */
export async function powerCut(lab: string, host: string): Promise<void> {
  await cutPort(portName(lab, host));
  await killBelow(boxGroup(lab, host));
  // The supervisor reaps its child and ends by itself, unless it was just about to boot again.
  for (const until = Date.now() + 500; Date.now() < until && (await isOn(lab, host)); ) await sleep(10);
  await killBelow(path.join(labGroup(lab), host));
  await removePort(portName(lab, host));
  await removeGroups(path.join(labGroup(lab), host));
}

/** Shuts down cleanly, and cuts the power if that takes too long. Returns whether the shutdown was clean. */
export async function powerOff(lab: string, host: HostRecord): Promise<boolean> {
  const { pressPower, patience } = machineOf(host);
  const pressed = await pressPower(lab, host.name);
  let on = await isOn(lab, host.name);
  for (const until = Date.now() + patience.shutdown; pressed && on && Date.now() < until; await sleep(50)) {
    on = await isOn(lab, host.name);
  }
  await powerCut(lab, host.name);
  return !on;
}

export async function logEnd(lab: string, host: string, count = 20): Promise<string> {
  return lastLines(await readFile(consoleLog(lab, host), 'utf8').catch(() => ''), count);
}

function saysSsh(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('data', (data) => end(data.toString('latin1').startsWith('SSH-')));
  });
}
