import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Module } from '../../../src/core/module.ts';
import { postgresql_db } from '../../../src/modules/postgresql_db.ts';
import { postgresql_ext } from '../../../src/modules/postgresql_ext.ts';
import { postgresql_privs } from '../../../src/modules/postgresql_privs.ts';
import { postgresql_query } from '../../../src/modules/postgresql_query.ts';
import { postgresql_schema } from '../../../src/modules/postgresql_schema.ts';
import { postgresql_set } from '../../../src/modules/postgresql_set.ts';
import { postgresql_user } from '../../../src/modules/postgresql_user.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const row = (key: string, value: Args): string => `${key} ${JSON.stringify(value)}\n`;
const plan = (module: Module, args: Args, observed: string) => bound(module, args).plan(observed, context());
/** The statements of a plan, as its diff shows them. */
const sql = (module: Module, args: Args, observed: string) => {
  const steps = plan(module, args, observed);
  return 'blocked' in steps ? steps.blocked.message : steps.map((step) => step.diff?.after?.trim() ?? 'nothing');
};

describe('every module', () => {
  test.each([postgresql_db, postgresql_schema, postgresql_user, postgresql_set])(
    '$name says why it cannot log in',
    (module) => {
      const args = { name: 'x', ...(module.name === 'postgresql_set' && { value: '1' }) };
      expect(words(plan(module, args, 'client missing\n'))).toBe('the host has no psql');
      const error =
        'psql: error: connection to server failed: FATAL:  Peer authentication failed for user "postgres"\n';
      expect(words(plan(module, args, `error ${encodeBase64(error)}\n`))).toMatch(
        /does not accept the login: .*FATAL: +Peer/,
      );
      expect(words(plan(module, args, `error ${encodeBase64('ERROR:  permission denied for x')}\n`))).toMatch(
        /cannot do this/,
      );
    },
  );

  test('the password is in no argument and no environment, and connect_params holds none', () => {
    const probe = bound(postgresql_db, {
      name: 'x',
      login_password: "s3'cret",
      connect_params: { connect_timeout: 3 },
    }).probe?.(context());
    expect(probe?.text).toContain("service='[bringup]\npassword=''s3'\\''cret'\n");
    expect(probe?.secrets).toContain("s3'cret");
    expect(probe?.text).toMatch(/psql .*connect_timeout/);
    expect(probe?.text.match(/cret/g)).toHaveLength(1);
    expect(refusal(postgresql_db, { name: 'x', connect_params: { password: 'y' } })).toMatch(/use login_password/);
    expect(refusal(postgresql_db, { name: 'x', login_password: 'blank ' })).toMatch(/ends with a blank/);
  });
});

