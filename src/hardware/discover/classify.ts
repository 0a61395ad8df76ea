import type { Announced } from './mdns.ts';

/** What was found of a machine at an address. */
export type Seen = Readonly<{
  vendor: string | undefined;
  isBmc: boolean;
  banner: string | undefined;
  announced: Announced | undefined;
}>;

/** What a machine probably is, in a few words. */
export function probably({ vendor, isBmc, banner, announced }: Seen): string {
  const by = vendor === undefined ? '' : ` (${vendor})`;
  if (isBmc) return `BMC${by}`;
  const services = announced?.services ?? [];
  if (services.includes('shelly')) return 'Shelly plug';
  const system = systemOf(banner);
  if (vendor === 'Raspberry Pi') return system === undefined ? 'Raspberry Pi without SSH' : `Raspberry Pi, ${system}`;
  if (vendor === 'QEMU or KVM') return system === undefined ? 'virtual machine' : `virtual machine, ${system}`;
  if (system !== undefined) return `${system}${by}`;
  if (vendor === 'Espressif') return 'plug or sensor (Espressif)';
  if (services.some((one) => ['ipp', 'ipps', 'printer', 'pdl-datastream'].includes(one))) return `printer${by}`;
  if (services.some((one) => ['googlecast', 'airplay', 'raop'].includes(one))) return `media player${by}`;
  return vendor ?? 'unknown';
}

/** The system that an SSH banner names. undefined: there is no SSH server. */
function systemOf(banner: string | undefined): string | undefined {
  if (banner === undefined) return undefined;
  const [, distribution] = /\b(Raspbian|Debian|Ubuntu|FreeBSD)\b/.exec(banner) ?? [];
  if (distribution !== undefined) return `${distribution} with SSH`;
  if (/ROSSSH/.test(banner)) return 'MikroTik router';
  return /dropbear/.test(banner) ? 'small Linux with SSH (dropbear)' : 'host with SSH';
}
