import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both, moduleLab, troubles } from '../lab/support/converge.ts';

const { lab, everywhere, tasks, converges } = moduleLab('10.83.171');
const rsync = spawnSync('rsync', ['--version']).status === 0;

describe('more modules of public roles on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    await everywhere(`printf 'slapd slapd/%s\n' 'password1 password s3cret' 'password2 password s3cret' 'domain string foobar.com' 'organization string x' >/root/answers
    debconf-set-selections /root/answers; apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq at subversion redis-server slapd ldap-utils >/dev/null 2>&1`);
  });
  afterAll(() => lab.down());

  it.skipIf(!rsync)('synchronize, as root and as another user, if this machine has rsync', async () => {
    mkdirSync(join(lab.folder, 'files/site/deep'), { recursive: true });
    writeFileSync(join(lab.folder, 'files/site/index.html'), 'hello\n');
    writeFileSync(join(lab.folder, 'files/site/deep/.git'), 'x');
    writeFileSync(join(lab.folder, 'files/site/deep/large'), Buffer.alloc(3_000_000, 'some text\n'));
    const copy = `- synchronize: {src: site/, dest: /srv/www, delete: true, owner: false, group: false, rsync_opts: [--exclude=.git]}`;
    const missing = await lab.apply(tasks(copy));
    for (const { diagnostic } of missing.tasks) expect(diagnostic?.message).toBe('the host has no rsync');
    const first = await lab.plan(tasks(`- apt: {name: rsync}\n${copy}`));
    expect(first.tasks.map((e) => e.status).sort()).toEqual(both('changed', 'unknown'));
    expect(troubles(await lab.apply(tasks('- apt: {name: rsync}')))).toEqual([]);
    const state = 'find /srv/www -printf "%P %u %s\\n" 2>/dev/null | sort | grep -v "^ \\|^deep root 4" || :';
    expect(await converges(copy, state)).toEqual(both('deep/large root 3000000\nindex.html root 6'));
    await everywhere('echo old >/srv/www/old; echo other >/srv/www/index.html; install -d -o nobody /srv/nobody');
    expect(await converges(copy, state)).toEqual(both('deep/large root 3000000\nindex.html root 6'));
    const nobody = `${copy.replace('/srv/www', '/srv/nobody/www')}\n  become_user: nobody`;
    expect(await converges(nobody, state.replace('/srv/www', '/srv/nobody/www'))).toEqual(
      both('deep/large nobody 3000000\nindex.html nobody 6').map((one) => expect.stringContaining(one)),
    );
    const here = `- synchronize: {src: /srv/www/, dest: /srv/copy}\n  delegate_to: "{{ inventory_hostname }}"`;
    expect(await converges(here, 'cat /srv/copy/index.html 2>/dev/null || :')).toEqual(both('hello'));
    const pull = `- synchronize: {mode: pull, src: /etc/hostname, dest: "from-{{ inventory_hostname }}/"}`;
    const pulled = await lab.apply(tasks(pull));
    expect(pulled.tasks.map((e) => e.status)).toEqual(both('changed'));
    expect((await lab.apply(tasks(pull))).tasks.map((e) => e.status)).toEqual(both('ok'));
  });

  it('pamd and at', async () => {
    await everywhere('cp /etc/pam.d/common-auth /etc/pam.d/demo');
    const rule = '- pamd: {name: demo, type: auth, control: requisite, module_path: pam_deny.so';
    const insert = `${rule}, state: before, new_type: auth, new_control: optional, new_module_path: pam_echo.so, module_arguments: 'file=/etc/motd'}`;
    const state = "grep -v '^#' /etc/pam.d/demo | tr -s ' \\t' '  '; stat -c %a /etc/pam.d/demo";
    for (const seen of await converges(insert, state))
      expect(seen).toMatch(/\nauth optional pam_echo.so file=\/etc\/motd\nauth requisite pam_deny.so\n(.*\n)*644$/);
    const job = "- at: {command: 'touch /srv/later', count: 20, units: minutes, unique: true}";
    expect(await converges(job, 'atq | wc -l')).toEqual(both('1'));
    const none = job.replace(', count: 20, units: minutes, unique: true', ', state: absent');
    expect(await converges(none, 'atq | wc -l')).toEqual(both('0'));
  });

  it('xml, mount_facts and subversion', async () => {
    await everywhere('printf \'<a>\\n  <b c="d">1</b>\\n</a>\\n\' >/srv/x.xml; chmod 640 /srv/x.xml');
    const state = 'cat /srv/x.xml; stat -c %a /srv/x.xml';
    const task = `- xml: {path: /srv/x.xml, xpath: "{{ item.0 }}", value: "{{ item.1 }}"}\n  loop: [[/a/b, '2'], [/a/e/f, g]]`;
    expect(await converges(task, state)).toEqual(both('<a>\n  <b c="d">2</b>\n  <e><f>g</f></e>\n</a>\n640'));
    const facts = `- mount_facts: {sources: [dynamic], fstypes: [tmpfs], timeout: 10}
- debug: {msg: "{{ ansible_facts.mount_points['/run'].size_total > 0 }} {{ mount_points['/run'].fstype }}"}`;
    const ran = await lab.apply(tasks(facts));
    expect(troubles(ran)).toEqual([]);
    expect(ran.events.flatMap((e) => (e.type === 'message' ? [e.text] : []))).toEqual(both('True tmpfs'));
    await everywhere('svnadmin create /srv/r; svn -q mkdir -m x file:///srv/r/trunk file:///srv/r/trunk/a');
    const checkout = '- subversion: {repo: "file:///srv/r/trunk", dest: /srv/wc, revision: 1}';
    expect(await converges(checkout, 'ls /srv/wc 2>/dev/null || :')).toEqual(both('a'));
  });

  it('redis and ldap_entry', async () => {
    await everywhere('redis-cli config set requirepass pw >/dev/null');
    const login = 'login_password: pw';
    const state =
      'REDISCLI_AUTH=pw redis-cli config get maxmemory; REDISCLI_AUTH=pw redis-cli info replication | grep ^role';
    const sets = `- redis: {command: config, name: maxmemory, value: 100MB, ${login}}
- redis: {command: replica, master_host: 127.0.0.2, master_port: 6380, ${login}}`;
    for (const seen of await converges(sets, state)) expect(seen).toMatch(/^maxmemory\n104857600\nrole:slave/);
    const primary = `- redis: {command: replica, replica_mode: master, ${login}}`;
    for (const seen of await converges(primary, state)) expect(seen).toMatch(/role:master/);
    const refused = await lab.apply(tasks(primary.replace('pw}', 'no}')));
    for (const { diagnostic } of refused.tasks) expect(diagnostic?.detail).toMatch(/WRONGPASS/);
    const ldap = (dn: string, more: string): string =>
      `- ldap_entry: {dn: '${dn}', server_uri: ldap://localhost, bind_dn: 'cn=admin,dc=foobar,dc=com', bind_pw: s3cret, ${more}}`;
    const users = 'ou=users,dc=foobar,dc=com';
    const entries = `${ldap(users, 'objectClass: organizationalUnit')}
${ldap(`cn=ada,${users}`, "objectClass: person, attributes: {sn: Ada, description: [eins, zwei], userPassword: '{SSHA}x'}")}`;
    const found = `ldapsearch -x -LLL -b ${users} description 2>/dev/null | grep -c . || :`;
    expect(await converges(entries, found)).toEqual(both('4'));
    expect(await converges(ldap(users, 'state: absent, recursive: true'), found)).toEqual(both('0'));
  });
});