describe('postgresql_db', () => {
  const is =
    row('version', { number: 150003 }) +
    row('database', {
      name: 'shop',
      owner: 'app',
      encoding: 'UTF8',
      encoded: true,
      lc_collate: 'C',
      lc_ctype: 'C',
      conn_limit: -1,
      tablespace: 'pg_default',
      comment: null,
    });
  test.each([
    ['new', {}, '', ['CREATE DATABASE "shop"']],
    [
      'new, with options',
      { owner: 'a"b', template: 'template0', encoding: 'UTF-8', conn_limit: 5, comment: "it's" },
      '',
      [
        `CREATE DATABASE "shop" OWNER "a""b" TEMPLATE "template0" ENCODING 'UTF-8' CONNECTION LIMIT 5\nCOMMENT ON DATABASE "shop" IS 'it''s'`,
      ],
    ],
    ['there', { owner: 'app', encoding: 'UTF-8', conn_limit: -1, comment: '' }, is, []],
    [
      'another owner',
      { owner: 'bob', tablespace: 'fast' },
      is,
      ['ALTER DATABASE "shop" OWNER TO "bob"\nALTER DATABASE "shop" SET TABLESPACE "fast"'],
    ],
    [
      'another encoding',
      { encoding: 'LATIN1' },
      is.replace('"encoded":true', '"encoded":false'),
      'PostgreSQL cannot do this: encoding of database shop is UTF8, and it cannot be changed to LATIN1',
    ],
    ['gone already', { state: 'absent' }, '', []],
    ['dump of none', { state: 'dump', target: '/x.sql' }, '', 'there is no database shop on the host'],
    ['rename', { state: 'rename', target: 'old' }, is, ['old']],
    ['renamed already', { state: 'rename', target: 'shop2' }, row('database', { name: 'shop2' }), []],
    [
      'rename to one that exists',
      { state: 'rename', target: 'x' },
      is + row('database', { name: 'x' }),
      /both databases exist/,
    ],
  ] as const)('%s', (_, args, observed, expected) => {
    const result = sql(postgresql_db, { name: 'shop', ...args }, observed);
    if (expected instanceof RegExp) expect(result).toMatch(expected);
    else expect(result).toEqual(expected);
  });

  test.each([
    [150003, 'DROP DATABASE "shop" WITH (FORCE)'],
    [120003, 'pg_terminate_backend'],
  ])('force on version %s', (number, expected) => {
    const observed = row('version', { number }) + row('database', { name: 'shop' });
    expect(
      changes(plan(postgresql_db, { name: 'shop', state: 'absent', force: true }, observed))[0]?.run.text,
    ).toContain(expected);
  });

  test.each([
    ['/x.sql', '} | cat >'],
    ['/x.sql.gz', '} | gzip >'],
    ['/x.tar.xz', 'logged pg_dump --no-password --format=t || '],
    ['/x.pgc', 'logged pg_dump --no-password --format=c || '],
    ['/x.dir', '--format=d --file=/x.dir'],
  ])('a dump to %s', (target, expected) => {
    const [change] = changes(plan(postgresql_db, { name: 'shop', state: 'dump', target }, is));
    expect(change?.run.text).toContain(expected);
    expect(change?.action).toBe(true);
  });

  test('target is needed, and is a path of the host', () => {
    expect(refusal(postgresql_db, { name: 'x', state: 'dump' })).toMatch(/'target' is missing/);
    expect(refusal(postgresql_db, { name: 'x', state: 'restore', target: 'x.sql' })).toMatch(/a path on the host/);
    expect(refusal(postgresql_db, { name: 'x', state: 'rename', target: 'y' })).toBe('');
  });
});

describe('postgresql_schema and postgresql_ext', () => {
  const schema = row('schema', { owner: 'app', comment: 'x' });
  const ext = row('extension', { version: '1.5', schema: 'public', movable: true }) + row('offered', { latest: '1.6' });
  test.each([
    [postgresql_schema, 'new', { owner: 'app' }, '', ['CREATE SCHEMA "x" AUTHORIZATION "app"']],
    [postgresql_schema, 'there', { owner: 'app', comment: 'x' }, schema, []],
    [
      postgresql_schema,
      'changed',
      { owner: 'bob', comment: '' },
      schema,
      ['ALTER SCHEMA "x" OWNER TO "bob"\nCOMMENT ON SCHEMA "x" IS NULL'],
    ],
    [postgresql_schema, 'gone already', { state: 'absent' }, '', []],
    [postgresql_ext, 'unknown', { db: 'a' }, '', 'there is no extension x on the host'],
    [
      postgresql_ext,
      'new',
      { db: 'a', schema: 's', cascade: true },
      row('offered', { latest: '1.6' }),
      ['CREATE EXTENSION "x" SCHEMA "s" CASCADE'],
    ],
    [postgresql_ext, 'there', { db: 'a' }, ext, []],
    [postgresql_ext, 'latest', { db: 'a', version: 'latest' }, ext, [`ALTER EXTENSION "x" UPDATE TO '1.6'`]],
    [postgresql_ext, 'a version that is not there', { db: 'a', version: '9' }, ext, /not available in version 9/],
    [
      postgresql_ext,
      'a version without a way',
      { db: 'a', version: '1.4' },
      ext + row('version', { version: '1.4', reachable: false }),
      /cannot be updated from version 1.5 to 1.4/,
    ],
    [postgresql_ext, 'moved', { db: 'a', schema: 's' }, ext, ['ALTER EXTENSION "x" SET SCHEMA "s"']],
  ] as const)('%s: %s', (module, _, args, observed, expected) => {
    const result = sql(module, { name: 'x', ...args }, observed);
    if (expected instanceof RegExp) expect(result).toMatch(expected);
    else expect(result).toEqual(expected);
  });
  test('dropped', () => {
    expect(
      changes(plan(postgresql_schema, { name: 'x', state: 'absent', cascade_drop: true }, schema))[0]?.run.text,
    ).toContain('DROP SCHEMA "x" CASCADE');
    expect(changes(plan(postgresql_ext, { name: 'x', db: 'a', state: 'absent' }, ext))[0]?.run.text).toContain(
      'DROP EXTENSION "x"',
    );
  });
});

