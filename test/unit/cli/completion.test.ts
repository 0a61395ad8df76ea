import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { SCRIPTS } from '../../../src/cli/completion.ts';
import { bringup } from '../support/command.ts';
import { project } from '../support/project.ts';

const files = {
  'hosts.yml': 'web:\n  hosts: {web1: {}, web2: {}}\ndb:\n  hosts: {db1: {}}\n',
  'other.yml': 'all: {hosts: {pi1: {}}}\n',
  'site.yml':
    '- hosts: all\n  tags: [all_of_it]\n  tasks:\n    - {ping: {}, tags: [apt, app]}\n    - {ping: {}, tags: db}\n',
};

describe('completion', () => {
  const complete = async (words: string): Promise<readonly string[]> => {
    const p = project(files);
    const given = words.replaceAll('INV', p.path('hosts.yml')).replaceAll('SITE', p.path('site.yml'));
    const { out } = await bringup('complete', '--', ...given.split(' '));
    return out.trim().split('\n');
  };

  it.each([
    ['a command', 'dri', ['words', 'drill']],
    ['a subcommand', 'lab sn', ['words', 'snapshot']],
    ['an option', 'apply --lim', ['words', '--limit']],
    ['the choices of an option', 'plan --output ', ['words', 'auto', 'json', 'plain']],
    ['hosts and groups', 'apply site.yml -i INV -l web', ['words', 'web', 'web1', 'web2']],
    ['the second of a list of hosts', 'apply site.yml -i INV -l db,web', ['words', 'db,web', 'db,web1', 'db,web2']],
    ['hosts of an inventory after =', 'apply site.yml --inventory=INV --limit=x -l db', ['words', 'db', 'db1']],
    ['a host as an argument', 'power status -i INV db', ['words', 'db', 'db1']],
    ['tags of the playbook', 'apply SITE -i INV -t a', ['words', 'all_of_it', 'app', 'apt']],
    ['a second tag', 'apply SITE -i INV -t db,ap', ['words', 'db,app', 'db,apt']],
    ['a check', 'doc mysql_repl', ['words', 'mysql_replication']],
    ['a host to read', 'check -i INV --generate db', ['words', 'db', 'db1']],
    ['a module', 'doc apt_', ['words', 'apt_key', 'apt_repository']],
    ['an error code', 'explain E_PROOF_F', ['words', 'E_PROOF_FILE']],
    ['words of an argument', 'lab power c', ['words', 'cut']],
    ['a shell', 'completion z', ['words', 'zsh']],
    ['a playbook', 'apply ', ['files']],
    ['an inventory', 'apply x.yml -i ', ['files']],
    ['nothing', 'apply x.yml --timeout ', ['words']],
    ['no hosts of an inventory that cannot be read', 'apply x.yml -i /nowhere -l ', ['words', 'all', 'ungrouped']],
  ])('offers %s', async (_, words, expected) => {
    expect(await complete(words)).toEqual(expected);
  });

  it('hides the command that the shells call', async () => {
    const all = await complete('');
    expect(all).toContain('completion');
    expect(all).not.toContain('complete');
  });

  it('prints the script for a shell, and refuses others', async () => {
    for (const shell of ['bash', 'zsh', 'fish'] as const)
      expect((await bringup('completion', shell)).out).toBe(SCRIPTS[shell]);
    const { code, err } = await bringup('completion', 'tcsh');
    expect(code).toBe(2);
    expect(err).toContain('bash, zsh, fish');
  });

  it('works in bash', () => {
    const stub = project({
      bringup: '#!/bin/sh\n[ "$5" = "a b" ] && printf "words\\na bc\\nx\\n" || echo files\n',
      'f 1.yml': '',
    });
    const ask = (...words: readonly string[]): readonly string[] => {
      const quoted = [`${stub.path('bringup')}`, ...words].map((word) => `'${word}'`).join(' ');
      const script = `${SCRIPTS.bash}\nchmod 755 '${stub.path('bringup')}'\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _bringup '${stub.path('bringup')}'; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: stub.folder });
      return stdout.trim().split('\n');
    };
    expect(ask('lab', 'ssh', 'a b')).toEqual(['a bc', 'x']);
    expect(ask('apply', 'f')).toEqual(['f 1.yml']);
  });
});
