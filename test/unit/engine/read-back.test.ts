import { describe, expect, test } from 'vitest';
import type { Step } from '../../../src/core/module.ts';
import { verbatim } from '../../../src/core/sh.ts';
import { changeFailed, readBack } from '../../../src/engine/make/read-back.ts';
import { copy } from '../../../src/modules/copy.ts';
import { replace } from '../../../src/modules/replace.ts';
import { service } from '../../../src/modules/service.ts';
import { user } from '../../../src/modules/user.ts';
import { bound, changes, context } from '../modules/harness.ts';

const PROBE = { script: verbatim(':'), user: undefined, needs: [] };
/** The report on a change that was planned from `before` if the host then shows `after`. */
async function told(step: Step, before: string, after: string, why = ''): Promise<unknown> {
  const ctx = context();
  const answers = [after, why];
  const session = {
    ask: async () => ({ code: 0, stdout: answers.shift() ?? '', stderr: '' }),
    forget: () => {},
  };
  const unit = { step, ctx, user: undefined } as unknown as Parameters<typeof readBack>[0]['unit'];
  const { failed, warnings } = await readBack({
    session,
    unit,
    changes: changes(step.plan(before, ctx)),
    probe: PROBE,
    ahead: () => [],
  });
  return failed === undefined ? warnings : [failed.message, failed.detail ?? '', failed.hint ?? ''];
}

const file = (text: string): string =>
  `stat 81a4/0/0/${text.length}/0/0/0/1/0/0/root/root\nparent yes\ncontent ${Buffer.from(text).toString('base64')}\nsum ${'0'.repeat(64)}\n`;
const unit = (state: string, more = ''): string =>
  `systemd=yes\nbooted=yes\nLoadState=loaded\nActiveState=${state}\nNeedDaemonReload=no\nEnabled=enabled\n${more}`;

describe('a change that is read back', () => {
  const quoting = bound(replace, { path: '/etc/x', regexp: '^(.+)$', replace: '"\\1"' });

  test('accepts a replacement that matches its own result if the file holds its text', async () => {
    expect(await told(quoting, file('a\n'), file('"a"\n'))).toEqual([]);
  });

  test('blames something else for a content that is neither the old one nor ours', async () => {
    const [message, , hint] = (await told(quoting, file('a\n'), file('c\n'))) as readonly string[];
    expect(message).toBe(`the change ran, but the host still differs: /etc/x: wanted '"c"', seen 'c'`);
    expect(hint).toMatch(/^find the other program that writes this file/);
  });

  test('blames nobody for the old content', async () => {
    const [message, , hint] = (await told(quoting, file('a\n'), file('a\n'))) as readonly string[];
    expect(message).toContain(`wanted '"a"', seen 'a'`);
    expect(hint).toBe('');
  });

  test('compares contents line by line', async () => {
    const step = bound(copy, { dest: '/etc/x', content: 'one\ntwo\n' });
    const [message] = (await told(step, file('zero\n'), file('one\nthree\n'))) as readonly string[];
    expect(message).toBe(`the change ran, but the host still differs: /etc/x: wanted 'two', seen 'three'`);
  });

  test('names an attribute of a user with both values', async () => {
    const step = bound(user, { name: 'ada', shell: '/bin/zsh', create_home: false });
    const seen = 'passwd ada:x:1:1::/home/ada:/bin/sh\nprimary ada\ngroups ada\n';
    expect(await told(step, seen, seen)).toEqual([
      "the change ran, but the host still differs: user ada: wanted 'shell /bin/zsh', seen 'shell /bin/sh'",
      '',
      '',
    ]);
  });

  test('reports a dead service with its status and journal', async () => {
    const step = bound(service, { name: 'x', state: 'started' });
    expect(await told(step, unit('inactive'), unit('failed'), 'status=3\nno config\n')).toEqual([
      "the change ran, but the host still differs: x.service: wanted 'active', seen 'failed'",
      'status=3\nno config',
      '',
    ]);
  });

  test('warns about an unmet condition of a unit only if it is named', async () => {
    const step = bound(service, { name: 'x', state: 'started' });
    const [before, after] = [unit('inactive'), unit('inactive', 'ConditionResult=no\n')];
    expect(await told(step, before, after, 'ConditionPathExists=/x\n')).toEqual([
      'x.service was not started, as a condition of the unit is not met: ConditionPathExists=/x',
    ]);
    const [message] = (await told(step, before, after, '')) as readonly string[];
    expect(message).toContain("wanted 'active', seen 'inactive'");
  });
});

describe('a change that failed', () => {
  const failed = (stderr: string, who: string) =>
    changeFailed([{ what: 'write /etc/x', run: verbatim(':') }], [{ code: 2, stdout: '', stderr }], {
      ctx: context({}, { user: who }),
    });
  test.each([
    ['sh: 8: cannot create /etc/x: Permission denied', 'ops', true],
    ['chown: changing ownership: Operation not permitted', 'ops', true],
    ['Failed to start x.service: Interactive authentication required.', 'ops', true],
    ['Failed to restart x.service: Access denied', 'ops', true],
    ['sh: 8: cannot create /etc/x: Permission denied', 'root', false],
    ['git@host: Permission denied (publickey).', 'ops', false],
    ["ERROR 1045: Access denied for user 'a'@'b'", 'ops', false],
  ])('%s, as %s: suggests become %s', (stderr, who, expected) => {
    const { hint } = failed(stderr, who);
    expect(hint === 'add `become: true` to the task or the play').toBe(expected);
  });
  test.each([
    ['cat: write error: No space left on device', 'E_DISK_FULL', 'no space left'],
    ['sh: 8: cannot create /etc/x: Read-only file system', 'E_READ_ONLY', 'read-only'],
    [
      'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)',
      'E_DPKG_LOCKED',
      'dpkg is locked by process 812, unattended-upgr',
    ],
    [
      'dpkg is locked by process 7, apt-get -q -y install slow (/var/lib/dpkg/lock)',
      'E_DPKG_LOCKED',
      'dpkg is locked by process 7, apt-get -q -y install slow',
    ],
    ['nginx: [emerg] unknown directive', 'E_CHANGE_FAILED', 'write /etc/x: exit code 2'],
  ])('%s is %s', (stderr, code, message) => {
    expect(failed(stderr, 'root')).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
