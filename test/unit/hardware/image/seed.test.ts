import { describe, expect, it } from 'vitest';
import { parseYaml, toRaw } from '../../../../src/config/source.ts';
import type { Diagnostic } from '../../../../src/core/diagnostic.ts';
import type { Identity } from '../../../../src/hardware/image/identity.ts';
import { seedOf } from '../../../../src/hardware/image/seed.ts';
import { yamlText } from '../../../../src/hardware/image/yaml-text.ts';

const WEB1: Identity = {
  name: 'web1',
  user: 'ops',
  publicKeys: ['ssh-ed25519 AAAA anna@laptop'],
  hostKey: { private: '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END\n', public: 'ssh-ed25519 BBBB web1' },
  network: {
    interface: 'e*',
    mac: undefined,
    address: { ip: '10.0.0.21', prefix: 24, gateway: '10.0.0.1' },
    nameservers: ['10.0.0.1', '9.9.9.9'],
  },
  timezone: 'Europe/Berlin',
};

/** The data of YAML text. It must be YAML that our strict reader accepts without a problem. */
function data(text: string): unknown {
  const problems: Diagnostic[] = [];
  const node = parseYaml(text, 'seed', problems);
  expect(problems).toEqual([]);
  return node === undefined ? undefined : JSON.parse(JSON.stringify(toRaw(node)));
}
const userData = (identity: Identity) => data(seedOf(identity)['user-data']) as Record<string, unknown>;
const lan = (network: Partial<Identity['network']>) => {
  const text = seedOf({ ...WEB1, network: { ...WEB1.network, ...network } })['network-config'];
  return (data(text) as { ethernets: { lan: unknown } }).ethernets.lan;
};

describe('user-data', () => {
  it('begins as cloud-init expects', () => expect(seedOf(WEB1)['user-data']).toMatch(/^#cloud-config\n/));

  it('has the login user, the host key and the time zone', () => {
    expect(userData(WEB1)).toMatchObject({
      hostname: 'web1',
      timezone: 'Europe/Berlin',
      users: [{ name: 'ops', lock_passwd: true, sudo: 'ALL=(ALL) NOPASSWD:ALL', ssh_authorized_keys: WEB1.publicKeys }],
      disable_root: true,
      ssh_pwauth: false,
      ssh_deletekeys: true,
      ssh_keys: { ed25519_private: WEB1.hostKey.private, ed25519_public: WEB1.hostKey.public },
    });
  });

  it.each([
    ['a short name', 'web1', { hostname: 'web1' }],
    ['a full name', 'web1.example.org', { hostname: 'web1', fqdn: 'web1.example.org' }],
  ])('%s', (_, name, expected) => {
    const { hostname, fqdn } = userData({ ...WEB1, name });
    expect({ hostname, fqdn }).toEqual({ fqdn: undefined, ...expected });
  });

  it('lets root log in if root is the login user', () => {
    const { users, disable_root } = userData({ ...WEB1, user: 'root' });
    expect({ users, disable_root }).toEqual({
      users: [{ name: 'root', ssh_authorized_keys: WEB1.publicKeys }],
      disable_root: false,
    });
  });

  it('sets no time zone unless one is given', () =>
    expect(userData({ ...WEB1, timezone: undefined })).not.toHaveProperty('timezone'));
});

describe('meta-data', () => {
  const id = (identity: Identity) => (data(seedOf(identity)['meta-data']) as Record<string, string>)['instance-id'];

  it('has the same id for the same seed, and another one for another', () => {
    expect(id(WEB1)).toMatch(/^web1-[0-9a-f]{12}$/);
    expect(id(WEB1)).toBe(id({ ...WEB1 }));
    expect(id({ ...WEB1, user: 'anna' })).not.toBe(id(WEB1));
  });
});

describe('network-config', () => {
  it.each<[string, Partial<Identity['network']>, unknown]>([
    [
      'a static address',
      {},
      {
        match: { name: 'e*' },
        dhcp4: false,
        addresses: ['10.0.0.21/24'],
        routes: [{ to: '0.0.0.0/0', via: '10.0.0.1' }],
        nameservers: { addresses: ['10.0.0.1', '9.9.9.9'] },
      },
    ],
    ['DHCP', { address: undefined, nameservers: [] }, { match: { name: 'e*' }, dhcp4: true }],
    [
      'an interface by its MAC address',
      { mac: '52:54:00:00:00:01', address: undefined, nameservers: [] },
      { match: { macaddress: '52:54:00:00:00:01' }, dhcp4: true },
    ],
    [
      'no gateway',
      { address: { ip: '10.0.0.21', prefix: 16, gateway: undefined }, nameservers: [] },
      { match: { name: 'e*' }, dhcp4: false, addresses: ['10.0.0.21/16'] },
    ],
  ])('%s', (_, network, expected) => expect(lan(network)).toEqual(expected));
});

describe('YAML of a seed', () => {
  it.each<[string, Parameters<typeof yamlText>[0]]>([
    ['texts that YAML would read as something else', { a: 'no', b: '0644', c: '{x}', d: '- y', e: '12:34:56', f: '' }],
    ['quotes, line breaks and backslashes', { a: 'say "hi"\n\\ \u0007 é 🙂', b: "it's: # fine" }],
    ['nested lists and maps', { a: [[1, 2], [{ b: true, c: ['d'] }]], e: { f: [], g: {} } }],
  ])('%s', (_, value) => expect(data(yamlText(value))).toEqual(value));
});
