import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seboolean } from '../../../src/modules/seboolean.ts';
import { sefcontext } from '../../../src/modules/sefcontext.ts';
import { selinux } from '../../../src/modules/selinux.ts';
import { apply, bound, changes, context, read, refusal, run, scratch, words } from './harness.ts';

type Args = Readonly<Record<string, unknown>>;
const ON = 'mode enforcing\ntype targeted\n';
const OFF = 'mode disabled\ntype targeted\n';
const last = (text: string): string => text.split('\n').at(-1)?.replace(/ +/g, ' ').trim() ?? '';

describe('sefcontext', () => {
  const WEB = { target: '/srv/web(/.*)?', setype: 'httpd_sys_content_t' };
  const plan = (args: Args, seen: string) => bound(sefcontext, args).plan(seen, context());
  const commands = (args: Args, seen: string): readonly string[] =>
    changes(plan(args, seen)).map((c) => last(c.run.text));
  const LABEL = 'system_u:object_r:httpd_sys_content_t:s0';

  it.each<[string, Args, string, readonly string[]]>([
    [
      'adds',
      WEB,
      ON,
      [`semanage fcontext --add --type httpd_sys_content_t --ftype a --seuser system_u --range s0 '/srv/web(/.*)?'`],
    ],
    ['is there', WEB, `${ON}file_contexts.local  ${LABEL}\n`, []],
    ['is in the policy', WEB, `${ON}file_contexts  ${LABEL}\n`, []],
    [
      'another type',
      { ...WEB, reload: false },
      `${ON}file_contexts  system_u:object_r:var_t:s0\n`,
      [
        `semanage fcontext --noreload --modify --type httpd_sys_content_t --ftype a --seuser system_u --range s0 '/srv/web(/.*)?'`,
      ],
    ],
    [
      'another level',
      { ...WEB, selevel: 's0:c1' },
      `${ON}file_contexts.local  ${LABEL}\n`,
      [
        `semanage fcontext --modify --type httpd_sys_content_t --ftype a --seuser system_u --range s0:c1 '/srv/web(/.*)?'`,
      ],
    ],
    [
      'keeps user and level',
      { ...WEB, setype: 'var_t' },
      `${ON}file_contexts.local  staff_u:object_r:x_t:s0:c1.c3\n`,
      [`semanage fcontext --modify --type var_t --ftype a --seuser staff_u --range s0:c1.c3 '/srv/web(/.*)?'`],
    ],
    [
      'another kind of file',
      { ...WEB, ftype: 'd' },
      `${ON}file_contexts.local  ${LABEL}\nfile_contexts.local -- ${LABEL}\n`,
      [`semanage fcontext --add --type httpd_sys_content_t --ftype d --seuser system_u --range s0 '/srv/web(/.*)?'`],
    ],
    ['this kind of file', { ...WEB, ftype: 'f' }, `${ON}file_contexts.local -- ${LABEL}\n`, []],
    [
      'removes',
      { ...WEB, state: 'absent' },
      `${ON}file_contexts.local  ${LABEL}\n`,
      [`semanage fcontext --delete --ftype a '/srv/web(/.*)?'`],
    ],
    ['leaves the policy alone', { ...WEB, state: 'absent' }, `${ON}file_contexts  ${LABEL}\n`, []],
    ['like another', { target: '/srv/home', equal: '/home' }, ON, ['semanage fcontext --add --equal /home /srv/home']],
    [
      'like yet another',
      { target: '/srv/home', equal: '/home' },
      `${ON}file_contexts.subs  /var\n`,
      ['semanage fcontext --modify --equal /home /srv/home'],
    ],
    ['like it already', { target: '/srv/home', equal: '/home' }, `${ON}file_contexts.subs  /home\n`, []],
    [
      'no longer like it',
      { target: '/srv/home', state: 'absent' },
      `${ON}file_contexts.subs  /home\n`,
      ['semanage fcontext --delete --equal /home /srv/home'],
    ],
    ['without SELinux', { ...WEB, ignore_selinux_state: true }, `${OFF}file_contexts  ${LABEL}\n`, []],
  ])('%s', (_, args, seen, expected) => {
    expect(commands(args, seen)).toEqual(expected);
  });

  it.each<[Args, RegExp]>([
    [{ target: 'relative', setype: 'x' }, /a regular expression for paths/],
    [{ target: '/x' }, /'setype' or 'substitute' is missing/],
    [{ target: '/x', setype: 'x', substitute: '/y' }, /'substitute' excludes/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(sefcontext, args)).toMatch(expected);
  });

  it('needs semanage and SELinux', () => {
    expect(words(plan(WEB, 'tool missing\n'))).toMatch(/the host has no semanage/);
    expect(words(plan(WEB, OFF))).toMatch(/the host has no SELinux/);
  });
});