describe('postgresql_user', () => {
  const flags = {
    rolsuper: false,
    rolcreaterole: false,
    rolcreatedb: true,
    rolinherit: true,
    rolcanlogin: true,
    rolreplication: false,
    rolbypassrls: false,
  };
  const is = row('role', { ...flags, rolconnlimit: -1, comment: null, config: ['work_mem=4MB', 'x=y'], expires: true });
  const scram = (password: string): string => {
    const salt = Buffer.from('0123456789abcdef');
    const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256');
    const key = (name: string) => createHmac('sha256', salted).update(name).digest();
    const stored = createHash('sha256').update(key('Client Key')).digest('base64');
    return `SCRAM-SHA-256$4096:${salt.toString('base64')}$${stored}:${key('Server Key').toString('base64')}`;
  };
  const md5 = `md5${createHash('md5').update('secretapp').digest('hex')}`;
  test.each([
    ['new', {}, '', ['attributes LOGIN']],
    ['new, as a group', { role_attr_flags: 'nologin' }, '', ['attributes NOLOGIN']],
    ['there', { role_attr_flags: 'CREATEDB,NOSUPERUSER', conn_limit: -1, expires: 'infinity' }, is, []],
    ['other flags', { role_attr_flags: 'NOCREATEDB,SUPERUSER' }, is, ['NOCREATEDB\nSUPERUSER']],
    ['the password, by SCRAM', { password: 'secret' }, `${is}password ${scram('secret')}\n`, []],
    ['another password, by SCRAM', { password: 'secret' }, `${is}password ${scram('other')}\n`, ['password']],
    ['the password, by md5', { password: 'secret' }, `${is}password ${md5}\n`, []],
    ['another password, by md5', { password: 'other' }, `${is}password ${md5}\n`, ['password']],
    ['a hash', { password: scram('a') }, `${is}password ${scram('a')}\n`, []],
    ['no password', { password: '' }, `${is}password \n`, []],
    ['a password to be removed', { password: '' }, `${is}password ${md5}\n`, ['no password']],
    ['passwords of others', { password: 'x', no_password_changes: true }, is, []],
    ['settings', { configuration: { work_mem: '8MB', z: true } }, is, ['work_mem = 8MB\nz = on']],
    [
      'only these settings',
      { configuration: { work_mem: '4MB' }, reset_unspecified_configuration: true },
      is,
      ['x = default'],
    ],
    ['gone already', { state: 'absent' }, '', []],
  ] as const)('%s', (_, args, observed, expected) => {
    expect(sql(postgresql_user, { name: 'app', ...args }, observed)).toEqual(expected);
  });

  test('a role that is needed may be kept', () => {
    const [change] = changes(plan(postgresql_user, { name: 'app', state: 'absent', fail_on_user: false }, is));
    expect(change).toMatchObject({ unaltered: expect.stringContaining('kept'), excused: true });
    const [strict] = changes(plan(postgresql_user, { name: 'app', state: 'absent' }, is));
    expect(strict?.excused).toBeUndefined();
  });

  test('the result shows no password', () => {
    const step = bound(postgresql_user, { name: 'app', password: 's3cret' });
    expect(JSON.stringify(step.data('', context(), { code: 0, stdout: '', stderr: '' }))).not.toContain('s3cret');
    expect(JSON.stringify(changes(step.plan('', context()))[0]?.diff)).not.toContain('s3cret');
  });

  test.each([
    [{ role_attr_flags: 'CREATEUSERS' }, /no attribute 'CREATEUSERS'/],
    [{ encrypted: false }, /store no password unencrypted/],
  ])('%j is refused', (args, message) => {
    expect(refusal(postgresql_user, { name: 'app', ...args })).toMatch(message);
  });
});

