import { createHash } from 'node:crypto';

/**
 * The names of a lab's parts for the kernel and nft. They follow from the lab's name alone, so that `down` needs no
 * state.
 */

/** Linux limits the name of an interface to 15 characters. */
const INTERFACE_MAX = 15;

/** The lab's bridge: br-NAME. A name that is too long is shortened and gets a hash. */
export function bridgeName(lab: string): string {
  const plain = `br-${lab}`;
  return plain.length <= INTERFACE_MAX ? plain : `br-${lab.slice(0, 6)}-${hash(lab, 5)}`;
}

export function tableName(lab: string): string {
  return `bringup_${lab.replaceAll('-', '_')}_${hash(lab, 4)}`;
}

/**
 * The machine's name for nspawn. It is unique among all labs, because nspawn stores files under /run by this name. It
 * has at most 12 characters, so that the port's name vb-MACHINE is never cut.
 */
export function machineName(lab: string, host: string): string {
  return `${host.replaceAll('.', '').slice(0, 6)}-${hash(`${lab}/${host}`, 5)}`;
}

/**
 * A socket of a machine of its own: QEMU's control, or its serial console. The path is short, because the kernel limits
 * it to 107 bytes.
 */
export function socketOf(lab: string, host: string, kind: 'qmp' | 'console'): string {
  return `/run/bringup/${machineName(lab, host)}.${kind}`;
}

/** The host's port on the bridge, as nspawn names it. */
export function portName(lab: string, host: string): string {
  return `vb-${machineName(lab, host)}`;
}

/**
 * A locally administered MAC address. A bridge without one takes the lowest of its ports and changes it as ports come
 * and go.
 */
export function bridgeMac(lab: string): string {
  return ['02', ...(hash(lab, 10).match(/../g) ?? [])].join(':');
}

/** A host's MAC address, in QEMU's range. Container hosts get theirs from nspawn. */
export function hostMac(lab: string, host: string): string {
  return ['52:54:00', ...(hash(`${lab}/${host}`, 6).match(/../g) ?? [])].join(':');
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
