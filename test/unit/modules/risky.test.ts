import { describe, expect, test } from 'vitest';
import { nftables } from '../../../src/modules/nftables.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { sshd_config } from '../../../src/modules/sshd_config.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const ctx = context();

describe('nftables', () => {
  const args = { name: 'site', rules: 'chain input {\n}\n' };
  const step = bound(nftables, args);
  const [fresh] = changes(step.plan('nft\n', ctx));
  const text = fresh?.diff?.after ?? '';
  const file = `file ${encodeBase64(text)}\n`;
  const unit = `unit ${encodeBase64(/printf %s '([^']*)' >\/etc\/systemd/.exec(fresh?.confirm?.script.text ?? '')?.[1] ?? '')}\n`;
  test.each([
    ['bare', 'nft\n', ['load the table inet site']],
    ['as wanted', `${file}${unit}enabled\nnft\ntable\nuntouched\n`, []],
    ['flushed', `${file}${unit}enabled\nnft\n`, ['load the table inet site']],
    [
      'changed in the kernel',
      `${file}${unit}enabled\nnft\ntable\n`,
      ['load the table inet site: somebody changed it in the kernel'],
    ],
    ['not at boot', `${file}${unit}nft\ntable\nuntouched\n`, ['table inet site: loaded at boot']],
    [
      'other rules',
      `file ${encodeBase64('old')}\n${unit}enabled\nnft\ntable\nuntouched\n`,
      ['load the table inet site'],
    ],
    ['no nft', '', 'the host has no nft'],
    ['nonsense', `nft\nrefused ${encodeBase64('syntax error')}\n`, 'nft refuses the rules; nothing was changed'],
  ])('%s', (_, observed, expected) => {
    expect(words(step.plan(observed, ctx))).toEqual(expected);
  });

  test('requires confirmation to load rules, but not for changes that only concern the next boot', () => {
    expect(fresh?.confirm?.seconds).toBe(30);
    expect(fresh?.run.text).toMatch(/systemd-run .*--on-active=30 /);
    expect(fresh?.run.text.indexOf('systemd-run')).toBeLessThan(fresh?.run.text.lastIndexOf('nft -f') ?? 0);
    expect(fresh?.run.text).not.toContain('>/etc/');
    const [boot] = changes(step.plan(`${file}nft\ntable\nuntouched\n`, ctx));
    expect(boot?.confirm).toBeUndefined();
  });

  test('replaces only its own table', () => {
    expect(text).toMatch(/^table inet site\ndelete table inet site\ntable inet site \{$/m);
    expect(text).not.toMatch(/flush ruleset/);
  });

  test('removes the table once', () => {
    const gone = bound(nftables, { name: 'site', state: 'absent' });
    expect(words(gone.plan(file, ctx))).toEqual(['no table inet site']);
    expect(words(gone.plan('nft\n', ctx))).toEqual([]);
    expect(refusal(nftables, { name: 'site' })).toMatch(/'rules' is missing/);
    expect(refusal(nftables, { name: 'a b', rules: 'x' })).toMatch(/lower-case name/);
  });
});

describe('sshd_config', () => {
  const step = bound(sshd_config, {
    settings: { PasswordAuthentication: false, PermitRootLogin: 'prohibit-password' },
  });
  const own = `sshd\nbefore ${encodeBase64('# Written by bringup\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n')}\n`;
  test.each([
    ['bare', 'sshd\n', ['create /etc/ssh/sshd_config.d/10-bringup.conf']],
    ['as wanted', `${own}effective passwordauthentication no\neffective permitrootlogin without-password\n`, []],
    ['other', `sshd\nbefore ${encodeBase64('x')}\n`, ['update /etc/ssh/sshd_config.d/10-bringup.conf']],
    [
      'not what counts',
      `${own}effective passwordauthentication yes\n`,
      '/etc/ssh/sshd_config.d/10-bringup.conf is overridden: PasswordAuthentication is yes',
    ],
    ['nonsense', `sshd\nrefused ${encodeBase64('bad')}\n`, 'sshd refuses the settings; nothing was changed'],
    ['no sshd', '', 'the host has no sshd with a folder sshd_config.d'],
  ])('%s', (_, observed, expected) => {
    expect(words(step.plan(observed, ctx))).toEqual(expected);
  });

  test('is also undone at the next boot until it is confirmed; the undo is on disk before anything changes', () => {
    const [change] = changes(step.plan('sshd\n', ctx));
    const [run, confirm] = [change?.run.text ?? '', change?.confirm?.script.text ?? ''];
    const link = '/etc/systemd/system/sysinit.target.wants/bringup-undo-at-boot-sshd-10-bringup.service';
    expect(run).toContain(`ln -sfn /etc/systemd/system/bringup-undo-at-boot-sshd-10-bringup.service ${link}`);
    expect(run).toMatch(/Before=.* ssh\.service /);
    expect(run.lastIndexOf('sync -- /var/lib/bringup/undo')).toBeLessThan(run.indexOf('mv -f'));
    expect(run).not.toContain('/run/bringup-sshd');
    expect(confirm).toContain(link);
    expect(confirm.indexOf('sync -- /etc/ssh')).toBeLessThan(confirm.indexOf('rm -f'));
  });

  test('requires confirmation, and rejects line breaks', () => {
    expect(changes(step.plan('sshd\n', ctx))[0]?.confirm?.seconds).toBe(30);
    expect(refusal(sshd_config, { settings: { Banner: 'a\nPermitRootLogin yes' } })).not.toBe('');
  });
});
