import { lchown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { failure } from '../../core/errors/index.ts';
import { boxGroup, pidsBelow } from '../cgroup.ts';
import { identity } from '../identity.ts';
import { isMounted } from '../mounts.ts';
import { bridgeName, machineName } from '../names.ts';
import { tryRun } from '../run.ts';
import { hostDir, imagesDir, rootOf, upper } from '../state.ts';
import type { Machine } from './machine.ts';

/**
 * In addition to nspawn's defaults: raw sockets and network set-up as on a real machine, but never the clock, modules
 * or raw devices.
 */
const CAPABILITIES = ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_IPC_LOCK', 'CAP_SYSLOG'];

/** A container of systemd-nspawn. Its disk is an overlay of its own changes over its snapshots over its image. */
export const nspawn: Machine = {
  patience: { boot: 90_000, shutdown: 30_000 },

  async attachDisk(lab, host, layers) {
    if (await isMounted(rootOf(lab, host.name))) return;
    const work = path.join(hostDir(lab, host.name), 'work');
    await rm(work, { recursive: true, force: true });
    for (const part of [upper(lab, host.name), work, rootOf(lab, host.name)]) await mkdir(part, { recursive: true });
    const lower = [...layers, path.join(imagesDir(), host.base)].join(':');
    const options = `lowerdir=${lower},upperdir=${upper(lab, host.name)},workdir=${work}`;
    const { code, stderr } = await tryRun(['mount', '-t', 'overlay', 'overlay', '-o', options, rootOf(lab, host.name)]);
    if (code === 0) return;
    throw failure('E_LAB_DISK', {
      host: host.name,
      problem: 'its disk cannot be mounted',
      detail: stderr.trim(),
      hint: 'set BRINGUP_STATE to a directory on a real disk (ext4, xfs, btrfs), not one inside of a container',
    });
  },

  async setUp(lab, host) {
    const root = rootOf(lab.name, host.name);
    for (const { path: name, data, mode, owner } of await identity(lab, host, 'Name=host0')) {
      const file = path.join(root, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, data, { mode });
      if (owner !== undefined) await own(root, owner, [path.dirname(file), file]);
    }
  },

  async command(lab, host) {
    return [
      ...['systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--boot', '--console=read-only'],
      ...['-D', rootOf(lab.name, host.name), '-M', machineName(lab.name, host.name)],
      ...[`--hostname=${host.name.split('.')[0]}`, `--network-bridge=${bridgeName(lab.name)}`],
      ...['--resolv-conf=off', '--timezone=off', '--link-journal=no', `--capability=${CAPABILITIES.join(',')}`],
      // For init: what it starts is on the console, as on a machine.
      ...['--', '--show-status=yes'],
    ];
  },

  async pressPower(lab, host) {
    const init = await initOf(lab, host);
    // SIGRTMIN+4 is systemd's "power off". Node has no name for it.
    if (init !== undefined) await tryRun(['kill', '-s', 'RTMIN+4', String(init)]);
    return init !== undefined;
  },

  async acceptsLogins(lab, host) {
    const init = await initOf(lab, host.name);
    if (init === undefined) return false;
    return (await stat(`/proc/${init}/root/run/nologin`).catch(() => undefined)) === undefined;
  },

  /** A root shell in a terminal of its own: a container has no serial line, and nobody has a password there. */
  async console(lab, host) {
    const init = await initOf(lab, host);
    if (init === undefined) return undefined;
    const env = 'env -i TERM="${TERM:-vt220}" HOME=/root USER=root PATH=/usr/sbin:/usr/bin:/sbin:/bin';
    const shell = `exec nsenter --target ${init} --mount --uts --ipc --net --pid --cgroup --root --wd ${env} bash -l`;
    return { argv: ['script', '-q', '-e', '-f', '-c', shell, '/dev/null'] };
  },

  /** Reads it with the host's own journalctl, because ours may have another version. */
  async journal(lab, host, count) {
    const argv = ['journalctl', '--no-pager', '-q', '-o', 'short-iso', '-n', String(count)];
    const { code, stdout } = await tryRun(['chroot', rootOf(lab, host), ...argv]);
    return code === 0 ? stdout : '';
  },
};

/** The pid of a host's init on this machine. undefined while it is off or starting. */
async function initOf(lab: string, host: string): Promise<number | undefined> {
  for (const pid of await pidsBelow(boxGroup(lab, host))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (/^NSpid:\t\d+\t1$/m.test(status)) return pid;
  }
  return undefined;
}

async function own(root: string, user: string, files: readonly string[]): Promise<void> {
  const passwd = await readFile(path.join(root, 'etc/passwd'), 'utf8');
  const [, , uid, gid] =
    passwd
      .split('\n')
      .find((line) => line.startsWith(`${user}:`))
      ?.split(':') ?? [];
  for (const file of files) await lchown(file, Number(uid), Number(gid));
}
