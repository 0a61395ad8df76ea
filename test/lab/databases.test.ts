import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both, moduleLab, troubles } from './support/converge.ts';

const { lab, everywhere, tasks } = moduleLab('10.83.164');

describe('modules of PostgreSQL on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    const packages = 'postgresql, postgresql-contrib';
    await lab.apply(tasks(`- apt: {name: [${packages}], update_cache: true, install_recommends: false}`));
  });
  afterAll(() => lab.down());

  const present = tasks(readFileSync('test/lab/modules/postgresql.yml', 'utf8'));
  const sql = (query: string, database = 'shop'): string =>
    `cd /; runuser -u postgres -- psql -XAtd ${database} <<'SQL'\n${query}\nSQL`;

  it('plan everything on a new server, and change nothing', async () => {
    const planned = await lab.plan(present);
    expect(troubles(planned)).toEqual([]);
    expect(await everywhere(sql('SELECT count(*) FROM pg_database', 'postgres'))).toEqual(both('3'));
  });

  it('create databases, roles, schemas, extensions and privileges, once', async () => {
    const first = await lab.apply(present);
    expect(troubles(first)).toEqual([]);
    const again = await lab.apply(present);
    expect(troubles(again)).toEqual([]);
    expect(again.tasks.filter((e) => e.status === 'changed').map((e) => e.task)).toEqual([]);
  });

  it.each([
    ['the database', "SELECT pg_get_userbyid(datdba), datconnlimit FROM pg_database WHERE datname = 'shop'", 'app|50'],
    [
      'the role',
      "SELECT a.rolcreatedb, a.rolsuper, a.rolconnlimit, left(a.rolpassword, 5), r.rolconfig FROM pg_authid a JOIN pg_roles r USING (oid) WHERE a.rolname = 'app'",
      't|f|20|SCRAM|{work_mem=16MB}',
    ],
    ['a table', "SELECT has_table_privilege('readers', 'sales.items', 'INSERT WITH GRANT OPTION')", 't'],
    ['a sequence', "SELECT has_sequence_privilege('readers', 'sales.orders_id_seq', 'USAGE')", 't'],
    ['a function', "SELECT has_function_privilege('public', 'sales.add(int,int)', 'EXECUTE')", 'f'],
    ['a database', "SELECT has_database_privilege('readers', 'shop', 'CONNECT')", 't'],
    ['a group', "SELECT pg_has_role('app', 'readers', 'USAGE WITH ADMIN OPTION')", 't'],
    ['a member', "SELECT pg_has_role('app', 'sellers', 'MEMBER')", 't'],
    ['the extension', "SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pg_trgm'", 'sales'],
    ['a setting', 'SHOW work_mem', '8MB'],
    ['rows', 'SELECT id, name FROM sales.items', "7|it's"],
  ])('%s', async (_, query, expected) => {
    expect(await everywhere(sql(query))).toEqual(both(expected));
  });

  it('a table that app creates later has the default privileges', async () => {
    const query =
      "SET ROLE app; CREATE TABLE sales.later (); SELECT has_table_privilege('readers', 'sales.later', 'SELECT');";
    for (const seen of await everywhere(sql(query))) expect(seen).toMatch(/^t$/m);
  });

  it('the password and the rule of pg_hba.conf let app log in over TCP', async () => {
    const reload = await lab.apply(tasks('- service: {name: postgresql, state: reloaded}'));
    expect(troubles(reload)).toEqual([]);
    const query = `- postgresql_query: {login_user: app, login_password: "it's s3cret", login_host: 127.0.0.1, db: shop, query: SELECT current_user AS me}
  register: query
  until: query is succeeded
  retries: 20
  delay: 1
- assert: {that: "query.query_result == [{'me': 'app'}]"}`;
    expect(troubles(await lab.apply(tasks(query)))).toEqual([]);
    const wrong = await lab.apply(tasks(query.split('\n')[0]?.replace('s3cret', 'other') ?? ''));
    for (const { diagnostic } of wrong.tasks) expect(diagnostic?.message).toContain('password authentication failed');
  });

  it('a dump is restored into another database', async () => {
    const restore = `- postgresql_db: {name: shop, state: dump, target: "/var/lib/postgresql/shop.{{ item }}"}
  become_user: postgres
  loop: [sql.gz, pgc]
- postgresql_db: {name: "copy_{{ item | replace('.', '') }}"}
  become_user: postgres
  loop: [sql.gz, pgc]
- postgresql_db: {name: "copy_{{ item | replace('.', '') }}", state: restore, target: "/var/lib/postgresql/shop.{{ item }}"}
  become_user: postgres
  loop: [sql.gz, pgc]`;
    expect(troubles(await lab.apply(tasks(restore)))).toEqual([]);
    const rows = `${sql('SELECT id FROM sales.items', 'copy_sqlgz')}; ${sql('SELECT id FROM sales.items', 'copy_pgc')}`;
    expect(await everywhere(rows.replace('SQL; ', 'SQL\n'))).toEqual(both('7\n7'));
  });

  it('absent removes what was created', async () => {
    const absent =
      `- postgresql_privs: {db: shop, schema: sales, objs: ALL_IN_SCHEMA, privs: ALL, roles: readers, state: absent}
- postgresql_ext: {name: pg_trgm, db: shop, state: absent}
- postgresql_schema: {name: sales, db: shop, state: absent, cascade_drop: true}
- postgresql_db: {name: "{{ item }}", state: absent, force: true}
  loop: [shop, copy_sqlgz, copy_pgc]
- postgresql_membership: {groups: sellers, target_roles: app, state: absent, fail_on_role: false}
- postgresql_user: {name: sellers, state: absent}
- postgresql_user: {name: readers, state: absent, fail_on_user: false}
- postgresql_set: {name: work_mem, value: default}`.replace(/^(- .*)$/gm, '$1\n  become_user: postgres');
    const first = await lab.apply(tasks(absent));
    expect(troubles(first)).toEqual([]);
    const again = await lab.apply(tasks(absent.replace(/^[\s\S]*?(?=- postgresql_db)/, '')));
    expect(troubles(again)).toEqual([]);
    expect(again.tasks.filter((e) => e.status === 'changed').map((e) => e.task)).toEqual([]);
    expect(await everywhere(sql('SELECT count(*) FROM pg_database', 'postgres'))).toEqual(both('3'));
  });
});
