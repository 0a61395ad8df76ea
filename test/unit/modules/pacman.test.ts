import { describe, expect, it } from 'vitest';
import { pacman } from '../../../src/modules/pacman.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (args: Args, seen: string) => bound(pacman, args).plan(seen, context());
const commands = (args: Args, seen: string): readonly string[] =>
  changes(plan(args, seen)).flatMap((c) => {
    const lines = c.run.text.split('\n').slice(1);
    return lines.filter((line) => line !== ':').map((line) => line.replace(/ +/g, ' ').trim());
  });
const PACMAN = 'LC_ALL=C pacman --noconfirm --noprogressbar';
const FILE = '/srv/hello-1.0-1-any.pkg.tar.zst';

// test/slow/others.test.ts tries the probe with pacman 7.
describe('pacman', () => {
  it.each<[Args, string, readonly string[]]>([
    [{ name: ['a', 'b'] }, 'is 1 b 1-1\n', [`${PACMAN} --sync --needed a`]],
    [
      { name: ['a', FILE], extra_args: "--overwrite '*'" },
      '',
      [`${PACMAN} --sync --needed --overwrite '*' a`, `${PACMAN} --upgrade --needed --overwrite '*' ${FILE}`],
    ],
    [{ name: 'a', state: 'latest' }, 'is 0 a 1-1\nupgrade a 2-1\n', [`${PACMAN} --sync --needed a`]],
    [{ name: 'tools', state: 'latest' }, 'is 0 a b\nupgrade b 2-1\n', [`${PACMAN} --sync --needed tools`]],
    [{ name: 'a', state: 'latest' }, 'is 0 a 1-1\nupgrade b 2-1\n', []],
    [{ name: ['a', FILE], state: 'absent' }, 'is 0 a 1-1\nis 1 hello 1.0-1\n', [`${PACMAN} --remove a hello`]],
    [
      { name: 'a', state: 'removed', force: true, remove_nosave: true, extra_args: '-s' },
      'is 0 a 1-1\n',
      [`${PACMAN} --remove --nodeps --nodeps --nosave -s a`],
    ],
    [{ name: 'a', state: 'absent' }, '', []],
    [
      { upgrade: true, upgrade_extra_args: '--ignore x' },
      'upgrade a 2-1\n',
      [`${PACMAN} --sync --sysupgrade --ignore x`],
    ],
    [{ upgrade: true }, '', []],
    [{ name: 'a', executable: 'paru' }, '', ['LC_ALL=C paru --noconfirm --noprogressbar --sync --needed a']],
  ])('%o', (args, seen, expected) => {
    expect(commands(args, seen)).toEqual(expected);
  });

  it('refreshes with the options that are given', () => {
    const text = bound(pacman, { update_cache: true, force: true, update_cache_extra_args: '--debug' }).probe?.(
      context(),
    ).text;
    expect(text?.replace(/ +/g, ' ')).toContain('--sync --refresh --refresh --debug');
  });

  it.each([
    ['tool missing\n', /the host has no pacman/],
    ['none a\n', /there is no package a/],
    [`error ${encodeBase64('error: failed to init transaction')}\n`, /pacman fails on the host/],
  ])('says what is in the way: %s', (seen, expected) => {
    expect(words(plan({ name: 'a' }, seen))).toMatch(expected);
  });

  it.each<[Args, RegExp]>([
    [{}, /'name', 'upgrade' or 'update_cache'/],
    [{ name: 'a', upgrade: true }, /exclude each other/],
    [{ name: 'https://x/a.pkg.tar.zst' }, /a file on the host/],
    [{ name: 'a', remove_nosave: true }, /needs state: absent/],
    [{ name: 'a', force: true }, /needs state: absent or update_cache/],
    [{ name: 'a', extra_args: "'" }, /not closed/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(pacman, args)).toMatch(expected);
  });

  it('returns the packages that changed', () => {
    const ran = { code: 0, stdout: 'installing dep...\nupgrading hello...\n', stderr: '' };
    expect(bound(pacman, { name: 'hello' }).data('', context(), ran)).toEqual({ packages: ['dep', 'hello'], msg: '' });
  });
});
