import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { troubles } from '../lab/support/converge.ts';
import { makeLab } from '../lab/support/rack.ts';

const lab = makeLab(
  'all:\n  vars: {lab_name: x, lab_subnet: 10.83.171.0/24}\n  hosts:\n    db: {ansible_host: 10.83.171.31, lab_image: debian-sid}\n',
  '10.83.171',
);

/** A server that fails once as MySQL does when its SHUTDOWN comes too early. The real one is installed as mysqld.real. */
const FAILS_ONCE = `dpkg-divert --local --rename --divert /usr/sbin/mysqld.real --add /usr/sbin/mysqld
cat >/usr/sbin/mysqld <<'EOF'
#!/bin/sh
case $* in *--initialize*)
  if mkdir /run/failed-once; then
    /usr/sbin/mysqld.real --initialize-insecure --user=mysql
    echo '[ERROR] [MY-013455] [Server] The newly created data directory /var/lib/mysql/ by --initialize is unusable.' >>/var/log/mysql/error.log
    exit 1
  fi;;
esac
exec /usr/sbin/mysqld.real "$@"
EOF
chmod 755 /usr/sbin/mysqld`;

describe('the installation of MySQL', () => {
  beforeAll(async () => {
    await lab.up();
    await lab.root('db', FAILS_ONCE);
  });
  afterAll(() => lab.down());

  const install = (...packages: readonly string[]): string => {
    const file = join(lab.folder, `${packages.join('-')}.yml`);
    const tasks = [{ import_tasks: resolve('playbooks/roles/database/tasks/install.yml') }];
    const vars = { db_engine: 'mysql', db: { packages } };
    writeFileSync(file, JSON.stringify([{ hosts: 'all', become: true, gather_facts: false, vars, tasks }]));
    return file;
  };

  it('starts again where MySQL could not initialize its data directory', async () => {
    const ran = await lab.apply(install('mysql-server'));
    expect(ran.tasks.map((e) => `${e.status} ${e.task}`)).toEqual([
      'failed Install mysql',
      'changed Remove the data directory that MySQL could not initialize',
      'changed Install mysql again',
    ]);
    expect(ran.recap.hosts.map((h) => h.failed)).toEqual([0]);
    const accounts = "mysql -NBe \"SELECT plugin FROM mysql.user WHERE user IN ('root', 'debian-sys-maint')\"";
    expect(await lab.root('db', accounts)).toBe('auth_socket\nauth_socket\n');
  });

  it('changes nothing afterwards, and keeps the data when a later installation fails', async () => {
    const again = await lab.apply(install('mysql-server'));
    expect(again.tasks.map((e) => e.status)).toEqual(['ok']);
    await lab.root('db', 'mysql -e "CREATE DATABASE kept"');
    const failed = await lab.apply(install('mysql-server', 'no-such-package'));
    expect(troubles(failed).at(-1)).toMatch(/no-such-package/);
    expect(await lab.root('db', 'mysql -NBe "SHOW DATABASES" | grep kept')).toBe('kept\n');
  });
});
