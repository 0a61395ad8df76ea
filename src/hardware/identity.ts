import { Type } from 'typebox';
import { failure } from '../core/errors/index.ts';
import type { PowerScene } from './contract.ts';

/** How the inventory says which device it means. Addresses of a DHCP server move. */
export const IDENTITY = {
  name: Type.Optional(
    Type.String({ description: 'The name that the device must report; with another one, nothing is switched.' }),
  ),
  mac: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}$',
      expected: 'six bytes: dc:a6:32:01:02:03',
      description: 'The MAC address that the device must report; with another one, nothing is switched.',
    }),
  ),
};

/** Throws Failure if a device reports another name or MAC address than the inventory has. */
export function sameDevice(
  scene: PowerScene,
  device: string,
  wanted: Readonly<{ name?: string | undefined; mac?: string | undefined }>,
  seen: Readonly<{ name: unknown; mac: unknown }>,
): void {
  const { host } = scene;
  const other = (what: string, is: unknown, want: string) =>
    failure('E_POWER_OTHER_DEVICE', { host, device, what, seen: typeof is === 'string' ? is : '', wanted: want });
  if (wanted.name !== undefined && seen.name !== wanted.name) throw other('name', seen.name, wanted.name);
  if (wanted.mac !== undefined && (typeof seen.mac !== 'string' || bare(seen.mac) !== bare(wanted.mac)))
    throw other('MAC address', seen.mac, wanted.mac);
}

const bare = (mac: string): string => mac.replace(/[^0-9a-f]/gi, '').toLowerCase();
