import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { certificate } from '../../../src/modules/certificate.ts';
import { apply, mode, read, refusal, scratch } from './harness.ts';

function makeCa(folder: string, name = 'example.test rack CA') {
  const args = {
    path: join(folder, 'ca.crt'),
    key: join(folder, 'ca.key'),
    common_name: name,
    ca: true,
    permitted: ['DNS:example.test', 'IP:192.0.2.0/255.255.255.0'],
    days: 3650,
  };
  return { args, made: apply(certificate, args) };
}

const leaf = (folder: string, more: object = {}) => ({
  path: join(folder, 'www.crt'),
  key: join(folder, 'www.key'),
  bundle: join(folder, 'www.pem'),
  common_name: 'www.example.test',
  names: ['www.example.test', 'example.test'],
  addresses: ['192.0.2.10'],
  signed_by: join(folder, 'ca.crt'),
  signed_by_key: join(folder, 'ca.key'),
  ...more,
});

describe('certificate', () => {
  test('creates a CA and a signed certificate once; it is trusted, and only its owner can read the key', () => {
    const folder = scratch();
    expect(makeCa(folder).made).toMatchObject({ first: [expect.stringContaining('there is none')], again: [] });
    expect(makeCa(folder).made.first).toEqual([]);
    expect(apply(certificate, leaf(folder))).toMatchObject({ again: [] });
    expect(apply(certificate, leaf(folder)).first).toEqual([]);
    expect([mode(join(folder, 'www.key')), mode(join(folder, 'www.crt')), mode(join(folder, 'www.pem'))]).toEqual([
      '0600',
      '0644',
      '0600',
    ]);
    const verify = (host: string) =>
      execFileSync(
        'openssl',
        ['verify', '-CAfile', join(folder, 'ca.crt'), '-verify_hostname', host, join(folder, 'www.crt')],
        { encoding: 'utf8', stdio: 'pipe' },
      );
    expect(verify('example.test')).toContain('OK');
    expect(() => verify('other.test')).toThrow();
    expect(read(join(folder, 'www.pem'))).toBe(read(join(folder, 'www.crt')) + read(join(folder, 'www.key')));
  });

  test.each([
    ['few days are left', { days: 20, renew_days: 10 }, {}, /fewer than 30 days are left/],
    ['a name more', {}, { names: ['www.example.test', 'example.test', 'new.example.test'] }, /its names differ/],
    ['an address less', {}, { addresses: [] }, /its names differ/],
  ])('issues a new one when: %s', (_, before, after, why) => {
    const folder = scratch();
    makeCa(folder);
    apply(certificate, leaf(folder, before));
    const renewed = apply(certificate, leaf(folder, after));
    expect(renewed.first).toEqual([expect.stringMatching(why)]);
    expect(renewed.again).toEqual([]);
  });

  test('issues a new one when the CA or the key changed', () => {
    const folder = scratch();
    makeCa(folder);
    apply(certificate, leaf(folder));
    execFileSync('rm', [join(folder, 'ca.crt')]);
    makeCa(folder, 'another CA');
    expect(apply(certificate, leaf(folder))).toMatchObject({
      first: [expect.stringMatching(/not of this CA/)],
      again: [],
    });
    execFileSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', join(folder, 'www.key')]);
    expect(apply(certificate, leaf(folder)).first).toEqual([expect.stringMatching(/its key is another/)]);
  });

  test('restores a missing bundle without a new certificate', () => {
    const folder = scratch();
    makeCa(folder);
    apply(certificate, leaf(folder));
    const before = read(join(folder, 'www.crt'));
    execFileSync('rm', [join(folder, 'www.pem')]);
    expect(apply(certificate, leaf(folder)).again).toEqual([]);
    expect(read(join(folder, 'www.crt'))).toBe(before);
    expect(read(join(folder, 'www.pem'))).toContain('PRIVATE KEY');
  });

  test('cannot certify a name that its CA does not permit', () => {
    const folder = scratch();
    makeCa(folder);
    const foreign = leaf(folder, { names: ['www.other.test'], common_name: 'www.other.test' });
    expect(apply(certificate, foreign).again).toEqual([expect.stringMatching(/not of this CA/)]);
  });

  test('rejects an incomplete CA, and renewal at each run', () => {
    expect(refusal(certificate, { path: '/a', key: '/b', common_name: 'x', signed_by: '/ca' })).toMatch(/go together/);
    expect(refusal(certificate, { path: '/a', key: '/b', common_name: 'x', days: 30 })).toMatch(/renewed at each run/);
    expect(refusal(certificate, { path: '/a', key: '/b', common_name: 'x/CN=y' })).toMatch(/without a slash/);
  });
});
