import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from './devices.ts';
import { switched } from './scene.ts';

/** What holds for every driver, tried on its peer. `wrong` maps a mistake in the arguments to the code that it gives. */
export function holdsFor(
  driver: string,
  start: () => Promise<Device>,
  argsOf: (address: string) => Readonly<Record<string, unknown>>,
  wrong: Readonly<Record<string, readonly [Readonly<Record<string, unknown>>, RegExp]>>,
): void {
  describe(driver, () => {
    let device: Device;
    beforeEach(async () => {
      device = await start();
    });
    afterEach(() => device.close());
    const args = (more = {}) => ({
      ...argsOf(device.address),
      off_time: 0,
      timeout: 1,
      answer_timeout: 0.5,
      ...more,
    });
    it('switches on, off and over, and tells the state', async () => {
      expect(await switched(driver, args(), 'status')).toBe('off');
      expect(await switched(driver, args(), 'on')).toBe('on: switched on');
      expect(device.isOn).toBe(true);
      expect(await switched(driver, args(), 'on')).toBe('on: already on');
      expect(await switched(driver, args(), 'status')).toBe('on');
      expect(await switched(driver, args(), 'cycle')).toBe('on: power cut, switched on');
      expect(device.isOn).toBe(true);
      expect(await switched(driver, args(), 'off')).toBe('off: power cut');
      expect(device.isOn).toBe(false);
      expect(await switched(driver, args(), 'off')).toBe('off: already off');
    });
    it.each(Object.entries(wrong))('refuses %s', async (_, [more, message]) => {
      expect(await switched(driver, args(more), 'on')).toMatch(message);
      expect(device.isOn).toBe(false);
    });
    it('asks again, and tells it if no answer comes', async () => {
      device.ignores = 1;
      expect(await switched(driver, args(), 'on')).toBe('on: switched on');
      device.ignores = 1000;
      expect(await switched(driver, args(), 'status')).toMatch(/^E_POWER_SILENT: .*no answer within 0.5 s/);
      await device.close();
      expect(await switched(driver, args(), 'status')).toMatch(/^E_POWER_SILENT: .*ECONNREFUSED/);
    });
    it('tells it if the device does not obey', async () => {
      device.isStuck = true;
      expect(await switched(driver, args(), 'on')).toMatch(/^E_POWER_STATE: web1 is still off/);
    });
  });
}
