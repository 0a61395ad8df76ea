import { describe, expect, it } from 'vitest';
import { parseYaml, toRaw } from '../../../src/config/source.ts';
import { Float } from '../../../src/core/value.ts';

/**
 * The result of PyYAML 6.0.3 for a plain scalar (`yaml.safe_load`). A Python float that is whole is written as a text
 * with .0.
 */
const PYYAML: Readonly<Record<string, number | string>> = {
  ...{
    '0': 0,
    '1': 1,
    '-1': -1,
    '+1': 1,
    '09': "'09'",
    '010': 8,
    '0644': 420,
    '0o644': "'0o644'",
    '0x1F': 31,
    '0b101': 5,
  },
  ...{ '1_000': 1000, '0_': 0, '00': 0, '-0': 0, '8:30': 510, '08:30': "'08:30'", '1:30:05': 5405, '-1:30': -90 },
  ...{
    '0:30': "'0:30'",
    '1:60': "'1:60'",
    '190:20:30': 685_230,
    e3: "'e3'",
    E5: "'E5'",
    '1e3': "'1e3'",
    '12e5': "'12e5'",
  },
  ...{ '1.5': 1.5, '1.': '1.0', '.5': 0.5, '-.5': "'-.5'", '+.5': "'+.5'", '1.5e3': "'1.5e3'", '1.5e+3': '1500.0' },
  ...{ '1.5E-3': 0.0015, '1:30.5': 90.5, '.inf': Number.POSITIVE_INFINITY, '-.inf': Number.NEGATIVE_INFINITY },
  ...{ '.NaN': Number.NaN, '1_0.5': 10.5, '0x': "'0x'", '0b': "'0b'", '3.14.15': "'3.14.15'", '1.2.3.4': "'1.2.3.4'" },
  ...{ '0.0': '0.0', '1.0': '1.0', '12345678': 12_345_678 },
};

describe('numbers in YAML', () => {
  it.each(Object.entries(PYYAML))('reads %s as PyYAML does', (text, expected) => {
    const node = parseYaml(`- ${text}\n`, 'f.yml', []);
    const [value] = node === undefined ? [] : (toRaw(node) as readonly unknown[]);
    const shown = typeof value === 'string' ? `'${value}'` : value instanceof Float ? value.value.toFixed(1) : value;
    expect(shown).toEqual(expected);
  });
});
