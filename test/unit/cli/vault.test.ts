import { randomBytes } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { passwordOf } from '../../../src/cli/vault-passwords.ts';
import { openVaultBytes, sealVault } from '../../../src/config/vault.ts';
import { Secret } from '../../../src/core/value.ts';
import { bringup, plain } from '../support/command.ts';
import { type Project, project } from '../support/project.ts';

const CLEAR = 'a: 1\nb: grün\n';
const files = (): Project => project({ 'f.yml': CLEAR, pw: 'sesame\n', other: 'barley\n' });
type Ran = Readonly<{ code: number; out: string; err: string }>;
async function vault(p: Project, ...given: readonly string[]): Promise<Ran> {
  const words = given.map((word) => word.replace('{T}', p.folder));
  const { code, out, err } = await bringup('vault', ...words);
  return { code, out: plain(out), err: plain(err) };
}
const PW = ['--vault-password-file', '{T}/pw'];
const at = { file: 'f', line: 1, col: 1 };

describe('bringup vault', () => {
  it.each([0, 1, 15, 16, 17, 1000])('opens what it sealed: %i bytes', (size) => {
    const data = randomBytes(size);
    const password = { label: undefined, secret: new Secret('sesame') };
    const text = sealVault(data, password);
    expect(text).toMatch(/^\$ANSIBLE_VAULT;1\.1;AES256\n([0-9a-f]{1,80}\n)+$/);
    expect(openVaultBytes(text, at, [password]).equals(data)).toBe(true);
    expect(() => openVaultBytes(text, at, [{ ...password, secret: new Secret('barley') }])).toThrow();
  });

  it('encrypts, shows, encrypts anew and decrypts a file, which keeps its mode', async () => {
    const p = files();
    chmodSync(p.path('f.yml'), 0o640);
    expect(await vault(p, 'encrypt', '{T}/f.yml', ...PW)).toMatchObject({ code: 0 });
    expect(p.read('f.yml')).toMatch(/^\$ANSIBLE_VAULT;1\.1;AES256\n/);
    expect((await vault(p, 'view', '{T}/f.yml', ...PW)).out).toBe(CLEAR);
    const rekey = ['rekey', '{T}/f.yml', ...PW, '--new-vault-id', `prod@${p.path('other')}`];
    expect(await vault(p, ...rekey)).toMatchObject({ code: 0 });
    expect(p.read('f.yml')).toMatch(/^\$ANSIBLE_VAULT;1\.2;AES256;prod\n/);
    expect((await vault(p, 'view', '{T}/f.yml', ...PW)).err).toContain('E_VAULT_PASSWORD');
    expect(await vault(p, 'decrypt', '{T}/f.yml', '--vault-password-file', '{T}/other')).toMatchObject({ code: 0 });
    expect(p.read('f.yml')).toBe(CLEAR);
    expect(statSync(p.path('f.yml')).mode & 0o777).toBe(0o640);
    expect(readdirSync(p.folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('encrypts with the password of a label', async () => {
    const p = files();
    const ids = ['--vault-id', `dev@${p.path('pw')}`, '--vault-id', `prod@${p.path('other')}`];
    expect((await vault(p, 'encrypt', '{T}/f.yml', ...ids)).err).toContain(
      'several vault passwords could encrypt: dev, prod',
    );
    expect((await vault(p, 'encrypt', '{T}/f.yml', ...ids, '--encrypt-vault-id', 'prd')).err).toContain(
      'E_VAULT_LABEL',
    );
    expect(await vault(p, 'encrypt', '{T}/f.yml', ...ids, '--encrypt-vault-id', 'prod')).toMatchObject({ code: 0 });
    expect(openVaultBytes(p.read('f.yml'), at, [passwordOf(p.path('other'))]).toString()).toBe(CLEAR);
  });

  it('writes elsewhere with --output', async () => {
    const p = files();
    await vault(p, 'encrypt', '{T}/f.yml', ...PW, '--output', p.path('sealed'));
    expect(p.read('f.yml')).toBe(CLEAR);
    expect(statSync(p.path('sealed')).mode & 0o777).toBe(0o600);
    expect((await vault(p, 'decrypt', '{T}/sealed', ...PW, '--output', '-')).out).toBe(CLEAR);
  });

  it('creates and edits in an editor, and leaves no clear text behind', async () => {
    const p = files();
    const editor = p.path('editor');
    // It notes where the clear text was, and who could read it.
    writeFileSync(editor, `#!/bin/sh\nstat -c '%a %n' "$1" "$(dirname "$1")" >>${p.path('seen')}\necho more >>"$1"\n`, {
      mode: 0o755,
    });
    vi.stubEnv('VISUAL', editor);
    try {
      expect(await vault(p, 'create', '{T}/new.yml', ...PW)).toMatchObject({ code: 0 });
      expect(await vault(p, 'edit', '{T}/new.yml', ...PW)).toMatchObject({ code: 0 });
      expect((await vault(p, 'view', '{T}/new.yml', ...PW)).out).toBe('more\nmore\n');
      vi.stubEnv('VISUAL', 'true');
      const before = p.read('new.yml');
      await vault(p, 'edit', '{T}/new.yml', ...PW);
      expect(p.read('new.yml')).toBe(before); // unchanged, so not even encrypted anew
      vi.stubEnv('VISUAL', 'false');
      expect((await vault(p, 'edit', '{T}/new.yml', ...PW)).err).toContain('E_VAULT_EDITOR');
    } finally {
      vi.unstubAllEnvs();
    }
    const seen = readFileSync(p.path('seen'), 'utf8').trim().split('\n');
    expect(seen.map((line) => line.split(' ')[0])).toEqual(['600', '700', '600', '700']);
    for (const line of seen) expect(statSync(line.split(' ')[1] ?? '', { throwIfNoEntry: false })).toBeUndefined();
    expect((await vault(p, 'create', '{T}/new.yml', ...PW)).err).toContain('E_VAULT_EXISTS');
  });

  it.each([
    [['encrypt-string', 'secret'], 'E_VAULT_ARGUMENT'],
    [['view', '{T}/f.yml', ...PW], 'E_VAULT_PLAIN'],
    [['decrypt', '{T}/f.yml', ...PW], 'E_VAULT_PLAIN'],
    [['view', '{T}/missing', ...PW], 'E_FILE_UNREADABLE'],
    [['view', '{T}/f.yml'], 'E_NO_TERMINAL'],
    [['encrypt', '{T}/pw', '{T}/f.yml', ...PW, '--output', 'x'], 'E_VAULT_OUTPUT'],
  ])('refuses %j', async (given, code) => {
    const p = files();
    const ran = await vault(p, ...given);
    expect(ran.code).not.toBe(0);
    expect(ran.err).toContain(code);
    expect(ran.out + ran.err).not.toContain('sesame');
  });

  it('does not encrypt a file twice, nor change any file if one cannot be opened', async () => {
    const p = files();
    await vault(p, 'encrypt', '{T}/f.yml', ...PW);
    const before = p.read('f.yml');
    expect((await vault(p, 'encrypt', '{T}/f.yml', ...PW)).err).toContain('E_VAULT_ENCRYPTED');
    expect(
      (await vault(p, 'rekey', '{T}/f.yml', '{T}/pw', ...PW, '--new-vault-password-file', '{T}/other')).err,
    ).toContain('E_VAULT_PLAIN');
    expect(p.read('f.yml')).toBe(before);
  });
});
