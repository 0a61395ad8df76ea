import { Float } from '../../core/value.ts';
import { type Item, wrong } from '../item.ts';
import { number, type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';

/** The units of community.general.to_time_unit, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const WORDS: Readonly<Record<string, string>> = {
  millisecond: 'ms',
  msec: 'ms',
  msecond: 'ms',
  sec: 's',
  second: 's',
  hour: 'h',
  min: 'm',
  minute: 'm',
  day: 'd',
  week: 'w',
  month: 'mo',
  year: 'y',
};

type Days = Readonly<{ month: Item | undefined; year: Item | undefined }>;

/** `1h 30m | to_seconds`: a span of time in another unit. */
export const unitFilters: Readonly<Record<string, Operation>> = {
  to_time_unit: value('unit year month', (item, [unit, year, month]) =>
    spanIn(item, text(unit, 'ms'), { year, month }),
  ),
  ...Object.fromEntries(
    ['ms milliseconds', 's seconds', 'm minutes', 'h hours', 'd days', 'w weeks', 'mo months', 'y years'].map(
      (pair) => {
        const [unit = '', name = ''] = pair.split(' ');
        return [
          `to_${name}`,
          value('year month', (item, [year, month]) => spanIn(item, unit, { year, month })),
        ] as const;
      },
    ),
  ),
};

function spanIn(item: Item, unit: string, days: Days): Item {
  const written = str(item).trim();
  const sizeOf = (word: string, problem: string): number => {
    const short = WORDS[word.replace(/s+$/, '')] ?? word;
    if (short === 'mo') return 86_400_000 * number(days.month, 30);
    if (short === 'y') return 86_400_000 * number(days.year, 365);
    return UNITS[short] ?? wrong(problem, { expected: 'one of ms, s, m, h, d, w, mo, y, or their names' });
  };
  const total =
    written === '0'
      ? 0
      : written.split(/\s+/).reduce((sum, part) => {
          const [, count = '', word = ''] = /^(-?\d+)(\w+)/.exec(part) ?? [];
          return sum + Number(count) * sizeOf(word, `'${written}' is not a span of time, such as '1h 30m'`);
        }, 0);
  if (written === '0') return 0;
  return new Float(Number((total / sizeOf(unit, `no unit of time '${unit}'`)).toFixed(12)));
}
