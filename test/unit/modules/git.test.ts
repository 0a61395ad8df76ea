import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isBlocked } from '../../../src/core/module.ts';
import { git } from '../../../src/modules/git.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { apply, bound, changes, context, read, refusal, scratch, words } from './harness.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const REPO = 'https://git.foobar.com/app.git';
const url = (text: string): string => `url ${encodeBase64(text)}\n`;
const there = `repository yes\nhead ${A}\nbranch main\ndefault main\n${url(REPO)}`;

describe('what is planned', () => {
  test.each([
    ['no git', 'git missing\n', {}, 'the host has no git'],
    ['missing', `remote ${A} HEAD\nremotehead main\n`, {}, [`clone ${REPO} to /srv/app (HEAD)`]],
    ['missing, clone: false', `remote ${A} HEAD\nremotehead main\n`, { clone: false }, []],
    ['other files', 'occupied yes\n', {}, '/srv/app is not empty and is no git repository'],
    ['up to date', `${there}remotehead main\nremote ${A} HEAD\nremote ${A} refs/heads/main\n`, {}, []],
    [
      'behind',
      `${there}remotehead main\nremote ${B} HEAD\nremote ${B} refs/heads/main\n`,
      {},
      ['/srv/app: check out HEAD (aaaaaaaa → bbbbbbbb)'],
    ],
    ['behind, update: false', there, { update: false }, []],
    ['at the tag', `${there}remote ${B} refs/tags/v1\nremote ${A} refs/tags/v1^{}\n`, { version: 'v1' }, []],
    [
      'another branch at the same commit',
      `${there}remote ${A} refs/heads/next\n`,
      { version: 'next' },
      ['/srv/app: check out next'],
    ],
    ['at a short commit', `${there}local ${A}\n`, { version: 'aaaaaaa' }, []],
    ['at the commit', there, { version: A }, []],
    [
      'another address',
      `${there.replace(url(REPO), url('https://old/app.git'))}remote ${A} HEAD\nremotehead main\n`,
      {},
      [`/srv/app: set the address of origin to ${REPO}`],
    ],
    ['modified', `${there}modified  M README\n`, {}, '/srv/app has local modifications'],
    [
      'modified, by force',
      `${there}modified  M README\nremotehead main\nremote ${A} HEAD\n`,
      { force: true },
      ['/srv/app: discard local modifications'],
    ],
    [
      'a submodule is missing',
      `${there}submodule lib\nremotehead main\nremote ${A} HEAD\n`,
      {},
      ['/srv/app: check out submodules'],
    ],
    ['unreachable', `unreachable ${encodeBase64('no route')}\n`, {}, `git cannot read ${REPO}`],
    ['of another user', `repository yes\nrefused ${encodeBase64('dubious')}\n`, {}, 'git refuses to work in /srv/app'],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(bound(git, { repo: REPO, dest: '/srv/app', ...args }).plan(observed, context()))).toEqual(expected);
  });
});

describe('arguments', () => {
  test.each([
    [{ umask: '99' }, /octal umask/],
    [{ repo: '--upload-pack=x' }, /address of a repository/],
    [{ version: '-x' }, /a branch, a tag or a commit/],
    [{ accept_hostkey: true, accept_newhostkey: true }, /exclude each other/],
    [{ track_submodules: true, recursive: false }, /needs 'recursive'/],
    [{ archive: '/x.zip' }, /unknown argument 'archive'/],
  ])('%j', (args, message) => {
    expect(refusal(git, { repo: REPO, dest: '/srv/app', ...args })).toMatch(message);
  });

  test('a password is in the environment only', () => {
    const step = bound(git, { repo: 'https://bot:s3%3Acret@git.foobar.com/app.git', dest: '/srv/app' });
    const [change] = changes(step.plan(`remote ${A} HEAD\nremotehead main\n`, context()));
    const header = `Authorization: Basic ${encodeBase64('bot:s3:cret')}`;
    for (const script of [step.probe?.(context()), change?.run]) {
      expect(script?.text).not.toContain('s3');
      expect(script?.secrets).toEqual([header]);
      expect(script?.text).toContain(`GIT_CONFIG_VALUE_0='${header}'`);
    }
    expect(change?.what).toBe(`clone ${REPO} to /srv/app (HEAD)`);
  });

  test('a probe writes no known_hosts', () => {
    const step = bound(git, { repo: 'git@h:a', dest: '/srv/app', accept_newhostkey: true, key_file: "/root/it's" });
    const probe = step.probe?.(context()).text ?? '';
    expect(probe).toContain('UserKnownHostsFile=/dev/null');
    const [change] = changes(step.plan(`remote ${A} HEAD\n`, context()));
    expect(change?.run.text).not.toContain('UserKnownHostsFile');
    expect(change?.run.text).toContain('StrictHostKeyChecking=accept-new');
  });
});

