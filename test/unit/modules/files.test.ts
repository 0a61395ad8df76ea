import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { blockinfile } from '../../../src/modules/blockinfile.ts';
import { copy } from '../../../src/modules/copy.ts';
import { file } from '../../../src/modules/file.ts';
import { lineinfile } from '../../../src/modules/lineinfile.ts';
import { replace } from '../../../src/modules/replace.ts';
import { stat } from '../../../src/modules/stat.ts';
import { template } from '../../../src/modules/template.ts';
import { apply, context, list, mode, read, scratch } from './harness.ts';

describe('copy', () => {
  test('creates, updates, then changes nothing', () => {
    const dir = scratch();
    const dest = `${dir}/a b'c`;
    expect(apply(copy, { content: "it's\n", dest })).toMatchObject({ first: [`create ${dest}`], again: [] });
    expect(read(dest)).toBe("it's\n");
    expect(mode(dest)).toBe('0644');
    expect(apply(copy, { content: 'new\n', dest, mode: '0600', backup: true })).toMatchObject({ again: [] });
    expect(mode(dest)).toBe('0600');
    expect(list(dir)).toHaveLength(2);
    expect(apply(copy, { content: 'newer\n', dest, force: false })).toMatchObject({ first: [] });
  });

  test('changes only the mode', () => {
    const dest = `${scratch()}/x`;
    writeFileSync(dest, 'x', { mode: 0o644 });
    expect(apply(copy, { content: 'x', dest, mode: 'u=rw,go=' })).toMatchObject({
      first: [`${dest}: mode 0644 → 0600`],
      again: [],
    });
  });

  test('keeps the mode of an existing file', () => {
    const dest = `${scratch()}/x`;
    writeFileSync(dest, 'x', { mode: 0o640 });
    apply(copy, { content: 'y', dest });
    expect([read(dest), mode(dest)]).toEqual(['y', '0640']);
  });

  test('changes nothing if the validator rejects the file', () => {
    const dir = scratch();
    writeFileSync(`${dir}/x`, 'good\n');
    const result = apply(copy, { content: 'bad\n', dest: `${dir}/x`, validate: 'grep -q good %s', backup: true });
    expect(result.failed).toContain('refused by: grep -q good %s');
    expect([read(`${dir}/x`), list(dir)]).toEqual(['good\n', ['x']]);
    expect(apply(copy, { content: 'good 2\n', dest: `${dir}/x`, validate: "grep -q 'good' %s" })).toMatchObject({
      again: [],
    });
  });

  test('follows a symlink instead of replacing it', () => {
    const dir = scratch();
    writeFileSync(`${dir}/real`, 'old');
    symlinkSync('real', `${dir}/link`);
    expect(apply(copy, { content: 'new', dest: `${dir}/link` }).again).toEqual([]);
    expect([read(`${dir}/real`), list(dir)]).toEqual(['new', ['link', 'real']]);
  });

  test('appends the name if dest is a directory', () => {
    const dir = scratch();
    const ctx = context({ 'conf/app.conf': 'a' });
    expect(apply(copy, { src: 'conf/app.conf', dest: dir }, ctx).again).toEqual([]);
    expect(apply(copy, { src: 'conf/app.conf', dest: `${dir}/sub/` }, ctx).again).toEqual([]);
    expect(read(`${dir}/app.conf`) + read(`${dir}/sub/app.conf`)).toBe('aa');
    expect(apply(copy, { src: 'conf/app.conf', dest: `${dir}/none/app.conf` }, ctx).first).toBe(
      `the directory ${dir}/none does not exist on the host`,
    );
  });

  test('copies binary and large files', () => {
    const dir = scratch();
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256);
    const ctx = context({ large: bytes, small: bytes.subarray(0, 3000) });
    for (const src of ['large', 'small']) expect(apply(copy, { src, dest: `${dir}/${src}` }, ctx).again).toEqual([]);
    expect(statSync(`${dir}/large`).size).toBe(100_000);
    expect(list(dir)).toEqual(['large', 'small']);
  });

  test('copies a tree', () => {
    const dir = scratch();
    const long = `sub/${'x'.repeat(120)}.txt`;
    const ctx = context({ 'site/a b.html': 'a', 'site/sub/b.html': 'b', [`site/${long}`]: 'l' });
    const args = { src: 'site/', dest: `${dir}/www`, mode: '0640', directory_mode: '0750' };
    expect(apply(copy, args, ctx)).toMatchObject({ again: [] });
    expect([read(`${dir}/www/a b.html`), mode(`${dir}/www/sub/b.html`), mode(`${dir}/www/sub`)]).toEqual([
      'a',
      '0640',
      '0750',
    ]);
    expect(list(`${dir}/www`)).toEqual(['a b.html', 'sub']);
    writeFileSync(`${dir}/www/sub/b.html`, 'changed');
    expect(apply(copy, args, ctx)).toMatchObject({ first: [`copy sub/b.html to ${dir}/www`], again: [] });
    expect(apply(copy, { ...args, src: 'site', dest: dir }, ctx)).toMatchObject({ again: [] });
    expect(read(`${dir}/site/${long}`)).toBe('l');
  });

  test('copies on the host', () => {
    const dir = scratch();
    writeFileSync(`${dir}/a`, 'a');
    expect(apply(copy, { src: `${dir}/a`, dest: `${dir}/b`, remote_src: true })).toMatchObject({ again: [] });
    mkdirSync(`${dir}/d/sub`, { recursive: true });
    writeFileSync(`${dir}/d/sub/f`, 'f');
    expect(apply(copy, { src: `${dir}/d/`, dest: `${dir}/e`, remote_src: true })).toMatchObject({ again: [] });
    expect(read(`${dir}/b`) + read(`${dir}/e/sub/f`)).toBe('af');
    mkdirSync(`${dir}/into`);
    expect(apply(copy, { src: `${dir}/d`, dest: `${dir}/into`, remote_src: true })).toMatchObject({ again: [] });
    expect(read(`${dir}/into/d/sub/f`)).toBe('f');
  });
});

