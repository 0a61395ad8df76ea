import { describe, expect, test } from 'vitest';
import { apt } from '../../../src/modules/apt.ts';
import { apt_repository } from '../../../src/modules/apt_repository.ts';
import { packages } from '../../../src/modules/package.ts';
import { bound, changes, context, syntax, words } from './harness.ts';

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
