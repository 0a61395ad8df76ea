import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileTemplate } from '../../../src/template/template.ts';
import { at, envOf } from './support.ts';

const run = (source: string): unknown => compileTemplate(source, at).evaluate(envOf({}));
const before = process.env['TZ'];
beforeEach(() => {
  process.env['TZ'] = 'Asia/Tokyo'; // nine hours ahead, the whole year
});
afterEach(() => {
  if (before === undefined) delete process.env['TZ'];
  else process.env['TZ'] = before;
});

describe('now, at 12:34:56 UTC', () => {
  test.each([
    ['now()', '2024-02-29 21:34:56'],
    ['now(utc=true)', '2024-02-29 12:34:56'],
    ["now(fmt='%H %s')", '21 1709210096'],
    ["now(true, '%H')", '12'],
    ["now().strftime('%Y %H %s')", '2024 21 1709210096'],
    ['now().isoformat()', '2024-02-29T21:34:56'],
    ['(now() - now()).days', 0],
    ['(now() - now(utc=true)).seconds // 3600', 9],
    ["(now() - ('2024-02-01 00:00:00' | to_datetime)).days", 28],
    ["now() > ('2024-02-01 00:00:00' | to_datetime)", true],
    ['now().year', 2024],
    ['now().hour', 21],
    ['now().timestamp() | int', 1709210096],
    ["('2024-02-29 21:34:56' | to_datetime).timestamp() | int", 1709210096],
  ])('%s', (expression, value) => {
    expect(run(`{{ ${expression} }}`)).toEqual(value);
  });
});
