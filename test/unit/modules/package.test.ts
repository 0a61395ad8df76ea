import { describe, expect, it } from 'vitest';
import { packages } from '../../../src/modules/package.ts';
import { distribution } from '../../../src/modules/shared/facts-distribution.ts';
import { bound, changes, context, refusal, run, words } from './harness.ts';
import { withPrograms } from './programs.ts';

type Args = Readonly<Record<string, unknown>>;
const step = (args: Args = {}) => bound(packages, { name: ['a', 'b'], ...args });

describe('package', () => {
  it.each([
    ['dnf', 'manager dnf\nis 0 a-1-1.noarch\n', 'LC_ALL=C dnf -y install b'],
    ['zypper', 'manager zypper\nis 0 a-1-1.noarch\n', /zypper --non-interactive --quiet install .* b /],
    ['apk', 'manager apk\nis 0 a-1\n', 'apk add b'],
    ['pacman', 'manager pacman\nis 0 a 1\n', '--sync --needed b'],
    ['apt', 'manager apt\nis ii /a/all/1\nage 1\n', /apt_get install .*-- b/],
  ])('installs with %s what is missing', (_, seen, expected) => {
    const text = changes(step().plan(seen, context()))[0]?.run.text.replace(/ +/g, ' ');
    if (typeof expected === 'string') expect(text).toContain(expected);
    else expect(text).toMatch(expected);
  });

  it.each([
    [{}, { pkg_mgr: 'dnf5' }, 'dnf'],
    [{}, { pkg_mgr: 'apt' }, 'apt'],
    [{ use: 'yum' }, { pkg_mgr: 'apt' }, 'dnf'],
    [{ use: 'zypper' }, {}, 'zypper'],
  ])('asks the manager that the task or the facts name: %o %o', (args, facts, manager) => {
    const text = step(args).probe?.(context({}, { facts })).text ?? '';
    expect(text.split('\n')[0]).toBe(`echo 'manager ${manager}'`);
    expect(text).not.toContain('manager none');
  });

  it('finds the manager of a host without facts', () => {
    const bare = step({ state: 'absent' });
    const look = () => run(bare.probe?.(context()) ?? expect.fail()).stdout;
    expect(withPrograms({}, look)).toMatch(/^manager apt\n/);
    expect(words(bare.plan('manager none\n', context()))).toMatch(
      /no package manager of these: apt, dnf, zypper, apk, pacman/,
    );
  });

  it.each<[Args, RegExp]>([
    [{ name: 'a b' }, /not the name of a package/],
    [{ name: '@tools', use: 'apt' }, /not the name of a package/],
    [{ name: 'a', use: 'brew' }, /'use' is not valid/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(packages, args)).toMatch(expected);
  });

  it('says what the manager of the host does not take', () => {
    expect(words(bound(packages, { name: '@tools' }).plan('manager apt\n', context()))).toMatch(
      /apt fails on the host/,
    );
  });
});

describe('the fact pkg_mgr', () => {
  it.each([
    ['ID=debian', 'apt-get\ndnf\nzypper\npacman', 'apt'],
    ['ID=fedora', 'dnf\ndnf5', 'dnf5'],
    ['ID=fedora', 'apt-get\ndnf', 'dnf'],
    ['ID=rocky\nID_LIKE="rhel centos fedora"', 'dnf\nyum', 'dnf'],
    ['ID=centos', 'yum', 'yum'],
    ['ID=opensuse-leap\nID_LIKE="suse opensuse"', 'dnf\nzypper', 'zypper'],
    ['ID=alpine', 'apk', 'apk'],
    ['ID=arch', 'pacman', 'pacman'],
    ['ID=other', 'apk', 'apk'],
    ['ID=other', '', 'unknown'],
  ])('of %s with %o is %s', (release, commands, expected) => {
    const sections = new Map([
      ['/etc/os-release', release],
      ['commands', commands],
    ]);
    expect(distribution(sections)).toMatchObject({ pkg_mgr: expected });
  });
});
