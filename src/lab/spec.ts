import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { failure, tell } from '../core/errors/index.ts';
import { MACHINES, type MachineName } from './machines/machine.ts';
import { contains, isPrivate, parseAddress, parseSubnet } from './subnet.ts';

/** blank: an empty disk, for a machine that boots by its firmware and gets its system from somewhere else. */
export const IMAGES = ['debian-12', 'debian-13', 'debian-sid', 'blank'] as const;
export type ImageName = (typeof IMAGES)[number];

/** The BMC of a machine: an IPMI server on the lab's gateway. `port` is a UDP port; the next two belong to it as well. */
export type LabBmc = Readonly<{ port: number; user: string; password: string }>;

/**
 * A virtual host. `address` is an IPv4 address in the lab's subnet. .1 belongs to the gateway; .0 and .255 are not
 * used.
 */
export type LabHost = Readonly<{
  name: string;
  address: string;
  image: ImageName;
  /** Default: nspawn. */
  machine?: MachineName;
  /** Memory of a machine of its own in MiB, 256 or more. Default: 512. */
  memory?: number;
  /** Default: none. */
  bmc?: LabBmc;
}>;

/**
 * A lab as the inventory describes it. `subnet` is a private /24, for example '10.83.0.0/24'. Default: the /24 that the
 * hosts' addresses share or, without hosts, a free one in 10.80.0.0–10.95.255.0 derived from the lab's name.
 */
export type LabSpec = Readonly<{ name: string; hosts: readonly LabHost[]; subnet?: string }>;

const LAB_NAME = /^[a-z][a-z0-9-]{0,30}$/;
const HOST_NAME = /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9][a-z0-9._-]{0,40}$/;

/** Throws Failure unless `name` is valid for a lab. The name becomes part of a path, so nothing else is allowed. */
export function checkLabName(name: string): void {
  if (LAB_NAME.test(name)) return;
  const expected = 'a lower-case letter, then at most 30 lower-case letters, digits or dashes';
  throw failure('E_LAB_NAME', { name, of: 'lab', expected });
}

/** Throws Failure unless `label` is valid for a snapshot. */
export function checkLabel(label: string): void {
  if (LABEL.test(label)) return;
  const expected = 'at most 41 lower-case letters, digits, dots, dashes or underscores, a letter or digit first';
  throw failure('E_LAB_NAME', { name: label, of: 'snapshot', expected });
}

/** Throws one Failure with all mistakes of the spec. */
export function checkSpec(spec: LabSpec): void {
  checkLabName(spec.name);
  const mistakes: Diagnostic[] = [];
  const say = (problem: string, expected?: string) => mistakes.push(tell('E_LAB_SPEC', { problem, expected }));
  const subnet = spec.subnet === undefined ? undefined : parseSubnet(spec.subnet);
  if (spec.subnet !== undefined && (subnet === undefined || !isPrivate(subnet))) {
    say(`'${spec.subnet}' is not a valid subnet of a lab`, 'a private /24 that ends in .0, e.g. 10.83.0.0/24');
  }
  const names = new Set<string>();
  const ports = new Map<number, string>();
  const addresses = new Map<number, string>();
  for (const host of spec.hosts) {
    if (!HOST_NAME.test(host.name)) {
      say(
        `'${host.name}' is not a valid name of a lab host`,
        'lower-case letters, digits and dashes, at most 63 characters',
      );
    }
    if (names.has(host.name)) say(`two lab hosts are named '${host.name}'`);
    names.add(host.name);
    if (!IMAGES.includes(host.image)) say(`${host.name}: no lab image '${host.image}'`, `one of ${IMAGES.join(', ')}`);
    const { machine = 'nspawn', memory } = host;
    if (!MACHINES.includes(machine))
      say(`${host.name}: lab_machine '${machine}' is not known`, `one of ${MACHINES.join(', ')}`);
    if (memory !== undefined && machine !== 'qemu')
      say(`${host.name}: lab_memory has no effect on a container`, 'lab_machine: qemu, or no lab_memory');
    else if (memory !== undefined && !(Number.isInteger(memory) && memory >= 256 && memory <= 65_536))
      say(`${host.name}: lab_memory '${memory}' is not a size of memory`, '256 to 65536, in MiB');
    if (host.image === 'blank' && machine !== 'qemu')
      say(`${host.name}: a container has no blank disk`, 'lab_machine: qemu, or another lab_image');
    mistakesOfBmc(host, ports, say);
    const address = parseAddress(host.address);
    const last = address === undefined ? 0 : address % 256;
    if (address === undefined) say(`${host.name}: '${host.address}' is not an IPv4 address`, 'e.g. 10.83.0.21');
    else if (last < 2 || last > 254)
      say(`${host.name}: ${host.address} is not an address of a host`, 'a last number of 2 to 254');
    else if (!isPrivate({ base: address, prefix: 32 })) say(`${host.name}: ${host.address} is a public address`);
    else if (subnet !== undefined && !contains(subnet, address)) {
      say(`${host.name}: ${host.address} is outside the lab's subnet ${spec.subnet}`);
    } else {
      const other = addresses.get(address);
      if (other !== undefined) say(`${other} and ${host.name} both have the address ${host.address}`);
      addresses.set(address, host.name);
    }
  }
  const nets = new Set([...addresses.keys()].map((a) => Math.floor(a / 256)));
  if (spec.subnet === undefined && nets.size > 1) {
    say('the hosts of a lab must share one /24', 'addresses that differ in their last number only');
  }
  if (mistakes.length > 0) throw new Failure(mistakes);
}

function mistakesOfBmc(
  { name, image, bmc }: LabHost,
  ports: Map<number, string>,
  say: (problem: string, expected?: string) => void,
): void {
  if (bmc === undefined) return;
  if (image !== 'blank') return say(`${name}: lab_bmc needs a machine that boots by its firmware`, 'lab_image: blank');
  const { port, user, password } = bmc;
  if (!(Number.isInteger(port) && port >= 1024 && port <= 65_533))
    say(`${name}: the port '${port}' of lab_bmc is not a port`, '1024 to 65533');
  const near = [port - 2, port - 1, port, port + 1, port + 2].find((one) => ports.has(one));
  if (near !== undefined) say(`${name}: the BMC of ${ports.get(near)} has the port ${near}`, 'ports that are 3 apart');
  ports.set(port, name);
  // ipmi_sim reads them from a file in which quotes have a meaning, and IPMI limits them to these lengths.
  if (!/^[\w.-]{1,16}$/.test(user))
    say(`${name}: the user of lab_bmc is not valid`, 'at most 16 letters, digits, . _ -');
  if (!/^[\w.-]{1,20}$/.test(password))
    say(`${name}: the password of lab_bmc is not valid`, 'at most 20 letters, digits, . _ -');
}
