import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { homeassistant, PASSWORD, redfish, tasmota } from '../../support/devices.ts';
import { holdsFor } from '../../support/driver-laws.ts';
import { switched } from '../../support/scene.ts';

holdsFor('tasmota', tasmota, (host) => ({ host, password: PASSWORD }), {
  'a wrong password': [{ password: 'wrong' }, /^E_POWER_LOGIN/],
  'no password': [{ password: undefined }, /^E_POWER_LOGIN/],
  'a relay that is not there': [{ outlet: 2 }, /^E_POWER_OUTLET: .* has no relay 2/],
  'another name': [{ name: 'plug-web2' }, /^E_POWER_OTHER_DEVICE: .*'plug-web1'/],
  'another MAC address': [{ mac: '34:94:54:01:a2:b4' }, /^E_POWER_OTHER_DEVICE/],
});

const plug = { entity: 'switch.plug_web1', token: PASSWORD, name: 'plug-web1' };
holdsFor('homeassistant', homeassistant, (address) => ({ url: `http://${address}`, ...plug }), {
  'a wrong token': [{ token: 'wrong' }, /^E_POWER_LOGIN/],
  'an entity that is not there': [{ entity: 'switch.other' }, /^E_POWER_OUTLET: .* has no entity switch.other/],
  'a plug that Home Assistant does not reach': [{ entity: 'switch.gone' }, /^E_POWER_SILENT: .* is unavailable/],
  'another name': [{ name: 'plug-web2' }, /^E_POWER_OTHER_DEVICE/],
});

const folder = mkdtempSync(join(tmpdir(), 'bmc-'));
afterAll(() => rmSync(folder, { recursive: true }));
const [cert, key] = [join(folder, 'cert'), join(folder, 'key')];
execFileSync(
  'openssl',
  [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=bmc1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
  ],
  { stdio: 'ignore' },
);
const fingerprint = new X509Certificate(readFileSync(cert)).fingerprint256;
const bmc = () => redfish({ cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') });
const login = { user: 'admin', password: PASSWORD };

holdsFor('redfish', bmc, (host) => ({ host, ...login, fingerprint }), {
  'a wrong password': [{ password: 'wrong' }, /^E_POWER_LOGIN/],
  'a wrong user': [{ user: 'root' }, /^E_POWER_LOGIN/],
  'a system that is not there': [{ system: '2' }, /^E_POWER_OUTLET: .* has no system '2'/],
  'a certificate that no CA has signed': [{ fingerprint: undefined }, /^E_POWER_CERTIFICATE: .*SELF_SIGNED/],
  'another certificate': [{ fingerprint: fingerprint.replace(/^../, '00') }, /^E_POWER_CERTIFICATE: .*pinned/],
});

describe('redfish', () => {
  it('sends no password before the certificate is verified', async () => {
    const device = await bmc();
    expect(await switched('redfish', { host: device.address, ...login }, 'status')).toMatch(/^E_POWER_CERTIFICATE/);
    expect(device.asked).toEqual([]);
    await device.close();
  });
  it('trusts the CA of the inventory', async () => {
    const device = await bmc();
    expect(await switched('redfish', { host: device.address, ...login, ca: cert }, 'status')).toBe('off');
    await device.close();
  });
  it('shuts the system down by its power button if SSH does not reach it', async () => {
    const device = await bmc();
    device.isOn = true;
    const args = { host: device.address, ...login, fingerprint };
    expect(await switched('redfish', args, 'off', { isHard: false })).toBe('off: shut down by its power button');
    device.isOn = true;
    device.isStuck = true;
    const stuck = await switched('redfish', { ...args, shutdown_timeout: 1 }, 'off', { isHard: false });
    expect(stuck).toMatch(/^E_NOT_SHUT_DOWN: .*still on 1 s after/);
    expect(device.asked.filter((line) => line.includes('Reset')).length).toBeGreaterThan(1);
    await device.close();
  });
});
