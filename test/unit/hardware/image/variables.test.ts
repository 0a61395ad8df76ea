import { describe, expect, it } from 'vitest';
import { type HostVariables, settingsOf } from '../../../../src/hardware/image/variables.ts';

const GOOD: HostVariables = {
  address: '10.0.0.21',
  user: 'ops',
  timezone: undefined,
  mac: undefined,
  network: undefined,
};
const STATIC = { prefix: 24, gateway: '10.0.0.1', nameservers: ['9.9.9.9'] };

describe('the variables of a card', () => {
  it.each<[string, Partial<HostVariables>, unknown]>([
    ['DHCP', {}, { interface: 'e*', mac: undefined, address: undefined, nameservers: [] }],
    [
      'DHCP without an address',
      { address: 'web1' },
      { interface: 'e*', mac: undefined, address: undefined, nameservers: [] },
    ],
    [
      'a static address',
      { network: STATIC },
      {
        interface: 'e*',
        mac: undefined,
        address: { ip: '10.0.0.21', prefix: 24, gateway: '10.0.0.1' },
        nameservers: ['9.9.9.9'],
      },
    ],
    [
      'an interface by its MAC address, and a prefix as a text',
      { mac: '52:54:00:AA:00:01', network: { prefix: '24' } },
      {
        interface: 'e*',
        mac: '52:54:00:aa:00:01',
        address: { ip: '10.0.0.21', prefix: 24, gateway: undefined },
        nameservers: [],
      },
    ],
  ])('%s', (_, vars, network) =>
    expect(settingsOf({ ...GOOD, ...vars })).toEqual({ user: 'ops', timezone: undefined, network }),
  );

  it.each(['Europe/Berlin', 'Etc/UTC', 'UTC', 'America/Argentina/Ushuaia'])('the time zone %s', (timezone) =>
    expect(settingsOf({ ...GOOD, timezone })).toMatchObject({ timezone }),
  );
});

describe('mistakes in the variables of a card', () => {
  it.each<[string, Partial<HostVariables>, string, (string | number)[], RegExp]>([
    ['no user', { user: undefined }, 'ansible_user', [], /is not set/],
    ['a wrong user', { user: 'Anna Smith' }, 'ansible_user', [], /'Anna Smith' is not the name of a user/],
    ['an unknown time zone', { timezone: 'Europe/Berlni' }, 'timezone', [], /'Europe\/Berlni' is not a time zone/],
    ['a time zone in lower case', { timezone: 'europe/berlin' }, 'timezone', [], /is not a time zone/],
    ['an offset as time zone', { timezone: '+01:00' }, 'timezone', [], /is not a time zone/],
    ['a wrong MAC address', { mac: '52:54:00' }, 'mac', [], /'52:54:00' is not a MAC address/],
    ['no map', { network: 'dhcp' }, 'network', [], /'network' is not a map/],
    ['an unknown key', { network: { prefx: 24 } }, 'network', ['prefx'], /unknown argument 'prefx'/],
    ['a wrong prefix', { network: { prefix: 99 } }, 'network', ['prefix'], /'prefix' is not valid/],
    ['a gateway without a prefix', { network: { gateway: '10.0.0.1' } }, 'network', ['gateway'], /no prefix/],
    [
      'a gateway elsewhere',
      { network: { ...STATIC, gateway: '10.0.1.1' } },
      'network',
      ['gateway'],
      /10\.0\.1\.1 is not in 10\.0\.0\.21\/24/,
    ],
    [
      'a gateway that is the host',
      { network: { ...STATIC, gateway: '10.0.0.21' } },
      'network',
      ['gateway'],
      /is the host itself/,
    ],
    [
      'a gateway that is no address',
      { network: { ...STATIC, gateway: 'router' } },
      'network',
      ['gateway'],
      /'router' is not an IPv4/,
    ],
    [
      'a name server that is no address',
      { network: { ...STATIC, nameservers: ['9.9.9.9', 'dns1'] } },
      'network',
      ['nameservers', 1],
      /'dns1'/,
    ],
    [
      'an interface with a slash',
      { network: { interface: 'a/b' } },
      'network',
      ['interface'],
      /'a\/b' is not the name/,
    ],
    ['a static name', { address: 'web1.lan', network: STATIC }, 'ansible_host', [], /ansible_host is 'web1\.lan'/],
    ['the address of the network', { address: '10.0.0.0', network: STATIC }, 'ansible_host', [], /the network itself/],
    [
      'the broadcast address',
      { address: '10.0.0.255', network: STATIC },
      'ansible_host',
      [],
      /all hosts of the network/,
    ],
  ])('%s', (_, vars, variable, path, problem) =>
    expect(settingsOf({ ...GOOD, ...vars })).toEqual([
      expect.objectContaining({ variable, path, problem: expect.stringMatching(problem) }),
    ]),
  );

  it('are reported all at once', () =>
    expect(
      settingsOf({ ...GOOD, user: undefined, timezone: 5, mac: 5, network: { prefix: 24, gateway: 'x' } }),
    ).toHaveLength(4));
});