describe('seboolean', () => {
  const BOOLEAN = { name: 'httpd_can_network_connect', state: true };
  const plan = (args: Args, seen: string) => bound(seboolean, args).plan(seen, context());
  it.each<[string, Args, string, readonly string[]]>([
    ['now', BOOLEAN, `${ON}now 0\n`, ['setsebool httpd_can_network_connect on']],
    ['is on', BOOLEAN, `${ON}now 1\n`, []],
    ['off', { ...BOOLEAN, state: false }, `${ON}now 1\n`, ['setsebool httpd_can_network_connect off']],
    ['for good', { ...BOOLEAN, persistent: true }, `${ON}now 1\n`, ['setsebool -P httpd_can_network_connect on']],
    [
      'for good, another value',
      { ...BOOLEAN, persistent: true },
      `${ON}now 1\nlasting 0\n`,
      ['setsebool -P httpd_can_network_connect on'],
    ],
    ['is on for good', { ...BOOLEAN, persistent: true }, `${ON}now 1\nlasting 1\n`, []],
    [
      'without SELinux',
      { ...BOOLEAN, persistent: true, ignore_selinux_state: true },
      OFF,
      ['setsebool -P httpd_can_network_connect on'],
    ],
    ['without SELinux, again', { ...BOOLEAN, persistent: true, ignore_selinux_state: true }, `${OFF}lasting 1\n`, []],
  ])('%s', (_, args, seen, expected) => {
    expect(changes(plan(args, seen)).map((c) => last(c.run.text))).toEqual(expected);
  });

  it.each<[Args, string, RegExp]>([
    [BOOLEAN, 'tool missing\n', /the host has no setsebool/],
    [BOOLEAN, OFF, /the host has no SELinux/],
    [{ ...BOOLEAN, ignore_selinux_state: true }, OFF, /the host has no SELinux/],
    [BOOLEAN, ON, /there is no boolean of SELinux httpd_can_network_connect/],
  ])('says what is in the way', (args, seen, expected) => {
    expect(words(plan(args, seen))).toMatch(expected);
  });
});

describe('selinux', () => {
  const config = '# which mode\nSELINUX=permissive\n# SELINUXTYPE= can be targeted\nSELINUXTYPE=targeted\n';
  const file = (text = config): string => {
    const path = join(scratch(), 'config');
    writeFileSync(path, text);
    return path;
  };

  it.each<[string, Args, string, string]>([
    ['the mode', { state: 'enforcing', policy: 'targeted' }, config, config.replace('=permissive', '=enforcing')],
    ['the policy', { state: 'permissive', policy: 'mls' }, config, config.replace('=targeted', '=mls')],
    ['disabled, with the policy as it is', { state: 'disabled' }, config, config.replace('=permissive', '=disabled')],
    ['an empty file', { state: 'enforcing', policy: 'targeted' }, '', 'SELINUX=enforcing\nSELINUXTYPE=targeted\n'],
  ])('writes %s, once', (_, args, before, after) => {
    const configfile = file(before);
    expect(apply(selinux, { ...args, configfile }).again).toEqual([]);
    expect(read(configfile)).toBe(after);
    expect(apply(selinux, { ...args, configfile }).first).toEqual([]);
  });

  it.each<[Args, string, readonly string[], boolean]>([
    [{ state: 'enforcing', policy: 'targeted' }, 'permissive', ['setenforce 1'], false],
    [{ state: 'permissive', policy: 'targeted' }, 'enforcing', ['setenforce 0'], false],
    [{ state: 'disabled' }, 'enforcing', ['setenforce 0'], true],
    [{ state: 'disabled' }, 'permissive', [], true],
    [{ state: 'enforcing', policy: 'targeted' }, 'disabled', [], true],
    [{ state: 'enforcing', policy: 'targeted' }, 'enforcing', [], false],
  ])('%o on a host that is %s', (args, mode, expected, needsReboot) => {
    const step = bound(selinux, { ...args, configfile: file() });
    const seen = run(step.probe?.(context()) ?? expect.fail()).stdout.replace('mode disabled', `mode ${mode}`);
    const runs = changes(step.plan(seen, context())).map((c) => last(c.run.text));
    expect(runs.filter((line) => line.startsWith('setenforce'))).toEqual(expected);
    expect(step.data(seen, context())).toMatchObject({ reboot_required: needsReboot, state: args['state'] });
  });

  it('needs its file and a policy', () => {
    const step = bound(selinux, { state: 'disabled', configfile: join(scratch(), 'none') });
    expect(words(step.plan(run(step.probe?.(context()) ?? expect.fail()).stdout, context()))).toMatch(/does not exist/);
    expect(refusal(selinux, { state: 'enforcing' })).toMatch(/'policy' is missing/);
  });
});
