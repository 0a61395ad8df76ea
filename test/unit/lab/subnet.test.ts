import { describe, expect, it } from 'vitest';
import {
  contains,
  formatAddress,
  formatNetwork,
  overlaps,
  parseAddress,
  parseNetwork,
  parseSubnet,
  pickSubnet,
} from '../../../src/lab/subnet.ts';

const net = (text: string) => parseNetwork(text) ?? expect.fail(text);

describe('addresses', () => {
  it.each(['0.0.0.0', '10.83.0.21', '255.255.255.255'])('%s is parsed and formatted', (text) => {
    expect(formatAddress(parseAddress(text) ?? -1)).toBe(text);
  });
  it.each(['', '10.0.0', '10.0.0.256', '10.0.0.1 ', '::1', '10.0.0.1/24'])("rejects '%s'", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
  it('know their network', () => {
    expect(contains(net('10.83.0.0/24'), parseAddress('10.83.0.255') ?? 0)).toBe(true);
    expect(contains(net('10.83.0.0/24'), parseAddress('10.83.1.0') ?? 0)).toBe(false);
    expect(overlaps(net('10.0.0.0/8'), net('10.83.0.0/24'))).toBe(true);
    expect(overlaps(net('10.83.0.0/24'), net('10.83.0.7'))).toBe(true);
    expect(overlaps(net('10.83.0.0/24'), net('10.83.1.0/24'))).toBe(false);
  });
});

describe('the subnet of a lab', () => {
  it('must be a /24', () => {
    expect(parseSubnet('10.83.0.0/24')).toEqual({ base: 0x0a530000, prefix: 24 });
    for (const text of ['10.83.0.1/24', '10.83.0.0/16', '10.83.0.0', 'x']) expect(parseSubnet(text)).toBeUndefined();
  });
  it('is derived from the name, stays in its range and avoids taken networks', () => {
    const first = pickSubnet('demo', []) ?? expect.fail();
    expect(pickSubnet('demo', [])).toEqual(first);
    expect(overlaps(first, net('10.80.0.0/12'))).toBe(true);
    const second = pickSubnet('demo', [first]) ?? expect.fail();
    expect(formatNetwork(second)).not.toBe(formatNetwork(first));
    expect(pickSubnet('demo', [net('10.0.0.0/8')])).toBeUndefined();
  });
});