test('template', () => {
  const dir = scratch();
  const ctx = context({ 't.j2': 'line\n' });
  expect(apply(template, { src: 't.j2', dest: `${dir}/t`, mode: '0600' }, ctx)).toMatchObject({
    first: [`create ${dir}/t`],
    again: [],
  });
  expect(apply(template, { src: 't.j2', dest: `${dir}/t`, newline_sequence: '\\r\\n' }, ctx)).toMatchObject({
    again: [],
  });
  expect(read(`${dir}/t`)).toBe('line\r\n');
});

describe('editors', () => {
  test('lineinfile', () => {
    const dir = scratch();
    const path = `${dir}/f`;
    expect(apply(lineinfile, { path, line: 'x' }).first).toBe(`${path} does not exist on the host`);
    expect(apply(lineinfile, { path, line: 'x', state: 'absent' }).first).toEqual([]);
    expect(apply(lineinfile, { path, line: 'a=1', create: true, mode: '0600' })).toMatchObject({ again: [] });
    expect(apply(lineinfile, { path, line: 'a=2', regexp: '^a=' })).toMatchObject({ again: [] });
    expect([read(path), mode(path)]).toEqual(['a=2\n', '0600']);
    expect(apply(lineinfile, { path: dir, line: 'x' }).first).toBe(`${dir} is a directory`);
  });

  test('blockinfile', () => {
    const path = `${scratch()}/f`;
    writeFileSync(path, 'first');
    expect(apply(blockinfile, { path, block: 'one\ntwo\n' })).toMatchObject({ again: [] });
    expect(read(path)).toBe('first\n# BEGIN ANSIBLE MANAGED BLOCK\none\ntwo\n# END ANSIBLE MANAGED BLOCK\n');
    expect(apply(blockinfile, { path, block: '' })).toMatchObject({ again: [] });
    expect(read(path)).toBe('first\n');
  });

  test('replace', () => {
    const path = `${scratch()}/f`;
    writeFileSync(path, 'port=1\nport=2\n');
    expect(apply(replace, { path, regexp: '^port=(\\d)$', replace: 'PORT \\1' })).toMatchObject({ again: [] });
    expect(read(path)).toBe('PORT 1\nPORT 2\n');
  });
});

