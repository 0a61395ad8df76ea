import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { failure } from '../../core/errors/index.ts';
import { identity } from '../identity.ts';
import { clientKey, knownHosts } from '../keys.ts';
import { bridgeName, hostMac, machineName, portName, socketOf } from '../names.ts';
import { tryRun } from '../run.ts';
import { absent, consoleLog, hostDir, imagesDir, upper } from '../state.ts';
import { accelerator } from './accel.ts';
import type { Machine } from './machine.ts';
import { qmp } from './qmp.ts';

/** Default of `lab_memory`, in MiB. */
const MEMORY = 512;

/** What systemd reads at each boot, and writes to files that do not exist yet. */
const credential = (lab: string, host: string): string => path.join(hostDir(lab, host), 'tmpfiles.extra');

/** Makes the host's port, then becomes QEMU. $1: port; $2: bridge. */
const WITH_PORT =
  'ip tuntap add dev "$1" mode tap && ip link set dev "$1" master "$2" up || exit 1; shift 2; exec "$@"';

/**
 * A machine with a kernel of its own. Its disk is a qcow2 file of its changes over its snapshots over its image, and it
 * boots the image's kernel directly. The pages that it has not synced are lost with its power.
 */
export const qemu: Machine = {
  // Without hardware virtualization, a boot takes 40 s on an idle machine.
  patience: { boot: 600_000, shutdown: 120_000 },

  async attachDisk(lab, host, layers) {
    const disk = upper(lab, host.name);
    if ((await stat(disk).catch(absent)) !== undefined) return;
    await mkdir(path.dirname(disk), { recursive: true });
    const [layer] = layers;
    const below =
      layer === undefined
        ? ['-F', 'raw', '-b', path.join(imagesDir(), host.base, 'disk.raw')]
        : ['-F', 'qcow2', '-b', layer];
    const { code, stderr } = await tryRun(['qemu-img', 'create', '-q', '-f', 'qcow2', ...below, disk]);
    if (code === 0) return;
    const problem = 'its disk cannot be made';
    throw failure('E_LAB_DISK', {
      host: host.name,
      problem,
      detail: stderr.trim(),
      hint: `reset the host: bringup lab reset ${host.name}`,
    });
  },

  /**
   * The files travel as a credential that systemd reads from QEMU, so neither the disk is opened nor does a key reach
   * argv. https://systemd.io/CREDENTIALS/, tmpfiles.d(5): f~ takes the contents in base64.
   */
  async setUp(lab, host) {
    const files = await identity(lab, host, `MACAddress=${hostMac(lab.name, host.name)}`);
    const lines = files
      // The image's own is empty, so systemd makes one at the first boot.
      .filter(({ path: name }) => name !== '/etc/machine-id')
      .flatMap(({ path: name, data, mode, owner = '-' }) => [
        ...(owner === '-' ? [] : [`d ${path.dirname(name)} 0700 ${owner} ${owner} -`]),
        `f~ ${name} ${mode.toString(8).padStart(4, '0')} ${owner} ${owner} - ${Buffer.from(data).toString('base64')}`,
      ]);
    await writeFile(credential(lab.name, host.name), `${lines.join('\n')}\n`, { mode: 0o600 });
  },

  async command(lab, host) {
    await mkdir(path.dirname(socketOf(lab.name, host.name, 'qmp')), { recursive: true, mode: 0o700 });
    const image = path.join(imagesDir(), host.base);
    const log = consoleLog(lab.name, host.name);
    const socket = (kind: 'qmp' | 'console'): string =>
      `path=${socketOf(lab.name, host.name, kind)},server=on,wait=off`;
    const port = portName(lab.name, host.name);
    const kernel = [
      ...['root=LABEL=root', 'rw', 'console=ttyS0', 'mitigations=off'],
      // On a busy machine, systemd's 90 s for a device are too short.
      ...['systemd.default_device_timeout_sec=300', `systemd.hostname=${host.name.split('.')[0]}`],
    ];
    return [
      ...['sh', '-c', WITH_PORT, 'bringup-lab', port, bridgeName(lab.name)],
      ...['qemu-system-x86_64', '-name', machineName(lab.name, host.name), '-machine', 'q35,sata=off'],
      ...[
        '-accel',
        await accelerator(path.join(image, 'vmlinuz')),
        '-cpu',
        'max',
        '-smp',
        '1',
        '-m',
        String(host.memory ?? MEMORY),
      ],
      ...['-display', 'none', '-nodefaults', '-no-user-config'],
      ...[
        '-chardev',
        `socket,id=console,logfile=${log},logappend=on,${socket('console')}`,
        '-serial',
        'chardev:console',
      ],
      ...['-chardev', `socket,id=qmp,${socket('qmp')}`, '-mon', 'chardev=qmp,mode=control'],
      ...[
        '-kernel',
        path.join(image, 'vmlinuz'),
        '-initrd',
        path.join(image, 'initrd.img'),
        '-append',
        kernel.join(' '),
      ],
      '-fw_cfg',
      `name=opt/io.systemd.credentials/tmpfiles.extra,file=${credential(lab.name, host.name)}`,
      ...['-netdev', `tap,id=net,ifname=${port},script=no,downscript=no`],
      ...['-device', `virtio-net-pci,netdev=net,mac=${hostMac(lab.name, host.name)},romfile=`],
      ...['-drive', `if=none,id=disk,file=${upper(lab.name, host.name)},format=qcow2,cache=writeback,discard=unmap`],
      ...['-device', 'virtio-blk-pci,drive=disk', '-device', 'virtio-rng-pci'],
    ];
  },

  pressPower: (lab, host) => qmp(socketOf(lab, host, 'qmp'), 'system_powerdown'),

  /** Logs in, because nobody outside of the machine sees its /run/nologin. */
  async acceptsLogins(lab, host) {
    const options = [
      ...['BatchMode=yes', 'ConnectTimeout=10', 'StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'LogLevel=ERROR'],
      ...[`UserKnownHostsFile=${knownHosts(lab)}`, 'GlobalKnownHostsFile=none'],
    ].flatMap((option) => ['-o', option]);
    const argv = ['ssh', '-F', 'none', ...options, '-i', clientKey(lab), `ops@${host.address}`, 'true'];
    return (await tryRun(argv)).code === 0;
  },

  console: async (lab, host) => ({ socket: socketOf(lab, host, 'console') }),

  journal: async () => '',
};
