// No lab host has apk. The outputs are those of apk-tools 2.14.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apk } from '../../../src/modules/apk.ts';
import { bound, changes, context, refusal, run, scratch, words } from './harness.ts';
import { withPrograms } from './programs.ts';

type Args = Readonly<Record<string, unknown>>;

/** nginx and busybox are installed, and busybox is old. */
const APK = `case "$*" in
'info -e nginx' | 'info -e busybox') echo "$3" ;;
'info -v -e nginx') echo nginx-1.24.0-r15 ;;
'info -v -e busybox') echo busybox-1.36.1-r2 ;;
'info '*) exit 1 ;;
"version -l <") printf 'Installed:                                Available:\\nbusybox-1.36.1-r2                       < 1.36.1-r5 \\n' ;;
*'add --simulate'*nope*) printf 'ERROR: unable to select packages:\\n  nope (no such package):\\n    required by: world[nope]\\n'; exit 1 ;;
*'add --simulate'*broken*) echo 'ERROR: unable to select packages: broken'; exit 1 ;;
*'upgrade --simulate --available') echo 'OK: 8 MiB in 15 packages' ;;
*'upgrade --simulate') printf '(1/1) Upgrading busybox (1.36.1-r2 -> 1.36.1-r5)\\nOK: 8 MiB in 15 packages\\n' ;;
esac`;

/** What the task plans on such a host: each change with its command. */
function plan(args: Args, apkCode = APK): readonly string[] | string {
  const world = join(scratch(), 'world');
  writeFileSync(world, 'nginx=1.24.0-r15 busybox@edge\n');
  const step = bound(apk, { ...args, world });
  const seen = withPrograms({ apk: apkCode }, () => run(step.probe?.(context()) ?? expect.fail()));
  expect(seen.stderr).toBe('');
  const steps = step.plan(seen.stdout, context());
  if (typeof words(steps) === 'string') return words(steps);
  return changes(steps).map(({ what, run: { text } }) => `${what}: ${text.split('\n').at(-1)?.replace(/ +/g, ' ')}`);
}

describe('apk', () => {
  it.each<[Args, readonly string[] | RegExp]>([
    [{ name: 'nginx' }, []],
    [{ name: 'nginx=1.24.0-r15' }, []],
    [{ name: 'nginx=1.26' }, ['install nginx=1.26: apk add nginx=1.26']],
    [{ name: ['curl', 'busybox', 'git'] }, ['install curl, git: apk add curl git']],
    [{ name: 'busybox', state: 'latest' }, ['upgrade busybox: apk add --upgrade busybox']],
    [{ name: 'nginx', state: 'latest' }, []],
    [{ name: ['nginx=1.24.0-r15', 'curl'], state: 'removed' }, ['remove nginx=1.24.0-r15: apk del --purge nginx']],
    [{ name: 'curl', state: 'absent' }, []],
    [{ upgrade: true }, ['upgrade 1 package: busybox 1.36.1-r2 -> 1.36.1-r5: apk upgrade ']],
    [{ upgrade: true, available: true }, []],
    [{ update_cache: true }, []],
    [
      { name: 'curl', no_cache: true, repository: ['https://a', 'https://b'] },
      [
        'install curl: apk --no-cache --repository https://a --repository https://b --repositories-file /dev/null add curl',
      ],
    ],
    [{ name: ['curl', 'nope'] }, /there is no package nope/],
    [{ name: 'broken' }, /apk fails on the host/],
  ])('%o', (args, expected) => {
    const planned = plan(args);
    if (expected instanceof RegExp) expect(planned).toMatch(expected);
    else expect(planned).toEqual(expected);
  });

  it('needs apk, and its indexes', () => {
    expect(words(bound(apk, { name: 'a' }).plan('tool missing\n', context()))).toMatch(/the host has no apk/);
    expect(plan({ update_cache: true }, 'echo "no network" >&2; exit 1')).toMatch(/apk fails on the host/);
  });

  it.each<[Args, RegExp]>([
    [{}, /'name', 'upgrade' or 'update_cache'/],
    [{ name: 'a', upgrade: true }, /exclude each other/],
    [{ name: 'a', available: true }, /'available' needs 'upgrade'/],
    [{ name: '-x' }, /the name of a package/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(apk, args)).toMatch(expected);
  });

  it('returns the packages that changed', () => {
    const ran = {
      code: 0,
      stdout: '(1/2) Installing pcre2 (10.42-r2)\n(2/2) Installing nginx (1.24.0-r15)\nOK\n',
      stderr: '',
    };
    expect(bound(apk, { name: 'nginx' }).data('', context(), ran)).toEqual({ packages: ['pcre2', 'nginx'], msg: '' });
  });
});
