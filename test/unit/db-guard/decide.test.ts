import { describe, expect, it } from 'vitest';

type Replica = Readonly<{ source: string; io: string; sql: string; error: string }>;
const { adviceFor, replicaState } = (await import(
  new URL('../../../files/db-guard/decide.js', import.meta.url).href
)) as {
  adviceFor: (state: string) => string;
  replicaState: (seen: object) => readonly [string, string];
};

const follows = { source: 'db2.foobar.com', io: 'Yes', sql: 'Yes', error: '' };
const state = (replica: Replica | undefined, errant = '', gtid = '0-31-5') =>
  replicaState({ db: { gtid, replica }, leader: { host: 'db2' }, names: { db2: 'db2.foobar.com' }, errant })[0];

describe('the state of a host that is not primary', () => {
  it.each([
    ['replica', follows],
    ['stopped', { ...follows, sql: 'No' }],
    [
      'broken',
      {
        ...follows,
        sql: 'No',
        error: "Could not execute Write_rows_v1 event on table foobar.items; Duplicate entry '7'",
      },
    ],
    // how the servers report diverged histories
    [
      'diverged',
      {
        ...follows,
        io: 'No',
        error:
          'Got fatal error 1236 … it probably means that the slave has diverged due to executing extra erroneous transactions',
      },
    ],
    [
      'diverged',
      { ...follows, io: 'No', error: "Replica has more GTIDs than the source has, using the source's SERVER_UUID." },
    ],
    [
      'diverged',
      {
        ...follows,
        sql: 'No',
        error:
          'An attempt was made to binlog GTID 0-32-6 which would create an out-of-order sequence number with existing GTID 0-31-6',
      },
    ],
  ])('%s', (word, replica) => {
    expect(state(replica)).toBe(word);
  });

  it('is diverged rather than replica if it holds writes that the primary never had', () => {
    expect(state(undefined, '3fa…:7')).toBe('diverged');
    expect(state(undefined, '', '')).toBe('bare');
  });

  it('comes with instructions unless nothing needs to be done', () => {
    for (const word of ['diverged', 'broken', 'bare', 'stopped'])
      expect(adviceFor(word)).toContain('bringup apply playbooks/site.yml');
    for (const word of ['primary', 'replica', 'waiting', 'closed', 'down']) expect(adviceFor(word)).toBe('');
    expect(adviceFor('diverged')).toContain('/var/backups/db');
  });
});
