import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { postgresql_pg_hba } from '../../../src/modules/postgresql_pg_hba.ts';
import { parseHba, renderHba, sortedRules } from '../../../src/modules/shared/postgresql-hba.ts';
import { apply, read, refusal, scratch } from './harness.ts';

const FILE = `# top
local   all   postgres   peer
host    all   all        127.0.0.1/32   md5   # own
`;

describe('the file after', () => {
  test.each([
    [
      'a new rule',
      { contype: 'host', databases: 'shop', users: 'app', address: '10.0.0.0/8' },
      '# top\n# own\nlocal\tall\tpostgres\tpeer\nhost\tall\tall\t127.0.0.1/32\tmd5\nhost\tshop\tapp\t10.0.0.0/8\tmd5\n',
    ],
    ['a rule that is there', { contype: 'host', address: '127.0.0.1' }, FILE],
    ['the same, with a netmask', { contype: 'host', address: '127.0.0.1', netmask: '255.255.255.255' }, FILE],
    [
      'another method',
      {
        contype: 'host',
        address: '127.0.0.1/32',
        method: 'scram-sha-256',
        options: 'x=1',
        keep_comments_at_rules: true,
        comment: ' ours',
      },
      '# top\nlocal\tall\tpostgres\tpeer\nhost\tall\tall\t127.0.0.1/32\tscram-sha-256\tx=1\t# ours\n',
    ],
    [
      'a removed rule',
      { contype: 'local', users: 'postgres', state: 'absent', keep_comments_at_rules: true },
      '# top\nhost\tall\tall\t127.0.0.1/32\tmd5\t# own\n',
    ],
    ['nothing to remove', { contype: 'local', users: 'x', state: 'absent' }, FILE],
    [
      'only these rules',
      { overwrite: true, rules: [{ contype: 'local', method: 'trust' }] },
      '# top\n# own\nlocal\tall\tall\ttrust\n',
    ],
    [
      'defaults for rules',
      { rules_behavior: 'combine', contype: 'local', method: 'peer', rules: [{ users: 'b' }, { users: 'a' }] },
      '# top\n# own\nlocal\tall\ta\tpeer\nlocal\tall\tb\tpeer\nlocal\tall\tpostgres\tpeer\nhost\tall\tall\t127.0.0.1/32\tmd5\n',
    ],
    ['no rule', {}, FILE],
  ])('%s', (_, args, expected) => {
    const dest = join(scratch(), 'pg_hba.conf');
    writeFileSync(dest, FILE);
    expect(apply(postgresql_pg_hba, { dest, ...args }).again).toEqual([]);
    expect(read(dest)).toBe(expected);
  });
});

test('rules are sorted from the narrowest to the widest', () => {
  const text =
    'host\tall\tall\t0.0.0.0/0\tmd5\nhost\tall\tall\t10.0.0.0/8\tmd5\nhost\tall\tapp\t10.0.0.0/8\tmd5\nhost\tshop\tall\t10.0.0.0/8\tmd5\nhost\tall\tall\t10.1.0.0/16\tmd5\nhost\tall\tall\t::1/128\tmd5\nhost\tall\tall\tall\tmd5\nlocal\tall\tall\tpeer\n';
  const sorted = renderHba([], sortedRules(parseHba(text).rules), false)
    .split('\n')
    .map((line) => line.split('\t').slice(0, 4).join(' '));
  expect(sorted).toEqual([
    'local all all peer',
    'host all all ::1/128',
    'host all all 10.1.0.0/16',
    'host shop all 10.0.0.0/8',
    'host all app 10.0.0.0/8',
    'host all all 10.0.0.0/8',
    'host all all 0.0.0.0/0',
    'host all all all',
    '',
  ]);
});

test('the rules are returned', () => {
  const dest = join(scratch(), 'pg_hba.conf');
  writeFileSync(dest, 'host\tall\t"my user"\t10.1.2.3 255.255.0.0\tmd5\n');
  expect(apply(postgresql_pg_hba, { dest }).data).toEqual({
    pg_hba: [{ type: 'host', db: 'all', usr: '"my user"', src: '10.1.2.3/16', method: 'md5' }],
    msgs: [],
  });
});

test('a file that cannot be read is not touched', () => {
  const dest = join(scratch(), 'pg_hba.conf');
  writeFileSync(dest, 'hostx all all md5\n');
  expect(apply(postgresql_pg_hba, { dest, contype: 'local' }).first).toMatch(
    /has a rule that cannot be read: hostx all all md5/,
  );
});

test.each([
  [{ contype: 'local', address: '10.0.0.1' }, /has no 'address'/],
  [{ contype: 'host', address: 'db.internal', netmask: '255.0.0.0' }, /is not a network/],
  [{ contype: 'host', address: '10.0.0.0', netmask: '255.0.255.0' }, /is not a network/],
  [{ contype: 'host', comment: 'x' }, /needs keep_comments_at_rules/],
  [{ contype: 'host', rules: [] }, /exclude each other/],
  [{ rules: [{ users: 'x' }] }, /'contype' is missing/],
])('%j is refused', (args, message) => {
  expect(refusal(postgresql_pg_hba, { dest: '/x', ...args })).toMatch(message);
});
