import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { archive } from '../../../src/modules/archive.ts';
import { apply, bound, context, list, mode, read, refusal, scratch, words } from './harness.ts';

const run = (command: string, ...args: readonly string[]): string => execFileSync(command, args, { encoding: 'utf8' });
const members = (path: string): readonly string[] =>
  (path.endsWith('.zip')
    ? run('python3', '-c', 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))', path)
    : run('tar', '-tf', path)
  )
    .trim()
    .split('\n');

/** app/{a.txt, b.log, deep/c.txt, empty/, .hidden} */
function tree(): string {
  const folder = scratch();
  mkdirSync(`${folder}/app/deep`, { recursive: true });
  mkdirSync(`${folder}/app/empty`);
  for (const [name, text] of Object.entries({ 'a.txt': 'a', 'b.log': 'b', 'deep/c.txt': 'c', '.hidden': 'h' }))
    writeFileSync(`${folder}/app/${name}`, text);
  return folder;
}

describe('archive', () => {
  it.each([
    [
      { path: 'app', dest: 'x.tgz' },
      ['app/.hidden', 'app/a.txt', 'app/b.log', 'app/deep/', 'app/deep/c.txt', 'app/empty/'],
    ],
    [{ path: 'app/', dest: 'x.tgz' }, ['.hidden', 'a.txt', 'b.log', 'deep/', 'deep/c.txt', 'empty/']],
    [{ path: ['app/*.txt', 'app/deep'], dest: 'x.tar', format: 'tar' }, ['a.txt', 'deep/c.txt']],
    [{ path: ['app/*'], exclude_path: ['app/deep', 'app/*.log'], dest: 'x.tar.xz', format: 'xz' }, ['a.txt']],
    [
      { path: 'app', exclusion_patterns: ['*.txt', 'app/e*'], dest: 'x.tbz', format: 'bz2' },
      ['app/.hidden', 'app/b.log', 'app/deep/'],
    ],
    [{ path: 'app/a.txt', force_archive: true, dest: 'x.tgz' }, ['a.txt']],
    [{ path: 'app/a.txt', format: 'tar' }, ['a.txt'], 'app/a.txt.tar'],
    [{ path: ['app/a.txt', 'app/gone'], dest: 'x.tgz' }, ['a.txt']],
  ])('%o', (args, expected, dest: string | undefined = undefined) => {
    const folder = tree();
    const at = (path: string): string => `${folder}/${path}`;
    const all = {
      ...args,
      path: [args.path].flat().map(at),
      ...('dest' in args && { dest: at(String(args.dest)) }),
      ...('exclude_path' in args && { exclude_path: args.exclude_path.map(at) }),
    };
    const { first, again } = apply(archive, all);
    expect([first.length, again]).toEqual([1, []]);
    expect(members(at(dest ?? String('dest' in args && args.dest)))).toEqual(expected);
  });

  it.each([
    ['gz', 'gzip'],
    ['bz2', 'bzip2'],
    ['xz', 'xz'],
  ])('compresses one file with %s', (format, command) => {
    const path = `${tree()}/app/a.txt`;
    const { first, again, data } = apply(archive, { path, format, mode: '0600' });
    expect([first, again]).toEqual([[`pack ${path} into ${path}.${format}`], []]);
    expect(run(command, '-dc', `${path}.${format}`)).toBe('a');
    expect(mode(`${path}.${format}`)).toBe('0600');
    expect(data).toMatchObject({ state: 'compress', dest: `${path}.${format}`, archived: [path] });
  });

  it('is packed anew after a change of content, and only then', () => {
    const folder = tree();
    const args = { path: `${folder}/app`, dest: `${folder}/app/own.tgz` };
    expect(apply(archive, args).again).toEqual([]);
    expect(members(args.dest)).not.toContain('app/own.tgz');
    writeFileSync(`${folder}/app/a.txt`, 'another');
    expect(apply(archive, args)).toMatchObject({ first: [expect.any(String)], again: [] });
    utimesSync(`${folder}/app/a.txt`, 1, 1);
    expect(apply(archive, args)).toMatchObject({ first: [expect.any(String)], again: [] });
  });

  it('packs links as links, and a file whose name is strange', () => {
    const folder = tree();
    symlinkSync('a.txt', `${folder}/app/link`);
    writeFileSync(`${folder}/app/-x 'y'\nz`, '');
    const args = { path: `${folder}/app`, dest: `${folder}/x.tar`, format: 'tar' };
    const { again, data } = apply(archive, args);
    expect(again).toEqual([]);
    expect(run('tar', '-tvf', args.dest)).toMatch(/app\/link -> a\.txt/);
    expect(data['archived']).toContain(`${folder}/app/-x 'y'\nz`);
    expect(data).toMatchObject({ arcroot: `${folder}/`, state: 'archive', expanded_paths: [args.path] });
  });

  it('removes what it packed, once', () => {
    const folder = tree();
    const args = { path: [`${folder}/app/*`], dest: `${folder}/x.tgz`, remove: true };
    const { first, again } = apply(archive, args);
    expect(first.length).toBe(2);
    expect(again).toEqual([]);
    expect(list(`${folder}/app`)).toEqual(['.hidden']);
    expect(members(args.dest)).toContain('a.txt');
    expect(apply(archive, args)).toMatchObject({ first: [], data: { state: 'archive', archived: [] } });
  });

  it('leaves the old archive as it is if a file cannot be read to its end', () => {
    const folder = tree();
    const args = { path: `${folder}/app`, dest: `${folder}/x.tgz` };
    apply(archive, args);
    const before = run('sha256sum', args.dest);
    const step = bound(archive, args);
    const seen = run('dash', '-c', `set -u\n${step.probe?.(context()).text}`).replace(/^same yes$/m, '');
    const steps = step.plan(seen, context());
    if ('blocked' in steps) throw new Error(steps.blocked.message);
    const broken = `tar() { return 2; }\n${steps[0]?.run.text}`;
    expect(() => execFileSync('dash', ['-c', broken], { cwd: `${folder}/app/empty`, stdio: 'ignore' })).toThrow();
    expect(run('sha256sum', args.dest)).toBe(before);
    expect(read(`${folder}/app/a.txt`)).toBe('a');
  });

  it.each([
    ['tool missing', /the host has no zip/],
    ['kind many\ninside yes', /in a directory that the task removes/],
  ])('says what is in the way: %s', (seen, expected) => {
    const found = Buffer.from('/srv\0').toString('base64');
    const args = { path: '/srv', dest: '/srv/x.zip', format: 'zip', remove: true };
    expect(words(bound(archive, args).plan(`parent yes!\nfound ${found}\n${seen}\n`, context()))).toMatch(expected);
  });

  it('needs a destination for more than one file', () => {
    expect(refusal(archive, { path: ['/a', '/b'] })).toMatch(/'dest' is missing/);
    expect(refusal(archive, { path: '/a/*' })).toMatch(/'dest' is missing/);
    const folder = tree();
    expect(apply(archive, { path: `${folder}/app` }).first).toMatch(/is a directory/);
    expect(apply(archive, { path: `${folder}/gone`, dest: `${folder}/x.tgz` }).first).toMatch(/gone does not exist/);
  });
});
