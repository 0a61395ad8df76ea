import { expect, it } from 'vitest';
import { postgresql_ping } from '../../../src/modules/postgresql_ping.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, context, words } from './harness.ts';

const RAW = 'PostgreSQL 17.6 (Debian 17.6-0+deb13u1) on x86_64-pc-linux-gnu';
const ERROR = 'psql: error: connection to server on socket "/x" failed: FATAL:  the database system is starting up\n';

it.each([
  [
    'a server that answers',
    `server ${JSON.stringify({ raw: RAW })}\n`,
    { is_available: true, server_version: { major: 17, minor: 6, full: '17.6', raw: RAW }, conn_err_msg: '' },
  ],
  [
    'an old server',
    `server ${JSON.stringify({ raw: 'PostgreSQL 9.6.24 on x' })}\n`,
    { server_version: { major: 9, minor: 6, patch: 24, full: '9.6.24' } },
  ],
  [
    'a server that does not answer',
    `error ${encodeBase64(ERROR)}\n`,
    {
      is_available: false,
      server_version: {},
      conn_err_msg: expect.stringMatching(/FATAL: +the database system is starting up$/),
    },
  ],
])('%s', (_, observed, data) => {
  const step = bound(postgresql_ping, { login_user: 'app' });
  expect(step.plan(observed, context())).toEqual([]);
  expect(step.data(observed, context())).toMatchObject(data);
});

it('needs psql', () => {
  expect(words(bound(postgresql_ping, {}).plan('client missing\n', context()))).toBe('the host has no psql');
});