describe('with real repositories', () => {
  const run = (cwd: string, ...argv: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'protocol.file.allow=always', ...argv], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const commit = (repo: string, text: string): string => {
    writeFileSync(join(repo, 'file'), text);
    run(repo, 'add', '.');
    run(repo, 'commit', '-qm', text);
    return run(repo, 'rev-parse', 'HEAD');
  };
  const make = () => {
    const folder = scratch();
    const repo = join(folder, 'repo');
    run(folder, 'init', '-q', '-b', 'main', repo);
    const one = commit(repo, 'one');
    run(repo, 'tag', '-am', 'v1', 'v1');
    const two = commit(repo, 'two');
    return { folder, repo, one, two, dest: join(folder, 'deep', 'dest') };
  };

  test('clone, update, tag, commit, branch; each once', () => {
    const { repo, dest, one, two } = make();
    const go = (args: Readonly<Record<string, unknown>> = {}) => apply(git, { repo, dest, ...args });
    const first = go();
    expect([first.failed, first.again]).toEqual([undefined, []]);
    expect(first.data).toEqual({ before: null, after: two, remote_url_changed: false });
    const three = commit(repo, 'three');
    expect(go().data).toEqual({ before: two, after: three, remote_url_changed: false });
    expect(read(join(dest, 'file'))).toBe('three');
    const tag = go({ version: 'v1' });
    expect([tag.data['after'], tag.again]).toEqual([one, []]);
    expect(go({ version: two }).data['after']).toBe(two);
    expect(go({ version: two.slice(0, 8) }).first).toEqual([]);
    run(repo, 'checkout', '-qb', 'next');
    const four = commit(repo, 'four');
    const next = go({ version: 'next' });
    expect([next.data['after'], next.again]).toEqual([four, []]);
    expect(run(dest, 'rev-parse', '--abbrev-ref', 'next@{upstream}')).toBe('origin/next');
    expect(go({ update: false }).first).toEqual([]);
  });

  test('local modifications', () => {
    const { repo, dest } = make();
    apply(git, { repo, dest });
    writeFileSync(join(dest, 'untracked'), '');
    expect(apply(git, { repo, dest }).first).toEqual([]);
    writeFileSync(join(dest, 'file'), 'mine');
    expect(apply(git, { repo, dest }).first).toBe(`${dest} has local modifications`);
    const forced = apply(git, { repo, dest, force: true });
    expect([forced.failed, forced.again, read(join(dest, 'file'))]).toEqual([undefined, [], 'two']);
    expect(existsSync(join(dest, 'untracked'))).toBe(true);
  });

  test('shallow clones follow a branch, then a tag', () => {
    const { repo, dest, one } = make();
    const url = `file://${repo}`;
    expect(apply(git, { repo: url, dest, depth: 1, version: 'main' }).again).toEqual([]);
    expect(run(dest, 'rev-list', '--count', 'HEAD')).toBe('1');
    commit(repo, 'three');
    const more = apply(git, { repo: url, dest, depth: 1, version: 'main' });
    expect([more.failed, more.again, read(join(dest, 'file'))]).toEqual([undefined, [], 'three']);
    const tag = apply(git, { repo: url, dest, depth: 1, version: 'v1' });
    expect([tag.failed, tag.again, tag.data['after']]).toEqual([undefined, [], one]);
    const whole = apply(git, { repo: url, dest, version: 'main' });
    expect([whole.failed, whole.again, run(dest, 'rev-list', '--count', 'HEAD')]).toEqual([undefined, [], '3']);
  });

  test('a bare mirror gets every branch; an address that moved is set', () => {
    const { repo, dest, folder } = make();
    expect(apply(git, { repo, dest, bare: true }).again).toEqual([]);
    run(repo, 'branch', 'other');
    const more = apply(git, { repo, dest, bare: true });
    expect([more.failed, more.again]).toEqual([undefined, []]);
    expect(run(dest, 'branch', '--list', 'other')).toBe('other');
    const clone = join(folder, 'clone');
    apply(git, { repo, dest: clone });
    run(folder, 'clone', '-q', '--bare', repo, 'moved');
    const moved = apply(git, { repo: join(folder, 'moved'), dest: clone });
    expect([moved.failed, moved.again, moved.data['remote_url_changed']]).toEqual([undefined, [], true]);
  });

  test('submodules, and a repository that is not there', () => {
    const { repo, dest, folder } = make();
    const lib = join(folder, 'lib');
    run(folder, 'init', '-q', '-b', 'main', lib);
    commit(lib, 'lib one');
    run(repo, 'submodule', '--quiet', 'add', lib, 'lib');
    commit(repo, 'with lib');
    const before = process.env['GIT_ALLOW_PROTOCOL'];
    process.env['GIT_ALLOW_PROTOCOL'] = 'file';
    try {
      const first = apply(git, { repo, dest });
      expect([first.failed, first.again, read(join(dest, 'lib', 'file'))]).toEqual([undefined, [], 'lib one']);
      expect(first.data['submodules_changed']).toBe(true);
    } finally {
      if (before === undefined) delete process.env['GIT_ALLOW_PROTOCOL'];
      else process.env['GIT_ALLOW_PROTOCOL'] = before;
    }
    const step = bound(git, { repo: join(folder, 'gone'), dest: join(folder, 'x') });
    expect(isBlocked(step.plan(`unreachable ${encodeBase64('x')}\n`, context()))).toBe(true);
  });
});

