import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mysql_query } from '../../../src/modules/mysql_query.ts';
import { mysql_user } from '../../../src/modules/mysql_user.ts';
import { execute } from '../../../src/modules/shared/mysql.ts';
import { bound, changes, context, scratch } from './harness.ts';

/** The SQL that a script sends to a stand-in for the mysql client. */
function sent(script: string): string {
  const folder = scratch();
  writeFileSync(join(folder, 'mysql'), `#!/bin/sh\ncat >>${folder}/sent\n`, { mode: 0o755 });
  spawnSync('dash', ['-s'], { input: script, env: { PATH: `${folder}:/usr/bin:/bin`, HOME: folder }, cwd: folder });
  expect(existsSync(join(folder, 'owned'))).toBe(false);
  return readFileSync(join(folder, 'sent'), 'utf8');
}
const BREAKING = 'x\nSQL\ntouch owned\nEND\ntouch owned';

test('a statement of several lines reaches the client unchanged', () => {
  const query = `INSERT INTO t VALUES ('${BREAKING}')`;
  const [change] = changes(bound(mysql_query, { query }).plan('', context()));
  expect(sent(change?.run.text ?? '')).toContain(query);
  const look = bound(mysql_query, { query: `SELECT '${BREAKING}'` }).probe?.(context());
  expect(sent(look?.text ?? '')).toContain(BREAKING);
});

test('statements and queries of other modules reach the client unchanged too', () => {
  const login = { connect_timeout: 5 } as Parameters<typeof execute>[0];
  expect(sent(execute({ ...login, config_file: '~/.my.cnf' }, [`SELECT '${BREAKING}';`, 'SELECT 2']).text)).toBe(
    `SELECT '${BREAKING}';\nSELECT 2;\n`,
  );
  const look = bound(mysql_user, { name: 'a', password: BREAKING }).probe?.(context());
  expect(sent(look?.text ?? '')).toContain(BREAKING);
});
