import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringup, plain } from '../support/command.ts';

let dir = '';
const home = process.cwd();
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bringup-install-'));
  mkdirSync(join(dir, 'project'));
  process.chdir(join(dir, 'project'));
});
afterEach(() => {
  process.chdir(home);
  rmSync(dir, { recursive: true });
});

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
};
const read = (path: string): string => readFileSync(join(dir, path), 'utf8');
const git = (repository: string, ...args: readonly string[]): string =>
  execFileSync('git', ['-C', join(dir, repository), '-c', 'user.name=n', '-c', 'user.email=e', ...args], {
    encoding: 'utf8',
  }).trim();
/** Commits these files to a repository. Returns the commit. */
function commit(repository: string, files: Readonly<Record<string, string>>, tag?: string): string {
  const isNew = !existsSync(join(dir, repository));
  for (const [path, text] of Object.entries(files)) write(join(repository, path), text);
  if (isNew) git(repository, 'init', '--quiet', '--initial-branch=main');
  git(repository, 'add', '--all');
  git(repository, 'commit', '--quiet', '--message=change');
  if (tag !== undefined) git(repository, 'tag', tag);
  return git(repository, 'rev-parse', 'HEAD');
}
const task = (msg: string): Record<string, string> => ({ 'tasks/main.yml': `- debug: {msg: ${msg}}\n` });
const requirements = (text: string): void => write('project/requirements.yml', text);
const install = (...argv: readonly string[]) => bringup('install', ...argv);
const installed = (name: string): string => read(`project/roles/${name}/tasks/main.yml`);
const ok = { code: 0, err: '' };
/** What is in the folder of roles, stages too. */
const roles = (): readonly string[] => readdirSync('roles').sort();