describe('verify_commit', () => {
  const [ADA, BOB] = ['A'.repeat(40), 'B'.repeat(40)];

  /** A repository with a commit, a signed commit on the branch `signed`, and a gpg that knows ADA's signatures. */
  function signedRepository(): Readonly<{ repo: string; config: string }> {
    const dir = scratch();
    const config = join(dir, 'config');
    writeFileSync(
      join(dir, 'gpg'),
      `#!/bin/sh
cat >/dev/null
case "$*" in
*--verify*) echo '[GNUPG:] NEWSIG'; echo '[GNUPG:] GOODSIG 1 ada'; echo '[GNUPG:] VALIDSIG ${'C'.repeat(40)} 2026-01-01 1 0 4 0 1 10 00 ${ADA}' ;;
*) echo '[GNUPG:] SIG_CREATED D' >&2; printf -- '-----BEGIN PGP SIGNATURE-----\\nx\\n-----END PGP SIGNATURE-----\\n' ;;
esac
`,
      { mode: 0o755 },
    );
    writeFileSync(
      config,
      `[user]\nname=a\nemail=a@b\n[gpg]\nprogram=${join(dir, 'gpg')}\n[init]\ndefaultBranch=main\n`,
    );
    const repo = join(dir, 'repo');
    const env = { ...process.env, GIT_CONFIG_GLOBAL: config };
    const g = (...words: readonly string[]): void => void execFileSync('git', ['-C', repo, ...words], { env });
    execFileSync('git', ['init', '-q', repo], { env });
    writeFileSync(join(repo, 'f'), 'plain');
    g('add', 'f');
    g('commit', '-qm', 'plain');
    g('checkout', '-qb', 'signed');
    writeFileSync(join(repo, 'f'), 'signed');
    g('commit', '-qam', 'signed', '-S');
    g('checkout', '-q', 'main');
    return { repo, config };
  }

  test.each([
    ['a signed branch', 'signed', [], ''],
    ['signed by a key of the list', 'signed', [BOB, ADA.toLowerCase()], ''],
    ['signed by another key', 'signed', [BOB], `gpg_whitelist does not include the key ${ADA}`],
    ['not signed', 'main', [], 'its signature cannot be verified'],
  ] as const)('%s', (_, version, gpg_whitelist, problem) => {
    const { repo, config } = signedRepository();
    process.env['GIT_CONFIG_GLOBAL'] = config;
    onTestFinished(() => void delete process.env['GIT_CONFIG_GLOBAL']);
    const dest = join(scratch(), 'copy');
    const result = apply(git, { repo, dest, version, verify_commit: true, gpg_whitelist });
    if (problem === '') {
      expect([result.failed, result.again, read(`${dest}/f`)]).toEqual([undefined, [], 'signed']);
    } else {
      expect(result.failed).toContain(problem);
      expect([existsSync(`${dest}/f`), existsSync(`${dest}/.git`)]).toEqual([false, false]);
    }
  });

  test.each([
    [{ gpg_whitelist: [ADA] }, "'gpg_whitelist' needs 'verify_commit'"],
    [{ gpg_whitelist: ['ada'], verify_commit: true }, 'the fingerprint of a key'],
    [{ bare: true, verify_commit: true }, 'a bare repository has nothing to verify'],
  ])('%j is refused', (args, problem) => {
    expect(refusal(git, { repo: REPO, dest: '/srv/app', ...args })).toContain(problem);
  });
});
