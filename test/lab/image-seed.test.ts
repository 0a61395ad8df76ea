import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Identity } from '../../src/hardware/image/identity.ts';
import { seedOf } from '../../src/hardware/image/seed.ts';
import { twoDebians } from './support/rack.ts';

const lab = twoDebians('10.83.143');
beforeAll(async () => {
  await lab.up();
  const install =
    'apt-get -q update >/dev/null; apt-get -qy install --no-install-recommends cloud-init netplan.io >/dev/null';
  for (const host of ['d12', 'd13']) await lab.root(host, `export DEBIAN_FRONTEND=noninteractive; ${install} 2>&1`);
});
afterAll(() => lab.down());

const WEB1: Identity = {
  name: 'web1.example.org',
  user: 'ops',
  publicKeys: ['ssh-ed25519 AAAA anna@laptop', 'ssh-rsa BBBB "anna"'],
  hostKey: {
    private: '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n',
    public: 'ssh-ed25519 CCCC',
  },
  network: {
    interface: 'e*',
    mac: undefined,
    address: { ip: '10.0.0.21', prefix: 24, gateway: '10.0.0.1' },
    nameservers: ['10.0.0.1', '2620:fe::fe'],
  },
  timezone: 'Europe/Berlin',
};
const DHCP = { ...WEB1.network, address: undefined, nameservers: [] };

/** Writes a text to a file of a host. */
const put = (file: string, text: string): string =>
  `echo ${Buffer.from(text).toString('base64')} | base64 -d > ${file}`;

describe.each(['d12', 'd13'])('cloud-init on %s', (host) => {
  const schema = (text: string) =>
    lab.root(host, `${put('/tmp/user-data', text)}; cloud-init schema --config-file /tmp/user-data 2>&1 || :`);
  /** What systemd-networkd gets from a network configuration: cloud-init hands version 2 to netplan as it is. */
  const networkd = (text: string) =>
    lab.root(
      host,
      `d=$(mktemp -d); mkdir -p $d/etc/netplan; { echo network:; sed 's/^/  /' ; } > $d/etc/netplan/50.yaml <<'EOF'
${text}EOF
chmod 600 $d/etc/netplan/50.yaml; netplan generate --root-dir $d 2>&1; cat $d/run/systemd/network/*`,
    );

  it.each<[string, Identity]>([
    ['a static host', WEB1],
    ['a host that asks DHCP', { ...WEB1, name: 'web1', network: DHCP, timezone: undefined }],
    ['a host with root as its user', { ...WEB1, user: 'root' }],
  ])('accepts the user-data of %s', async (_, identity) =>
    expect(await schema(seedOf(identity)['user-data'])).toMatch(/^Valid (cloud-config|schema)/m),
  );

  it('refuses a planted mistake', async () => {
    const text = seedOf(WEB1)['user-data'];
    expect(await schema(text.replace('"Europe/Berlin"', '5'))).not.toMatch(/^Valid/m);
    // Only the schema of Debian 13 knows which keys there are.
    if (host === 'd13') expect(await schema(text.replace('ssh_pwauth', 'ssh_pwauht'))).not.toMatch(/^Valid/m);
  });

  it('netplan gives systemd-networkd the address, the router and the name servers', async () => {
    const text = await networkd(seedOf(WEB1)['network-config']);
    for (const line of ['Name=e*', 'Address=10.0.0.21/24', 'Gateway=10.0.0.1', 'DNS=10.0.0.1', 'DNS=2620:fe::fe'])
      expect(text).toContain(line);
    expect(text).not.toContain('DHCP=');
    const mac = { ...DHCP, mac: '52:54:00:12:34:56' };
    const other = await networkd(seedOf({ ...WEB1, network: mac })['network-config']);
    expect(other).toMatch(/52:54:00:12:34:56[\s\S]*DHCP=ipv4/);
  });
});
