import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { underLoad } from './support/load.ts';
import { makeLab, type Ran } from './support/rack.ts';

const NET = '10.88.6';
const INVENTORY = `
rack:
  vars:
    lab_name: deploy
    lab_subnet: ${NET}.0/24
    lab_image: debian-13
    db_engine: mariadb
    app_ready_within: 10
  children:
    dns: {hosts: {lb1: }}
    mon: {hosts: {lb1: }}
    lb: {hosts: {lb1: {ansible_host: ${NET}.11}, lb2: {ansible_host: ${NET}.12}}}
    web: {hosts: {web1: {ansible_host: ${NET}.21}, web2: {ansible_host: ${NET}.22}}}
    db:
      children:
        db_primary: {hosts: {db1: {ansible_host: ${NET}.31}}}
        db_replica: {hosts: {db2: {ansible_host: ${NET}.32}}}
    quorum: {hosts: {lb1: }}
`;
const BALANCERS = [`${NET}.11`, `${NET}.12`];
const SITE = 'www.foobar.com';

describe('a deploy', () => {
  const rack = makeLab(INVENTORY, NET);
  const source = join(rack.folder, 'app');
  const failures = (ran: Ran) =>
    ran.tasks.filter((e) => e.status === 'failed').map((e) => `${e.host} ${e.task}: ${e.diagnostic?.message}`);
  const releaseOf = async (host: string): Promise<string> =>
    /"release":"(\w+)"/.exec(await rack.root(host, 'curl -s http://localhost/readyz'))?.[1] ?? '';
  const releases = () => Promise.all(['web1', 'web2'].map(releaseOf));
  const deploy = (...extraVars: string[]) => rack.apply('playbooks/deploy.yml', { extraVars });
  let first = '';

  beforeAll(async () => {
    cpSync('inventory/group_vars', join(dirname(rack.inventory), 'group_vars'), { recursive: true });
    cpSync('files/app', source, { recursive: true });
    await rack.up();
    expect(failures(await rack.apply())).toEqual([]);
    [first = ''] = await releases();
  });
  afterAll(() => rack.down());

  it('switches the release host by host without a failed request', async () => {
    writeFileSync(join(source, 'server.js'), `${readFileSync(join(source, 'server.js'), 'utf8')}\n// two\n`);
    let ran: Ran | undefined;
    const load = await underLoad(BALANCERS, SITE, async () => {
      ran = await deploy(`app_source=${source}`);
    });
    expect(ran && failures(ran)).toEqual([]);
    expect(load.failed).toEqual([]);
    expect(load.sent).toBeGreaterThan(200);
    const [one, two] = await releases();
    expect(one).toBe(two);
    expect(one).not.toBe(first);
    const switched = ran?.tasks
      .filter((e) => e.status === 'changed' && e.task === 'Record the running release')
      .map((e) => e.host);
    expect(switched).toEqual(['web1', 'web2']);
  });

  it('takes one round trip if the release already runs', async () => {
    const again = await deploy(`app_source=${source}`);
    expect(again.tasks.filter((e) => e.status === 'changed')).toEqual([]);
    expect(again.recap.hosts.map((h) => `${h.host} ${h.trips}`)).toEqual(['web1 1', 'web2 1']);
  });

  it('stops at a release that does not start: returns to the previous one, leaves the other host untouched, fails no request', async () => {
    const before = await releases();
    const started = await rack.root('web2', 'systemctl show -p ExecMainStartTimestamp foobar');
    const broken = join(rack.folder, 'broken');
    cpSync(source, broken, { recursive: true });
    writeFileSync(join(broken, 'server.js'), `throw new Error('this release is broken');\n`);
    let ran: Ran | undefined;
    const load = await underLoad(BALANCERS, SITE, async () => {
      ran = await deploy(`app_source=${broken}`);
    });
    expect(load.failed).toEqual([]);
    const [failure = ''] = ran ? failures(ran) : [];
    expect(failure).toMatch(/^web1 /);
    expect(failure).toContain('exit code 1');
    expect(ran && failures(ran)[1]).toContain('this release is broken');
    expect(ran?.recap.hosts.filter((h) => h.failed > 0).map((h) => h.host)).toEqual(['web1']);
    expect(await releases()).toEqual(before);
    expect(await rack.root('web2', 'systemctl show -p ExecMainStartTimestamp foobar')).toBe(started);
  });

  it('rolls back and to a named release without a failed request', async () => {
    const [newer = ''] = await releases();
    const load = await underLoad(BALANCERS, SITE, async () => {
      expect(failures(await rack.apply('playbooks/rollback.yml'))).toEqual([]);
    });
    expect(load.failed).toEqual([]);
    expect(await releases()).toEqual([first, first]);
    expect(failures(await deploy(`release=${newer}`))).toEqual([]);
    expect(await releases()).toEqual([newer, newer]);
    const unknown = await deploy('release=nosuch');
    expect(failures(unknown).length).toBeGreaterThan(0);
    expect(await releases()).toEqual([newer, newer]);
  });

  it('keeps three releases', async () => {
    for (const text of ['three', 'four']) {
      writeFileSync(join(source, 'public', 'hello.txt'), text);
      expect(failures(await deploy(`app_source=${source}`))).toEqual([]);
    }
    expect((await rack.root('web1', 'ls /srv/foobar/releases')).split('\n').filter(Boolean).length).toBe(3);
  });

  it('survives maintenance: every host reboots, one at a time, and no reader notices', async () => {
    const hosts = ['lb1', 'lb2', 'web1', 'web2', 'db1', 'db2'];
    const boots = () => Promise.all(hosts.map((host) => rack.root(host, 'cat /proc/sys/kernel/random/boot_id')));
    const before = await boots();
    const reads = async () => {
      const ran = await rack.apply('playbooks/maintenance.yml', { extraVars: ['reboot=always'] });
      expect(failures(ran)).toEqual([]);
      const order = ran.tasks.filter((e) => e.module === 'reboot' && e.status === 'changed').map((e) => e.host);
      expect([...order].sort()).toEqual([...hosts].sort());
      expect(order.at(-1)).toBe('db1');
    };
    const load = await underLoad(BALANCERS, SITE, reads, { reads: true });
    expect(load.failed).toEqual([]);
    expect((await boots()).filter((id) => before.includes(id))).toEqual([]);
    const none = await rack.apply('playbooks/maintenance.yml', { extraVars: ['reboot=never'] });
    expect(none.tasks.filter((e) => e.status === 'changed' || e.status === 'failed')).toEqual([]);
  });

  it('runs your own app: Python from an archive, with settings and a secret', async () => {
    const python = join(rack.folder, 'python');
    mkdirSync(python);
    writeFileSync(
      join(python, 'main.py'),
      `import os
from http.server import BaseHTTPRequestHandler, HTTPServer
secret = open(os.environ['CREDENTIALS_DIRECTORY'] + '/api-key').read()
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"python {os.environ['GREETING']} {len(secret)}\\n".encode())
HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
`,
    );
    const archive = join(rack.folder, 'python.tar.gz');
    expect(spawnSync('tar', ['-czf', archive, '-C', rack.folder, 'python']).status).toBe(0);
    const vars = { app_source: archive, app_runtime: 'python', app_port: 3000, app_ready_path: '/healthz' };
    const more = { app_env: { GREETING: 'says "hello"' }, app_secrets: { 'api-key': 'twelve chars' } };
    const ran = await rack.apply(undefined, { tags: ['web'], extraVars: [JSON.stringify({ ...vars, ...more })] });
    expect(failures(ran)).toEqual([]);
    expect(await rack.root('web1', `curl -s -H 'Host: ${SITE}' http://localhost/`)).toBe('python says "hello" 12\n');
  });

  it('serves your own site: static files from git', async () => {
    const work = join(rack.folder, 'pages');
    mkdirSync(work);
    writeFileSync(join(work, 'index.html'), 'static pages\n');
    const git = (...words: string[]) =>
      expect(spawnSync('git', ['-C', work, '-c', 'user.name=t', '-c', 'user.email=t@t', ...words]).status).toBe(0);
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'pages');
    git('tag', 'v1');
    git('clone', '-q', '--bare', '.', join(rack.folder, 'pages.git'));
    const vars = { app_source: `file://${rack.folder}/pages.git`, app_version: 'v1', app_runtime: 'static' };
    const ran = await rack.apply(undefined, { tags: ['web'], extraVars: [JSON.stringify(vars)] });
    expect(failures(ran)).toEqual([]);
    expect(await rack.root('web2', `curl -s -H 'Host: ${SITE}' http://localhost/`)).toBe('static pages\n');
  });
});
