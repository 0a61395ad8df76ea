import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moduleLab, troubles } from '../lab/support/converge.ts';

const { lab, everywhere, tasks } = moduleLab('10.83.172');

describe('mysql_info on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    await everywhere(
      'apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mariadb-server >/dev/null 2>&1',
    );
  });
  afterAll(() => lab.down());

  it('returns all that a server says', async () => {
    const facts = `- mysql_info: {login_unix_socket: /run/mysqld/mysqld.sock, return_empty_dbs: true}
  register: r
- debug: {msg: "{{ r.version.suffix is search('MariaDB') }} {{ r.databases.mysql.size > 0 }} {{ r.users_privs['mysql_localhost'].privs }}"}`;
    const ran = await lab.apply(tasks(facts));
    expect(troubles(ran)).toEqual([]);
    expect([...new Set(ran.tasks.map((e) => e.status))]).toEqual(['ok']);
    const said = ran.events.flatMap((e) => (e.type === 'message' ? [e.text] : []));
    expect(said.length).toBe(2);
    for (const text of said) expect(text).toMatch(/^True True .*\*\.\*/);
  });
});
