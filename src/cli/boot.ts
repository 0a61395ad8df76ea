// How a system gets onto the hosts of an inventory: what its boot ways need of the other rooms.
import { join } from 'node:path';
import type { Connection } from '../core/connection.ts';
import { Failure } from '../core/diagnostic.ts';
import { failure } from '../core/errors/index.ts';
import type { RawVars } from '../core/value.ts';
import { inventoryScope } from '../engine/host/variables.ts';
import type { BootProgress, BootScene, BootSystem, BoundWay } from '../hardware/boot/contract.ts';
import type { Machine } from '../hardware/machine.ts';
import { switchAll } from '../hardware/switch.ts';
import { openLine } from './connections.ts';
import { powerScene } from './hardware.ts';
import { fetched, imageOf, systemOf } from './host-system.ts';
import type { Project } from './project.ts';

/** Where installers and compressed images are kept. */
const CACHE = join('.bringup', 'boot');

/** How long a login may take while a host makes itself ready at its first boot. */
const FIRST_BOOT_SECONDS = 60;

/** A host with the way in which its system gets onto it. */
export type Installable = Readonly<{ host: string; boot: BoundWay; scene: BootScene }>;

type Options = Readonly<{
  project: Project;
  machines: ReadonlyMap<string, Machine>;
  progress: (host: string, progress: BootProgress) => void;
  signal: AbortSignal;
}>;

/** A host that can be installed. Throws Failure if the inventory does not say how, or has a mistake in what is needed. */
export function installable(name: string, options: Options): Installable {
  const { project, machines, signal } = options;
  const machine = machines.get(name);
  const at = project.inventory.hosts.get(name)?.at;
  if (machine?.boot === undefined) throw failure('E_NO_BOOT', { host: name }, at);
  const { get } = inventoryScope(project.templates, project.inventory, project.extraVars, '.', name);
  const defaults: RawVars = { ansible_timeout: FIRST_BOOT_SECONDS, ...project.connection };
  const line = (stop: AbortSignal): Promise<Connection> =>
    openLine(name, at, get, { defaults, onSecret: project.redactor.add, signal: stop });
  const { lab, ...powers } = powerScene(name, project, line, signal);
  const { power } = machine;
  const turn = async (to: 'on' | 'off', from?: 'network'): Promise<void> => {
    if (power === undefined) throw failure('E_NO_POWER', { host: name }, at);
    const hosts = [{ host: name, power, scene: { lab, ...powers } }];
    for (const outcome of await switchAll(hosts, to, { isHard: true, from }))
      if ('failed' in outcome) throw new Failure([outcome.failed]);
  };
  const progress = (event: BootProgress): void => options.progress(name, event);
  let system: Promise<BootSystem> | undefined;
  return {
    host: name,
    boot: machine.boot,
    scene: {
      host: name,
      address: String(get('ansible_host') ?? name),
      machine: { mac: machine.mac, disk: machine.disk, hasPower: power !== undefined },
      signal,
      cache: CACHE,
      progress,
      system: () => {
        system ??= makeSystem(name, project, { progress, signal });
        return system;
      },
      power: { on: (from) => turn('on', from), cut: () => turn('off') },
      answers: () => acceptsLogins(line, signal),
      ask: powers.ask,
      async resetInLab() {
        const { reset } = await import('../lab/lab.ts');
        await reset(String(get('lab_name') ?? 'lab'), [name], {
          progress: ({ message }) => progress({ stage: message }),
          signal,
        });
      },
    },
  };
}

/**
 * Whether a login works. sshd may answer before the first boot has made the login user, and another machine may have the
 * address: neither is the fresh system.
 */
async function acceptsLogins(
  line: (signal: AbortSignal) => Promise<Connection>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await (await line(signal)).close();
    return true;
  } catch (error) {
    if (signal.aborted || !(error instanceof Failure)) throw error;
    return false;
  }
}

/** Fetches the image, makes the host key if there is none, and pins it. */
async function makeSystem(
  name: string,
  project: Project,
  { progress, signal }: Readonly<{ progress: (event: BootProgress) => void; signal: AbortSignal }>,
): Promise<BootSystem> {
  const system = systemOf(name, project);
  const image = await fetched(imageOf(system), (stage, bytes, of) => progress({ stage, bytes, of }), signal);
  const hostKey = await system.hostKey();
  await system.pin(hostKey.public);
  return { image, identity: { ...system.identity, hostKey } };
}
