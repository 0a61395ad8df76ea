import { describe, expect, it } from 'vitest';
import { rpm_key } from '../../../src/modules/rpm_key.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (args: Args, seen: string) => bound(rpm_key, args).plan(seen, context());

const KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawv94xYJKwYBBAHaRw8BAQdAwwwk+AFRcCX83Qn57eIF0+OhX5wOcnfbJ138
mVddNC20FFRlc3QgPHRAZXhhbXBsZS5jb20+iJAEExYKADgWIQRMvII6DVF+0QHl
9SSkgogzwXRVyAUCawv94wIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRCk
gogzwXRVyHBZAP4uVUpg3NAjv3g/1gV8VlLDyxE/Apn+eMWWMTJvH7G5GQD/USpw
max5N3YSzkyWAaFd9opNHSfQvV4wr+HfDqxNlg0=
=gLSc
-----END PGP PUBLIC KEY BLOCK-----
`;
const FINGERPRINT = '4CBC823A0D517ED101E5F524A4828833C17455C8';
const VERSION = `${FINGERPRINT.slice(-8).toLowerCase()}-6b0bfd23`;
const FILE = `keys \nfile ${encodeBase64(KEY)}\n`;
const HAS = `key ${VERSION}\nkeys ${encodeBase64(KEY)}\n`;

describe('rpm_key', () => {
  it.each<[string, Args, string, readonly string[], RegExp]>([
    ['a file', { key: '/k.asc' }, FILE, [`trust the key ${FINGERPRINT}`], /^rpm --import \/k.asc$/m],
    [
      'an address',
      { key: 'https://x.foobar.com/k' },
      'keys \n',
      ['trust the key of https://x.foobar.com/k'],
      /rpm --import "\$f"/,
    ],
    [
      'an address with a fingerprint',
      { key: 'https://x.foobar.com/k', fingerprint: FINGERPRINT },
      'keys \n',
      [`trust the key ${FINGERPRINT}`],
      new RegExp(`fpr:.*${FINGERPRINT}:`),
    ],
    [
      'an id',
      { key: `0x${FINGERPRINT.slice(-16)}`, state: 'absent' },
      HAS,
      [`no longer trust the key ${FINGERPRINT.slice(-16)}`],
      new RegExp(`^rpm --erase --allmatches gpg-pubkey-${VERSION}$`, 'm'),
    ],
    [
      'a file that is removed',
      { key: '/k.asc', state: 'absent' },
      HAS + FILE,
      [`no longer trust the key ${FINGERPRINT}`],
      /--erase/,
    ],
  ])('%s', (_, args, seen, expected, command) => {
    const steps = plan(args, seen);
    expect(words(steps)).toEqual(expected);
    expect(changes(steps)[0]?.run.text).toMatch(command);
  });

  it.each<[string, Args, string]>([
    ['a file that is trusted', { key: '/k.asc' }, HAS + FILE],
    [
      'a fingerprint that is trusted',
      { key: 'https://x.foobar.com/k', fingerprint: FINGERPRINT.replace(/(.{4})/g, '$1 ').trim() },
      HAS,
    ],
    ['an id that is not trusted', { key: 'da206d2b', state: 'absent' }, 'keys \n'],
  ])('%s needs nothing', (_, args, seen) => {
    expect(plan(args, seen)).toEqual([]);
  });

  it.each<[Args, string, RegExp]>([
    [{ key: '/k.asc' }, 'tool missing\n', /the host has no rpm/],
    [{ key: '/k.asc' }, 'keys \n', /\/k.asc does not exist/],
    [{ key: '/k.asc' }, `keys \nfile ${encodeBase64('x')}\n`, /is no public key/],
    [{ key: '/k.asc', fingerprint: '0'.repeat(40) }, FILE, /the key is .*, not 0000/],
  ])('says what is in the way: %o', (args, seen, expected) => {
    expect(words(plan(args, seen))).toMatch(expected);
  });

  it.each<[Args, RegExp]>([
    [{ key: 'da206d2b' }, /an id does not contain the key/],
    [{ key: 'https://x.foobar.com/k', state: 'absent' }, /is not known/],
    [{ key: 'relative' }, /an address, a file on the host, or the id/],
    [{ key: '/k', fingerprint: 'da206d2b' }, /40 hexadecimal/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(rpm_key, args)).toMatch(expected);
  });
});
