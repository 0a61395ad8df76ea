import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { synchronize } from '../../../src/modules/synchronize.ts';
import { ONE_HOST, play, project } from '../support/project.ts';
import { list, refusal } from './harness.ts';

const why = spawnSync('rsync', ['--version']).status === 0 ? '' : ' (skipped: this machine has no rsync)';

describe.skipIf(why !== '')(`synchronize${why}`, () => {
  const site = (args: string, more = ''): string =>
    play(`- synchronize: {${args}}\n${more.replace(/^(?=.)/gm, '  ')}\n  register: r\n- debug: {msg: "{{ r }}"}`);
  const tree = (args: string, more = '', extra: Readonly<Record<string, string>> = {}) =>
    project({
      'files/app/a.txt': 'one\n',
      'files/app/deep/b.log': 'two\n',
      'site.yml': site(args, more),
      ...extra,
    });
  const status = (ran: Awaited<ReturnType<ReturnType<typeof project>['apply']>>): string | undefined =>
    ran.tasks.find((e) => e.module === 'synchronize')?.status;

  it.each([
    ['the directory itself', 'src: app, dest: "{T}/to"', ['app']],
    ['its content', 'src: app/, dest: "{T}/to"', ['a.txt', 'deep']],
    ['one file', 'src: app/a.txt, dest: "{T}/to/"', ['a.txt']],
    ['without what is excluded', `src: app/, dest: "{T}/to", rsync_opts: ["--exclude '*.txt'"]`, ['deep']],
    ['without what directories hold', 'src: app/, dest: "{T}/to", recursive: false, dirs: true', ['a.txt', 'deep']],
    ['from the host', 'mode: pull, src: "{T}/files/app/", dest: to/', ['a.txt', 'deep']],
  ])('copies %s, once', async (_, args, expected) => {
    const p = tree(args);
    expect(status(await p.plan())).toBe('changed');
    expect(existsSync(p.path('to'))).toBe(false);
    expect(status(await p.apply())).toBe('changed');
    expect(list(p.path('to'))).toEqual(expected);
    expect(status(await p.apply())).toBe('ok');
  });

  it.each([
    ['the controller', ''],
    ['this machine as a delegate', 'delegate_to: localhost'],
    ['the host itself, by a delegation', 'delegate_to: "{{ inventory_hostname }}"'],
  ])('removes what the source does not have, from %s', async (_, more) => {
    const p = tree('src: "{T}/files/app/", dest: "{T}/to", delete: true', more, { 'to/old': 'x', 'to/a.txt': 'old' });
    const planned = (await p.plan({ diff: true })).tasks[0]?.changes[0];
    expect(planned?.what).toMatch(/^synchronize [45] paths$/);
    expect(planned?.diff?.after).toContain('*deleting   old\n');
    expect(list(p.path('to'))).toEqual(['a.txt', 'old']);
    const { said } = await p.apply();
    expect(said[0]).toContain('*deleting   old');
    expect(list(p.path('to'))).toEqual(['a.txt', 'deep']);
    expect(p.read('to/a.txt')).toBe('one\n');
    expect(status(await p.apply())).toBe('ok');
  });

  it.each([
    ['permissions', 'perms', (path: string) => (statSync(path).mode & 0o777).toString(8), '600', '644'],
    ['times', 'times', (path: string) => String(statSync(path).mtimeMs > 2_000_000), 'false', 'true'],
  ])('keeps %s, or not', async (_, name, look, kept, not) => {
    for (const [value, expected] of [
      ['true', kept],
      ['false', not],
    ]) {
      const p = tree(`src: app/, dest: "{T}/to", ${name}: ${value}`, '', { 'to/a.txt': 'old' });
      execFileSync('sh', ['-c', 'umask 022; chmod 600 a.txt; touch -d @1000 a.txt'], { cwd: p.path('files/app') });
      chmodSync(p.path('to/a.txt'), 0o644);
      await p.apply();
      expect(look(p.path('to/a.txt'))).toBe(expected);
    }
  });

  it('copies links as links, or what they lead to', async () => {
    for (const [more, expected] of [
      ['', 'a.txt'],
      [', copy_links: true', undefined],
    ]) {
      const p = tree(`src: app/, dest: "{T}/to"${more}`);
      symlinkSync('a.txt', p.path('files/app/link'));
      await p.apply();
      const link = ((): string | undefined => {
        try {
          return readlinkSync(p.path('to/link'));
        } catch {
          return undefined;
        }
      })();
      expect(link).toBe(expected);
      expect(p.read('to/link')).toBe('one\n');
    }
  });

  it('updates only what exists, by checksum, with hard links to another tree', async () => {
    const p = tree('src: app/, dest: "{T}/to", existing_only: true, checksum: true', '', { 'to/a.txt': 'two\n' });
    await p.apply();
    expect([p.read('to/a.txt'), list(p.path('to'))]).toEqual(['one\n', ['a.txt']]);
    const q = tree('src: app/, dest: "{T}/to", link_dest: ["{T}/files/app"]');
    await q.apply();
    expect(statSync(q.path('to/a.txt')).ino).toBe(statSync(q.path('files/app/a.txt')).ino);
    expect(status(await q.apply())).toBe('ok');
  });

  it('reads .rsync-filter with delay_updates only, and returns what Ansible does', async () => {
    const filter = { 'files/app/.rsync-filter': '- *.log\n' };
    const p = tree('src: app/, dest: "{T}/to"', '', filter);
    const { said } = await p.apply();
    expect(list(p.path('to/deep'))).toEqual([]);
    expect(said[0]).toMatch(
      /'cmd': 'rsync --delay-updates -F --compress --archive .*'rc': 0, 'msg': '[^']*<f\+{9} a\.txt/,
    );
    const q = tree('src: app/, dest: "{T}/to", delay_updates: false', '', filter);
    await q.apply();
    expect(list(q.path('to/deep'))).toEqual(['b.log']);
  });

  it('changes nothing with check_mode, and leaves what depends on it open in a plan', async () => {
    const p = tree('src: app/, dest: "{T}/to"', 'check_mode: true');
    const { tasks, said } = await p.apply();
    expect([tasks[0]?.status, existsSync(p.path('to'))]).toEqual(['ok', false]);
    expect(said[0]).toContain("'changed': True");
    const q = project({
      'files/app/a.txt': 'one\n',
      'site.yml': play(
        '- synchronize: {src: app/, dest: "{T}/to"}\n  name: one\n- slurp: {src: "{T}/to/a.txt"}\n  name: two',
      ),
    });
    expect((await q.plan()).lines).toEqual(['a one changed', 'a two unknown']);
  });

  it('gives the program on the host the environment of the task, and no secret to its arguments', async () => {
    const p = tree('src: app/, dest: "{T}/to", rsync_path: "{T}/rsync"', `environment: {WORD: "it's s3cret"}`, {
      rsync: '#!/bin/sh\necho "$WORD" >"$0.word"\ntr "\\0" " " </proc/$PPID/cmdline >"$0.parent"\nexec rsync "$@"\n',
    });
    chmodSync(p.path('rsync'), 0o755);
    expect(status(await p.apply())).toBe('changed');
    expect(p.read('rsync.word')).toBe("it's s3cret\n");
    expect(p.read('rsync.parent')).not.toContain('s3cret');
  });

  it('is stopped by its timeout', async () => {
    const p = tree('src: app/, dest: "{T}/to", rsync_path: "sleep 600; rsync"', 'timeout: 1');
    const { tasks } = await p.apply();
    expect(tasks[0]?.diagnostic?.message).toMatch(/^timed out after 1 s: synchronize$/);
  });

  it.each([
    [
      'a program that the host lacks',
      'src: app, dest: /srv/x, rsync_path: no-such-rsync',
      '',
      /the host has no no-such-rsync/,
    ],
    ['a source that is not there', 'mode: pull, src: "{T}/gone", dest: to', '', /rsync failed with exit code 23/],
    ['a path that is not absolute', 'src: app, dest: srv', '', /'srv' is no absolute path on the host/],
    ['another host', 'src: /etc/hosts, dest: /srv/x', 'delegate_to: b', /between two hosts is not supported/],
  ])('says what is wrong: %s', async (_, args, more, expected) => {
    const p = tree(args, more, { 'hosts.yml': ONE_HOST.replace('a:', 'a:\n    b:') });
    const { tasks } = await p.apply({ limit: 'a' });
    expect(tasks[0]?.diagnostic?.message).toMatch(expected);
  });

  it('finds a missing source before the run', async () => {
    const p = project({ 'site.yml': play('- synchronize: {src: gone/, dest: /srv/x}') });
    await expect(p.apply()).rejects.toThrow(/'gone\/?' does not exist/);
  });
});

describe('synchronize refuses', () => {
  it.each([
    [{ src: 'web1:/srv', dest: '/srv' }, /'web1:\/srv' names a server/],
    [{ src: 'a', dest: 'rsync://web1/srv' }, /names a server/],
    [{ src: 'a', dest: '/b', delete: true, recursive: false }, /'delete' needs 'recursive'/],
    [{ src: 'a', dest: '/b', rsync_opts: [''] }, /rsync_opts.0/],
    [{ src: 'a', dest: '/b', rsync_opts: ['--rsh=ssh'] }, /'--rsh' of rsync is not supported; .*connection of the run/],
    [{ src: 'a', dest: '/b', rsync_opts: ['-e "ssh -p 22"'] }, /'-e' of rsync/],
    [{ src: 'a', dest: '/b', rsync_opts: ['-vn'] }, /'-n' of rsync .*check_mode/],
    [{ src: 'a', dest: '/b', rsync_opts: ["--exclude='x"] }, /a quote is not closed/],
    [{ src: 'a', dest: '/b', dest_port: 22 }, /unknown argument 'dest_port'/],
  ])('%o', (args, expected) => {
    expect(refusal(synchronize, args)).toMatch(expected);
  });

  it('no option that only looks like one of these', () => {
    expect(refusal(synchronize, { src: 'a', dest: '/b', rsync_opts: ['-f- *.en', '--exclude=-e', '-az'] })).toBe('');
  });
});
