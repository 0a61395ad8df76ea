import { createSocket } from 'node:dgram';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sweep } from '../../src/hardware/discover/sweep.ts';
import { bmc, installed, machine, type Peer, poeSwitch } from '../support/peers.ts';
import { switched } from '../support/scene.ts';

const PASSWORD = 'secret-of-bmc';
const soon = { off_time: 0, timeout: 10, answer_timeout: 5 };

beforeAll(() =>
  installed({
    ipmitool: 'ipmitool',
    ipmi_sim: 'openipmi',
    snmpd: 'snmpd',
    'qemu-system-x86_64': 'qemu-system-x86',
    virsh: 'libvirt-clients',
  }),
);
afterEach(() => vi.unstubAllEnvs());

/** A UDP port that takes requests and answers none. */
async function silence(): Promise<Readonly<{ port: number; close: () => void }>> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { port: socket.address().port, close: () => socket.close() };
}

describe('ipmi, with ipmitool and the simulator of OpenIPMI', () => {
  let peer: Peer;
  beforeEach(async () => {
    peer = await bmc(PASSWORD);
  });
  afterEach(() => peer.close());
  const args = (more = {}) => ({
    host: '127.0.0.1',
    port: peer.port,
    user: 'admin',
    password: PASSWORD,
    ...soon,
    ...more,
  });

  it('switches on, off and over, tells the state, and presses the power button', async () => {
    expect(await switched('ipmi', args(), 'status')).toBe('off');
    expect(await switched('ipmi', args(), 'on')).toBe('on: switched on');
    expect(peer.isOn()).toBe(true);
    expect(await switched('ipmi', args(), 'cycle')).toBe('on: power cut, switched on');
    expect(await switched('ipmi', args(), 'off')).toBe('off: power cut');
    expect(peer.isOn()).toBe(false);
    await switched('ipmi', args(), 'on');
    expect(await switched('ipmi', args(), 'off', { isHard: false })).toBe('off: shut down by its power button');
    expect(peer.isOn()).toBe(false);
  });
  it('refuses a wrong password and an unknown user', async () => {
    expect(await switched('ipmi', args({ password: 'wrong' }), 'on')).toMatch(/^E_POWER_LOGIN/);
    expect(await switched('ipmi', args({ user: 'root' }), 'on')).toMatch(/^E_POWER_LOGIN/);
    expect(peer.isOn()).toBe(false);
  });
  it('is found by its answer to a presence ping', async () => {
    const signal = new AbortController().signal;
    const options = { port: peer.port, wait: 1000 };
    expect([...(await sweep(['127.0.0.1', '127.0.0.2'], '127.0.0.1', signal, options))]).toEqual(['127.0.0.1']);
  });
  it('tells silence, and that ipmitool is missing', async () => {
    const { port, close } = await silence();
    expect(await switched('ipmi', args({ port, answer_timeout: 2 }), 'status')).toMatch(/^E_POWER_SILENT/);
    close();
    vi.stubEnv('PATH', peer.folder);
    expect(await switched('ipmi', args(), 'status')).toMatch(/^E_POWER_PROGRAM: 'ipmitool'/);
  });
});

describe('poe, with the agent of Net-SNMP', () => {
  let peer: Peer;
  beforeAll(async () => {
    peer = await poeSwitch(PASSWORD);
  });
  afterAll(() => peer.close());
  const ways = {
    v2c: { community: PASSWORD },
    v3: { user: 'poe', auth_password: PASSWORD },
  };
  const args = (more: object) => ({ host: '127.0.0.1', snmp_port: peer.port, port: 1, ...soon, ...more });

  it.each(Object.entries(ways))('switches a port off, on and over (%s)', async (_, login) => {
    expect(await switched('poe', args(login), 'status')).toBe('on');
    expect(await switched('poe', args(login), 'off')).toBe('off: power cut');
    expect(peer.isOn()).toBe(false);
    expect(await switched('poe', args({ ...login, name: 'switch-1' }), 'on')).toBe('on: switched on');
    expect(await switched('poe', args(login), 'cycle')).toBe('on: power cut, switched on');
    expect(peer.isOn()).toBe(true);
  });
  it('refuses wrong passwords and users, ports that are not there, and another switch', async () => {
    const { v2c, v3 } = ways;
    const off = (more: object) => switched('poe', args({ ...more, answer_timeout: 1 }), 'off');
    expect(await off({ community: 'wrong' })).toMatch(/^E_POWER_SILENT: .*or the community is wrong/);
    expect(await off({ ...v3, auth_password: 'wrong-password', priv_password: PASSWORD })).toMatch(/^E_POWER_LOGIN/);
    expect(await off({ ...v3, priv_password: 'wrong-password' })).toMatch(/^E_POWER_(LOGIN|SILENT)/);
    expect(await off({ ...v3, user: 'nobody' })).toMatch(/^E_POWER_LOGIN/);
    for (const login of [v2c, v3]) {
      expect(await off({ ...login, port: 9 })).toMatch(/^E_POWER_OUTLET: .* has no port 1.9/);
      expect(await off({ ...login, name: 'switch-2' })).toMatch(/^E_POWER_OTHER_DEVICE: .*'switch-1'/);
    }
    expect(peer.isOn()).toBe(true);
  });
  it('tells silence', async () => {
    const { port, close } = await silence();
    for (const login of Object.values(ways))
      expect(await switched('poe', args({ ...login, snmp_port: port, answer_timeout: 0.5 }), 'status')).toMatch(
        /^E_POWER_SILENT: .*no answer within 0.5 s/,
      );
    close();
  });
});

it('qemu, with a machine of QEMU', async () => {
  const { socket, close } = await machine();
  const vm = (action: 'on' | 'off' | 'cycle' | 'status', more = {}) =>
    switched('qemu', { socket, off_time: 0, timeout: 10, ...more }, action);
  try {
    expect(await vm('status')).toBe('off');
    expect(await vm('on', { name: 'vm2' })).toMatch(/^E_POWER_OTHER_DEVICE: .* has the name 'vm1'/);
    expect(await vm('status')).toBe('off');
    expect(await vm('on', { name: 'vm1' })).toBe('on: switched on');
    expect(await vm('cycle')).toBe('on: power cut, switched on');
    expect(await vm('off')).toBe('off: power cut');
  } finally {
    close();
  }
});

it("libvirt, with virsh and libvirt's test driver, which forgets what a call did", async () => {
  const uri = 'test:///default';
  expect(await switched('libvirt', { uri, domain: 'test' }, 'status')).toBe('on');
  expect(await switched('libvirt', { uri, domain: 'test' }, 'on')).toBe('on: already on');
  expect(await switched('libvirt', { uri }, 'on')).toMatch(/^E_POWER_OUTLET: .* has no domain 'web1'/);
  expect(await switched('libvirt', { uri, domain: 'test', timeout: 1 }, 'off')).toMatch(/^E_POWER_STATE/);
  const nobody = 'qemu+unix:///system?socket=/nowhere';
  expect(await switched('libvirt', { uri: nobody }, 'status')).toMatch(/^E_POWER_SILENT: .*nowhere/);
});
