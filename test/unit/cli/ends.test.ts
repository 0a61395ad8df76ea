import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const command = resolve('dist/bringup.cjs');

test('every action of a command sets an exit code; without one the command fails', () => {
  const files = readdirSync('src/cli', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  for (const file of files.map((name) => `src/cli/${name}`)) {
    const text = readFileSync(file, 'utf8');
    const actions = text.split('.action(').slice(1);
    for (const action of actions) expect(action.slice(0, 1200), file).toContain('done(');
  }
});

test('a successful command exits with 0, an invalid command line with 2', ({ skip }) => {
  if (!existsSync(command)) skip('not built: node src/setup.mjs');
  const run = (...argv: string[]) => spawnSync(process.execPath, [command, ...argv], { encoding: 'utf8' });
  expect(run('doc', 'ping').status).toBe(0);
  expect(run('--help').status).toBe(0);
  expect(run('nonsense').status).toBe(2);
});

test.each(["throw new Error('planted')", "void Promise.reject(new Error('planted'))"])(
  'an unexpected error exits with 70 and is reported as a bug: %s',
  (planted) => {
    expect(existsSync(command), 'built by node src/setup.mjs').toBe(true);
    // The error occurs while the command waits for the end of a pipe.
    const preload = `data:text/javascript,${encodeURIComponent(`setTimeout(() => { ${planted}; }, 500);`)}`;
    const slow = '- {hosts: all, gather_facts: false, tasks: [{command: sleep 20}]}\n';
    const folder = mkdtempSync(join(tmpdir(), 'bringup-ends-'));
    writeFileSync(join(folder, 'site.yml'), slow);
    writeFileSync(join(folder, 'hosts.yml'), 'all: {hosts: {a: {ansible_connection: local}}}\n');
    const argv = ['--import', preload, command, 'apply', 'site.yml', '-i', 'hosts.yml'];
    const ran = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: folder });
    rmSync(folder, { recursive: true });
    expect(ran.status, ran.stderr).toBe(70);
    expect(ran.stderr).toContain('bringup has a bug');
  },
);
