import { describe, expect, test } from 'vitest';
import { sh } from '../../../src/core/sh.ts';
import { apt } from '../../../src/modules/apt.ts';
import { apt_repository } from '../../../src/modules/apt_repository.ts';
import { packages } from '../../../src/modules/package.ts';
import { bound, changes, context, refusal, syntax, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const plan = (observed: string, args: Args, module: Parameters<typeof bound>[0] = apt) =>
  bound(module, args).plan(observed, context());
const FRESH = 'refreshed 1000\nage 100\n';
const REPAIR = 'finish interrupted package configuration (dpkg --configure -a)';

describe('apt: packages that an interrupted run left', () => {
  test.each([
    ['half configured', `is iF /nginx/amd64/1\n`, { name: 'nginx' }, [`${REPAIR}: nginx`]],
    ['half installed', `is iHR/nginx/amd64/1\n`, { name: 'nginx' }, [`${REPAIR}: nginx`]],
    ['unpacked', `is iU /nginx/amd64/1\n`, { name: 'nginx' }, [`${REPAIR}: nginx`]],
    ['triggers pending', `is it /nginx/amd64/1\n`, { name: 'nginx' }, [`${REPAIR}: nginx`]],
    ['triggers awaited', `is iW /nginx/amd64/1\n`, { name: 'nginx' }, [`${REPAIR}: nginx`]],
    ['half removed', `is rH /nginx/amd64/1\n`, { name: 'nginx' }, [`${REPAIR}: nginx`, 'upgrade nginx']],
    [
      'a package that the missing one depends on',
      `looked up\ncandidate nginx/1\nprovides iU  nginx-common \n`,
      { name: 'nginx' },
      [`${REPAIR}: nginx-common`, 'install nginx'],
    ],
    [
      'dpkg was killed, the package is in order',
      `dpkg interrupted\nis ii /nginx/amd64/1\n`,
      { name: 'nginx' },
      [REPAIR],
    ],
    ['dpkg was killed, an upgrade', `dpkg interrupted\n`, { upgrade: 'full' }, [REPAIR]],
    ['an upgrade of a host with unpacked packages', `configure nginx\n`, { upgrade: 'full' }, [`${REPAIR}: nginx`]],
    ['an upgrade alone', `upgrade nginx\nconfigure nginx\n`, { upgrade: 'full' }, ['upgrade nginx']],
    [
      'a .deb file whose package is half configured',
      `deb shop/1\nis iF /shop/amd64/1\n`,
      { deb: '/root/shop.deb' },
      [`${REPAIR}: shop`],
    ],
    ['its removal', `is iF /nginx/amd64/1\n`, { name: 'nginx', state: 'absent' }, ['remove nginx']],
    [
      'its removal after dpkg was killed',
      `dpkg interrupted\nis iF /nginx/amd64/1\n`,
      { name: 'nginx', state: 'absent' },
      [`${REPAIR}: nginx`, 'remove nginx'],
    ],
  ] as const)('%s', (_, observed, args, steps) => {
    const planned = plan(`${FRESH}${observed}`, args);
    expect(words(planned)).toEqual(steps);
    for (const { run } of changes(planned)) expect(syntax(run)).toBe('');
  });

  test('the package module sees them too', () => {
    expect(words(plan(`manager apt\n${FRESH}is iF /nginx/amd64/1\n`, { name: 'nginx' }, packages))).toEqual([
      `${REPAIR}: nginx`,
    ]);
  });

  test('the repair asks no questions and keeps local configuration files', () => {
    const [repair] = changes(plan(`${FRESH}is iF /nginx/amd64/1\n`, { name: 'nginx' }));
    expect(repair?.run.text).toContain('DEBIAN_FRONTEND=noninteractive');
    expect(repair?.run.text).toContain('dpkg --force-confdef --force-confold --configure -a');
  });

  test('every job of apt, also of apt_repository, waits for the locks and repairs first', () => {
    const steps = changes(plan('parent yes\n', { repo: 'deb http://deb.invalid/debian stable main' }, apt_repository));
    expect(steps.at(-1)?.run.text).toContain('/var/lib/dpkg/updates');
    expect(steps.at(-1)?.run.text).toContain('/var/lib/apt/lists/lock');
  });
});

describe('apt: a .deb file', () => {
  const STALE = 'refreshed 0\nage 100000\n';
  const URL = 'https://x.invalid/shop_1_all.deb';
  test('of a URL is fetched by the host, or by the controller for it', () => {
    const here = changes(plan(`${FRESH}client curl\nca yes\n`, { deb: URL }))[0];
    expect([here?.what, here?.upload, here?.action]).toEqual([`install ${URL}`, undefined, true]);
    expect(here?.run.text).toContain(`url = "${URL}"`);
    const there = changes(plan(FRESH, { deb: URL }))[0];
    expect(there?.upload).toEqual([expect.objectContaining({ url: URL, isSpooled: true })]);
    for (const one of [here, there]) expect(one && syntax(one.run)).toBe('');
  });

  test('is installed after the package index was read', () => {
    const text = (args: Args): string => changes(plan(`${STALE}deb shop/1\n`, args))[0]?.run.text ?? '';
    expect(text({ deb: '/root/shop.deb', update_cache: true })).toMatch(/apt_get update.*apt_get install/s);
    expect(text({ deb: URL, update_cache: true })).toMatch(/apt_get update.*apt_get install/s);
    expect(text({ deb: '/root/shop.deb' })).not.toContain('apt_get update');
  });

  test.each([
    [{ deb: URL, name: 'x' }, "'deb' and 'name' exclude each other"],
    [{ deb: URL, upgrade: 'full' }, "'deb' and 'upgrade' exclude each other"],
    [{ deb: URL, state: 'absent' }, "'deb' needs `state: present`"],
    [{ state: 'build-dep', update_cache: true }, "`state: build-dep` needs 'name'"],
    [{ deb: 'shop.deb' }, 'the path of a .deb file on the host, or a URL'],
  ])('%j is refused', (args, problem) => expect(refusal(apt, args)).toContain(problem));
});

describe('apt: build-dep', () => {
  const args = { name: 'hello', state: 'build-dep' };
  const reason = Buffer.from('E: You must put some source URIs in your sources.list\n').toString('base64');
  test.each([
    ['all there', FRESH, args, []],
    ['some missing', `${FRESH}build gcc\nbuild make\n`, args, ['install what hello needs to be built']],
    [
      'no sources',
      `${FRESH}unbuildable ${reason}\n`,
      args,
      'apt-get build-dep fails on the host, and nothing was changed',
    ],
    [
      'no sources, but the index will be read',
      `refreshed 0\nage 100000\nunbuildable ${reason}\n`,
      { ...args, update_cache: true },
      ['install what hello needs to be built'],
    ],
  ] as const)('%s', (_, observed, given, expected) => {
    const planned = plan(observed, given);
    expect(words(planned)).toEqual(expected);
  });

  test('runs apt-get build-dep', () => {
    const [change] = changes(plan(`${FRESH}build gcc\n`, { ...args, install_recommends: false }));
    expect(change?.run.text).toContain('apt_get build-dep -o APT::Install-Recommends=false -- hello');
    expect(syntax(bound(apt, args).probe?.(context()) ?? sh``)).toBe('');
  });
});

test('apt with state fixed lets apt repair broken dependencies', () => {
  const run = (state: string): string | undefined =>
    changes(plan(`${FRESH}looked up\ncandidate shop/1\n`, { name: 'shop', state }))[0]?.run.text;
  expect(run('fixed')).toContain('apt_get install --fix-broken -- shop');
  expect(run('present')).toMatch(/apt_get install +-- shop/);
});

describe('apt_repository', () => {
  const repo = 'deb http://deb.invalid/debian stable main';
  test('tries to read the index as often as asked', () => {
    const steps = changes(
      plan('parent yes\n', { repo, update_cache_retries: 3, update_cache_retry_max_delay: 7 }, apt_repository),
    );
    expect(steps.at(-1)?.run.text).toMatch(/-ge 3 .*pause=7/s);
    expect(changes(plan('parent yes\n', { repo, 'update-cache': false }, apt_repository))).toHaveLength(1);
  });

  test('says what line stands for a PPA', () => {
    expect(refusal(apt_repository, { repo: 'ppa:nginx/stable' })).toContain('launchpadcontent.net/nginx/stable/ubuntu');
    expect(refusal(apt_repository, { repo: 'ppa:ansible' })).toContain('launchpadcontent.net/ansible/ppa/ubuntu');
  });
});

test('package takes the arguments of apt', () => {
  const args = {
    name: 'shop',
    install_recommends: false,
    default_release: 'stable',
    autoremove: true,
    policy_rc_d: 101,
  };
  const seen = `${FRESH}looked up\ncandidate shop/1\n`;
  const run = (stdout: string, module: Parameters<typeof bound>[0]): string | undefined =>
    changes(plan(stdout, args, module))[0]?.run.text;
  expect(run(`manager apt\n${seen}`, packages)).toBe(run(seen, apt));
  const installed = `manager apt\n${FRESH}is ii /shop/all/1\n`;
  expect(words(plan(installed, { name: 'shop', state: 'removed' }, packages))).toEqual(['remove shop']);
  const refused = plan('manager apt\n', { name: 'shop', disable_gpg_check: true }, packages);
  expect('blocked' in refused && refused.blocked.detail).toContain("unknown argument 'disable_gpg_check'");
  expect(refusal(packages, { name: 'shop', use: 'apt', disable_gpg_check: true })).toContain('disable_gpg_check');
});
