import { describe, expect, it } from 'vitest';
import { bridgeMac, bridgeName, machineName, portName, tableName } from '../../../src/lab/names.ts';

describe('names of a lab', () => {
  it('respect the limits of the kernel', () => {
    for (const lab of ['a', 'demo', 'a-very-long-name-of-a-lab-indeed']) {
      expect(bridgeName(lab).length).toBeLessThanOrEqual(15);
      expect(tableName(lab)).toMatch(/^bringup_\w+$/);
      expect(bridgeMac(lab)).toMatch(/^02(:[0-9a-f]{2}){5}$/);
      for (const host of ['w', 'web1', 'web1.foobar.com', 'x'.repeat(63)]) {
        expect(portName(lab, host).length).toBeLessThanOrEqual(15);
        expect(machineName(lab, host)).toMatch(/^[a-z0-9][a-z0-9-]*[a-z0-9]$/);
      }
    }
  });

  it('differ between labs and between hosts', () => {
    expect(bridgeName('production-a')).not.toBe(bridgeName('production-b'));
    expect(tableName('a-b')).not.toBe(tableName('a_b'));
    expect(machineName('a', 'b-c')).not.toBe(machineName('a-b', 'c'));
    expect(machineName('a', 'webserver1')).not.toBe(machineName('a', 'webserver2'));
  });
});
