import { expect, test } from 'vitest';
import { modules } from '../../../src/modules/index.ts';
import { refusal } from './harness.ts';

test.each([
  ['user', { name: '-r' }, 'name'],
  ['user', { name: 'a', group: '-r' }, 'group'],
  ['user', { name: 'a', groups: ['-r'] }, 'groups'],
  ['group', { name: '-r' }, 'name'],
  ['file', { path: '/x', owner: '-R' }, 'owner'],
  ['copy', { dest: '/x', content: 'x', group: '--help' }, 'group'],
  ['cron', { name: 'x', job: 'x', user: '-r' }, 'user'],
  ['getent', { database: 'passwd', key: '-s' }, 'key'],
  [
    'authorized_key',
    { user: '-s', key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl' },
    'user',
  ],
  ['apt', { name: ['-o'] }, 'name'],
  ['package', { name: ['-o'] }, 'name'],
  ['modprobe', { name: '-r' }, 'name'],
])('%s rejects %j, because it would be read as an option', (name, args, key) => {
  const module = modules[name];
  if (module === undefined) throw new Error(name);
  expect(refusal(module, args)).not.toBe('');
  const { [key as 'name']: _, ...others } = args as Readonly<Record<'name', unknown>>;
  expect(refusal(module, { ...others, [key]: key === 'groups' || Array.isArray(_) ? ['ok'] : 'ok' })).toBe('');
});
