import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { login } from '../../../src/connect/login.ts';
import type { Target } from '../../../src/core/connection.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bringup-home-'));
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  vi.stubEnv('HOME', home);
  vi.stubEnv('SSH_AUTH_SOCK', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const makeKey = (name: string, passphrase: string): void => {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', join(home, '.ssh', name)]);
};
const trouble = async (privateKeyFile?: string): Promise<string> => {
  const target = { name: 'h', via: 'ssh', address: '127.0.0.1', port: 1, privateKeyFile } as Target;
  return login(target, { passphrase: async () => undefined }).then(
    () => 'logged in',
    (error: { diagnostics?: readonly { message: string; detail?: string; hint?: string }[] }) => {
      const [first] = error.diagnostics ?? [];
      return [first?.message, first?.detail, first?.hint].join('\n');
    },
  );
};

test('reports a named key that is missing or has a passphrase', async () => {
  expect(await trouble('~/.ssh/gone')).toContain(`the key ${home}/.ssh/gone does not exist`);
  makeKey('locked', 'secret');
  const locked = await trouble('~/.ssh/locked');
  expect(locked).toContain(`the key ${home}/.ssh/locked is protected by a passphrase`);
  expect(locked).toContain(`ssh-add ${home}/.ssh/locked`);
});

test('reports each key that was tried, and what is wrong with it, if no key is named', async () => {
  makeKey('id_ed25519', 'secret');
  const told = await trouble();
  expect(told).toContain('there is no key, agent or password to log in with');
  expect(told).toContain(`${home}/.ssh/id_ed25519 is protected by a passphrase`);
  expect(told).toContain(`${home}/.ssh/id_rsa does not exist`);
});
