import { access, constants, readFile } from 'node:fs/promises';
import path from 'node:path';
import { tryRun } from '../run.ts';
import { absent, replaceFile, stateDir } from '../state.ts';

/** Emulation in software. The size of its code cache is in MiB: QEMU's default takes 1 GiB. */
const EMULATED = 'tcg,tb-size=256';

/**
 * How QEMU runs a machine: 'kvm' if hardware virtualization works here, else emulation. A /dev/kvm that can be opened
 * proves nothing (inside of another virtual machine, a guest may hang), so a kernel is booted once for each boot of this
 * machine: without a root file system it says that it panics, within seconds. Without a kernel, QEMU emulates.
 */
export async function accelerator(kernel: string | undefined): Promise<string> {
  const openable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!openable || kernel === undefined) return EMULATED;
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const file = path.join(stateDir(), 'kvm');
  const [tried, result] = ((await readFile(file, 'utf8').catch(absent)) ?? '').trim().split(' ');
  if (tried === boot && result !== undefined) return result;
  const { stdout } = await tryRun([
    ...['timeout', '--signal=KILL', '20', 'qemu-system-x86_64', '-machine', 'q35,sata=off', '-accel', 'kvm'],
    ...['-cpu', 'max', '-m', '256', '-display', 'none', '-nodefaults', '-no-user-config', '-no-reboot'],
    ...['-serial', 'stdio', '-kernel', kernel, '-append', 'console=ttyS0 panic=-1'],
  ]);
  const works = /Kernel panic/.test(stdout) ? 'kvm' : EMULATED;
  await replaceFile(file, `${boot} ${works}\n`, 0o644);
  return works;
}
