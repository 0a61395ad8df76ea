import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Module } from '../../../src/core/module.ts';
import { Secret, type Vars } from '../../../src/core/value.ts';
import { openssl_csr } from '../../../src/modules/openssl_csr.ts';
import { openssl_dhparam } from '../../../src/modules/openssl_dhparam.ts';
import { openssl_privatekey } from '../../../src/modules/openssl_privatekey.ts';
import { openssl_publickey } from '../../../src/modules/openssl_publickey.ts';
import { x509_certificate } from '../../../src/modules/x509_certificate.ts';
import { apply, bound, changes, context, list, mode, read, refusal, scratch } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const openssl = (...args: readonly string[]): string => execFileSync('openssl', args, { encoding: 'utf8' });

/** Applies a task that must change something, and nothing when it is applied again. */
function make(module: Module, args: Args): Vars {
  const { first, again, data } = apply(module, args);
  expect([first, again]).toEqual([[expect.any(String)], []]);
  return data;
}
const why = (module: Module, args: Args): readonly string[] | string => apply(module, args).first;

describe('openssl_privatekey', () => {
  it.each([
    ['RSA', { size: 2048 }, '-----BEGIN RSA PRIVATE KEY-----', /\(2048 bit/],
    ['RSA', { size: 1024, format: 'pkcs8' }, '-----BEGIN PRIVATE KEY-----', /\(1024 bit/],
    ['ECC', { curve: 'secp256r1' }, '-----BEGIN EC PRIVATE KEY-----', /prime256v1/],
    ['ECC', { curve: 'secp384r1' }, '-----BEGIN EC PRIVATE KEY-----', /secp384r1/],
    ['Ed25519', {}, '-----BEGIN PRIVATE KEY-----', /ED25519/],
    ['X448', {}, '-----BEGIN PRIVATE KEY-----', /X448/],
  ])('%s %o', (type, more, header, text) => {
    const path = `${scratch()}/key`;
    const data = make(openssl_privatekey, { path, type, ...more });
    expect(read(path).split('\n')[0]).toBe(header);
    expect(openssl('pkey', '-in', path, '-noout', '-text')).toMatch(text);
    expect(mode(path)).toBe('0600');
    expect(data).toMatchObject({
      type,
      filename: path,
      fingerprint: { sha256: expect.stringMatching(/^(..:){31}..$/) },
    });
  });

  it('encrypts the key, and tells the passphrase in no argument and no environment', () => {
    const path = `${scratch()}/key`;
    const args = { path, size: 1024, passphrase: "it's $secret", return_content: true };
    const data = make(openssl_privatekey, args);
    expect(read(path)).toContain('ENCRYPTED');
    expect(openssl('pkey', '-in', path, '-passin', "pass:it's $secret", '-noout')).toBe('');
    expect(data['privatekey']).toEqual(new Secret(read(path)));
    const { probe, plan } = bound(openssl_privatekey, args);
    const [change] = changes(plan('parent yes!\numask 0022\n', context()));
    for (const script of [probe?.(context()), change?.run]) {
      expect(script?.secrets).toContain("it's $secret");
      expect(script?.text.match(/\$secret/g)).toHaveLength(1);
      expect(script?.text).not.toMatch(/export (?!OPENSSL_CONF)/);
    }
    expect(why(openssl_privatekey, { ...args, passphrase: 'other' })).toEqual([
      `${path}: RSA key of 1024 bits: it cannot be read with this passphrase`,
    ]);
  });

  it.each([
    [{ size: 1024 }, []],
    [{ size: 2048 }, ['it has 1024 bits']],
    [{ type: 'Ed25519' }, ['it is a key of type RSA']],
    [{ type: 'ECC', curve: 'secp256r1' }, ['it is a key of type RSA']],
    [{ size: 1024, passphrase: 'x' }, ['it is not encrypted']],
    [{ size: 1024, format: 'pkcs8' }, ['its format differs']],
    [{ size: 1024, force: true }, ['force is set']],
    [{ size: 1024, regenerate: 'always' }, ['force is set']],
    [{ size: 2048, regenerate: 'never' }, []],
  ])('%o for an RSA key of 1024 bits', (args, reasons) => {
    const path = `${scratch()}/key`;
    make(openssl_privatekey, { path, size: 1024 });
    const { first } = apply(openssl_privatekey, { path, ...args });
    expect(first).toEqual(reasons.length === 0 ? [] : [expect.stringContaining(reasons.join())]);
  });

  it('converts the format of a key, and keeps the key and a backup', () => {
    const folder = scratch();
    const path = `${folder}/key`;
    make(openssl_privatekey, { path, size: 1024 });
    const before = openssl('pkey', '-in', path, '-pubout');
    const data = make(openssl_privatekey, {
      path,
      size: 1024,
      format: 'pkcs8',
      format_mismatch: 'convert',
      backup: true,
    });
    expect(openssl('pkey', '-in', path, '-pubout')).toBe(before);
    expect(read(path)).toMatch(/^-----BEGIN PRIVATE KEY/);
    expect(read(String(data['backup_file']))).toMatch(/^-----BEGIN RSA/);
  });

  it.each([
    [{ regenerate: 'fail', size: 2048 }, /the key .* is not the wanted one: it has 1024 bits/],
    [{ regenerate: 'partial_idempotence', size: 1024, passphrase: 'x' }, []],
  ])('%o', (args, expected) => {
    const path = `${scratch()}/key`;
    make(openssl_privatekey, { path, size: 1024 });
    const { first } = apply(openssl_privatekey, { path, ...args });
    if (expected instanceof RegExp) expect(first).toMatch(expected);
    else expect(first).toHaveLength(1);
  });

  it('does not replace what it cannot read with partial_idempotence', () => {
    const path = `${scratch()}/key`;
    writeFileSync(path, 'something else\n');
    expect(why(openssl_privatekey, { path, regenerate: 'partial_idempotence' })).toMatch(/cannot be read/);
    expect(read(path)).toBe('something else\n');
  });

  it.each([
    [{ type: 'ECC' }, /'curve' is missing/],
    [{ curve: 'secp256r1' }, /'curve' needs type: ECC/],
    [{ cipher: 'auto' }, /'cipher' needs 'passphrase'/],
    [{ passphrase: 'a\nb' }, /one line/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(openssl_privatekey, { path: '/k', ...args })).toMatch(expected);
  });
});

describe('openssl_publickey', () => {
  it.each([
    ['PEM', /^-----BEGIN PUBLIC KEY-----/],
    ['OpenSSH', /^ssh-rsa AAAA/],
  ])('%s', (format, expected) => {
    const folder = scratch();
    const key = { path: `${folder}/key`, size: 1024, passphrase: 'x' };
    make(openssl_privatekey, key);
    const args = { path: `${folder}/pub`, privatekey_path: key.path, privatekey_passphrase: 'x', format };
    make(openssl_publickey, args);
    expect(read(args.path)).toMatch(expected);
    make(openssl_privatekey, { ...key, force: true, regenerate: 'never', state: 'absent' });
    make(openssl_privatekey, key);
    expect(make(openssl_publickey, args)).toMatchObject({ format, privatekey: key.path });
  });

  it('needs the private key', () => {
    expect(why(openssl_publickey, { path: '/nowhere/pub', privatekey_path: '/nowhere/key' })).toMatch(
      /the private key \/nowhere\/key/,
    );
    expect(refusal(openssl_publickey, { path: '/nowhere/pub' })).toMatch(/'privatekey_path' is missing/);
    expect(refusal(openssl_publickey, { path: '/nowhere/pub', state: 'absent' })).toBe('');
  });
});

describe('openssl_dhparam', () => {
  it('makes parameters, and makes them anew with another size', () => {
    const path = `${scratch()}/dh`;
    expect(make(openssl_dhparam, { path, size: 512 })).toMatchObject({ size: 512, filename: path });
    expect(openssl('dhparam', '-in', path, '-noout', '-text')).toContain('(512 bit)');
    const step = bound(openssl_dhparam, { path, size: 1024 });
    const there = 'parent yes!\numask 0022\nstat 81a4/0/0/1/1/1/1/1/1/1/root/root\nsize 512\n';
    expect(changes(step.plan(there, context())).map((c) => c.what)).toEqual([
      `${path}: DH parameters of 1024 bits: it has 512 bits`,
    ]);
    expect(apply(openssl_dhparam, { path, state: 'absent' }).again).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });
});

describe('openssl_csr', () => {
  const text = (path: string): string => openssl('req', '-in', path, '-noout', '-text');
  const KEY = { size: 1024 };

  it.each([
    [{ common_name: 'www.foobar.com' }, [/CN ?= ?www\.foobar\.com/, /DNS:www\.foobar\.com/]],
    [{ CN: '192.0.2.1' }, [/IP Address:192\.0\.2\.1/]],
    [{ common_name: 'x', use_common_name_for_san: false }, [/^(?![\s\S]*Alternative)/]],
    [
      { subject: { CN: 'a$b # c', O: 'Grüße, "AG"' }, subject_alt_name: ['DNS:a.b', 'IP:::1'] },
      [/DNS:a\.b, IP Address:0:0:0:0:0:0:0:1/, /O ?= ?"?Gr\S+, \\"AG/, /CN ?= ?a\$b # c/],
    ],
    [{ subject_ordered: [{ OU: 'one' }, { OU: 'two' }] }, [/OU ?= ?one, OU ?= ?two/]],
    [
      {
        common_name: 'ca',
        basic_constraints: ['CA:TRUE', 'pathlen:0'],
        basic_constraints_critical: true,
        key_usage: ['keyCertSign', 'cRLSign'],
        key_usage_critical: true,
        name_constraints_permitted: ['DNS:foobar.com'],
        name_constraints_excluded: ['DNS:x.foobar.com'],
        name_constraints_critical: true,
        create_subject_key_identifier: true,
      },
      [
        /Basic Constraints: critical\s*CA:TRUE, pathlen:0/,
        /Key Usage: critical\s*Certificate Sign, CRL Sign/,
        /Permitted:\s*DNS:foobar\.com\s*Excluded:\s*DNS:x\.foobar\.com/,
        /Subject Key Identifier/,
      ],
    ],
    [
      { common_name: 'x', extKeyUsage: ['serverAuth'], ocsp_must_staple: true, digest: 'sha512' },
      [/TLS Web Server Authentication/, /status_request/, /sha512WithRSA/],
    ],
  ])('%o', (args, expected) => {
    const folder = scratch();
    const key = `${folder}/key`;
    make(openssl_privatekey, { path: key, ...KEY });
    const path = `${folder}/csr`;
    make(openssl_csr, { path, privatekey_path: key, ...args });
    for (const one of expected) expect(text(path)).toMatch(one);
  });

  it.each([
    ['another name', { common_name: 'b' }],
    ['one more name', { common_name: 'a', subject_alt_name: ['DNS:a', 'DNS:b'] }],
    ['another use', { common_name: 'a', key_usage: ['digitalSignature'] }],
  ])('is made anew for %s', (_, args) => {
    const folder = scratch();
    const common = { path: `${folder}/csr`, privatekey_path: `${folder}/key` };
    make(openssl_privatekey, { path: common.privatekey_path, ...KEY });
    make(openssl_csr, { ...common, common_name: 'a' });
    expect(why(openssl_csr, { ...common, ...args })).toEqual([
      `${common.path}: certificate request: it asks for something else`,
    ]);
  });

  it('is made anew for another key', () => {
    const folder = scratch();
    const args = { path: `${folder}/csr`, privatekey_path: `${folder}/key`, privatekey_passphrase: 'x' };
    const key = { path: args.privatekey_path, passphrase: 'x', ...KEY };
    make(openssl_privatekey, key);
    make(openssl_csr, args);
    writeFileSync(key.path, '');
    make(openssl_privatekey, key);
    make(openssl_csr, args);
  });

  it.each([
    [{ subject_alt_name: ['www.foobar.com'] }, /'www.foobar.com' has no type/],
    [{ subject: { CN: 'a' }, subject_ordered: [{ CN: 'a' }] }, /exclude each other/],
    [{ subject: { 'C N': 'a' } }, /'C N' is no field of a subject/],
    [{ digest: 'md5' }, /sha256, sha384, sha512/],
    [{ privatekey_path: undefined }, /'privatekey_path' is missing/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(openssl_csr, { path: '/c', privatekey_path: '/k', ...args })).toMatch(expected);
  });
});

describe('x509_certificate', () => {
  const text = (path: string): string => openssl('x509', '-in', path, '-noout', '-text');
  /** A CA and a request of a host, as a playbook would make them. */
  function pki(): Readonly<{ folder: string; own: Args; signed: Args }> {
    const folder = scratch();
    const at = (name: string): string => `${folder}/${name}`;
    make(openssl_privatekey, { path: at('ca.key'), size: 1024, passphrase: 'capass' });
    make(openssl_privatekey, { path: at('www.key'), type: 'ECC', curve: 'secp256r1' });
    make(openssl_csr, {
      path: at('ca.csr'),
      privatekey_path: at('ca.key'),
      privatekey_passphrase: 'capass',
      common_name: 'Own CA',
      use_common_name_for_san: false,
      basic_constraints: ['CA:TRUE'],
      basic_constraints_critical: true,
      key_usage: ['keyCertSign'],
    });
    make(openssl_csr, {
      path: at('www.csr'),
      privatekey_path: at('www.key'),
      subject: { CN: 'www.foobar.com', O: 'Grüße' },
      subject_alt_name: ['DNS:www.foobar.com', 'IP:192.0.2.1'],
    });
    const own = {
      path: at('ca.crt'),
      provider: 'selfsigned',
      csr_path: at('ca.csr'),
      privatekey_path: at('ca.key'),
      privatekey_passphrase: 'capass',
    };
    const signed = {
      path: at('www.crt'),
      provider: 'ownca',
      csr_path: at('www.csr'),
      ownca_path: at('ca.crt'),
      ownca_privatekey_path: at('ca.key'),
      ownca_privatekey_passphrase: 'capass',
      ownca_not_after: '+397d',
    };
    return { folder, own, signed };
  }

  it('is signed by an own CA, of which no record stays behind', () => {
    const { folder, own, signed } = pki();
    const temporary = list('/tmp').filter((name) => name.startsWith('tmp.'));
    make(x509_certificate, own);
    const data = make(x509_certificate, signed);
    expect(openssl('verify', '-CAfile', `${folder}/ca.crt`, `${folder}/www.crt`)).toContain('OK');
    expect(text(`${folder}/www.crt`)).toMatch(/DNS:www\.foobar\.com, IP Address:192\.0\.2\.1/);
    const days = openssl('x509', '-in', `${folder}/www.crt`, '-noout', '-checkend', String(396 * 86_400));
    expect(days).toContain('will not expire');
    expect(data['notAfter']).toMatch(/^\d{14}Z$/);
    expect(mode(`${folder}/www.crt`)).toBe('0644');
    expect(list('/tmp').filter((name) => name.startsWith('tmp.') && !temporary.includes(name))).toEqual([]);
  });

  it('is made anew if the request or the CA is another one', () => {
    const { folder, own, signed } = pki();
    make(x509_certificate, own);
    make(x509_certificate, signed);
    const request = { path: `${folder}/www.csr`, privatekey_path: `${folder}/www.key`, common_name: 'foobar.com' };
    make(openssl_csr, request);
    expect(why(x509_certificate, signed)).toEqual([
      `${folder}/www.crt: certificate (ownca): it differs from the request`,
    ]);
    make(x509_certificate, { ...own, force: true, state: 'absent' });
    make(openssl_privatekey, { path: `${folder}/ca.key`, size: 1024, passphrase: 'capass', state: 'absent' });
    make(openssl_privatekey, { path: `${folder}/ca.key`, size: 1024, passphrase: 'capass' });
    make(openssl_csr, {
      path: `${folder}/ca.csr`,
      privatekey_path: `${folder}/ca.key`,
      privatekey_passphrase: 'capass',
    });
    make(x509_certificate, own);
    expect(why(x509_certificate, signed)).toEqual([
      `${folder}/www.crt: certificate (ownca): it is not signed by the CA`,
    ]);
  });

  it('is signed by its own key, without a request, with exact times', () => {
    const folder = scratch();
    make(openssl_privatekey, { path: `${folder}/key`, size: 1024 });
    const args = {
      path: `${folder}/crt`,
      provider: 'selfsigned',
      privatekey_path: `${folder}/key`,
      selfsigned_not_before: '20300101000000Z',
      selfsigned_not_after: '20310101000000Z',
      ignore_timestamps: false,
    };
    expect(make(x509_certificate, args)).toMatchObject({ notBefore: '20300101000000Z', notAfter: '20310101000000Z' });
    expect(why(x509_certificate, { ...args, selfsigned_not_after: '20320101000000Z' })).toEqual([
      `${folder}/crt: certificate (selfsigned): its not_after differs`,
    ]);
    expect(
      why(x509_certificate, { ...args, selfsigned_not_after: '20320101000000Z', ignore_timestamps: true }),
    ).toEqual([]);
  });

  it('takes a request as text', () => {
    const { folder, own, signed } = pki();
    make(x509_certificate, own);
    const { csr_path, ...rest } = signed;
    make(x509_certificate, { ...rest, csr_content: read(`${folder}/www.csr`) });
    expect(why(x509_certificate, signed)).toEqual([]);
  });

  it.each([
    [{}, /'provider' is missing/],
    [{ provider: 'selfsigned' }, /'privatekey_path' is missing/],
    [{ provider: 'ownca', csr_path: '/c' }, /'ownca_path' is missing/],
    [{ provider: 'ownca', ownca_path: '/a', ownca_privatekey_path: '/b' }, /'csr_path' or 'csr_content' is missing/],
    [
      { provider: 'selfsigned', privatekey_path: '/k', ownca_not_after: '+1d' },
      /'ownca_not_after' has no meaning with provider: selfsigned/,
    ],
    [{ provider: 'selfsigned', privatekey_path: '/k', selfsigned_not_after: 'tomorrow' }, /a time as/],
    [{ state: 'absent' }, /^$/],
  ])('%o is refused or not', (args, expected) => {
    expect(refusal(x509_certificate, { path: '/c', ...args })).toMatch(expected);
  });

  it('says what is missing on the host', () => {
    const missing = { path: '/nowhere/crt', provider: 'selfsigned', privatekey_path: '/nowhere/key' };
    expect(why(x509_certificate, missing)).toMatch(/\/nowhere\/key/);
    const none = bound(x509_certificate, missing).plan('openssl missing\nparent yes!\n', context());
    expect('blocked' in none && none.blocked.message).toMatch(/openssl/);
  });
});
