/** A lease of a DHCP server: which name a machine gave itself. */
export type Lease = Readonly<{ address: string; mac: string; name: string | undefined }>;

/** Where DHCP servers on this machine keep their leases. */
export const LEASE_FILES: readonly string[] = [
  '/var/lib/misc/dnsmasq.leases',
  '/var/lib/dnsmasq/dnsmasq.leases',
  '/var/lib/dhcp/dhcpd.leases',
  '/var/lib/kea/kea-leases4.csv',
];

/** Reads the leases of dnsmasq, of ISC's dhcpd and of Kea. Lines of other kinds are left out. */
export function leasesIn(text: string): readonly Lease[] {
  if (/^lease /m.test(text)) {
    return [...text.matchAll(/^lease (\S+) \{([^}]*)\}/gm)].flatMap(([, address = '', body = '']) => {
      const [, mac] = /hardware ethernet ([0-9a-f:]{17});/i.exec(body) ?? [];
      const [, name] = /client-hostname "([^"]*)";/.exec(body) ?? [];
      return mac === undefined ? [] : [{ address, mac: mac.toLowerCase(), name: nameOf(name) }];
    });
  }
  const isKea = text.startsWith('address,');
  return text.split('\n').flatMap((line): readonly Lease[] => {
    const words = isKea ? line.split(',') : line.split(' ');
    const [address = '', mac = '', name] = isKea ? [words[0], words[1], words[8]] : [words[2], words[1], words[3]];
    if (!/^\d+(\.\d+){3}$/.test(address) || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) return [];
    return [{ address, mac: mac.toLowerCase(), name: nameOf(name) }];
  });
}

const nameOf = (name: string | undefined): string | undefined =>
  name === undefined || !/^[\w.-]+$/.test(name) ? undefined : name.replace(/\.$/, '');
