import { describe, expect, test } from 'vitest';
import { edit, mount } from '../../../src/modules/mount.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const OLD = '# /etc/fstab\nUUID=1 / ext4 defaults 0 1\nUUID=2\t/data  ext4\tnoatime\t0\t2\n/swapfile none swap sw\n';
const file = (text: string): string =>
  `stat 81a4/0/0/9/0/0/0/1/5/0/root/root\ncontent ${encodeBase64(text)}\nparent yes!\n`;
const DATA = { path: '/data', src: 'UUID=2', fstype: 'ext4', opts: 'noatime', passno: '2' };

describe('fstab', () => {
  test.each([
    ['the same entry', { ...DATA }, OLD],
    ['a slash at its end', { ...DATA, path: '/data/' }, OLD],
    [
      'other options',
      { ...DATA, opts: 'noatime,nodev' },
      OLD.replace('UUID=2\t/data  ext4\tnoatime\t0\t2', 'UUID=2 /data ext4 noatime,nodev 0 2'),
    ],
    [
      'not at boot',
      { ...DATA, boot: false },
      OLD.replace('UUID=2\t/data  ext4\tnoatime\t0\t2', 'UUID=2 /data ext4 noatime,noauto 0 2'),
    ],
    [
      'a new entry',
      { path: '/a b', src: '//nas/x y', fstype: 'cifs' },
      `${OLD}//nas/x\\040y /a\\040b cifs defaults 0 0\n`,
    ],
    ['gone', { path: '/data', state: 'absent' }, OLD.replace(/UUID=2.*\n/, '')],
    ['gone already', { path: '/other', state: 'absent' }, OLD],
    ['swap with default fields', { path: 'none', src: '/swapfile', fstype: 'swap', opts: 'sw' }, OLD],
    ['swap is gone', { path: 'none', src: '/swapfile', state: 'absent_from_fstab' }, OLD.replace(/\/swapfile.*\n/, '')],
    ['other swap', { path: 'none', src: '/dev/sdb', fstype: 'swap', opts: 'sw' }, `${OLD}/dev/sdb none swap sw 0 0\n`],
    ['left alone', { path: '/data', state: 'unmounted' }, OLD],
  ] as const)('%s', (_, args, expected) => {
    const step = bound(mount, { state: 'present', ...args });
    expect(edit(OLD, step.args as Parameters<typeof edit>[1])).toBe(expected);
  });
});

describe('what is planned', () => {
  const on = 'there yes\nmounted /dev/sdb1\n';
  test.each([
    ['mounted already', 'mounted', `${on}${file(OLD)}`, []],
    ['in fstab only', 'mounted', `there yes\n${file(OLD)}`, ['mount UUID=2 on /data']],
    ['nowhere', 'mounted', file(''), ['mount UUID=2 on /data', 'update /etc/fstab']],
    ['mounted, not in fstab', 'mounted', `${on}${file('')}`, ['update /etc/fstab', 'remount /data']],
    ['no fstab', 'mounted', 'parent yes!\n', ['mount UUID=2 on /data', 'create /etc/fstab']],
    ['present', 'present', file(''), ['update /etc/fstab']],
    ['unmounted', 'unmounted', `${on}${file(OLD)}`, ['unmount /data']],
    ['unmounted already', 'unmounted', file(OLD), []],
    ['absent', 'absent', `${on}${file(OLD)}`, ['unmount /data', 'update /etc/fstab', 'remove the directory /data']],
    ['absent already', 'absent', file(''), []],
    ['absent_from_fstab', 'absent_from_fstab', `${on}${file(OLD)}`, ['update /etc/fstab']],
    ['remounted', 'remounted', `${on}${file(OLD)}`, ['remount /data']],
    ['remounted, and not mounted', 'remounted', file(OLD), 'nothing is mounted on /data'],
    ['ephemeral', 'ephemeral', `there yes\n${file('')}`, ['mount UUID=2 on /data']],
    ['ephemeral, mounted', 'ephemeral', `${on}source /dev/sdb1\n${file('')}`, ['remount /data']],
    [
      'ephemeral, another',
      'ephemeral',
      `${on}source /dev/sdc1\n${file('')}`,
      '/dev/sdb1 is mounted on /data, not UUID=2',
    ],
  ] as const)('%s', (_, state, observed, expected) => {
    expect(words(bound(mount, { ...DATA, state }).plan(observed, context()))).toEqual(expected);
  });

  test('a file system without its program is refused', () => {
    const step = bound(mount, { path: '/n', src: 'nas:/x', fstype: 'nfs', state: 'mounted' });
    const steps = step.plan(`helper missing\n${file('')}`, context());
    expect(steps).toMatchObject({
      blocked: { message: 'the host has no mount.nfs', hint: expect.stringContaining('nfs-common') },
    });
  });

  test('options are in no argument of a process', () => {
    const step = bound(mount, {
      path: '/n',
      src: '//nas/x',
      fstype: 'cifs',
      opts: 'password=s3cret',
      state: 'mounted',
    });
    const [first] = changes(step.plan(`there yes\n${file('')}`, context()));
    expect(first?.run.text).toContain(`printf '%s\\n' '//nas/x /n cifs password=s3cret 0 0' >"$e"`);
    expect(first?.run.stages).toEqual([expect.stringMatching(/^\/run\/bringup-fstab-/)]);
    expect(first?.run.text.match(/s3cret/g)?.length).toBe(1);
  });
});

test.each([
  [{ path: '/a', state: 'mounted', fstype: 'ext4' }, /'src' is missing/],
  [{ path: '/a', state: 'present', src: 'x' }, /'fstype' is missing/],
  [{ path: 'none', state: 'unmounted' }, /swap is not mounted/],
  [{ path: 'a', state: 'absent' }, /begins with \//],
  [{ path: '/a' }, /'state' is missing/],
])('%j is refused', (args, message) => {
  expect(refusal(mount, args)).toMatch(message);
});
