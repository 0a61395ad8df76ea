import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { apt } from '../../../src/modules/apt.ts';
import { assert } from '../../../src/modules/assert.ts';
import { command } from '../../../src/modules/command.ts';
import { debug } from '../../../src/modules/debug.ts';
import { find } from '../../../src/modules/find.ts';
import { group } from '../../../src/modules/group.ts';
import { hostname } from '../../../src/modules/hostname.ts';
import { mysql_replication } from '../../../src/modules/mysql_replication.ts';
import { mysql_user } from '../../../src/modules/mysql_user.ts';
import { mysql_variables } from '../../../src/modules/mysql_variables.ts';
import { service } from '../../../src/modules/service.ts';
import { setup } from '../../../src/modules/setup.ts';
import { shell } from '../../../src/modules/shell.ts';
import { sysctl } from '../../../src/modules/sysctl.ts';
import { systemd } from '../../../src/modules/systemd.ts';
import { unarchive } from '../../../src/modules/unarchive.ts';
import { user } from '../../../src/modules/user.ts';
import { wait_for } from '../../../src/modules/wait_for.ts';
import { apply, bound, changes, context, list, read, refusal, scratch, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (module: Parameters<typeof bound>[0], observed: string, args: Args, ctx = context()) =>
  bound(module, args).plan(observed, ctx);

describe('apt', () => {
  const FRESH = 'refreshed 1000\nage 100\n';
  const NGINX = 'is ii /nginx/amd64/1.26.3-3+deb13u1\n';
  test.each([
    ['there', `${FRESH}${NGINX}`, { name: 'nginx' }, []],
    ['not there', `${FRESH}looked up\ncandidate nginx/1.26.3\n`, { name: 'nginx' }, ['install nginx']],
    [
      'only its configuration',
      `${FRESH}is rc /nginx/amd64/1.26\nlooked up\ncandidate nginx/1.26.3\n`,
      { name: 'nginx' },
      ['install nginx'],
    ],
    ['given by another', `${FRESH}looked up\ncandidate awk/(none)\nprovides ii  mawk awk (= 1)\n`, { name: 'awk' }, []],
    ['a version', `${FRESH}${NGINX}`, { name: 'nginx=1.26.3-3+deb13u1' }, []],
    ['a glob of versions', `${FRESH}${NGINX}`, { name: 'nginx=1.26*' }, []],
    ['another version', `${FRESH}${NGINX}`, { name: 'nginx=1.22*' }, ['upgrade nginx=1.22*']],
    ['a glob of names', `${FRESH}${NGINX}`, { name: 'ngi*' }, []],
    [
      'another architecture',
      `${FRESH}${NGINX}looked up\ncandidate nginx:arm64/1\n`,
      { name: 'nginx:arm64' },
      ['install nginx:arm64'],
    ],
    [
      'latest, and it is',
      `${FRESH}${NGINX}looked up\ncandidate nginx/1.26.3-3+deb13u1\n`,
      { name: 'nginx', state: 'latest' },
      [],
    ],
    [
      'latest, and it is not',
      `${FRESH}${NGINX}looked up\ncandidate nginx/2.0\n`,
      { name: 'nginx', state: 'latest' },
      ['upgrade nginx'],
    ],
    ['only upgrade', `${FRESH}looked up\ncandidate nginx/2\n`, { name: 'nginx', only_upgrade: true }, []],
    ['no such package', `${FRESH}looked up\n`, { name: 'ngnix' }, 'no such package: ngnix'],
    [
      'an empty index',
      `${FRESH}index empty\nlooked up\n`,
      { name: 'nginx' },
      'the package index is empty: nginx cannot be found in it',
    ],
    [
      'an empty index that will be read',
      `${FRESH}index empty\nlooked up\n`,
      { name: 'nginx', update_cache: true },
      ['install nginx'],
    ],
    ['absent', `${FRESH}${NGINX}`, { name: ['nginx', 'apache2'], state: 'absent' }, ['remove nginx']],
    ['absent, its configuration left', `${FRESH}is rc /nginx/amd64/1\n`, { name: 'nginx', state: 'absent' }, []],
    [
      'absent, its configuration too',
      `${FRESH}is rc /nginx/amd64/1\n`,
      { name: 'nginx', state: 'absent', purge: true },
      ['purge nginx'],
    ],
    ['a fresh index', FRESH, { update_cache: true }, []],
    ['an old index', 'refreshed 1\nage 4000\n', { update_cache: true }, ['read the package index anew']],
    [
      'an old index that is good for long',
      'refreshed 1\nage 4000\n',
      { update_cache: true, cache_valid_time: 7200 },
      [],
    ],
    ['new sources', `${FRESH}sources changed\n`, { cache_valid_time: 7200 }, ['read the package index anew']],
    ['upgrade', `${FRESH}upgrade libc6\nupgrade bash\n`, { upgrade: true }, ['upgrade libc6, bash']],
    ['nothing to upgrade', FRESH, { upgrade: 'dist' }, []],
  ] as const)('%s', (_, observed, args, steps) => {
    expect(words(plan(apt, observed, args))).toEqual(steps);
  });

  test('asks no questions, keeps local files, waits for locks', () => {
    const [change] = changes(plan(apt, FRESH, { name: 'x', policy_rc_d: 101, install_recommends: false }));
    for (const part of [
      'DEBIAN_FRONTEND=noninteractive',
      '--force-confold',
      'DPkg::Lock::Timeout=60',
      'APT::Install-Recommends=false',
      'policy-rc.d',
    ]) {
      expect(change?.run.text).toContain(part);
    }
  });

  test('requires an argument, and rejects invalid names', () => {
    expect(refusal(apt, {})).toBe("argument 'name' is missing");
    expect(refusal(apt, { name: 'a b' })).toContain('is not the name of a package');
  });
});

describe('service', () => {
  const unit = (more = ''): string =>
    `systemd=yes\nbooted=yes\nLoadState=loaded\nActiveState=active\nNeedDaemonReload=no\nEnabled=enabled\n${more}`;
  test.each([
    ['as it should be', unit(), { state: 'started', enabled: true }, []],
    ['stopped', unit('ActiveState=inactive\n'), { state: 'started' }, ['start x.service']],
    ['failed', unit('ActiveState=failed\n'), { state: 'started' }, ['start x.service']],
    ['starting', unit('ActiveState=activating\n'), { state: 'started' }, []],
    ['to be stopped', unit(), { state: 'stopped' }, ['stop x.service']],
    ['always restarted', unit(), { state: 'restarted' }, ['restart x.service']],
    ['reloaded', unit(), { state: 'reloaded' }, ['reload x.service']],
    ['reloaded, though it does not run', unit('ActiveState=inactive\n'), { state: 'reloaded' }, ['start x.service']],
    ['not at boot', unit('Enabled=disabled\n'), { enabled: true }, ['x.service: enabled']],
    ['static cannot be disabled', unit('Enabled=static\n'), { enabled: false }, []],
    ['masked', unit('LoadState=masked\nEnabled=masked\n'), { state: 'started' }, 'x.service is masked'],
    [
      'unknown',
      'systemd=yes\nbooted=yes\nLoadState=not-found\nEnabled=not-found\n',
      { state: 'started' },
      'there is no unit x.service',
    ],
    [
      'unknown, and to be stopped',
      'systemd=yes\nbooted=yes\nLoadState=not-found\nEnabled=\n',
      { state: 'stopped' },
      'there is no unit x.service',
    ],
    [
      'systemd does not run',
      unit('booted=no\nActiveState=inactive\nEnabled=disabled\n'),
      { state: 'started', enabled: true },
      ['x.service: enabled'],
    ],
    ['no systemd', '', { state: 'started' }, 'the host has no systemctl'],
  ] as const)('%s', (_, observed, args, steps) => {
    expect(words(plan(service, observed, { name: 'x', ...args }))).toEqual(steps);
  });

  test('reloads a changed unit file before the start', () => {
    const [change] = changes(
      plan(service, unit('ActiveState=inactive\nNeedDaemonReload=yes\n'), { name: 'x', state: 'started' }),
    );
    expect(change?.run.text).toMatch(/daemon-reload[\s\S]*systemctl start/);
  });

  test('systemd', () => {
    expect(words(plan(systemd, unit(), { name: 'x', masked: true }))).toEqual(['x.service: masked']);
    expect(words(plan(systemd, unit(), { name: 'x', daemon_reload: true, state: 'started' }))).toEqual([]);
    expect(words(plan(systemd, unit(), { daemon_reload: true }))).toEqual(['systemd: daemon-reload']);
    expect(refusal(systemd, { state: 'started' })).toBe("argument 'name' is missing");
  });
});

describe('user and group', () => {
  const ADA =
    'passwd ada:x:1000:1000:Ada:/home/ada:/bin/bash\nprimary ada\ngroups ada sudo adm\nhome yes\nshadow ada:$6$s$h:20000:0:99999:7:::\n';
  test.each([
    ['as it is', ADA, { shell: '/bin/bash', comment: 'Ada' }, []],
    ['missing', '', {}, ['create user ada']],
    ['another shell', ADA, { shell: '/bin/sh' }, ['user ada: shell']],
    ['its groups', `${ADA}known sudo\nknown adm\n`, { groups: ['adm', 'sudo'] }, []],
    ['fewer groups', `${ADA}known sudo\n`, { groups: 'sudo' }, ['user ada: groups']],
    ['appended', `${ADA}known sudo\n`, { groups: ['sudo'], append: true }, []],
    ['none', ADA, { groups: [] }, ['user ada: groups']],
    ['an unknown group', ADA, { groups: ['web'] }, "there is no group 'web' on the host"],
    ['its password', ADA, { password: '$6$s$h' }, []],
    ['another password', ADA, { password: '$6$s$i' }, ['user ada: password']],
    ['another, but only for new users', ADA, { password: '$6$s$i', update_password: 'on_create' }, []],
    ['locked', ADA, { password_lock: true }, ['user ada: lock the password']],
    ['no home yet', ADA.replace('home yes\n', ''), {}, ['create /home/ada']],
    ['gone', ADA, { state: 'absent', remove: true }, ['remove user ada and its home']],
    ['gone already', '', { state: 'absent' }, []],
  ] as const)('%s', (_, observed, args, steps) => {
    expect(words(plan(user, observed, { name: 'ada', ...args }))).toEqual(steps);
  });

  test('never passes a password as an argument of a command', () => {
    const [change] = changes(plan(user, '', { name: 'ada', password: '$6$salt$hash' }));
    expect(change?.run.text).toContain("printf '%s:%s\\n' ada '$6$salt$hash' | chpasswd -e");
    expect(refusal(user, { name: 'ada', password: 'plain' })).toContain('password_hash');
  });

  test('groups', () => {
    expect(words(plan(group, 'group app:x:990:\n', { name: 'app', gid: 990 }))).toEqual([]);
    expect(words(plan(group, 'group app:x:990:\n', { name: 'app', gid: 991 }))).toEqual(['group app: gid 990 → 991']);
    expect(words(plan(group, '', { name: 'app', system: true }))).toEqual(['create group app']);
  });
});

test('hostname', () => {
  expect(words(plan(hostname, 'kernel web1\nfile web1\n', { name: 'web1' }))).toEqual([]);
  expect(words(plan(hostname, 'kernel web1\nfile old\n', { name: 'web1' }))).toEqual(['name the host web1']);
  expect(refusal(hostname, { name: 'web_1' })).toContain('a host name');
});

test('sysctl', () => {
  const file = `stat 81a4/0/0/20/1/1/1/1/1/1/root/root\nparent yes\ncontent ${Buffer.from('a.b=1\n').toString('base64')}\n`;
  expect(words(plan(sysctl, `running 1\n${file}`, { name: 'a.b', value: '1', sysctl_set: true }))).toEqual([]);
  expect(words(plan(sysctl, `running 0\n${file}`, { name: 'a.b', value: '1', sysctl_set: true }))).toEqual([
    'sysctl a.b = 1',
  ]);
  expect(words(plan(sysctl, file, { name: 'a.b', value: '1', sysctl_set: true }))).toBe(
    'the kernel has no setting a.b',
  );
});

describe('command and shell', () => {
  test('run, with their output', () => {
    const dir = scratch();
    expect(apply(command, { cmd: 'wc -c', stdin: 'abc', chdir: dir }).data).toMatchObject({
      rc: 0,
      stdout: '4',
      stdout_lines: ['4'],
    });
    expect(apply(command, { argv: ['printf', '%s', "it's $HOME"], expand_argument_vars: false }).data).toMatchObject({
      stdout: "it's $HOME",
    });
    expect(apply(shell, { cmd: 'printf "%s" "a b" | tr a c; cat' }).data).toMatchObject({ stdout: 'c b' });
    expect(
      apply(shell, { cmd: 'echo $((1 + 1)) $BASH_VERSION | cut -c 1', executable: '/bin/bash' }).data,
    ).toMatchObject({
      stdout: '2',
    });
    expect(apply(shell, { cmd: 'echo no >&2; exit 3' })).toMatchObject({
      failed: 'no\n',
      data: { rc: 3, stderr: 'no' },
    });
  });
  test('creates and removes', () => {
    const dir = scratch();
    writeFileSync(`${dir}/a b`, '');
    expect(apply(command, { cmd: 'false', creates: `${dir}/a*` })).toMatchObject({
      first: [],
      data: { rc: 0, stdout: `skipped, since ${dir}/a* exists` },
    });
    expect(apply(command, { cmd: 'false', creates: `${dir}/a b` }).first).toEqual([]);
    expect(apply(command, { cmd: 'false', removes: `${dir}/none` }).first).toEqual([]);
    expect(apply(command, { cmd: 'true', removes: 'a b', chdir: dir }).first).toEqual(['run true']);
  });
  test('are actions', () => expect(changes(plan(command, '', { cmd: 'x' }))[0]?.action).toBe(true));
});

test('debug and assert', () => {
  const ctx = context({}, { evaluate: (expression) => expression === 'yes' });
  expect(bound(debug, { var: 'yes' }).data('', ctx)).toEqual({ yes: true });
  expect(bound(debug, { msg: ['a', 1] }).data('', ctx)).toEqual({ msg: ['a', 1] });
  expect(words(plan(assert, '', { that: ['yes', true] }, ctx))).toEqual([]);
  expect(words(plan(assert, '', { that: ['yes', 'no'], fail_msg: 'why' }, ctx))).toBe('why');
  expect(words(plan(assert, '', { that: 'no' }, ctx))).toBe('assertion failed: no');
});

test('wait_for', () => {
  const dir = scratch();
  writeFileSync(`${dir}/log`, 'it is ready\n');
  expect(apply(wait_for, { path: `${dir}/log`, search_regex: 're[a]dy' }).first).toEqual([]);
  expect(apply(wait_for, { path: `${dir}/log`, state: 'absent', timeout: 0 }).failed).toContain(`${dir}/log is gone`);
  expect(apply(wait_for, { port: 1, state: 'stopped' }).first).toEqual([]);
  expect(apply(wait_for, { port: 1, state: 'drained' }).first).toEqual([]);
  expect(apply(wait_for, { port: 1, timeout: 0, msg: 'too late' }).failed).toBe('too late\n');
});

test('find', () => {
  const dir = scratch();
  mkdirSync(`${dir}/sub`);
  writeFileSync(`${dir}/a b.log`, 'error 1\n');
  writeFileSync(`${dir}/sub/c.log`, 'fine\n');
  const paths = (args: Args): unknown =>
    (apply(find, { paths: dir, ...args }).data['files'] as readonly { path: string }[]).map((f) =>
      f.path.slice(dir.length + 1),
    );
  expect(paths({ patterns: '*.log' })).toEqual(['a b.log']);
  expect(paths({ patterns: ['^.\\.log$'], use_regex: true, recurse: true })).toEqual(['sub/c.log']);
  expect(paths({ recurse: true, contains: '^error' })).toEqual(['a b.log']);
  expect(paths({ file_type: 'directory' })).toEqual(['sub']);
  expect(paths({ recurse: true, age: '1h' })).toEqual([]);
  expect(paths({ recurse: true, size: '-6', age: '-1h' })).toEqual(['sub/c.log']);
});

test('facts of this machine', () => {
  const facts = apply(setup, { gather_subset: ['all'] }).data['ansible_facts'] as Readonly<Record<string, unknown>>;
  expect(facts).toMatchObject({
    ansible_system: 'Linux',
    ansible_hostname: expect.any(String),
    ansible_processor_vcpus: expect.any(Number),
    ansible_date_time: { epoch: expect.stringMatching(/^\d+$/) },
  });
  expect(facts).toMatchObject({
    ansible_python: { version: { major: 3 } },
    ansible_python_version: expect.stringMatching(/^3/),
    ansible_fips: expect.any(Boolean),
    ansible_distribution_file_variety: 'Debian',
    ansible_virtualization_tech_guest: expect.any(Array),
    ansible_virtualization_tech_host: [],
  });
  expect(facts['ansible_memtotal_mb']).toBeGreaterThan(100);
  const some = apply(setup, { filter: ['ansible_mem*_mb'] }).data['ansible_facts'] as object;
  expect(Object.keys(some).sort()).toEqual([
    'ansible_memavailable_mb',
    'ansible_memfree_mb',
    'ansible_memory_mb',
    'ansible_memtotal_mb',
  ]);
});

test('subsets of facts', () => {
  const names = (gather_subset: readonly string[]): readonly string[] =>
    Object.keys(apply(setup, { gather_subset }).data['ansible_facts'] as object);
  expect(names(['!all', '!min', 'pkg_mgr'])).toEqual(['ansible_pkg_mgr']);
  expect(names(['!all', '!min', 'os_family'])).toContain('ansible_distribution');
  expect(names(['!all', '!min', 'network'])).toContain('ansible_lo');
  expect(names(['min'])).toEqual(names(['!all']));
  expect(names(['min'])).not.toContain('ansible_memtotal_mb');
  expect(names(['!hardware'])).not.toContain('ansible_memtotal_mb');
  expect(names(['!hardware'])).toContain('ansible_interfaces');
  expect(names(['all', '!facter', '!ohai'])).toEqual(names(['all']));
  const [wrong] = setup.bind({ gather_subset: ['!nonsense'] }) as readonly { message: string }[];
  expect(wrong?.message).toContain("bad subset '!nonsense'");
});

test('unarchive', () => {
  const dir = scratch();
  mkdirSync(`${dir}/in/app-1/sub`, { recursive: true });
  mkdirSync(`${dir}/out`);
  writeFileSync(`${dir}/in/app-1/sub/a b`, 'x');
  execFileSync('tar', ['-czf', `${dir}/app.tar.gz`, '-C', `${dir}/in`, 'app-1']);
  const ctx = context({ 'app.tar.gz': new Uint8Array(readFileSync(`${dir}/app.tar.gz`)) }, { user: 'tester' });
  onTestFinished(() => rmSync('/var/tmp/bringup-tester', { recursive: true, force: true }));
  const args = { src: 'app.tar.gz', dest: `${dir}/out`, extra_opts: ['--strip-components=1'], mode: 'u=rwX,go=' };
  expect(apply(unarchive, args, ctx)).toMatchObject({ first: [`unpack app.tar.gz in ${dir}/out`], again: [] });
  expect([read(`${dir}/out/sub/a b`), list(`${dir}/out`)]).toEqual(['x', ['sub']]);
  writeFileSync(`${dir}/out/sub/a b`, 'changed');
  expect(apply(unarchive, args, ctx)).toMatchObject({ first: [`unpack app.tar.gz in ${dir}/out`], again: [] });
  expect(read(`${dir}/out/sub/a b`)).toBe('x');
  expect(
    apply(unarchive, { ...args, src: `${dir}/app.tar.gz`, remote_src: true, dest: `${dir}/none` }, ctx).first,
  ).toBe(`the directory ${dir}/none does not exist on the host`);
});

describe('mysql', () => {
  const account = (plugin: string, hash: string, more = 'ANY\t\t\t\t0\t0\t0\t0'): string =>
    `account is\t10.%\t${plugin}\t${Buffer.from(hash).toString('hex')}\t${more}\nnative *ABC\naccount version\t11.8.6-MariaDB\ngrant GRANT USAGE ON *.* TO \`app\`@\`10.%\`\ngrant GRANT SELECT ON \`app\`.* TO \`app\`@\`10.%\`\n`;
  test.each([
    [
      'as it is',
      account('mysql_native_password', '*ABC'),
      { password: 'p', priv: 'app.*:SELECT', tls_requires: { SSL: null } },
      [],
    ],
    ['another password', account('mysql_native_password', '*DEF'), { password: 'p' }, ['app@10.%: password']],
    [
      'another, but only for new users',
      account('mysql_native_password', '*DEF'),
      { password: 'p', update_password: 'on_create' },
      [],
    ],
    ['more privileges', account('unix_socket', ''), { priv: { 'app.*': 'SELECT,INSERT' } }, ['app@10.%: privileges']],
    ['no TLS', account('unix_socket', '', '\t\t\t\t0\t0\t0\t0'), { tls_requires: { SSL: null } }, ['app@10.%: TLS']],
    ['limits', account('unix_socket', ''), { resource_limits: { MAX_USER_CONNECTIONS: 5 } }, ['app@10.%: limits']],
    [
      'another plugin',
      account('unix_socket', ''),
      { plugin: 'ed25519', plugin_hash_string: 'x' },
      ['app@10.%: plugin ed25519'],
    ],
    ['missing', 'native *ABC\n', { password: 'p', priv: 'app.*:ALL' }, ['create app@10.%']],
    ['dropped', account('x', ''), { state: 'absent' }, ['drop app@10.%']],
    ['no client', 'client missing\n', {}, 'the host has no mysql client'],
    [
      'no server',
      `error ${Buffer.from('ERROR 2002').toString('base64')}\n`,
      {},
      'the database server does not answer: ERROR 2002',
    ],
  ] as const)('mysql_user: %s', (_, observed, args, steps) => {
    expect(words(plan(mysql_user, observed, { name: 'app', host: '10.%', ...args }))).toEqual(steps);
  });

  test('no password is an argument of a command', () => {
    const step = bound(mysql_user, { name: 'app', password: 'p4ss', login_user: 'root', login_password: 'r00t' });
    const [change] = changes(step.plan('', context()));
    for (const text of [step.probe?.(context()).text ?? '', change?.run.text ?? '']) {
      for (const line of text.split('\n')) expect(line).not.toMatch(/^\s*("\$c"|mysql|mariadb|db)\b.*(p4ss|r00t)/);
    }
  });

  const STATUS =
    'version 9.7.4\nreplica Source_Host: db1\nreplica Source_User: repl\nreplica Replica_IO_Running: Yes\nreplica Replica_SQL_Running: Yes\nreplica Auto_Position: 1\n';
  test.each([
    [
      'the same primary',
      `${STATUS}password 1\n`,
      {
        mode: 'changeprimary',
        primary_host: 'db1',
        primary_user: 'repl',
        primary_password: 'x',
        primary_auto_position: true,
      },
      [],
    ],
    ['another primary', STATUS, { mode: 'changemaster', master_host: 'db2' }, ['replicate from db2']],
    [
      'another password',
      `${STATUS}password 0\n`,
      { mode: 'changeprimary', primary_host: 'db1', primary_password: 'x' },
      ['replicate from db1'],
    ],
    ['no replica yet', 'version 9.7.4\n', { mode: 'changeprimary', primary_host: 'db1' }, ['replicate from db1']],
    ['running', STATUS, { mode: 'startreplica' }, []],
    ['to be stopped', STATUS, { mode: 'stopslave' }, ['stop the replica']],
    ['forgotten', STATUS, { mode: 'resetreplicaall' }, ['forget the primary']],
    ['nothing to forget', 'version 9.7.4\n', { mode: 'resetreplicaall' }, []],
  ] as const)('mysql_replication: %s', (_, observed, args, steps) => {
    expect(words(plan(mysql_replication, observed, args))).toEqual(steps);
  });

  test("replication uses the server's own statements", () => {
    const text = (version: string): string =>
      changes(
        plan(mysql_replication, STATUS.replace('9.7.4', version), { mode: 'changeprimary', primary_host: 'db2' }),
      )[0]?.run.text.replaceAll("'\\''", "'") ?? '';
    expect(text('9.7.4')).toContain("STOP REPLICA;\nCHANGE REPLICATION SOURCE TO SOURCE_HOST = 'db2';\nSTART REPLICA;");
    expect(text('11.8.6-MariaDB')).toContain("CHANGE MASTER TO MASTER_HOST = 'db2'");
    expect(bound(mysql_replication, {}).data(STATUS, context())).toMatchObject({
      Is_Replica: true,
      Source_Host: 'db1',
    });
  });

  test.each([
    ['equal', 'running read_only\tON\n', { value: '1' }, []],
    ['different', 'running read_only\tOFF\n', { value: 'ON' }, ['set global read_only = ON']],
    ['not persisted', 'running read_only\tON\n', { value: 'ON', mode: 'persist' }, ['set persist read_only = ON']],
    ['unknown', '', { value: '1' }, 'the server has no variable read_only'],
  ] as const)('mysql_variables: %s', (_, observed, args, steps) => {
    expect(words(plan(mysql_variables, observed, { variable: 'read_only', ...args }))).toEqual(steps);
  });
});
