import { describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { zypper } from '../../../src/modules/zypper.ts';
import { zypper_repository } from '../../../src/modules/zypper_repository.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const flat = (text: string | undefined): string => text?.replace(/ +/g, ' ').trim() ?? '';

// test/slow/others.test.ts tries the probes with zypper 1.14.
describe('zypper', () => {
  const plan = (args: Args, seen: string) => bound(zypper, args).plan(seen, context());
  const commands = (args: Args, seen: string): readonly string[] =>
    changes(plan(args, seen)).map((c) => flat(/^x=0; LC_ALL=C zypper (.*) \|\| x=\$\?$/m.exec(c.run.text)?.[1]));
  const Z = '--non-interactive --quiet';
  const HELLO = 'is 0 hello-1.0-1.noarch\n';
  const NEWER = 'upgrade hello.noarch 2.0-1\n';

  it.each<[Args, string, readonly string[]]>([
    [{ name: ['a', 'b'] }, 'is 1 b-1-1.noarch\n', [`${Z} install --auto-agree-with-licenses --no-recommends a`]],
    [{ name: 'a>=2' }, '', [`${Z} install --auto-agree-with-licenses --no-recommends --oldpackage 'a>=2'`]],
    [
      { name: 'hello', state: 'latest' },
      HELLO + NEWER,
      [`${Z} update --auto-agree-with-licenses --no-recommends hello`],
    ],
    [{ name: 'hello', state: 'latest' }, `${HELLO}upgrade hello-doc.noarch 2.0-1\n`, []],
    [{ name: '*', state: 'latest' }, NEWER, [`${Z} update --auto-agree-with-licenses --no-recommends`]],
    [
      {
        name: '*',
        state: 'dist-upgrade',
        allow_vendor_change: true,
        disable_recommends: false,
        extra_args: '--from own',
      },
      NEWER,
      [`${Z} dist-upgrade --auto-agree-with-licenses --allow-vendor-change --from own`],
    ],
    [{ name: 'hello', state: 'absent', clean_deps: true }, HELLO, [`${Z} remove --clean-deps hello`]],
    [{ name: 'hello', state: 'removed' }, '', []],
    [
      {
        name: 'a',
        disable_gpg_check: true,
        force: true,
        force_resolution: true,
        oldpackage: true,
        replacefiles: true,
        extra_args_precommand: '--gpg-auto-import-keys',
      },
      '',
      [
        `${Z} --no-gpg-checks --gpg-auto-import-keys install --auto-agree-with-licenses --no-recommends --force --force-resolution --oldpackage --replacefiles --allow-unsigned-rpm a`,
      ],
    ],
  ])('%o', (args, seen, expected) => {
    expect(commands(args, seen)).toEqual(expected);
  });

  it.each([
    ['tool missing\n', /the host has no zypper/],
    ['none a\n', /there is no package a/],
    [`error ${encodeBase64('System management is locked')}\n`, /zypper fails on the host/],
  ])('says what is in the way: %s', (seen, expected) => {
    expect(words(plan({ name: 'a' }, seen))).toMatch(expected);
  });

  it.each<[Args, RegExp]>([
    [{}, /'name' is missing/],
    [{ name: '*' }, /'\*' stands alone/],
    [{ name: 'a', state: 'dist-upgrade' }, /'\*' stands alone/],
    [{ name: '-a' }, /the name of a package/],
    [{ name: 'a', clean_deps: true }, /needs state: absent/],
    [{ name: 'a', allow_vendor_change: true }, /needs state: dist-upgrade/],
    [{ name: 'a', extra_args: '"' }, /not closed/],
    [{ name: 'a', type: 'patch' }, /unknown argument/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(zypper, args)).toMatch(expected);
  });
});

describe('zypper_repository', () => {
  // As zypper 1.14 prints it.
  const repo = (alias: string, url: string, more = 'priority="99" enabled="1" autorefresh="1" gpgcheck="1"') =>
    `<repo alias="${alias}" name="${alias}" type="rpm-md" ${more}>\n<url>${url}</url>\n</repo>\n`;
  const listed = (...repos: readonly string[]) =>
    `repos ${encodeBase64(`<?xml version='1.0'?>\n<stream>\n<repo-list>\n${repos.join('')}</repo-list>\n</stream>`)}\n`;
  const plan = (args: Args, seen: string) => bound(zypper_repository, args).plan(seen, context());
  const OWN = { name: 'own', repo: 'https://x.foobar.com/a?b&c' };
  const HAS = repo('own', 'https://x.foobar.com/a?b&amp;c/');

  it.each<[string, Args, readonly string[], readonly string[]]>([
    ['adds it', OWN, [], ["addrepo --gpgcheck --refresh 'https://x.foobar.com/a?b&c' own"]],
    ['is there', OWN, [HAS], []],
    [
      'another option',
      { ...OWN, priority: 20 },
      [HAS],
      ['removerepo own', "addrepo --gpgcheck --refresh --priority 20 'https://x.foobar.com/a?b&c' own"],
    ],
    [
      'another alias',
      OWN,
      [repo('old', OWN.repo.replace('&', '&amp;'))],
      ['removerepo old', "addrepo --gpgcheck --refresh 'https://x.foobar.com/a?b&c' own"],
    ],
    [
      'several',
      { ...OWN, overwrite_multiple: true },
      [repo('own', 'https://y'), repo('old', OWN.repo.replace('&', '&amp;'))],
      ['removerepo own', 'removerepo old', "addrepo --gpgcheck --refresh 'https://x.foobar.com/a?b&c' own"],
    ],
    ['removes it', { name: 'own', state: 'absent' }, [HAS], ['removerepo own']],
    ['is gone', { name: 'own', state: 'absent' }, [], []],
    ['refreshes it', { ...OWN, runrefresh: true }, [HAS], ['refresh --force -r own']],
    [
      'all options',
      {
        name: 'own',
        repo: 'x',
        description: 'My own',
        disable_gpg_check: true,
        autorefresh: false,
        enabled: false,
        auto_import_keys: true,
      },
      [],
      ["addrepo --no-gpgcheck --disable --name 'My own' x own", '--gpg-auto-import-keys refresh --force -r own'],
    ],
  ])('%s', (_, args, repos, expected) => {
    const lines = changes(plan(args, listed(...repos))).flatMap((c) => c.run.text.split('\n'));
    const ran = lines
      .filter((line) => line.includes('zypper'))
      .map((line) => flat(line.replace(/.*--non-interactive --quiet/, '')));
    expect(ran).toEqual(expected);
  });

  it.each<[Args, string, RegExp]>([
    [OWN, 'tool missing\n', /the host has no zypper/],
    [OWN, `error ${encodeBase64('locked')}\n`, /zypper fails/],
    [OWN, listed(repo('own', 'https://y'), repo('old', OWN.repo.replace('&', '&amp;'))), /zypper fails/],
  ])('says what is in the way', (args, seen, expected) => {
    expect(words(plan(args, seen))).toMatch(expected);
  });

  it.each<[Args, RegExp]>([
    [{ repo: 'x' }, /'name' is missing/],
    [{ name: 'x' }, /'repo' is missing/],
    [{ state: 'absent' }, /'name' or 'repo' is missing/],
    [{ name: 'x', repo: 'https://x/y.repo' }, /get_url/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(zypper_repository, args)).toMatch(expected);
  });
});
