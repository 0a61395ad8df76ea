import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const NOBODY = 65_534;
const folder = mkdtempSync(join(tmpdir(), 'bringup-installed-'));
const prefix = join(folder, 'prefix');
const project = join(folder, 'project');
/** How npm reaches its registry on this machine. */
const npm = Object.fromEntries(
  ['registry', 'cafile'].map((key) => {
    const { stdout } = spawnSync('npm', ['config', 'get', key], { encoding: 'utf8' });
    return [`npm_config_${key}`, stdout.trim().replace(/^null$/, '')];
  }),
);

/** Runs a program as a user without rights, whose home is the folder. */
function asNobody(argv: readonly string[]): Readonly<{ status: number | null; said: string }> {
  const [program = '', ...args] = argv;
  const env = { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1', ...npm };
  const ids = { uid: NOBODY, gid: NOBODY };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: project, encoding: 'utf8', env, ...ids });
  return { status, said: stdout + stderr };
}

describe('the command', () => {
  beforeAll(() => {
    chmodSync(folder, 0o755);
    for (const path of [prefix, project]) mkdirSync(path);
    writeFileSync(
      join(project, 'play.yml'),
      `- hosts: localhost
  gather_facts: false
  tasks: [copy: {dest: ${join(project, 'made')}, content: "by {{ lookup('env', 'HOME') }}"}]
`,
    );
    for (const path of [folder, prefix, project]) chownSync(path, NOBODY, NOBODY);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is installed from the package, by a user without rights, and works in an own project', () => {
    const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', folder], { encoding: 'utf8' });
    expect(packed.status, packed.stderr).toBe(0);
    const package_ = join(folder, packed.stdout.trim().split('\n').at(-1) ?? '');
    const installed = asNobody(['npm', 'install', '-g', '--prefix', prefix, '--no-audit', '--no-fund', package_]);
    expect(installed.status, installed.said).toBe(0);
    const command = join(prefix, 'bin', 'bringup');
    expect(asNobody([command, '--version'])).toEqual({ status: 0, said: '0.1.0\n' });
    expect(asNobody([command, 'doc', 'copy']).said).toContain('copy');
    const plan = asNobody([command, 'plan', 'play.yml', '-c', 'local']);
    expect(plan.said).toMatch(/create .*\/made/);
    const apply = asNobody([command, 'apply', 'play.yml', '-c', 'local']);
    expect(apply.status, apply.said).toBe(0);
    expect(asNobody([command, 'apply', 'play.yml', '-c', 'local']).said).toMatch(/0 changed/);
  });

  it('runs from a clone, through a link and from another directory', () => {
    const link = join(folder, 'link');
    symlinkSync(resolve('bringup'), link);
    const { status, stdout } = spawnSync(link, ['--version'], { cwd: folder, encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '0.1.0\n']);
  });
});
