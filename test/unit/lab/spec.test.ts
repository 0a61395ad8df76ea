import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/core/diagnostic.ts';
import { checkLabel, checkLabName, checkSpec, type LabHost, type LabSpec } from '../../../src/lab/spec.ts';

const host = (name: string, address: string): LabHost => ({ name, address, image: 'debian-13' });

function mistakes(spec: LabSpec): readonly string[] {
  try {
    checkSpec(spec);
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.diagnostics.map((d) => d.message);
  }
}

describe('a lab spec', () => {
  it('may be as the inventory describes it', () => {
    expect(mistakes({ name: 'demo', hosts: [] })).toEqual([]);
    const hosts = [host('web1', '10.83.0.21'), host('db1.foobar.com', '10.83.0.31')];
    expect(mistakes({ name: 'demo', hosts })).toEqual([]);
    expect(mistakes({ name: 'demo', hosts, subnet: '10.83.0.0/24' })).toEqual([]);
  });

  it('reports all of its mistakes at once', () => {
    const hosts = [
      host('web1', '10.83.0.21'),
      host('web1', '10.83.0.22'),
      host('../etc', '10.83.0.23'),
      host('web2', '10.83.0.21'),
      host('gw', '10.83.0.1'),
      host('v6', '::1'),
      host('far', '10.84.0.9'),
      { name: 'odd', address: '10.83.0.99', image: 'debian-11' } as unknown as LabHost,
      { ...host('vm', '10.83.0.98'), machine: 'docker' } as unknown as LabHost,
      { ...host('box', '10.83.0.97'), memory: 512 },
      { ...host('small', '10.83.0.96'), machine: 'qemu' as const, memory: 64 },
      { ...host('words', '10.83.0.95'), machine: 'qemu', memory: 'lots' } as unknown as LabHost,
    ];
    expect(mistakes({ name: 'demo', hosts, subnet: '10.83.0.0/24' })).toEqual([
      "two lab hosts are named 'web1'",
      "'../etc' is not a valid name of a lab host",
      'web1 and web2 both have the address 10.83.0.21',
      'gw: 10.83.0.1 is not an address of a host',
      "v6: '::1' is not an IPv4 address",
      "far: 10.84.0.9 is outside the lab's subnet 10.83.0.0/24",
      "odd: no lab image 'debian-11'",
      "vm: lab_machine 'docker' is not known",
      'box: lab_memory has no effect on a container',
      "small: lab_memory '64' is not a size of memory",
      "words: lab_memory 'lots' is not a size of memory",
    ]);
  });

  it('stays in one private /24', () => {
    const hosts = [host('a', '10.83.0.21'), host('b', '10.83.1.21')];
    expect(mistakes({ name: 'demo', hosts })).toEqual(['the hosts of a lab must share one /24']);
    expect(mistakes({ name: 'demo', hosts: [], subnet: '8.8.8.0/24' })).toHaveLength(1);
    expect(mistakes({ name: 'demo', hosts: [host('a', '8.8.8.8')] })).toHaveLength(1);
  });

  it.each(['', '.', '..', 'a/b', 'A', '-a', 'a b', 'a'.repeat(32)])("rejects the name '%s'", (name) => {
    expect(() => checkLabName(name)).toThrow(Failure);
  });
  it.each(['', '..', 'a/b', '.a', 'a'.repeat(42)])("rejects the snapshot '%s'", (label) => {
    expect(() => checkLabel(label)).toThrow(Failure);
  });
});
