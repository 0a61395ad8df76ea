import type { Vars } from '../../core/value.ts';
import type { Sections } from './facts-sections.ts';

export function dateTime(s: Sections): Vars {
  const [
    year = '',
    month = '',
    day = '',
    hour = '',
    minute = '',
    second = '',
    epoch = '0',
    nanos = '0',
    tz = '',
    offset = '',
    weekday = '',
    number = '',
    week = '',
  ] = (s.get('date') ?? '').split(' ');
  const utc = new Date(Number(epoch) * 1000).toISOString().slice(0, 19);
  const micro = nanos.padStart(9, '0').slice(0, 6);
  return {
    year,
    month,
    day,
    hour,
    minute,
    second,
    epoch,
    tz,
    epoch_int: epoch,
    date: `${year}-${month}-${day}`,
    time: `${hour}:${minute}:${second}`,
    tz_offset: offset,
    tz_dst: tz,
    weekday,
    weekday_number: number,
    weeknumber: week,
    iso8601: `${utc}Z`,
    iso8601_micro: `${utc}.${micro}Z`,
    iso8601_basic: `${year}${month}${day}T${hour}${minute}${second}${micro}`,
    iso8601_basic_short: `${year}${month}${day}T${hour}${minute}${second}`,
  };
}