describe('bringup install', () => {
  it('installs a role at its version, once, and plans a playbook with it', async () => {
    const first = commit('web', task('first'), '1.0');
    commit('web', task('two'), '2.0');
    requirements(`roles:\n- {name: nginx, src: ../../web, scm: git, version: '1.0'}\n`.replace('../../', '../'));
    expect(await install()).toEqual({ ...ok, out: `installed  role nginx  1.0 (${first.slice(0, 8)})\n` });
    expect(installed('nginx')).toContain('first');
    expect(existsSync('roles/nginx/.git')).toBe(false);
    expect(await install()).toEqual({ ...ok, out: `ok         role nginx  1.0 (${first.slice(0, 8)})\n` });
    write('project/site.yml', '- {hosts: localhost, connection: local, gather_facts: false, roles: [nginx]}\n');
    const { code, err } = await bringup('apply', 'site.yml', '-i', 'localhost,', '-o', 'plain');
    expect([code, plain(err)]).toEqual([0, expect.stringContaining('localhost  first')]);
  });

  it('holds a branch at the commit of the lock file until --update', async () => {
    const old = commit('web', task('old'));
    requirements(`- git+file://${dir}/web,main,nginx\n`);
    await install();
    const now = commit('web', task('new'));
    rmSync('roles', { recursive: true });
    expect((await install()).out).toContain(old.slice(0, 8));
    expect(installed('nginx')).toContain('old');
    expect((await install('--update')).out).toBe(`installed  role nginx  main (${now.slice(0, 8)})\n`);
    expect(installed('nginx')).toContain('new');
    expect(JSON.parse(read('project/requirements.lock.json'))).toEqual({
      requirements: [{ kind: 'role', name: 'nginx', source: `file://${dir}/web`, version: 'main', commit: now }],
    });
  });

  it('follows a version that requirements.yml changes', async () => {
    commit('web', task('one'), '1.0');
    commit('web', task('two'), '2.0');
    requirements(`- {name: nginx, src: 'file://${dir}/web', version: '1.0'}\n`);
    await install();
    requirements(`- {name: nginx, src: 'file://${dir}/web', version: '2.0'}\n`);
    await install();
    expect(installed('nginx')).toContain('two');
  });

  it('installs archives, from a web server and a path, and refuses one that has changed', async () => {
    const pack = (msg: string): Buffer => {
      write('pack/role-1.0/tasks/main.yml', `- debug: {msg: ${msg}}\n`);
      return execFileSync('tar', ['-C', join(dir, 'pack'), '-cz', 'role-1.0']);
    };
    let body = pack('one');
    writeFileSync(join(dir, 'local.tgz'), body);
    const server = createServer((request, response) =>
      request.url === '/role.tar.gz' ? response.end(body) : response.writeHead(404).end(),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      requirements(`- {name: far, src: '${url}/role.tar.gz'}\n- {name: near, src: ../local.tgz}\n`);
      expect((await install()).code).toBe(0);
      expect([installed('far'), installed('near')]).toEqual(Array(2).fill(expect.stringContaining('one')));
      rmSync('roles', { recursive: true });
      body = pack('other');
      const changed = await install();
      expect(changed.code).toBe(1);
      expect(plain(changed.err)).toMatch(/E_INSTALL_CHECKSUM: .*role\.tar\.gz has changed/);
      expect(roles()).toEqual([]);
      expect((await install('--update')).code).toBe(0);
      expect(installed('far')).toContain('other');
      requirements(`- {name: none, src: '${url}/none.tar.gz'}\n`);
      expect(plain((await install()).err)).toMatch(/requirements\.yml:1:3: error E_INSTALL_FETCH[\s\S]*answers 404/);
    } finally {
      server.close();
    }
  });

  it('installs a folder, and again when it changes', async () => {
    write('mine/defaults/main.yml', 'a: 1\n');
    requirements('- {name: mine, src: ../mine}\n');
    expect((await install()).out).toBe('installed  role mine\n');
    expect((await install()).out).toBe('ok         role mine\n');
    write('mine/defaults/main.yml', 'a: 2\n');
    expect((await install()).out).toBe('installed  role mine\n');
    expect(read('project/roles/mine/defaults/main.yml')).toBe('a: 2\n');
    expect(existsSync('requirements.lock.json')).toBe(false);
  });

  it('installs collections by the name in their files, and finds their roles', async () => {
    commit('tools', {
      'sub/galaxy.yml': 'namespace: my\nname: tools\nversion: 1.0.0\n',
      'sub/roles/x/tasks/main.yml': '- debug: {msg: from-x}\n',
    });
    write('packed/MANIFEST.json', '{"collection_info": {"namespace": "my", "name": "packed"}}');
    execFileSync('tar', ['-C', join(dir, 'packed'), '-czf', join(dir, 'packed.tar.gz'), '.']);
    requirements(
      `collections:\n- {name: 'git+file://${dir}/tools#/sub'}\n- {name: my.packed, source: ../packed.tar.gz, type: file}\n`,
    );
    expect((await install()).out).toMatch(
      /^installed {2}collection my\.tools .*\ninstalled {2}collection my\.packed .*\n$/,
    );
    expect((await install()).out).toMatch(/^ok .*my\.tools.*\nok .*my\.packed.*\n$/);
    write('project/site.yml', '- {hosts: localhost, connection: local, gather_facts: false, roles: [my.tools.x]}\n');
    expect((await bringup('apply', 'site.yml', '-i', 'localhost,', '-o', 'plain')).err).toContain('from-x');
  });

  it('installs what a role depends on, and says what it cannot find', async () => {
    commit('base', task('base'));
    commit('extra', task('extra'));
    commit('web', {
      ...task('web'),
      'meta/main.yml': `dependencies:\n- {src: 'git+file://${dir}/base', name: base, when: true}\n- localrole\n`,
      'meta/requirements.yml': `- {src: 'git+file://${dir}/extra'}\n`,
    });
    requirements(`- {name: web, src: 'git+file://${dir}/web'}\n`);
    expect((await install()).code).toBe(0);
    expect(roles()).toEqual(['base', 'extra', 'web']);
    commit('web', { 'meta/main.yml': 'dependencies: [other.public]\n' });
    const lacking = await install('--update');
    expect(lacking.code).toBe(1);
    expect(plain(lacking.err)).toContain("the role web depends on 'other.public'");
  });

  it('takes nothing of this machine because a role asks for it', async () => {
    write('private/tasks/main.yml', 'mine\n');
    commit('web', { ...task('web'), 'meta/main.yml': `dependencies:\n- {name: stolen, src: ${dir}/private}\n` });
    requirements(`- {name: web, src: 'git+file://${dir}/web'}\n`);
    const { code, err } = await install();
    expect(code).not.toBe(0);
    expect(plain(err)).toMatch(/E_REQUIREMENT_SOURCE: bringup cannot install a role from '.*private'/);
    expect(roles()).toEqual([]);
  });

  it('replaces no folder that it has not installed, or that was changed, but with --force', async () => {
    commit('web', task('web'));
    write('project/roles/web/tasks/main.yml', 'mine\n');
    requirements(`- {name: web, src: 'git+file://${dir}/web'}\n`);
    const foreign = await install();
    expect(foreign.code).toBe(1);
    expect(plain(foreign.err)).toContain('roles/web is not replaced: bringup has not installed it');
    expect(installed('web')).toBe('mine\n');
    expect(existsSync('requirements.lock.json')).toBe(false);
    expect((await install('--force')).code).toBe(0);
    write('project/roles/web/tasks/more.yml', '[]\n');
    expect(plain((await install()).err)).toContain('its files were changed since they were installed');
    expect((await install('--force')).code).toBe(0);
    expect(readdirSync('roles/web/tasks')).toEqual(['main.yml']);
    expect(roles()).toEqual(['web']);
  });

  it('installs nothing if one source cannot be fetched', async () => {
    commit('web', task('web'), '1.0');
    requirements(
      `- {name: a, src: 'git+file://${dir}/web'}\n- {name: b, src: 'git+file://${dir}/web', version: '9'}\n`,
    );
    const { code, err } = await install();
    expect(code).toBe(1);
    expect(plain(err)).toMatch(
      /requirements\.yml:2:3: error E_INSTALL_VERSION: .* has no version '9'[\s\S]*such as 1\.0/,
    );
    expect(roles()).toEqual([]);
  });

  it('installs into the first directory of roles_path and collections_path', async () => {
    commit('web', task('web'));
    write('project/ansible.cfg', '[defaults]\nroles_path = galaxy/roles:roles\n');
    requirements(`- {name: web, src: 'git+file://${dir}/web'}\n`);
    await install();
    expect(existsSync('galaxy/roles/web')).toBe(true);
    await install('-p', 'elsewhere');
    expect(existsSync('elsewhere/web')).toBe(true);
  });

  it.each([
    ['- geerlingguy.nginx', /r\.yml:1:3: error E_REQUIREMENT_GALAXY/],
    ['collections: [community.general]', /E_REQUIREMENT_GALAXY/],
    ['collections: [{name: a.b, type: galaxy}]', /E_REQUIREMENT_GALAXY/],
    ['collections: [{name: a.b, source: "git+https://h/x.git#/../../etc"}]', /E_REQUIREMENT_SOURCE/],
    ['- {src: x, scm: hg}', /E_REQUIREMENT_SOURCE.*'hg'/],
    ['- {src: --upload-pack=x, scm: git}', /E_REQUIREMENT_SOURCE/],
    ["- {src: 'https://h/x.git,v1'}", /E_REQUIREMENT_SOURCE/],
    ['- {name: ../up, src: https://h/x.git}', /E_REQUIREMENT_NAME.*'\.\.\/up'/],
    ['collections: [{name: a/b, source: https://h/x.git, type: git}]', /E_REQUIREMENT_NAME/],
    ['- {src: https://h/x.git, colour: red}', /E_UNKNOWN_KEYWORD.*'colour'/],
    ['- {src: ./nothing}', /E_FILE_MISSING/],
    ['- https://h/x.git\n- https://other/x.git', /r\.yml:2:3: error E_REQUIREMENT_TWICE.*role x.*r\.yml:1/],
    ['- include: r.yml', /E_CYCLE/],
    ['roles: {a: b}', /E_WRONG_SHAPE/],
    ['things: []', /E_UNKNOWN_KEYWORD.*'things'/],
    ['text', /E_WRONG_SHAPE/],
  ])('refuses %j', async (text, message) => {
    write('project/r.yml', `${text}\n`);
    const { code, err } = await install('-r', 'r.yml');
    expect(code).toBe(2);
    expect(plain(err)).toMatch(message);
    expect(readdirSync('.')).toEqual(['r.yml']);
  });

  it.each(['https://me:hunter2@h/x.git', 'https://hunter2@h/x.tar.gz', 'ssh://me:hunter2@h/x.git'])(
    'does not show a password in an address: %s',
    async (address) => {
      requirements(`- src: ${address}\n`);
      const { code, err } = await install();
      expect(code).toBe(2);
      expect(err).toContain('contains a password');
      expect(err).not.toContain('hunter2');
    },
  );

  it('refuses a damaged lock file', async () => {
    requirements('[]\n');
    write('project/requirements.lock.json', '{"requirements": [{"kind": "role"}]}');
    expect(plain((await install()).err)).toContain('E_REQUIREMENTS_LOCK');
  });
});
