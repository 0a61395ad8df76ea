import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openssh_keypair } from '../../../src/modules/openssh_keypair.ts';
import { apply, bound, changes, context, list, mode, read, refusal, scratch } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const keygen = (...args: readonly string[]): string => execFileSync('ssh-keygen', args, { encoding: 'utf8' });

/** Applies a task that must change something, and nothing when it is applied again. */
function make(args: Args) {
  const { first, again, data } = apply(openssh_keypair, args);
  expect([first, again]).toEqual([[expect.any(String)], []]);
  return data;
}

describe('openssh_keypair', () => {
  it.each([
    [{ type: 'ed25519' }, /^256 .*\(ED25519\)/, /BEGIN OPENSSH/],
    [{ type: 'ecdsa', size: 521 }, /^521 .*\(ECDSA\)/, /BEGIN OPENSSH/],
    [{ size: 1024, private_key_format: 'pkcs1' }, /^1024 .*\(RSA\)/, /BEGIN RSA/],
    [{ size: 1024, private_key_format: 'pkcs8' }, /^1024 .*\(RSA\)/, /BEGIN PRIVATE/],
  ])('%o', (args, print, header) => {
    const folder = scratch();
    const path = `${folder}/key`;
    const data = make({ path, comment: "it's mine", ...args });
    expect(keygen('-l', '-f', path)).toMatch(print);
    expect(read(path)).toMatch(header);
    expect(read(`${path}.pub`).trim()).toMatch(/ it's mine$/);
    expect([mode(path), mode(`${path}.pub`)]).toEqual(['0600', '0644']);
    expect(data).toMatchObject({
      filename: path,
      comment: "it's mine",
      public_key: read(`${path}.pub`).trim(),
      fingerprint: expect.stringMatching(/^SHA256:/),
    });
    expect(list(folder)).toEqual(['key', 'key.pub']);
  });

  it('encrypts the key, and tells the passphrase in no argument and no environment', () => {
    const path = `${scratch()}/key`;
    const args = { path, type: 'ed25519', passphrase: "it's $secret" };
    const temporary = list('/tmp').filter((name) => name.startsWith('tmp.'));
    make(args);
    expect(list('/tmp').filter((name) => name.startsWith('tmp.') && !temporary.includes(name))).toEqual([]);
    expect(keygen('-y', '-P', "it's $secret", '-f', path)).toMatch(/^ssh-ed25519/);
    expect(() => execFileSync('ssh-keygen', ['-y', '-P', '', '-f', path], { stdio: 'ignore' })).toThrow();
    const { probe, plan } = bound(openssh_keypair, args);
    const [change] = changes(plan('parent yes!\numask 0022\n', context()));
    for (const script of [probe?.(context()), change?.run]) {
      expect(script?.secrets).toContain("it's $secret");
      expect(script?.text.match(/\$secret/g)).toHaveLength(1);
      expect(script?.text).not.toMatch(/export/);
    }
    expect(apply(openssh_keypair, { ...args, passphrase: 'another' }).first).toMatch(/cannot be read/);
  });

  it.each([
    [{}, []],
    [{ type: 'rsa', size: 1024 }, ['it is a key of type ed25519']],
    [{ passphrase: 'secret' }, ['it is not encrypted']],
    [{ regenerate: 'always' }, ['force is set']],
    [{ force: true }, ['force is set']],
    [{ type: 'ecdsa', regenerate: 'never' }, []],
    [{ type: 'ecdsa', regenerate: 'fail' }, /not the wanted one: it is a key of type ed25519/],
  ])('%o for a key of type ed25519', (args, expected) => {
    const path = `${scratch()}/key`;
    make({ path, type: 'ed25519' });
    const { first } = apply(openssh_keypair, { path, type: 'ed25519', ...args });
    if (expected instanceof RegExp) expect(first).toMatch(expected);
    else expect(first).toEqual(expected.map((one) => expect.stringContaining(one)));
  });

  it('replaces what is no key only with full_idempotence', () => {
    const path = `${scratch()}/key`;
    writeFileSync(path, 'something else\n');
    expect(apply(openssh_keypair, { path }).first).toMatch(/cannot be read/);
    expect(readFileSync(path, 'utf8')).toBe('something else\n');
    make({ path, type: 'ed25519', regenerate: 'full_idempotence' });
  });

  it('mends the public key, its comment and the mode, and keeps the private key', () => {
    const path = `${scratch()}/key`;
    make({ path, type: 'ed25519', comment: 'a' });
    const before = [read(path), read(`${path}.pub`)];
    rmSync(`${path}.pub`);
    make({ path, type: 'ed25519', comment: 'a' });
    expect([read(path), read(`${path}.pub`)]).toEqual(before);
    make({ path, type: 'ed25519', comment: 'b' });
    expect(read(`${path}.pub`)).toMatch(/ b\n$/);
    chmodSync(path, 0o644);
    make({ path, type: 'ed25519', mode: '0600' });
    expect([read(path), mode(path)]).toEqual([before[0], '0600']);
  });

  it('removes both files', () => {
    const path = `${scratch()}/key`;
    make({ path, type: 'ed25519' });
    make({ path, state: 'absent' });
    expect([existsSync(path), existsSync(`${path}.pub`)]).toEqual([false, false]);
  });

  it.each([
    [{ type: 'ecdsa', size: 1024 }, /256, 384 or 521/],
    [{ type: 'ed25519', size: 256 }, /no size for ed25519/],
    [{ size: 512 }, /1024 or more/],
    [{ passphrase: 'abc' }, /5 characters/],
    [{ type: 'dsa' }, /ed25519/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(openssh_keypair, { path: '/k', ...args })).toMatch(expected);
  });

  it('needs the directory', () => {
    expect(apply(openssh_keypair, { path: '/nowhere/key' }).first).toMatch(/\/nowhere does not exist/);
  });
});