describe('postgresql_privs', () => {
  const role = row('role', { name: 'ada' });
  const object = (name: string, grants: readonly unknown[]) =>
    row('object', { name, grants, all_privileges: ['SELECT', 'INSERT', 'UPDATE'] });
  test.each([
    ['granted', { privs: 'select' }, role + object('t', []), ['GRANT SELECT ON TABLE "public"."t" TO "ada"']],
    ['there', { privs: 'SELECT' }, role + object('t', [['ada', 'SELECT', false]]), []],
    ['all', { privs: 'ALL', schema: 's' }, role + object('t', []), ['GRANT ALL ON TABLE "s"."t" TO "ada"']],
    [
      'all but one',
      { privs: 'ALL' },
      role + object('t', [['ada', 'SELECT', false]]),
      ['GRANT INSERT, UPDATE ON TABLE "public"."t" TO "ada"'],
    ],
    [
      'of another role',
      { privs: 'SELECT' },
      role + object('t', [['bob', 'SELECT', false]]),
      ['GRANT SELECT ON TABLE "public"."t" TO "ada"'],
    ],
    [
      'revoked',
      { privs: 'ALL', state: 'absent' },
      role + object('t', [['ada', 'SELECT', false]]),
      ['REVOKE SELECT ON TABLE "public"."t" FROM "ada"'],
    ],
    [
      'with the option',
      { privs: 'SELECT', grant_option: true },
      role + object('t', [['ada', 'SELECT', false]]),
      ['GRANT SELECT ON TABLE "public"."t" TO "ada" WITH GRANT OPTION'],
    ],
    [
      'without the option',
      { privs: 'SELECT', grant_option: false },
      role + object('t', [['ada', 'SELECT', true]]),
      ['REVOKE GRANT OPTION FOR SELECT ON TABLE "public"."t" FROM "ada"'],
    ],
    [
      'for everybody',
      { privs: 'SELECT', roles: 'public' },
      object('t', []),
      ['GRANT SELECT ON TABLE "public"."t" TO PUBLIC'],
    ],
    ['no role', { privs: 'SELECT' }, object('t', []), 'there is no role ada on the host'],
    ['no role, which is fine', { privs: 'SELECT', fail_on_role: false }, object('t', []), []],
    ['no table', { privs: 'SELECT' }, role, 'there is no table t on the host'],
    ['a group', { type: 'group', objs: 'readers' }, role + object('readers', []), ['GRANT "readers" TO "ada"']],
    [
      'the head of a group',
      { type: 'group', objs: 'readers', admin_option: true },
      role + object('readers', [['ada', 'MEMBER', false]]),
      ['GRANT "readers" TO "ada" WITH ADMIN OPTION'],
    ],
    [
      'a function',
      { type: 'function', objs: 'add(int:int)', privs: 'EXECUTE' },
      role + object('add(int:int)', []),
      ['GRANT EXECUTE ON FUNCTION "public"."add"(int,int) TO "ada"'],
    ],
    [
      'a database',
      { type: 'database', objs: undefined, privs: 'CONNECT' },
      role + object('shop', []),
      ['GRANT CONNECT ON DATABASE "shop" TO "ada"'],
    ],
    [
      'defaults',
      { type: 'default_privs', objs: 'TABLES', privs: 'SELECT' },
      role + object('/TABLES', []),
      ['ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT SELECT ON TABLES TO "ada"'],
    ],
    [
      'defaults of a role',
      { type: 'default_privs', objs: 'TABLES', privs: 'SELECT', schema: 'not-specified', target_roles: 'ada' },
      role + object('ada/TABLES', []),
      ['ALTER DEFAULT PRIVILEGES FOR ROLE "ada" GRANT SELECT ON TABLES TO "ada"'],
    ],
  ] as const)('%s', (_, args, observed, expected) => {
    const all: Args = { db: 'shop', objs: 't', roles: 'ada', ...args };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    expect(sql(postgresql_privs, given, observed)).toEqual(expected);
  });

  test.each([
    [{ roles: 'a', objs: 't' }, /'privs' is missing/],
    [{ roles: 'a', privs: 'SELECT' }, /'objs' is missing/],
    [{ roles: 'a', type: 'group', objs: 'g', privs: 'SELECT' }, /a group has no privileges/],
    [{ roles: 'a', type: 'schema', objs: 's', privs: 'USAGE', schema: 'x' }, /a schema is in no schema/],
    [{ roles: 'a', type: 'default_privs', objs: 'VIEWS', privs: 'SELECT' }, /'VIEWS' is not valid/],
    [{ roles: 'a', objs: 't', privs: 'SELECT', target_roles: 'b' }, /needs type: default_privs/],
  ])('%j is refused', (args, message) => {
    expect(refusal(postgresql_privs, { db: 'shop', ...args })).toMatch(message);
  });
});