describe('file', () => {
  test('directories with their parents', () => {
    const dir = scratch();
    expect(apply(file, { path: `${dir}/a/b/`, state: 'directory', mode: '0750' })).toMatchObject({ again: [] });
    expect([mode(`${dir}/a`), mode(`${dir}/a/b`)]).toEqual(['0750', '0750']);
    expect(apply(file, { path: `${dir}/a`, state: 'directory', mode: '2755' })).toMatchObject({ again: [] });
    expect(apply(file, { path: `${dir}/a`, state: 'directory', mode: '0755' })).toMatchObject({ again: [] });
    expect(mode(`${dir}/a`)).toBe('0755');
  });

  test('recurse', () => {
    const dir = scratch();
    apply(file, { path: `${dir}/a/b`, state: 'directory' });
    writeFileSync(`${dir}/a/b/f`, '', { mode: 0o666 });
    expect(apply(file, { path: `${dir}/a`, recurse: true, mode: 'u=rwX,g=rX,o=' })).toMatchObject({ again: [] });
    expect([mode(`${dir}/a/b`), mode(`${dir}/a/b/f`)]).toEqual(['0750', '0640']);
  });

  test('links', () => {
    const dir = scratch();
    const path = `${dir}/l k`;
    expect(apply(file, { path, state: 'link', src: 'none' }).first).toBe(
      `the link's target ${dir}/none does not exist on the host`,
    );
    expect(apply(file, { path, state: 'link', src: 'none', force: true })).toMatchObject({
      first: [`link ${path} → none`],
      again: [],
    });
    writeFileSync(`${dir}/t`, '');
    expect(apply(file, { path, state: 'link', src: 't' })).toMatchObject({ again: [] });
    expect(apply(file, { path: `${dir}/h`, state: 'hard', src: `${dir}/t` })).toMatchObject({ again: [] });
    mkdirSync(`${dir}/d`);
    expect(apply(file, { path: `${dir}/d`, state: 'link', src: 't' }).first).toBe(
      `${dir}/d is a directory, not a link`,
    );
    expect(apply(file, { path: `${dir}/d`, state: 'link', src: 't', force: true })).toMatchObject({ again: [] });
  });

  test('touch and absent', () => {
    const dir = scratch();
    const path = `${dir}/f`;
    expect(apply(file, { path, state: 'touch', modification_time: 'preserve', access_time: 'preserve' })).toMatchObject(
      { first: [`create ${path}`], again: [] },
    );
    expect(apply(file, { path, state: 'touch' }).first).toEqual([`touch ${path}`]);
    expect(apply(file, { path, state: 'absent' })).toMatchObject({ first: [`remove ${path}`], again: [] });
    expect(apply(file, { path }).first).toBe(`${path} does not exist on the host`);
  });
});

test('stat', () => {
  const dir = scratch();
  writeFileSync(`${dir}/f`, 'abc', { mode: 0o640 });
  symlinkSync('f', `${dir}/l`);
  expect(apply(stat, { path: `${dir}/f` }).data).toMatchObject({
    stat: {
      exists: true,
      isreg: true,
      mode: '0640',
      size: 3,
      checksum: 'a9993e364706816aba3e25717850c26c9cd0d89d',
      pw_name: expect.any(String),
    },
  });
  expect(apply(stat, { path: `${dir}/l` }).data).toMatchObject({
    stat: { islnk: true, lnk_target: 'f', lnk_source: `${dir}/f` },
  });
  expect(apply(stat, { path: `${dir}/none` }).data).toEqual({ stat: { exists: false } });
});

test('copy decrypts files of ansible-vault, unless it may not', () => {
  const plain = context({ key: 'clear\n', 'keys/a': 'clear\n' });
  const stored = context({ key: '$ANSIBLE_VAULT;1.1;AES256\n', 'keys/a': '$ANSIBLE_VAULT;1.1;AES256\n' });
  const ctx = {
    ...plain,
    file: (path: string) => ({ ...plain.file(path, 'files'), sealed: stored.file(path, 'files') }),
    tree: () => [{ path: 'a', file: { ...plain.file('keys/a', 'files'), sealed: stored.file('keys/a', 'files') } }],
  };
  const dir = scratch();
  apply(copy, { src: 'key', dest: `${dir}/clear` }, ctx);
  apply(copy, { src: 'key', dest: `${dir}/stored`, decrypt: false }, ctx);
  apply(copy, { src: 'keys/', dest: `${dir}/all` }, ctx);
  apply(copy, { src: 'keys/', dest: `${dir}/none`, decrypt: false }, ctx);
  expect(['clear', 'stored', 'all/a', 'none/a'].map((name) => read(`${dir}/${name}`).slice(0, 14))).toEqual([
    'clear\n',
    '$ANSIBLE_VAULT',
    'clear\n',
    '$ANSIBLE_VAULT',
  ]);
});
