const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** C's strftime, in UTC or in the controller's time zone. */
export function dateText(date: Date, format: string, utc: boolean): string {
  const t = utc ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  const two = (n: number) => String(n).padStart(2, '0');
  const [year, month, day] = [t.getUTCFullYear(), t.getUTCMonth(), t.getUTCDate()];
  const [hour, minute, second] = [t.getUTCHours(), t.getUTCMinutes(), t.getUTCSeconds()];
  const yearDay = Math.floor((Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  const offset = utc ? 0 : -date.getTimezoneOffset();
  const parts: Readonly<Record<string, () => string>> = {
    Y: () => String(year),
    C: () => two(Math.floor(year / 100)),
    y: () => two(year % 100),
    m: () => two(month + 1),
    d: () => two(day),
    e: () => String(day).padStart(2),
    H: () => two(hour),
    I: () => two(hour % 12 === 0 ? 12 : hour % 12),
    k: () => String(hour).padStart(2),
    l: () => String(hour % 12 === 0 ? 12 : hour % 12).padStart(2),
    M: () => two(minute),
    S: () => two(second),
    f: () => `${String(t.getUTCMilliseconds()).padStart(3, '0')}000`,
    p: () => (hour < 12 ? 'AM' : 'PM'),
    j: () => String(yearDay).padStart(3, '0'),
    a: () => (days[t.getUTCDay()] ?? '').slice(0, 3),
    A: () => days[t.getUTCDay()] ?? '',
    b: () => (months[month] ?? '').slice(0, 3),
    h: () => (months[month] ?? '').slice(0, 3),
    B: () => months[month] ?? '',
    w: () => String(t.getUTCDay()),
    u: () => String(t.getUTCDay() === 0 ? 7 : t.getUTCDay()),
    U: () => two(Math.floor((yearDay + 6 - t.getUTCDay()) / 7)),
    W: () => two(Math.floor((yearDay + 6 - ((t.getUTCDay() + 6) % 7)) / 7)),
    V: () => two(isoWeek(t).week),
    G: () => String(isoWeek(t).year),
    s: () => String(Math.floor(date.getTime() / 1000)),
    z: () => `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`,
    Z: () => (utc ? 'UTC' : ''),
    n: () => '\n',
    t: () => '\t',
    '%': () => '%',
  };
  const whole: Readonly<Record<string, string>> = {
    F: '%Y-%m-%d',
    T: '%H:%M:%S',
    R: '%H:%M',
    D: '%m/%d/%y',
    c: '%a %b %e %H:%M:%S %Y',
    x: '%m/%d/%y',
    X: '%H:%M:%S',
    r: '%I:%M:%S %p',
  };
  return format
    .replace(/%([FTRDcxXr])/g, (all, letter: string) => whole[letter] ?? all)
    .replace(/%([A-Za-z%])/g, (all, letter: string) =>
      Object.hasOwn(parts, letter) ? (parts[letter]?.() ?? all) : all,
    );
}

function isoWeek(t: Date): Readonly<{ year: number; week: number }> {
  const thursday = new Date(
    Date.UTC(t.getUTCFullYear(), t.getUTCMonth(), t.getUTCDate() + 3 - ((t.getUTCDay() + 6) % 7)),
  );
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / 604_800_000) + 1 };
}

/**
 * Python's strptime for the directives that make up a point in time, in UTC. undefined if the text does not have the
 * format.
 */
export function readDate(text: string, format: string): Date | undefined {
  const names: string[] = [];
  const patterns: Readonly<Record<string, string>> = {
    Y: '\\d{4}',
    m: '\\d{1,2}',
    d: '\\d{1,2}',
    H: '\\d{1,2}',
    I: '\\d{1,2}',
    M: '\\d{1,2}',
    S: '\\d{1,2}',
    f: '\\d{1,6}',
    y: '\\d{2}',
    j: '\\d{1,3}',
    p: '[AaPp][Mm]',
    b: '[A-Za-z]{3}',
    B: '[A-Za-z]+',
    a: '[A-Za-z]{3}',
    A: '[A-Za-z]+',
    z: 'Z|[-+]\\d{2}:?\\d{2}',
    Z: '[A-Z]*',
  };
  const source = format.replace(/%([A-Za-z%])|\s+|[\\^$.*+?()[\]{}|]/g, (all, letter?: string) => {
    if (letter === '%') return '%';
    if (letter === undefined) return all.trim() === '' ? '\\s+' : `\\${all}`;
    names.push(letter);
    return `(${patterns[letter] ?? '.*?'})`;
  });
  const found = new RegExp(`^${source}$`).exec(text);
  if (found === null) return undefined;
  const part = (letter: string): string | undefined => found[names.indexOf(letter) + 1 || found.length];
  const n = (letter: string, fallback: number) => (part(letter) === undefined ? fallback : Number(part(letter)));
  const word = (part('B') ?? part('b'))?.slice(0, 3).toLowerCase();
  const month = word === undefined ? n('m', 1) - 1 : months.findIndex((name) => name.toLowerCase().startsWith(word));
  const year = part('y') === undefined ? n('Y', 1900) : n('y', 0) + (n('y', 0) < 69 ? 2000 : 1900);
  const half = part('p')?.toLowerCase();
  const hour = part('I') === undefined ? n('H', 0) : (n('I', 0) % 12) + (half === 'pm' ? 12 : 0);
  const zone = /^([-+])(\d{2}):?(\d{2})$/.exec(part('z') ?? '');
  const shift = zone === null ? 0 : (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3]));
  return new Date(
    Date.UTC(
      year,
      month,
      n('d', 1),
      hour,
      n('M', 0) - shift,
      n('S', 0),
      Math.floor(Number((part('f') ?? '0').padEnd(6, '0')) / 1000),
    ),
  );
}
