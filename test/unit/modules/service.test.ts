import { describe, expect, test } from 'vitest';
import { service } from '../../../src/modules/service.ts';
import { bound, changes, context, words } from './harness.ts';

const unit = (more: string): string =>
  `systemd=yes\nbooted=yes\nLoadState=loaded\nActiveState=active\nNeedDaemonReload=no\n${more}`;
const plan = (observed: string, args: Readonly<Record<string, unknown>>) =>
  bound(service, { name: 'x', ...args }).plan(observed, context());

describe('service: links that last until the next boot', () => {
  test.each([
    ['are not enough to be enabled', { enabled: true }, ['x.service: enabled'], 'systemctl enable'],
    ['are removed to be disabled', { enabled: false }, ['x.service: disabled'], '--runtime -- x.service'],
  ] as const)('%s', (_, args, steps, part) => {
    const planned = plan(unit('Enabled=enabled-runtime\n'), args);
    expect(words(planned)).toEqual(steps);
    expect(changes(planned)[0]?.run.text).toContain(part);
  });

  test('an indirect unit stays indirect without a failure', () => {
    expect(changes(plan(unit('Enabled=indirect\n'), { enabled: true }))[0]?.excused).toBe(true);
    expect(changes(plan(unit('Enabled=disabled\n'), { enabled: true }))[0]?.excused).toBeUndefined();
  });
});
