import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { subversion } from '../../../src/modules/subversion.ts';
import { apply, bound, context, list, read, refusal, scratch, words } from './harness.ts';

const why = spawnSync('svn', ['--version']).status === 0 ? '' : ' (skipped: this machine has no svn)';
const shell = (folder: string, script: string): string =>
  execFileSync('sh', ['-ec', script], { cwd: folder, encoding: 'utf8' });

/** A repository with two branches; trunk has two revisions, of which the second changes `file`. */
function repository() {
  const folder = scratch();
  shell(
    folder,
    `svnadmin create r; svn -q mkdir -m x file://$PWD/r/trunk file://$PWD/r/other; svn -q co file://$PWD/r/trunk w
    cd w; echo one >file; svn -q add file; svn -q ci -m one; echo two >file; svn -q ci -m two`,
  );
  return { folder, repo: `file://${folder}/r/trunk`, dest: `${folder}/app` };
}

describe.skipIf(why !== '')(`subversion${why}`, () => {
  it('checks out, updates, and goes back to a revision', () => {
    const { folder, repo, dest } = repository();
    const head = apply(subversion, { repo, dest });
    expect(head).toMatchObject({
      first: [`check out ${repo} to ${dest}`],
      again: [],
      data: { before: null, after: ['Revision: 3', `URL: ${repo}`] },
    });
    expect(read(`${dest}/file`)).toBe('two\n');
    expect(apply(subversion, { repo: `${repo}/`, dest }).first).toEqual([]);
    expect(apply(subversion, { repo, dest, revision: '2' })).toMatchObject({
      first: [`update ${dest} to 2`],
      again: [],
      data: { before: ['Revision: 3', `URL: ${repo}`], after: ['Revision: 2', `URL: ${repo}`] },
    });
    expect(read(`${dest}/file`)).toBe('one\n');
    expect(apply(subversion, { repo, dest, update: false }).first).toEqual([]);
    shell(folder, 'svn -q mkdir -m x file://$PWD/r/other/deep');
    expect(apply(subversion, { repo, dest, revision: '3' }).first).toEqual([`update ${dest} to 3`]);
    expect(apply(subversion, { repo, dest }).first).toEqual([]);
  });

  it('keeps local modifications, or discards them', () => {
    const { repo, dest } = repository();
    apply(subversion, { repo, dest });
    writeFileSync(`${dest}/file`, 'mine\n');
    writeFileSync(`${dest}/unknown`, 'mine\n');
    expect(apply(subversion, { repo, dest }).first).toBe(`${dest} has local modifications`);
    expect(apply(subversion, { repo, dest, force: true })).toMatchObject({
      first: [expect.stringContaining('update')],
      again: [],
    });
    expect([read(`${dest}/file`), existsSync(`${dest}/unknown`)]).toEqual(['two\n', true]);
  });

  it('switches to another address, or not', () => {
    const { repo, dest } = repository();
    apply(subversion, { repo, dest });
    const other = repo.replace('trunk', 'other');
    expect(apply(subversion, { repo: other, dest, switch: false }).first).toEqual([]);
    expect(apply(subversion, { repo: other, dest })).toMatchObject({
      first: [`switch ${dest} to ${other}`],
      again: [],
    });
    expect(list(dest)).toEqual(['.svn']);
  });

  it('checks out into a directory with files only if asked', () => {
    const { repo, dest } = repository();
    mkdirSync(dest);
    writeFileSync(`${dest}/file`, 'mine\n');
    expect(apply(subversion, { repo, dest }).first).toBe(`${dest} is not empty and is no Subversion repository`);
    expect(apply(subversion, { repo, dest, in_place: true, force: true })).toMatchObject({
      first: [expect.any(String)],
      again: [],
    });
    expect(read(`${dest}/file`)).toBe('two\n');
  });

  it('exports in each run, and only over files with force', () => {
    const { repo, dest } = repository();
    expect(apply(subversion, { repo, dest, export: true }).first).toEqual([`export ${repo} to ${dest}`]);
    expect(list(dest)).toEqual(['file']);
    expect(apply(subversion, { repo, dest, export: true }).failed).toMatch(/already exists/);
    expect(apply(subversion, { repo, dest, export: true, force: true, revision: '2' }).failed).toBeUndefined();
    expect(read(`${dest}/file`)).toBe('one\n');
  });

  it('only tells the revision, or does nothing without checkout', () => {
    const { repo, dest } = repository();
    expect(apply(subversion, { repo, checkout: false, update: false })).toMatchObject({
      first: [],
      data: { after: 'Revision: 3' },
    });
    expect(apply(subversion, { repo, dest, checkout: false }).first).toEqual([]);
    expect(apply(subversion, { repo: `${repo}x`, dest }).first).toMatch(/^svn cannot read/);
  });
});

describe('subversion', () => {
  it('gives svn the password on its stdin', () => {
    const script = bound(subversion, { repo: 'https://x/y', dest: '/d', username: 'ada', password: 's3cret' }).probe?.(
      context(),
    );
    expect(script?.text).toContain(
      'printf \'%s\\n\' s3cret | LC_ALL=C svn --non-interactive --no-auth-cache "$c" --trust-server-cert --username ada --password-from-stdin',
    );
    expect(script?.secrets).toContain('s3cret');
    const own = bound(subversion, {
      repo: 'https://x/y',
      dest: '/d',
      executable: '/opt/svn',
      validate_certs: true,
    }).probe?.(context());
    expect(own?.text).toContain('/opt/svn --non-interactive');
    expect(own?.text).not.toContain('--trust-server-cert');
  });

  it('needs svn', () => {
    expect(words(bound(subversion, { repo: 'https://x/y', dest: '/d' }).plan('svn missing', context()))).toBe(
      'the host has no svn',
    );
  });

  it.each([
    [{ repo: '/srv/r', dest: '/d' }, /an address/],
    [{ repo: 'file:///r' }, /'dest' is missing/],
    [{ repo: 'file:///r', dest: '/d', password: 'x' }, /'username' is missing/],
    [{ repo: 'file:///r', dest: '/d', revision: '-x' }, /HEAD, a number/],
  ])('refuses %o', (args, expected) => {
    expect(refusal(subversion, args)).toMatch(expected);
  });
});
