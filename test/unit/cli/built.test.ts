import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const command = resolve('dist/bringup.cjs');

it('the built command loads its separate files from its stored code', ({ skip }) => {
  if (!existsSync(command)) skip('not built: node src/setup.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'bringup-built-'));
  try {
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    write('hosts.yml', 'all: {hosts: {here: {ansible_connection: local, ansible_become: false}}}\n');
    write('site.yml', '- {hosts: all, gather_facts: false, tasks: [{command: echo said, register: it}]}\n');
    write('checks.yml', '- {name: a name, dns: {name: nothing.invalid, server: 127.0.0.1}}\n');
    const run = (...argv: string[]) =>
      // NO_COLOR: if CI is set, text is coloured even in a pipe.
      spawnSync(process.execPath, [command, ...argv, '-i', 'hosts.yml'], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1' },
      });
    mkdirSync(join(folder, 'library'));
    write('library/own.sh', '. "$1"; printf \'{"is": "%s"}\' "$word"\n');
    write('library/own.yml', 'options: {word: {choices: [one, two]}}\n');
    write(
      'library/pure.ts',
      `import { args, defineModule, names } from 'bringup';
export const pure = defineModule({ name: 'pure', summary: '', args: args({ all: names('') }), examples: [], parse: (): null => null, plan: () => [] });`,
    );
    write(
      'own.yml',
      `- hosts: all
  gather_facts: false
  tasks: [{own: {word: two}, register: it}, {pure: {all: 'a,b'}}, {assert: {that: it.is == 'two'}}]
`,
    );
    const own = run('apply', 'own.yml'); // loads sucrase and ajv
    expect([own.status, own.stdout]).toEqual([0, expect.stringContaining('3 ok')]);
    write('own.yml', '- {hosts: all, gather_facts: false, tasks: [{own: {word: three}}, {pure: {all: 1, one: 2}}]}\n');
    expect(run('apply', 'own.yml').stderr).toMatch(/'word' is not valid[\s\S]*unknown argument 'one'/);
    const applied = run('apply', 'site.yml', '-o', 'json'); // zx starts the shell
    expect(applied.stderr).toBe('');
    expect(applied.status).toBe(0);
    const checked = run('check', 'checks.yml', '--within', '0'); // loads the files of all checks: dns-packet, ping, mysql2
    expect(checked.stdout + checked.stderr).toMatch(/answer: expected an answer.*\n.*\n\n1 of 1 check failed/);
    expect(checked.status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
