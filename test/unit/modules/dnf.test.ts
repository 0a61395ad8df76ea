import { describe, expect, it } from 'vitest';
import { dnf } from '../../../src/modules/dnf.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, run, words } from './harness.ts';
import { withPrograms } from './programs.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (args: Args, seen: string) => bound(dnf, args).plan(seen, context());
const commands = (args: Args, seen: string): readonly string[] =>
  changes(plan(args, seen)).map((c) => c.run.text.split('\n').at(-1)?.replace(/ +/g, ' ').trim() ?? '');
const DNF = 'LC_ALL=C dnf -y';
const KEEP = `${DNF} --setopt=clean_requirements_on_remove=False`;

// As the probe prints it with dnf 4.23 and rpm 4.20 of Debian 13.
const HELLO = 'is 0 hello-1.0-1.noarch\n';
const NEWER = 'upgrade hello.noarch 2.0-1\n';

describe('dnf', () => {
  it.each<[string, Args, string, readonly string[]]>([
    ['installs', { name: ['a', 'b'] }, '', [`${DNF} install a b`]],
    ['installs only what is missing', { name: ['a', 'b'] }, 'is 1 b-1-1.noarch\n', [`${DNF} install a`]],
    ['is there', { name: 'hello' }, HELLO, []],
    ['is the latest', { name: 'hello', state: 'latest' }, HELLO, []],
    ['is old', { name: 'hello', state: 'latest' }, HELLO + NEWER, [`${DNF} upgrade hello`]],
    ['another package is old', { name: 'hello', state: 'latest' }, `${HELLO}upgrade hello-doc.noarch 2.0-1\n`, []],
    ['another architecture is old', { name: 'hello', state: 'latest' }, `${HELLO}upgrade hello.i686 2.0-1\n`, []],
    ['is missing and not wanted newer', { name: 'hello', state: 'latest', update_only: true }, '', []],
    ['all', { name: '*', state: 'latest', security: true }, NEWER, [`${DNF} upgrade --security`]],
    ['all, and nothing is old', { name: '*', state: 'latest' }, '', []],
    ['removes', { name: 'hello', state: 'removed' }, HELLO, [`${KEEP} remove hello`]],
    [
      'removes with its dependencies',
      { name: 'hello', state: 'absent', autoremove: true },
      `${HELLO}leftover dep\n`,
      [`${DNF} remove hello`, `${DNF} autoremove`],
    ],
    ['is gone', { name: 'hello', state: 'absent' }, '', []],
    ['removes what nothing needs', { autoremove: true }, 'leftover dep-0:1.0-1.noarch\n', [`${DNF} autoremove`]],
    ['refreshes', { update_cache: true }, '', [`${DNF} --refresh makecache`]],
    [
      'all options',
      {
        name: 'a',
        enablerepo: 'x',
        disablerepo: 'y',
        exclude: 'z',
        conf_file: '/etc/d.conf',
        disable_gpg_check: true,
        installroot: '/mnt',
        releasever: '41',
        skip_broken: true,
        enable_plugin: 'p',
        disable_plugin: 'q',
        disable_excludes: 'all',
        sslverify: false,
        install_weak_deps: false,
        allowerasing: true,
        nobest: true,
        cacheonly: true,
      },
      '',
      [
        `${DNF} -c /etc/d.conf --installroot=/mnt --releasever=41 --disablerepo=y --enablerepo=x --exclude=z --enableplugin=p --disableplugin=q --disableexcludes=all --nogpgcheck --setopt=sslverify=False --setopt=install_weak_deps=False --setopt=best=False -C install --allowerasing --skip-broken a`,
      ],
    ],
  ])('%s', (_, args, seen, expected) => {
    expect(commands(args, seen)).toEqual(expected);
  });

  it.each([
    [{ name: 'a' }, 'tool missing\n', /the host has no dnf/],
    [{ name: 'a' }, 'none a\n', /there is no package a/],
    [{ name: 'a', state: 'latest' }, `error ${encodeBase64('Error: no network')}\n`, /dnf fails on the host/],
  ])('says what is in the way: %o', (args, seen, expected) => {
    expect(words(plan(args, seen))).toMatch(expected);
  });

  it.each([
    [{}, /'name', 'autoremove' or 'update_cache'/],
    [{ name: '-x' }, /the name of a package/],
    [{ name: '@php:8.2' }, /streams of modules are not supported/],
    [{ name: '*' }, /'\*' stands alone/],
    [{ name: 'a', autoremove: true, state: 'present' }, /'autoremove' needs state: absent/],
    [{ name: 'a', security: true }, /'security' needs state: latest/],
    [{ name: 'a', best: true, nobest: true }, /exclude each other/],
    [{ name: 'a', lock_timeout: 3 }, /unknown argument/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(dnf, args)).toMatch(expected);
  });

  it('returns what the transaction did', () => {
    const stdout =
      '  Preparing        :        1/1 \n  Upgrading        : hello-2.0-1.noarch   1/2 \n  Cleanup          : hello-1.0-1.noarch   2/2 \n';
    const ran = { code: 0, stdout, stderr: '' };
    const step = bound(dnf, { name: 'hello' });
    expect(step.data(HELLO, context(), ran)).toEqual({ rc: 0, msg: '', results: ['Installed: hello-2.0-1.noarch'] });
    expect(step.data(HELLO, context())).toEqual({ rc: 0, msg: 'Nothing to do', results: [] });
  });

  // As dnf 4 and dnf 5 print groups; Debian's dnf crashes on groups, so no lab host can be asked.
  it.each([
    [
      'dnf 4',
      'Installed Environment Groups:\n   Server (server-env)\nInstalled Groups:\n   Core (core)\nAvailable Groups:\n   Dev Tools (dev)\n',
    ],
    [
      'dnf 5',
      'ID          Name     Installed\ncore        Core           yes\nserver-env  Server         yes\ndev         Dev Tools       no\n',
    ],
  ])('finds installed groups in the list of %s', (_, list) => {
    const programs = { dnf: `case "$*" in *"group list"*) cat <<'END'\n${list}END\nesac`, rpm: 'exit 1' };
    const step = bound(dnf, { name: ['@core', '@dev', '@server-env'], state: 'absent' });
    const ran = withPrograms(programs, () => run(step.probe?.(context()) ?? expect.fail()));
    expect(ran.stdout.trim()).toBe('is 0 core\nis 2 server-env');
  });
});