describe('postgresql_set', () => {
  const setting = (more: Args) =>
    row('setting', {
      name: 'x',
      setting: '4096',
      unit: 'kB',
      context: 'user',
      vartype: 'integer',
      boot_val: '4096',
      pretty: '4MB',
      configured: null,
      automatic: false,
      ...more,
    });
  test.each([
    ['unknown', { value: '1' }, '', 'there is no PostgreSQL setting x on the host'],
    ['fixed', { value: '1' }, setting({ context: 'internal' }), /cannot be changed in a running server/],
    ['the same in another unit', { value: '4MB' }, setting({}), []],
    ['the same in lower case', { value: '4mb' }, setting({}), []],
    ['another', { value: '8MB' }, setting({}), ['8MB']],
    ['pages', { value: '1GB' }, setting({ setting: '131072', unit: '8kB' }), []],
    ['seconds', { value: '1s' }, setting({ setting: '1000', unit: 'ms' }), []],
    ['off', { value: '-1' }, setting({ setting: '-1', unit: 'ms' }), []],
    ['yes is on', { value: 'yes' }, setting({ setting: 'on', vartype: 'bool', unit: null }), []],
    ['an enum', { value: 'REPLICA' }, setting({ setting: 'replica', vartype: 'enum', unit: null }), []],
    ['waits for a restart', { value: '8MB' }, setting({ context: 'postmaster', configured: '8MB' }), []],
    ['differs after a restart', { value: '4MB' }, setting({ context: 'postmaster', configured: '8MB' }), ['4MB']],
    ['default', { value: 'default' }, setting({}), []],
    ['to the default', { value: 'default' }, setting({ automatic: true }), ['default']],
    ['reset', { reset: true }, setting({ setting: '8192', configured: '8MB' }), ['4096']],
  ] as const)('%s', (_, args, observed, expected) => {
    const result = sql(postgresql_set, { name: 'x', ...args }, observed);
    if (expected instanceof RegExp) expect(result).toMatch(expected);
    else expect(result).toEqual(expected);
  });

  test.each([
    ['shared_preload_libraries', 'a, "b-c"', "ALTER SYSTEM SET shared_preload_libraries = 'a', 'b-c'"],
    ['listen_addresses', 'a, b', "ALTER SYSTEM SET listen_addresses = 'a, b'"],
    ['work_mem', '8mb', "ALTER SYSTEM SET work_mem = '8MB'"],
    ['work_mem', 'default', 'ALTER SYSTEM RESET work_mem'],
  ])('%s = %s', (name, value, expected) => {
    const [change] = changes(
      plan(postgresql_set, { name, value }, setting({ name, automatic: true, vartype: 'string' })),
    );
    expect(change?.run.text.replaceAll("'\\''", "'")).toContain(expected);
  });

  test('value or reset', () => {
    expect(refusal(postgresql_set, { name: 'x' })).toMatch(/'value' or 'reset' is missing/);
    expect(refusal(postgresql_set, { name: 'x', value: '1', reset: true })).toMatch(/exclude each other/);
  });
});

