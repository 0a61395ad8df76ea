import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { edit } from '../../../src/modules/known_hosts.ts';
import { scratch } from './harness.ts';

const ED = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const OTHER = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJPNH3eoMfCe7x1sXCmp0SSwSfZ0m9RJ3rGGLSfUA1qm';
const PRESENT = { state: 'present' } as const;
const ABSENT = { state: 'absent' } as const;

describe('known_hosts', () => {
  test.each([
    ['added', '', { ...PRESENT, name: 'a', key: `a ${ED}` }, `a ${ED}\n`],
    ['another key of its type is replaced', `a ${OTHER}\n`, { ...PRESENT, name: 'a', key: `a ${ED}` }, `a ${ED}\n`],
    ['all keys are removed', `a ${ED}\na ${OTHER}\nb ${ED}\n`, { ...ABSENT, name: 'a' }, `b ${ED}\n`],
    ['one key is removed', `a ${ED}\na ${OTHER}\n`, { ...ABSENT, name: 'a', key: `a ${ED}` }, `a ${OTHER}\n`],
    [
      'a key that is not there removes nothing',
      `a ${OTHER}\n`,
      { ...ABSENT, name: 'a', key: `a ${ED}` },
      `a ${OTHER}\n`,
    ],
    [
      'a certificate authority is recognised',
      `@cert-authority *.x ${ED}\n`,
      { ...PRESENT, name: '*.x', key: `@cert-authority *.x ${ED}` },
      `@cert-authority *.x ${ED}\n`,
    ],
    [
      'a second certificate authority replaces none',
      `@cert-authority *.x ${ED}\n`,
      { ...PRESENT, name: '*.x', key: `@cert-authority *.x ${OTHER}` },
      `@cert-authority *.x ${ED}\n@cert-authority *.x ${OTHER}\n`,
    ],
    [
      'a comment behind the key is none of it',
      `a ${ED} me\n`,
      { ...PRESENT, name: 'a', key: `a ${ED}` },
      `a ${ED} me\n`,
    ],
  ] as const)('%s', (_, before, args, after) => {
    expect(edit(before, args)).toBe(after);
  });

  test('finds a hashed name that we or ssh-keygen hashed, and so does ssh-keygen', () => {
    const args = { ...PRESENT, name: 'host.example', key: `host.example ${ED}`, hash_host: true };
    const own = edit('', args, 'salt');
    expect(own).toMatch(/^\|1\|\S+ ssh-ed25519 /);
    expect(edit(own, args, 'another')).toBe(own);
    const file = join(scratch(), 'hosts');
    writeFileSync(file, own);
    expect(execFileSync('ssh-keygen', ['-F', 'host.example', '-f', file], { encoding: 'utf8' })).toContain(ED);
    writeFileSync(file, `host.example ${ED}\n`);
    execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'ignore' });
    const theirs = readFileSync(file, 'utf8');
    expect(theirs).toMatch(/^\|1\|/);
    expect(edit(theirs, args, 'salt')).toBe(theirs);
    expect(edit(theirs, { ...ABSENT, name: 'host.example' })).toBe('');
  });
});
