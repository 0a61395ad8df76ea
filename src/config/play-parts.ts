import { type Diagnostic, Failure } from '../core/diagnostic.ts';
import { tell } from '../core/errors/index.ts';
import { type Raw, type RawVars, TemplateText } from '../core/value.ts';
import { guarded, type Reading } from './reading.ts';
import { described, type Entry, entry, type MapNode, toRaw } from './source.ts';

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
          hint: d.hint ?? 'pass it with -e NAME=VALUE: `hosts` can use only extra vars and vars of the play',
        }),
      ),
    );
    return 'all';
  }
  const found = described(value);
  const expected = 'hosts: web, or a list';
  reading.problems.push(tell('E_KEYWORD_VALUE', { keyword: 'hosts', wanted: 'a pattern', found, expected }, value.at));
  return 'all';
}

/** The sizes of batches. A template may read variables of the play and of -e. */
export function serialOf(node: MapNode, vars: RawVars, reading: Reading): readonly (number | string)[] {
  const found = entry(node, 'serial');
  if (found === undefined) return [];
  const items = found.value.kind === 'seq' ? found.value.items : [found.value];
  return items.flatMap((item) => {
    const value = item.kind === 'scalar' ? known(item.value, vars, reading) : null;
    if (typeof value === 'number' && value > 0) return [value];
    if (typeof value === 'string' && /^\d+%?$/.test(value)) return [value.endsWith('%') ? value : Number(value)];
    const wanted = 'a number of hosts';
    const expected = '1, "50%", or a list of these';
    reading.problems.push(
      tell('E_KEYWORD_VALUE', { keyword: 'serial', wanted, found: described(item), expected }, item.at),
    );
    return [];
  });
}

function known(value: Raw, vars: RawVars, reading: Reading): Raw | undefined {
  if (!(value instanceof TemplateText)) return value;
  let found: Raw | undefined;
  guarded(reading, () => {
    found = reading.ports.evaluate(value, { ...vars, ...reading.extraVars });
  });
  return found;
}
