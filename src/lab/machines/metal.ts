import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { failure } from '../../core/errors/index.ts';
import { bridgeName, hostMac, machineName, portName, socketOf } from '../names.ts';
import { tryRun } from '../run.ts';
import { absent, consoleLog, hostDir, imagesDir, upper } from '../state.ts';
import { accelerator } from './accel.ts';
import type { Machine } from './machine.ts';
import { qemu } from './qemu.ts';

/** Default of `lab_memory`, in MiB. The installer unpacks its kernel, initramfs and programs into memory. */
const MEMORY = 1024;
/** The size of the blank disk. It takes space as it is written. */
const DISK = '8G';

const FIRMWARE = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** If this file exists, the next start tries the network before the disk. */
export const bootFromNetwork = (lab: string, host: string): string =>
  path.join(hostDir(lab, host), 'boot-from-network');
const variables = (lab: string, host: string): string => path.join(hostDir(lab, host), 'firmware-variables');

/**
 * Makes the host's port, then becomes QEMU. $1: port; $2: bridge; $3: the file of bootFromNetwork; $4: QMP socket. The
 * order of boot devices is QEMU's, and is read at each reset: the network comes first until the next one.
 */
const START = `port=$1 bridge=$2 once=$3 qmp=$4; shift 4
ip tuntap add dev "$port" mode tap && ip link set dev "$port" master "$bridge" up || exit 1
if [ -e "$once" ]; then
  rm -f "$once"
  set -- "$@" -set device.net.bootindex=1
  {
    for tries in $(seq 100); do
      printf '%s\\n' '{"execute":"qmp_capabilities"}' \\
        '{"execute":"qom-set","arguments":{"path":"/machine/peripheral/net","property":"bootindex","value":3}}' \\
        | socat -t 2 - "UNIX-CONNECT:$qmp" 2>/dev/null | grep -c '"return"' | grep -qx 2 && break
      sleep 0.1
    done
  } &
fi
exec "$@"`;

/**
 * A machine with a blank disk, UEFI firmware and a network card that boots from the network. Nothing of the lab is on
 * it: its system comes from an installer. It answers when that system does, so nobody waits for it.
 */
export const metal: Machine = {
  patience: qemu.patience,
  isBlank: true,

  async attachDisk(lab, host, layers) {
    const disk = upper(lab, host.name);
    if ((await stat(disk).catch(absent)) !== undefined) return;
    await mkdir(path.dirname(disk), { recursive: true });
    const [layer] = layers;
    const what = layer === undefined ? [disk, DISK] : ['-F', 'qcow2', '-b', layer, disk];
    const { code, stderr } = await tryRun(['qemu-img', 'create', '-q', '-f', 'qcow2', ...what]);
    if (code === 0) return;
    throw failure('E_LAB_DISK', {
      host: host.name,
      problem: 'its disk cannot be made',
      detail: stderr.trim(),
      hint: `reset the host: bringup lab reset ${host.name}`,
    });
  },

  /** The firmware forgets its boot entries with the disk. */
  setUp: async (lab, host) => rm(variables(lab.name, host.name), { force: true }),

  async command(lab, host) {
    const [name, port] = [machineName(lab.name, host.name), portName(lab.name, host.name)];
    const socket = (kind: 'qmp' | 'console'): string =>
      `path=${socketOf(lab.name, host.name, kind)},server=on,wait=off`;
    await mkdir(path.dirname(socketOf(lab.name, host.name, 'qmp')), { recursive: true, mode: 0o700 });
    const vars = variables(lab.name, host.name);
    if ((await stat(vars).catch(absent)) === undefined) await copyFile(VARIABLES, vars);
    const log = consoleLog(lab.name, host.name);
    return [
      ...['sh', '-c', START, 'bringup-lab', port, bridgeName(lab.name), bootFromNetwork(lab.name, host.name)],
      ...[socketOf(lab.name, host.name, 'qmp'), 'qemu-system-x86_64', '-name', name, '-machine', 'q35'],
      ...['-accel', await accelerator(await anyKernel()), '-cpu', 'max', '-smp', '1'],
      ...['-m', String(host.memory ?? MEMORY), '-display', 'none', '-nodefaults', '-no-user-config'],
      ...['-chardev', `socket,id=console,logfile=${log},logappend=on,${socket('console')}`],
      ...['-serial', 'chardev:console'],
      ...['-chardev', `socket,id=qmp,${socket('qmp')}`, '-mon', 'chardev=qmp,mode=control'],
      ...['-drive', `if=pflash,format=raw,readonly=on,file=${FIRMWARE}`, '-drive', `if=pflash,format=raw,file=${vars}`],
      ...['-netdev', `tap,id=net,ifname=${port},script=no,downscript=no`],
      // Without a ROM of its own, the firmware's driver boots from the network.
      ...[
        '-device',
        `virtio-net-pci,id=net,netdev=net,mac=${host.mac ?? hostMac(lab.name, host.name)},romfile=,bootindex=3`,
      ],
      ...['-drive', `if=none,id=disk,file=${upper(lab.name, host.name)},format=qcow2,cache=writeback,discard=unmap`],
      ...['-device', `virtio-blk-pci,drive=disk,serial=${name},bootindex=2`, '-device', 'virtio-rng-pci'],
    ];
  },

  pressPower: qemu.pressPower,
  acceptsLogins: async () => false,
  console: async (lab, host) => ({ socket: socketOf(lab, host, 'console') }),

  journal: async () => '',
};

/** A kernel for the trial of hardware virtualization: of an image, or this machine's own. undefined: there is none. */
async function anyKernel(): Promise<string | undefined> {
  const images = ((await readdir(imagesDir()).catch(absent)) ?? []).map((name) =>
    path.join(imagesDir(), name, 'vmlinuz'),
  );
  const own = ((await readdir('/boot').catch(absent)) ?? []).filter((name) => name.startsWith('vmlinuz'));
  for (const file of [...images, ...own.map((name) => path.join('/boot', name))])
    if ((await stat(file).catch(absent)) !== undefined) return file;
  return undefined;
}
