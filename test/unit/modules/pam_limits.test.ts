import { describe, expect, test } from 'vitest';
import { edit, pam_limits } from '../../../src/modules/pam_limits.ts';
import { bound, refusal } from './harness.ts';

const OLD = '# limits\nroot soft nofile 1024 # old\n* hard core 0\nroot - nice -5\n* hard memlock unlimited\n';
const LIMIT = { domain: 'root', limit_type: 'soft', limit_item: 'nofile', value: '2048' };

describe('limits.conf', () => {
  test.each([
    ['the same', { ...LIMIT, value: 1024 }, OLD],
    [
      'another value keeps its comment',
      LIMIT,
      OLD.replace('root soft nofile 1024 # old', 'root\tsoft\tnofile\t2048\t#old'),
    ],
    [
      'another comment',
      { ...LIMIT, comment: 'new' },
      OLD.replace('root soft nofile 1024 # old', 'root\tsoft\tnofile\t2048\t#new'),
    ],
    ['of another kind', { ...LIMIT, limit_type: 'hard' }, `${OLD}root\thard\tnofile\t2048\n`],
    ['use_max keeps the higher', { ...LIMIT, value: 10, use_max: true }, OLD],
    [
      'use_max raises',
      { ...LIMIT, use_max: true },
      OLD.replace('root soft nofile 1024 # old', 'root\tsoft\tnofile\t2048\t#old'),
    ],
    ['use_min keeps the lower', { ...LIMIT, use_min: true }, OLD],
    [
      'use_min of unlimited',
      { domain: '*', limit_type: 'hard', limit_item: 'memlock', value: 5, use_min: true },
      OLD.replace('* hard memlock unlimited', '*\thard\tmemlock\t5'),
    ],
    [
      'a niceness of -1 is not unlimited',
      { domain: 'root', limit_type: '-', limit_item: 'nice', value: -1, use_max: true },
      OLD.replace('root - nice -5', 'root\t-\tnice\t-1'),
    ],
  ] as const)('%s', (_, args, expected) => {
    expect(edit(OLD, bound(pam_limits, args).args as Parameters<typeof edit>[1])).toBe(expected);
  });
});

test.each([
  [{ use_max: true, use_min: true }, /exclude each other/],
  [{ value: 'many' }, /a number, unlimited or infinity/],
  [{ limit_item: 'files' }, /one of core/],
])('%j is refused', (args, message) => {
  expect(refusal(pam_limits, { ...LIMIT, ...args })).toMatch(message);
});
