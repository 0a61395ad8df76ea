import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../../src/cli/discover.ts';
import { Failure } from '../../../src/core/diagnostic.ts';
import { probably } from '../../../src/hardware/discover/classify.ts';
import { leasesIn } from '../../../src/hardware/discover/leases.ts';
import { merged } from '../../../src/hardware/discover/mdns.ts';
import { bannerOf, isPong, neighboursOf } from '../../../src/hardware/discover/sweep.ts';
import { vendorOf } from '../../../src/hardware/discover/vendors.ts';

const card = (cidr: string, internal = false): NetworkInterfaceInfo => ({
  address: cidr.split('/')[0] ?? '',
  netmask: '',
  family: 'IPv4',
  mac: '',
  internal,
  cidr,
});

describe('the network that is asked', () => {
  const lo = [card('127.0.0.1/8', true)];
  const codeOf = (work: () => unknown): string => {
    try {
      work();
      return 'none';
    } catch (error) {
      return error instanceof Failure ? String(error.diagnostics[0]?.code) : String(error);
    }
  };
  it('is that of the interface, without its edges and this machine', () => {
    const { name, addresses } = networkOf(undefined, false, { lo, eth0: [card('10.0.0.2/29')] });
    expect(name).toBe('eth0');
    expect(addresses).toEqual(['10.0.0.1', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(networkOf('eth0', false, { eth0: [card('10.0.0.2/31')] }).addresses).toEqual(['10.0.0.3']);
    expect(networkOf('eth0', false, { eth0: [card('10.0.0.2/22')] }).addresses).toHaveLength(1021);
  });
  it.each([
    ['an interface that is not there', 'eth9', false, { eth0: [card('10.0.0.2/24')] }, 'E_DISCOVER_INTERFACE'],
    [
      'several interfaces, of which none is named',
      undefined,
      false,
      { a: [card('10.0.0.2/24')], b: [card('10.1.0.2/24')] },
      'E_DISCOVER_INTERFACE',
    ],
    ['the loopback interface', 'lo', false, { lo }, 'E_DISCOVER_INTERFACE'],
    ['a network of 2046 addresses', 'eth0', false, { eth0: [card('10.0.0.2/21')] }, 'E_DISCOVER_NETWORK'],
    ['a network that is too large even so', 'eth0', true, { eth0: [card('10.0.0.2/8')] }, 'E_DISCOVER_NETWORK'],
    ['a large network if it is wanted', 'eth0', true, { eth0: [card('10.0.0.2/21')] }, 'none'],
  ] as const)('%s', (_, given, isWide, all, code) => {
    expect(codeOf(() => networkOf(given, isWide, all as never))).toBe(code);
  });
});

it('neighbours are those that answered on the interface', () => {
  const table = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.1         0x1         0x2         dc:a6:32:01:02:03     *        eth0
10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0
10.0.1.1         0x1         0x2         dc:a6:32:01:02:04     *        wlan0
`;
  expect(neighboursOf('eth0', table)).toEqual([{ address: '10.0.0.1', mac: 'dc:a6:32:01:02:03' }]);
});

it('leases of dnsmasq, dhcpd and Kea are read', () => {
  const lease = { address: '10.0.0.5', mac: 'dc:a6:32:01:02:03', name: 'pi' };
  expect(leasesIn('1700000000 DC:A6:32:01:02:03 10.0.0.5 pi 01:dc\n1 x y\nduid 00:01\n')).toEqual([lease]);
  expect(leasesIn('1700000000 dc:a6:32:01:02:03 10.0.0.5 * *\n')).toEqual([{ ...lease, name: undefined }]);
  expect(
    leasesIn(
      'lease 10.0.0.5 {\n  hardware ethernet dc:a6:32:01:02:03;\n  client-hostname "pi";\n}\nlease 10.0.0.6 {\n}\n',
    ),
  ).toEqual([lease]);
  const head = 'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state';
  expect(leasesIn(`${head}\n10.0.0.5,dc:a6:32:01:02:03,,4000,1,1,0,0,pi.,0\n`)).toEqual([lease]);
});

it('mDNS gives a name and services', () => {
  const ptr = { type: 'PTR', name: '_ssh._tcp.local', data: 'pi._ssh._tcp.local' } as const;
  const all = { type: 'PTR', name: '_services._dns-sd._udp.local', data: '_http._tcp.local' } as const;
  const a = { type: 'A', name: 'pi.local', data: '10.0.0.5' } as const;
  expect(merged(undefined, [ptr, all, a])).toEqual({ name: 'pi', services: ['http', 'ssh'] });
  expect(merged({ name: 'pi', services: ['ssh'] }, [])).toEqual({ name: 'pi', services: ['ssh'] });
});

it('only a pong that says IPMI is a BMC', () => {
  const pong = Buffer.from('0600ff06000011be4000001000000000000000008100000000000000', 'hex');
  expect(isPong(pong)).toBe(true);
  expect(isPong(Buffer.from(pong.map((byte, i) => (i === 20 ? 0 : byte))))).toBe(false);
  expect(isPong(Buffer.from('0600ff06000011be80000000', 'hex'))).toBe(false);
  expect(isPong(Buffer.alloc(0))).toBe(false);
});

describe('what a machine probably is', () => {
  const none = { vendor: undefined, isBmc: false, banner: undefined, announced: undefined };
  it.each([
    [
      { vendor: vendorOf('DC-A6-32-01-02-03'), banner: 'SSH-2.0-OpenSSH_9.2p1 Debian-2' },
      'Raspberry Pi, Debian with SSH',
    ],
    [{ vendor: vendorOf('b8:27:eb:01:02:03') }, 'Raspberry Pi without SSH'],
    [{ vendor: vendorOf('0c:c4:7a:01:02:03'), isBmc: true, banner: 'SSH-2.0-dropbear' }, 'BMC (Supermicro)'],
    [{ vendor: vendorOf('24:6f:28:01:02:03') }, 'plug or sensor (Espressif)'],
    [{ announced: { name: 'shelly1', services: ['http', 'shelly'] } }, 'Shelly plug'],
    [
      { vendor: vendorOf('52:54:00:01:02:03'), banner: 'SSH-2.0-OpenSSH_9.6 Ubuntu-3' },
      'virtual machine, Ubuntu with SSH',
    ],
    [{ banner: 'SSH-2.0-Go' }, 'host with SSH'],
    [{ announced: { name: 'p', services: ['ipp'] } }, 'printer'],
    [{ vendor: vendorOf('02:00:00:00:00:01') }, 'unknown'],
  ])('%#: %s', (seen, what) => expect(probably({ ...none, ...seen })).toBe(what));
});

it('a banner is read, and a server that says nothing or nonsense is left', async () => {
  const signal = new AbortController().signal;
  const said = async (text: string): Promise<string | undefined> => {
    const server = createServer((socket) => socket.end(text));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const banner = await bannerOf('127.0.0.1', signal, (server.address() as AddressInfo).port);
    server.close();
    return banner;
  };
  expect(await said('hello\r\nSSH-2.0-x y\r\n')).toBe('SSH-2.0-x y');
  expect(await said('')).toBeUndefined();
  expect(await said(`SSH-2.0-\u001b[31m\r\n`)).toBeUndefined();
});
