import { describe, expect, test } from 'vitest';
import { service } from '../../../src/modules/service.ts';
import { systemd } from '../../../src/modules/systemd.ts';
import { bound, changes, context, refusal, syntax, words } from './harness.ts';

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

describe('systemd: units of another manager', () => {
  const planned = (observed: string, args: Readonly<Record<string, unknown>>, user = 'app') =>
    bound(systemd, { name: 'x', ...args }).plan(observed, context({}, { user }));

  test('of the acting user', () => {
    const steps = changes(
      planned(
        'systemd=yes\nbooted=yes\nLoadState=loaded\nActiveState=inactive\nNeedDaemonReload=no\nEnabled=disabled\n',
        {
          scope: 'user',
          state: 'started',
          enabled: true,
        },
      ),
    );
    expect(steps.map((one) => one.what)).toEqual(['x.service: enabled', 'start x.service']);
    for (const { run, closing, explain, joins } of steps) {
      expect(joins).toBeUndefined();
      for (const script of [run, closing, explain]) {
        if (script === undefined) continue;
        expect(script.text).toContain('command systemctl --user "$@"');
        expect(syntax(script)).toBe('');
      }
    }
  });

  test('of a user whose systemd does not run', () => {
    expect(words(planned('systemd=yes\n', { scope: 'user', state: 'started' }))).toBe(
      'the systemd of user app does not run on the host',
    );
  });

  test.each([
    ['enabled', 'disabled', { enabled: true }, ['x.service: enabled']],
    ['as it is', 'enabled', { enabled: true }, []],
    ['masked', 'disabled', { masked: true }, ['x.service: masked']],
  ])('of all users: %s', (_, state, args, expected) => {
    const steps = planned(`systemd=yes\nEnabled=${state}\nLoadState=loaded\n`, { scope: 'global', ...args }, 'root');
    expect(words(steps)).toEqual(expected);
    for (const { run } of changes(steps)) expect(run.text).toContain('systemctl --global');
  });

  test('the probe asks that manager', () => {
    for (const scope of ['user', 'global']) {
      const probe = bound(systemd, { name: 'x', scope, enabled: true }).probe?.(context());
      expect([probe && syntax(probe), probe?.text]).toEqual(['', expect.stringContaining(`systemctl --${scope} "$@"`)]);
    }
  });

  test('nothing can be started for all users', () => {
    expect(refusal(systemd, { name: 'x', scope: 'global', state: 'started' })).toContain('has no manager that starts');
  });
});