describe('postgresql_query', () => {
  const output = (text: string): string => `result ${encodeBase64(text)}\n`;
  test.each([
    ['SELECT 1', []],
    ['  (select 1)', []],
    ['SHOW work_mem', []],
    ["SELECT 'a;b' AS delete", ["run SQL: SELECT 'a;b' AS delete"]],
    ['SELECT pg_reload_conf()', ['run SQL: SELECT pg_reload_conf()']],
    ['SELECT 1 INTO t', ['run SQL: SELECT 1 INTO t']],
    [
      'WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x',
      ['run SQL: WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x'],
    ],
    ['EXPLAIN ANALYZE DELETE FROM t', ['run SQL: EXPLAIN ANALYZE DELETE FROM t']],
    ['VACUUM', ['run SQL: VACUUM']],
  ])('%s', (query, expected) => {
    expect(words(plan(postgresql_query, { query }, ''))).toEqual(expected);
  });

  test('a function that writes runs in apply, and its task stays ok', () => {
    const error = `error ${encodeBase64('ERROR:  25006: cannot execute INSERT in a read-only transaction')}\n`;
    expect(changes(plan(postgresql_query, { query: 'SELECT f()' }, error))[0]).toMatchObject({ harmless: true });
  });

  test.each([
    ['SELECT pg_reload_conf()', true],
    ['VACUUM', undefined],
    ['SELECT 1 INTO t', undefined],
  ])('%s is harmless: %s', (query, harmless) => {
    expect(changes(plan(postgresql_query, { query }, ''))[0]?.harmless).toBe(harmless);
  });

  test('a mistake in a query is reported in a plan', () => {
    const error = `error ${encodeBase64('ERROR:  42P01: relation "x" does not exist\nLINE 1: …')}\n`;
    expect(words(plan(postgresql_query, { query: 'SELECT * FROM x' }, error))).toBe(
      'PostgreSQL cannot do this: ERROR: relation "x" does not exist',
    );
  });

  test.each([
    [
      'SELECT 1',
      'bringup_next\nbringup_row\n"{""a"":1,""b"":""x\\ny""}"\n',
      { query_result: [{ a: 1, b: 'x\ny' }], statusmessage: 'SELECT 1', rowcount: 1 },
    ],
    ['SHOW work_mem', 'bringup_next\nwork_mem\n4MB\n', { query_result: [{ work_mem: '4MB' }] }],
    ['UPDATE t SET a = 1', 'bringup_next\nUPDATE 3', { query_result: [], statusmessage: 'UPDATE 3', rowcount: 3 }],
    [
      'INSERT INTO t VALUES (1) RETURNING a, b',
      'bringup_next\na,b\n1,"x,\ny"\nINSERT 0 1',
      { query_result: [{ a: '1', b: 'x,\ny' }], statusmessage: 'INSERT 0 1', rowcount: 1 },
    ],
    [
      'CREATE TABLE t ()',
      'bringup_next\nCREATE TABLE',
      { query_result: [], statusmessage: 'CREATE TABLE', rowcount: 0 },
    ],
  ])('the result of %s', (query, text, expected) => {
    expect(bound(postgresql_query, { query }).data(output(text), context())).toMatchObject(expected);
  });

  test('arguments are quoted', () => {
    const step = bound(postgresql_query, {
      query: "DELETE FROM t WHERE a = %s AND b = %s AND c LIKE '%%x' AND d = %s",
      positional_args: ["it's\\", null, [1, 'a']],
    });
    expect(changes(step.plan('', context()))[0]?.run.text.replaceAll("'\\''", "'")).toContain(
      "a = E'it''s\\\\' AND b = NULL AND c LIKE '%x' AND d = ARRAY[1, 'a']",
    );
    expect(refusal(postgresql_query, { query: 'SELECT %(a)s', named_args: { b: 1 } })).toMatch(/has no value/);
    expect(refusal(postgresql_query, { query: 'SELECT 1', named_args: {}, positional_args: [] })).toMatch(
      /exclude each other/,
    );
  });
});
