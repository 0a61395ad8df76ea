import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verbatim } from '../../../src/core/sh.ts';
import { redis } from '../../../src/modules/redis.ts';
import { bound, changes, context, read, refusal, run, scratch, words } from './harness.ts';

const REPLICA = '# Replication\r\nrole:slave\r\nmaster_host:db1\r\nmaster_port:6379\r\n';
const PRIMARY = '# Replication\r\nrole:master\r\nconnected_slaves:0\r\n';

const plan = (args: Readonly<Record<string, unknown>>, answer: string, more = '') => {
  const seen = `answer ${Buffer.from(answer).toString('base64')}\n${more}`;
  return words(bound(redis, args).plan(seen, context()));
};
const max = (value: string) => ({ command: 'config', name: 'maxmemory', value });
const of = (master_host: string) => ({ command: 'replica', master_host, master_port: 6379 });

describe('redis', () => {
  it.each([
    [max('1024'), 'maxmemory\n1024', []],
    [max('1kb'), 'maxmemory\n1024', []],
    [max('4 GB'), 'maxmemory\n4294967296', []],
    [max('1.5M'), 'maxmemory\n0', ['maxmemory 1572864']],
    [{ command: 'config', name: 'appendonly', value: 'yes' }, 'appendonly\nno', ['appendonly yes']],
    [{ command: 'config', name: 'save', value: '' }, 'save\n3600 1', ['save ']],
    [{ command: 'config', name: 'save', value: '' }, 'save\n', []],
    [max('1'), '', 'there is no setting maxmemory on the host'],
    [of('db1'), REPLICA, []],
    [of('db2'), REPLICA, ['become replica of db2:6379']],
    [{ ...of('db2'), command: 'slave', replica_mode: 'slave' }, PRIMARY, ['become replica of db2:6379']],
    [{ command: 'replica', replica_mode: 'master' }, REPLICA, ['become primary']],
    [{ command: 'replica', slave_mode: 'master' }, PRIMARY, []],
    [{ command: 'flush' }, 'PONG', ['remove all keys']],
    [{ command: 'flush', flush_mode: 'db', db: 3 }, 'PONG', ['remove all keys of database 3']],
    [{ ...max('1'), login_password: 'x' }, 'OK\nmaxmemory\n1', []],
    [max('1'), 'NOAUTH Authentication required.', 'redis-cli fails on the host, and nothing was changed'],
    [
      { ...max('1'), login_password: 'x' },
      'WRONGPASS invalid\nNOAUTH x',
      'redis-cli fails on the host, and nothing was changed',
    ],
  ])('plans %o of %j', (args, answer, expected) => {
    expect(plan(args, answer)).toEqual(expected);
  });

  it('says what is in the way', () => {
    expect(plan(max('1'), 'Could not connect to Redis', 'failed yes\n')).toMatch(/^redis-cli fails/);
    expect(words(bound(redis, max('1')).plan('cli missing', context()))).toBe('the host has no redis-cli');
  });

  it('sends commands and the password on stdin, and options as they are given', () => {
    const folder = scratch();
    writeFileSync(
      `${folder}/redis-cli`,
      `#!/bin/sh\necho "$* \${REDISCLI_AUTH-none}" >${folder}/args\ncat >${folder}/stdin\necho OK\n`,
    );
    chmodSync(`${folder}/redis-cli`, 0o755);
    const go = (args: Readonly<Record<string, unknown>>, answer: string) => {
      const seen = `answer ${Buffer.from(answer).toString('base64')}`;
      const [change] = changes(bound(redis, args).plan(seen, context()));
      const { code } = run(verbatim(`PATH=${folder}:$PATH; export REDISCLI_AUTH=old\n${change?.run.text}`));
      return [code, read(`${folder}/args`).trim(), read(`${folder}/stdin`).trim()];
    };
    const login = { login_host: 'db1', login_port: 7000, login_user: 'ada', login_password: 's3"cret' };
    expect(go({ command: 'config', name: 'save', value: '60 1', ...login }, 'OK\nsave\n')).toEqual([
      0,
      '-h db1 -p 7000 none',
      'AUTH "ada" "s3\\"cret"\nCONFIG SET "save" "60 1"',
    ]);
    expect(go({ command: 'flush', flush_mode: 'db', db: 3 }, 'PONG')).toEqual([
      0,
      '-h localhost -p 6379 -n 3 none',
      'FLUSHDB',
    ]);
    expect(go({ command: 'flush' }, 'PONG')[2]).toBe('FLUSHALL');
    expect(go({ command: 'replica', replica_mode: 'master' }, REPLICA)[2]).toBe('REPLICAOF NO ONE');
    const tls = { tls: true, validate_certs: false, ca_certs: folder, client_cert_file: '/c', client_key_file: '/k' };
    expect(go({ ...of('x'), ...tls }, PRIMARY).slice(1)).toEqual([
      `-h localhost -p 6379 --tls --insecure --cert /c --key /k --cacertdir ${folder} none`,
      'REPLICAOF "x" 6379',
    ]);
    writeFileSync(`${folder}/redis-cli`, '#!/bin/sh\necho "ERR no such setting"\n');
    const [change] = changes(
      bound(redis, max('1')).plan(`answer ${Buffer.from('maxmemory\n0').toString('base64')}`, context()),
    );
    expect(run(verbatim(`PATH=${folder}:$PATH\n${change?.run.text}`))).toMatchObject({
      code: 1,
      stderr: 'ERR no such setting\n',
    });
  });

  it.each([
    [max('1k'), { name: 'maxmemory', value: '1024' }],
    [{ command: 'flush' }, { flushed: true }],
    [
      { command: 'flush', flush_mode: 'db', db: 1 },
      { flushed: true, db: 1 },
    ],
    [of('x'), { mode: { status: 'replica', master_host: 'x', master_port: 6379 } }],
    [{ command: 'replica', replica_mode: 'master' }, { mode: 'master' }],
  ])('returns of %o what Ansible does', (args, expected) => {
    expect(bound(redis, args).data('', context())).toEqual(expected);
  });

  it.each([
    [{ command: 'config', name: 'x' }, /'value' is missing/],
    [{ command: 'flush', flush_mode: 'db' }, /'db' is missing/],
    [{ command: 'replica' }, /'master_host' is missing\n.*'master_port' is missing/],
    [{ command: 'flush', login_user: 'x' }, /'login_password' is missing/],
    [{ command: 'config', name: 'x', value: 'a\nFLUSHALL' }, /has a line break/],
    [{}, /'command' is missing/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(redis, args)).toMatch(expected);
  });
});
