import { Callable, float, type Item, Thing } from './item.ts';
import { text } from './operation.ts';
import { dateText } from './time.ts';

const DAY = 86_400_000;

/**
 * A point in time, as now and to_datetime give it. It can be formatted, compared and subtracted, and its parts can be
 * read. It has no time zone: the UTC fields of `date` are what a clock shows.
 */
export function moment(date: Date): Item {
  const micro = date.getUTCMilliseconds() === 0 ? '' : '.%f';
  const iso = (between: string): string => dateText(date, `%Y-%m-%d${between}%H:%M:%S${micro}`, true);
  const epoch = (): number => localTime(date).getTime() / 1000;
  const parts: Readonly<Record<string, Item>> = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: date.getUTCMilliseconds() * 1000,
    strftime: new Callable('strftime', ({ positional: [format] }) =>
      dateText(
        date,
        text(format)
          .replaceAll('%s', String(Math.floor(epoch())))
          .replace(/%[zZ]/g, ''),
        true,
      ),
    ),
    isoformat: new Callable('isoformat', () => iso('T')),
    timestamp: new Callable('timestamp', () => float(epoch())),
    weekday: new Callable('weekday', () => (date.getUTCDay() + 6) % 7),
    isoweekday: new Callable('isoweekday', () => ((date.getUTCDay() + 6) % 7) + 1),
  };
  const numbers = [parts['year'], parts['month'], parts['day'], parts['hour'], parts['minute']].join(', ');
  const seconds = date.getUTCSeconds() === 0 ? '' : `, ${date.getUTCSeconds()}`;
  const quantity = { ms: date.getTime(), text: iso(' '), repr: `datetime.datetime(${numbers}${seconds})` };
  return new Thing('datetime', (name) => (Object.hasOwn(parts, name) ? parts[name] : undefined), undefined, quantity);
}

/** As in Python, a time without a zone is one of the controller's zone. */
function localTime(date: Date): Date {
  return new Date(
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCMilliseconds(),
  );
}

/** A span of time, as the difference of two points in time. */
function span(ms: number): Item {
  const days = Math.floor(ms / DAY);
  const rest = ms - days * DAY;
  const seconds = Math.floor(rest / 1000);
  const micro = (rest % 1000) * 1000;
  const parts: Readonly<Record<string, Item>> = {
    days,
    seconds,
    microseconds: micro,
    total_seconds: new Callable('total_seconds', () => float(ms / 1000)),
  };
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const fraction = micro === 0 ? '' : `.${String(micro).padStart(6, '0')}`;
  const head = days === 0 ? '' : `${days} day${Math.abs(days) === 1 ? '' : 's'}, `;
  const named = [
    ...(days === 0 ? [] : [`days=${days}`]),
    ...(seconds === 0 ? [] : [`seconds=${seconds}`]),
    ...(micro === 0 ? [] : [`microseconds=${micro}`]),
  ].join(', ');
  const quantity = {
    ms,
    text: `${head}${clock}${fraction}`,
    repr: `datetime.timedelta(${named === '' ? '0' : named})`,
  };
  return new Thing('timedelta', (name) => (Object.hasOwn(parts, name) ? parts[name] : undefined), undefined, quantity);
}

/** + and - of points and spans of time. undefined: the operands are something else. */
export function ofTime(sign: string, left: Item, right: Item): Item | undefined {
  if (!(left instanceof Thing && right instanceof Thing) || !left.quantity || !right.quantity) return undefined;
  const sum = left.quantity.ms + (sign === '-' ? -right.quantity.ms : right.quantity.ms);
  const kinds = `${left.type} ${sign} ${right.type}`;
  if (kinds === 'datetime - datetime' || /^timedelta [-+] timedelta$/.test(kinds)) return span(sum);
  if (/^datetime [-+] timedelta$/.test(kinds) || kinds === 'timedelta + datetime') return moment(new Date(sum));
  return undefined;
}
