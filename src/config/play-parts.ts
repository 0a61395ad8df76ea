import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import type { RawVars } from '../core/value.ts';
import type { Reading } from './reading.ts';
import { type Entry, entry, type MapNode, toRaw } from './source.ts';

export function patternOf(hosts: Entry, vars: RawVars, reading: Reading): string {
  const { value } = hosts;
  try {
    const text = reading.ports.evaluate(toRaw(value), { ...vars, ...reading.extraVars });
    if (Array.isArray(text)) return text.join(',');
    if (typeof text === 'string' && text.trim() !== '') return text;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    reading.problems.push(
      ...error.diagnostics.map(
        (d): Diagnostic => ({
          ...d,
          hint: d.hint ?? 'give it with -e NAME=VALUE: only extra vars and those of the play are known here',
        }),
      ),
    );
    return 'all';
  }
  reading.problems.push({
    code: 'E_ARGS',
    message: "'hosts' takes a pattern",
    at: value.at,
    expected: 'hosts: web, or a list',
  });
  return 'all';
}

export function serialOf(node: MapNode, reading: Reading): readonly (number | string)[] {
  const found = entry(node, 'serial');
  if (found === undefined) return [];
  const items = found.value.kind === 'seq' ? found.value.items : [found.value];
  return items.flatMap((item) => {
    const value = item.kind === 'scalar' ? item.value : null;
    if (typeof value === 'number' && value > 0) return [value];
    if (typeof value === 'string' && /^\d+%?$/.test(value)) return [value.endsWith('%') ? value : Number(value)];
    reading.problems.push({
      code: 'E_ARGS',
      message: "'serial' takes how many hosts at once",
      at: item.at,
      expected: '1, "50%", or a list of these',
    });
    return [];
  });
}
