import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verbatim } from '../../../src/core/sh.ts';
import { mysql_info } from '../../../src/modules/mysql_info.ts';
import { bound, context, read, refusal, run, scratch, words } from './harness.ts';

/** What a server answers, by the beginning of a statement. */
const SERVER = {
  'SELECT 1': '1\n1\n',
  'SELECT VERSION': 'version\n10.11.6-MariaDB-0+deb12u1\n',
  'SHOW GLOBAL VARIABLES': 'Variable_name\tValue\nmax_connections\t151\nsql_mode\tA\\tB\n',
  'SHOW GLOBAL STATUS': 'Variable_name\tValue\nUptime\t12\n',
  'SHOW ENGINES': 'Engine\tSupport\tXA\nInnoDB\tDEFAULT\tYES\nFEDERATED\tNO\tNULL\n',
  'SELECT * FROM mysql.user': 'Host\tUser\tSelect_priv\tmax\nlocalhost\troot\tY\t0\n%\tapp\tN\t5\n',
  'SELECT CONCAT': "q\nSHOW GRANTS FOR 'app'@'%';\n",
  'SHOW GRANTS': 'GRANT USAGE ON *.* TO `app`@`%`\nGRANT SELECT, INSERT ON `shop`.* TO `app`@`%`\n',
  'SELECT t.table_schema': 'name\tsize\nshop\t4096\n',
  'SELECT s.schema_name': 'name\tsize\nshop\t4096\nempty\tNULL\n',
  'SHOW BINARY LOG STATUS': 'File\tPosition\nbin.000001\t157\n',
  'SHOW SLAVE HOSTS': 'Server_id\tHost\tPort\n2\tdb2\t3306\n',
  'SHOW REPLICA STATUS': 'Source_Host\tSource_User\tSource_Port\tLast_Errno\ndb1\trepl\t3306\t0\n',
};

function ask(args: Readonly<Record<string, unknown>>, server: Readonly<Record<string, string>> = SERVER) {
  const folder = scratch();
  const cases = Object.entries(server).map(([sql, rows]) => {
    writeFileSync(`${folder}/${sql}`, rows);
    return `"${sql}"*) r=1; case " $* " in *" --skip-column-names "*) sed ${sql === 'SHOW GRANTS' ? 'n' : '1d'} '${folder}/${sql}' ;; *) cat '${folder}/${sql}' ;; esac ;;`;
  });
  const program = `#!/bin/sh\necho "$*" >>${folder}/args\nr=0\nwhile IFS= read -r q; do case $q in\n${cases.join('\n')}\n*) echo "ERROR 1064 near $q" >&2; exit 1 ;; esac; done\n`;
  writeFileSync(`${folder}/mysql`, program);
  chmodSync(`${folder}/mysql`, 0o755);
  const step = bound(mysql_info, args);
  const { stdout, stderr } = run(verbatim(`PATH=${folder}:$PATH\n${step.probe?.(context()).text}`));
  expect(stderr).toBe('');
  return {
    data: step.data(stdout, context()),
    plan: words(step.plan(stdout, context())),
    args: () => read(`${folder}/args`),
  };
}

describe('mysql_info', () => {
  it('returns all with the names of Ansible, in the words of any server', () => {
    const { data, plan } = ask({});
    expect(plan).toEqual([]);
    expect(data).toEqual({
      connector_name: 'mysql',
      connector_version: 'Unknown',
      version: { major: 10, minor: 11, release: 6, suffix: 'MariaDB-0+deb12u1', full: '10.11.6-MariaDB-0+deb12u1' },
      databases: { shop: { size: 4096 } },
      settings: { max_connections: 151, sql_mode: 'A\tB' },
      global_status: { Uptime: 12 },
      engines: { InnoDB: { Support: 'DEFAULT', XA: 'YES' }, FEDERATED: { Support: 'NO', XA: null } },
      users: { localhost: { root: { Select_priv: 'Y', max: 0 } }, '%': { app: { Select_priv: 'N', max: 5 } } },
      users_privs: { 'app_%': { user: 'app', host: '%', privs: { 'shop.*': ['SELECT', 'INSERT'] } } },
      master_status: { File: 'bin.000001', Position: 157 },
      slave_hosts: { 2: { Host: 'db2', Port: 3306 } },
      slave_status: { db1: { 3306: { repl: { Last_Errno: 0 } } } },
    });
  });

  it.each([
    [{ filter: 'version' }, ['version']],
    [{ filter: ['version', '!settings', 'engines'] }, ['version', 'engines']],
    [
      { filter: '!settings,!users,!users_privs,!global_status,!engines' },
      ['version', 'databases', 'master_status', 'slave_hosts', 'slave_status'],
    ],
  ])('filters by %o', (args, expected) => {
    const { connector_name: _, connector_version: __, ...data } = ask(args).data;
    expect(Object.keys(data)).toEqual(expected);
  });

  it('returns empty databases too, or no sizes', () => {
    expect(ask({ filter: 'databases', return_empty_dbs: true }).data['databases']).toEqual({
      shop: { size: 4096 },
      empty: { size: 0 },
    });
    const { data } = ask(
      { filter: 'databases', exclude_fields: 'db_size' },
      { ...SERVER, 'SELECT t.table_schema': 'name\nshop\n' },
    );
    expect(data['databases']).toEqual({ shop: {} });
  });

  it('logs in to a database, without the password in its arguments', () => {
    const { args } = ask({ filter: 'version', login_db: 'shop', login_user: 'x', login_password: 's3cret' });
    expect(args()).toContain('--database=shop');
    expect(args()).not.toContain('s3cret');
  });

  it('says why there is no answer', () => {
    expect(ask({ filter: 'version' }, {}).plan).toMatch(/1064 near SELECT 1/);
    expect(ask({ filter: 'engines' }, { 'SELECT 1': '1\n' }).plan).toMatch(/1064 near SHOW ENGINES/);
    expect(words(bound(mysql_info, {}).plan('client missing', context()))).toBe('the host has no mysql client');
  });

  it.each([
    [{ filter: 'versions' }, /'versions' is no subset/],
    [{ exclude_fields: 'size' }, /db_size/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(mysql_info, args)).toMatch(expected);
  });
});
