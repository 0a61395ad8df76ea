import { asNumber, isNumber, wrong } from '../item.ts';
import { type Operation, text, value } from '../operation.ts';
import { str } from '../print.ts';
import { dateText, readDate } from '../time.ts';
import { moment } from '../time-things.ts';

export const timeFilters: Readonly<Record<string, Operation>> = {
  strftime: value('second utc', (format, [second, utc], ctx) => {
    const given =
      second === undefined || second === null ? undefined : isNumber(second) ? asNumber(second) : Number(text(second));
    if (given !== undefined && Number.isNaN(given)) wrong('strftime: expected seconds since 1970');
    return dateText(
      given === undefined ? ctx.env.ports.now() : new Date(given * 1000),
      str(format),
      asNumber(utc) === 1,
    );
  }),
  to_datetime: value('format', (item, [format]) => {
    const pattern = text(format, '%Y-%m-%d %H:%M:%S');
    const date = readDate(str(item), pattern);
    return date === undefined ? wrong(`to_datetime: '${str(item)}' is not of the format '${pattern}'`) : moment(date);
  }),
};
