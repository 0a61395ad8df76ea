import { describe, expect, test } from 'vitest';
import { sh } from '../../../src/core/sh.ts';
import { apt_key } from '../../../src/modules/apt_key.ts';
import { decodeBytes, encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { fingerprintsOf } from '../../../src/modules/shared/openpgp.ts';
import { bound, changes, context, refusal, syntax, words } from './harness.ts';

/** ed25519 with a subkey, made with gpg --quick-gen-key. */
const KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawtRGRYJKwYBBAHaRw8BAQdAQaI7nv6pbis98ySBJRMGvgo3Yq8Kjl6rA0sO
N19bgVK0HGJyaW5ndXAgdGVzdCA8dEBleGFtcGxlLmNvbT6IkAQTFggAOBYhBNDy
Wm/ZIyxUXzQR4NjM4fYftuG8BQJrC1EZAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4B
AheAAAoJENjM4fYftuG8eZwA/2DjxJJRQXlw3AuPnbcte3FMuM9SaR99uMz3TSfv
uUCHAP9BHO2EqelJrabdFtD5s5iB8bFHotf5IGzTQbxA+clkALg4BGsLURkSCisG
AQQBl1UBBQEBB0B/R6oPYmdGW5nMtf7S5e6jVkxy5oj26bf1TzfpewLmWQMBCAeI
eAQYFggAIBYhBNDyWm/ZIyxUXzQR4NjM4fYftuG8BQJrC1EZAhsMAAoJENjM4fYf
tuG8boUBANnVvKVshxtNm9JCGl5AE6bmyaa/66o6S6mFj281UHPTAQDcHRnVejXh
YimsNuCYwsQAdh2OBADfRk7Y67BTSmfnCQ==
=vsa2
-----END PGP PUBLIC KEY BLOCK-----
`;
const FPR = 'D0F25A6FD9232C545F3411E0D8CCE1F61FB6E1BC';
const SUB = '35AB4FF19976E17351D3A2682EE9DCC55170E422';
const bytes = new TextEncoder().encode(KEY);

describe('fingerprints', () => {
  test('of an armoured key and of its subkey', () => {
    expect(fingerprintsOf(bytes)).toEqual([FPR, SUB]);
  });

  test('of what is no key', () => {
    for (const text of ['', 'text', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!\n-----END PGP PUBLIC KEY BLOCK-----']) {
      expect(fingerprintsOf(new TextEncoder().encode(text))).toEqual([]);
    }
  });

  test('of a key that was cut off', () => {
    const whole = decodeBytes(KEY.split('\n').slice(2, -3).join(''));
    expect(fingerprintsOf(whole)).toEqual([FPR, SUB]);
    expect(fingerprintsOf(whole.subarray(0, 40))).toEqual([]);
  });
});

describe('what is planned', () => {
  const file = `file ${encodeBase64(KEY)}\n`;
  test.each([
    ['no apt-key', 'apt-key missing\n', { data: KEY }, 'the host has no apt-key, which Debian 13 has removed'],
    ['no gpg', 'gpg missing\n', { data: KEY }, 'the host has no gpg'],
    ['missing', '', { data: KEY }, [`trust the key ${FPR}`]],
    ['there', `has ${FPR}\n`, { data: KEY }, []],
    ['there, by its short id', `has ${FPR}\n`, { url: 'https://x', id: `0x${FPR.slice(-8).toLowerCase()}` }, []],
    ['there, by its subkey', `has ${FPR}\nhas ${SUB}\n`, { url: 'https://x', id: SUB.slice(-16) }, []],
    ['of a file', file, { file: '/k' }, [`trust the key ${FPR}`]],
    ['of no file', '', { file: '/k' }, '/k does not exist on the host'],
    ['of a file with something else', `file ${encodeBase64('x')}\n`, { file: '/k' }, '/k is no public key'],
    ['of a file with another key', file, { file: '/k', id: '01234567' }, `the key is ${FPR}, not 01234567`],
    ['gone', '', { id: FPR, state: 'absent' }, []],
    ['to be gone', `has ${FPR}\n`, { id: FPR, state: 'absent' }, [`no longer trust the key ${FPR}`]],
    ['of an address without an id', '', { url: 'https://x/k' }, ['trust the key of https://x/k']],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(bound(apt_key, args).plan(observed, context()))).toEqual(expected);
  });

  test('a key that is fetched is checked before apt trusts it', () => {
    const step = bound(apt_key, { url: 'https://x/k', id: FPR });
    const [change] = changes(step.plan('', context()));
    expect(change?.upload).toEqual([expect.objectContaining({ url: 'https://x/k' })]);
    const run = change?.run.text ?? '';
    expect(run.indexOf('is not %s; nothing was changed')).toBeLessThan(run.indexOf(' add "$f"'));
    expect(change?.action).toBeUndefined();
    expect(changes(bound(apt_key, { url: 'https://x/k' }).plan('', context()))[0]?.action).toBe(true);
  });

  test('a host that can fetches the key itself, and verifies the certificate unless told otherwise', () => {
    const plan = (observed: string, args: object) =>
      bound(apt_key, { url: 'https://x/k', id: FPR, ...args }).plan(observed, context());
    const [change] = changes(plan('client curl\nca yes\n', {}));
    expect([change?.upload, syntax(change?.run ?? sh``)]).toEqual([undefined, '']);
    expect(change?.run.text).not.toContain('insecure');
    expect(changes(plan('client curl\n', { validate_certs: false }))[0]?.run.text).toContain('insecure');
    expect(words(plan('', { validate_certs: false }))).toContain('no HTTP client that can');
  });
});

test.each([
  [{}, /one of 'url', 'data', 'file' and 'keyserver'/],
  [{ state: 'absent' }, /'id' is missing/],
  [{ keyserver: 'keys.x' }, /needs 'id'/],
  [{ data: 'x' }, /no public key of OpenPGP/],
  [{ data: KEY, id: '01234567' }, /the key is .*, not 01234567/],
  [{ url: 'https://x', data: KEY }, /exclude each other/],
  [{ url: 'https://x', id: 'xyz' }, /hexadecimal digits/],
])('%j is refused', (args, message) => {
  expect(refusal(apt_key, args)).toMatch(message);
});
