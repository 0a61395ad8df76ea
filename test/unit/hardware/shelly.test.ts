import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Device, newShelly, oldShelly, PASSWORD } from '../../support/devices.ts';
import { switched } from '../../support/scene.ts';

describe.each([
  ['the first generation', oldShelly],
  ['the second generation', newShelly],
])('a Shelly plug of %s', (_, start) => {
  let plug: Device;
  beforeEach(async () => {
    plug = await start();
  });
  afterEach(() => plug.close());
  const args = (more = {}) => ({
    host: plug.address,
    password: PASSWORD,
    off_time: 0,
    timeout: 1,
    answer_timeout: 0.5,
    ...more,
  });
  const plugged = (action: 'on' | 'off' | 'cycle' | 'status', more = {}) => switched('shelly', args(more), action);

  it('is switched on, off and over, and tells its state', async () => {
    expect(await plugged('status')).toBe('off');
    expect(await plugged('on')).toBe('on: switched on');
    expect(plug.isOn).toBe(true);
    expect(await plugged('on')).toBe('on: already on');
    expect(await plugged('status')).toBe('on');
    expect(await plugged('cycle')).toBe('on: power cut, switched on');
    expect(await plugged('off')).toBe('off: power cut');
    expect(plug.isOn).toBe(false);
    expect(await plugged('off')).toBe('off: already off');
    expect(await plugged('cycle')).toBe('on: already off, switched on');
  });
  it('refuses a wrong password, and a missing one', async () => {
    expect(await plugged('on', { password: 'wrong' })).toMatch(/^E_POWER_LOGIN: .*refuses the login \(shelly 127/);
    expect(await plugged('on', { password: undefined })).toMatch(/^E_POWER_LOGIN/);
    expect(plug.isOn).toBe(false);
  });
  it('has no second output', async () => {
    expect(await plugged('on', { outlet: 1 })).toMatch(/^E_POWER_OUTLET: .* has no output 1/);
  });
  it('is asked again if it does not answer', async () => {
    plug.ignores = 1;
    expect(await plugged('on')).toBe('on: switched on');
  });
  it('that never answers is told', async () => {
    plug.ignores = 1000;
    expect(await plugged('status')).toMatch(/^E_POWER_SILENT: .*no answer within 0.5 s/);
    expect(plug.asked.length).toBe(3);
  });
  it('that does not obey is told', async () => {
    plug.isStuck = true;
    expect(await plugged('on')).toBe('E_POWER_STATE: web1 is still off: it was not on within 1 s');
  });
  it('is switched only if it has the name and the MAC address of the inventory', async () => {
    expect(await plugged('on', { name: 'plug-web2' })).toMatch(/^E_POWER_OTHER_DEVICE: .* has the name 'plug-web1'/);
    expect(await plugged('on', { mac: '34:94:54:01:a2:b4' })).toMatch(/^E_POWER_OTHER_DEVICE: .* MAC address '34945/);
    expect(plug.isOn).toBe(false);
    expect(plug.asked.join()).not.toMatch(/turn=|Switch.Set/);
    expect(await plugged('on', { name: 'plug-web1', mac: '34:94:54:01:a2:b3' })).toBe('on: switched on');
  });
  it('where nothing listens is told', async () => {
    await plug.close();
    expect(await plugged('status')).toMatch(/^E_POWER_SILENT: .*ECONNREFUSED/);
  });
});
