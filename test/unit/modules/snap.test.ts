import { describe, expect, it } from 'vitest';
import { isBlocked } from '../../../src/core/module.ts';
import { verbatim } from '../../../src/core/sh.ts';
import { snap } from '../../../src/modules/snap.ts';
import { bound, changes, context, refusal, run, words } from './harness.ts';

/** In the format of snap. */
const LIST = `Name    Version   Rev    Tracking         Publisher    Notes
certbot 2.11.0    3834   latest/stable    certbot-eff* classic
core22  20240731  1586   latest/stable    canonical*   base
htop    3.3.0     4407   latest/edge      maxiberta*   disabled
`;
const b64 = (text: string): string => Buffer.from(text).toString('base64');
const plan = (args: Readonly<Record<string, unknown>>, more = '', list = LIST) =>
  words(bound(snap, args).plan(`list ${b64(list)}\n${more}`, context()));

describe('snap', () => {
  it.each([
    [{ name: 'core22' }, []],
    [{ name: ['core22', 'jq', 'yq'] }, ['snap install jq yq']],
    [{ name: 'jq' }, ['snap install jq'], 'No snaps are installed yet.'],
    [{ name: ['jq', 'yq'], classic: true }, ['snap install --classic jq', 'snap install --classic yq']],
    [{ name: 'jq', channel: '1.7/edge' }, ['snap install --channel=1.7/edge jq']],
    [{ name: 'htop', channel: 'edge' }, []],
    [{ name: 'htop', channel: 'latest/edge' }, []],
    [{ name: ['htop', 'certbot'], channel: 'stable', classic: true }, ['snap refresh --classic --channel=stable htop']],
    [{ name: ['core22', 'jq'], state: 'absent' }, ['snap remove core22']],
    [{ name: ['htop', 'core22'], state: 'enabled' }, ['snap enable htop']],
    [{ name: ['htop', 'core22', 'certbot'], state: 'disabled' }, ['snap disable core22', 'snap disable certbot']],
    [{ name: 'jq', state: 'enabled' }, 'there is no snap jq on the host'],
  ])('plans %o', (args, expected, list = LIST) => {
    expect(plan(args, '', list)).toEqual(expected);
  });

  it('installs a file by its name in it', () => {
    const args = { name: '/srv/own.snap', dangerous: true };
    expect(plan(args, 'file /srv/own.snap own\n')).toEqual(['snap install --dangerous /srv/own.snap']);
    expect(plan(args, 'file /srv/own.snap core22\n')).toEqual([]);
    expect(plan(args, 'file /srv/own.snap \n')).toMatch(/^\/srv\/own.snap is no snap/);
  });

  it('sets what differs', () => {
    const now = `settings certbot ${b64('{"a":{"b":1,"c":true},"d":"x"}')}\n`;
    const of = (...options: readonly string[]) => plan({ name: 'certbot', options }, now);
    expect(of('a.b=1', 'a.c=true', 'd = x')).toEqual([]);
    expect(of('a.b=2', 'certbot:d=y z', 'e=1')).toEqual(['snap set certbot a.b=2 d=y z e=1']);
    expect(plan({ name: ['jq', 'certbot'], options: ['jq:x=1'] }, now)).toEqual(['snap install jq', 'snap set jq x=1']);
    const [change] = changes(
      bound(snap, { name: 'certbot', options: ['d=y'] }).plan(`list ${b64(LIST)}\n${now}`, context()),
    );
    expect(change?.diff).toEqual({ of: 'settings of certbot', before: 'd=x\n', after: 'd=y\n' });
  });

  it('asks snap, runs it, and returns what it did', () => {
    const host = `snap() { case "$*" in 'list --unicode=never') printf '%s' '${LIST}' ;; 'get -d jq') return 1 ;; *) echo "$*" >&2 ;; esac; }\ncommand() { [ "$2" = snap ]; }\n`;
    const step = bound(snap, { name: ['jq', 'core22'], options: ['jq:x=a b'] });
    const seen = run(verbatim(`${host}${step.probe?.(context()).text}`)).stdout;
    const steps = step.plan(seen, context());
    if (isBlocked(steps)) throw new Error(steps.blocked.message);
    const ran = steps.map((change) => ({ change, ...run(verbatim(`${host}${change.run.text}`)) }));
    expect(ran.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, 'install jq\n'],
      [0, 'set jq x=a b\n'],
    ]);
    const stdout = ran.map(({ stdout, change }) => `${stdout}${change.says}\n`).join('');
    expect(step.data(seen, context(), { code: 0, stdout, stderr: '' })).toEqual({
      classic: false,
      channel: 'stable',
      cmd: 'snap install jq; snap set jq x=a b',
      snaps_installed: ['jq'],
      options_changed: ['jq:x=a b'],
    });
    expect(step.data(seen, context())).toEqual({ classic: false, channel: 'stable' });
  });

  it('says what is in the way', () => {
    expect(words(bound(snap, { name: 'x' }).plan('snap missing', context()))).toBe('the host has no snap');
    const error = `error ${b64('error: cannot communicate with server')}`;
    expect(words(bound(snap, { name: 'x' }).plan(error, context()))).toMatch(/^snap fails on the host/);
  });

  it.each([
    [{ name: 'x', options: ['y'] }, /'y' is no setting/],
    [{ name: 'x', options: ['z:y=1'] }, /'z' is not in 'name'/],
    [{ name: 'x', state: 'absent', options: ['y=1'] }, /needs 'state: present'/],
    [{ name: '--x' }, /the name of a snap/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(snap, args)).toMatch(expected);
  });
});
