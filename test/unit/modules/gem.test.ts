import { describe, expect, it } from 'vitest';
import { gem } from '../../../src/modules/gem.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (args: Args, seen: string) => bound(gem, { name: 'rake', ...args }).plan(seen, context());
const commands = (args: Args, seen: string): readonly string[] =>
  changes(plan(args, seen)).map((c) => c.run.text.split('\n').at(-1)?.replace(/ +/g, ' ') ?? '');

// As gem 3.3 of Debian 12 prints them.
const LOCAL = 'local \nlocal *** LOCAL GEMS ***\nlocal \nlocal rake (13.1.0, 12.3.3 ruby, default: 13.0.6)\n';
const REMOTE = 'remote \nremote *** REMOTE GEMS ***\nremote \nremote rake (13.2.1)\n';

describe('gem', () => {
  it.each([
    ['installs', {}, '', ['gem install --norc --user-install --no-document rake']],
    ['is there', {}, LOCAL, []],
    ['this version', { version: '13.0.6' }, LOCAL, []],
    [
      'another version',
      { version: '13.2.0' },
      LOCAL,
      ['gem install --norc --version 13.2.0 --user-install --no-document rake'],
    ],
    ['is the latest', { state: 'latest' }, LOCAL + REMOTE.replace('13.2.1', '13.1.0'), []],
    [
      'is old',
      { state: 'latest', user_install: false },
      LOCAL + REMOTE,
      ['gem install --norc --version 13.2.1 --no-user-install --no-document rake'],
    ],
    ['removes all', { state: 'absent' }, LOCAL, ['gem uninstall --norc --all --executables rake']],
    [
      'removes one',
      { state: 'absent', version: '12.3.3' },
      LOCAL,
      ['gem uninstall --norc --version 12.3.3 --executables rake'],
    ],
    ['is gone', { state: 'absent', version: '1.0' }, LOCAL, []],
    [
      'all options',
      {
        gem_source: '/root/rake.gem',
        repository: 'https://gems.example.com',
        include_dependencies: false,
        user_install: false,
        executable: 'gem3.1',
        install_dir: '/srv/gems',
        bindir: '/srv/bin',
        norc: false,
        env_shebang: true,
        pre_release: true,
        include_doc: true,
        build_flags: "--with-x='a b'",
        force: true,
      },
      '',
      [
        "gem3.1 install --source https://gems.example.com --ignore-dependencies --no-user-install --install-dir /srv/gems --bindir /srv/bin --pre --env-shebang --force /root/rake.gem -- '--with-x=a b'",
      ],
    ],
  ])('%s', (_, args, seen, expected) => {
    expect(commands(args, seen)).toEqual(expected);
  });

  it.each([
    [{}, 'gem missing', /the host has no gem/],
    [{ state: 'latest' }, 'remote \n', /there is no gem rake/],
    [{ state: 'latest' }, `error ${encodeBase64('ERROR: no network')}`, /gem fails on the host/],
  ])('says what is in the way: %o', (args, seen, expected) => {
    expect(words(plan(args, seen))).toMatch(expected);
  });

  it.each([
    [{ install_dir: '/x' }, /'install_dir' and 'user_install' exclude/],
    [{ version: '1', state: 'latest' }, /exclude each other/],
    [{ gem_source: '/x.gem', state: 'latest' }, /no latest/],
    [{ version: '>= 2' }, /one version/],
    [{ build_flags: "'" }, /not closed/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(gem, { name: 'rake', ...args })).toMatch(expected);
  });
});
