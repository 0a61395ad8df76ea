import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type Project, play, project } from '../support/project.ts';

const statuses = async (p: Project): Promise<readonly string[]> => (await p.apply()).tasks.map((t) => t.status);

test.each([
  ['with force', '{T}/fetched', '{T}/fetched', 'force: true, '],
  ['into a directory', '{T}/folder', '{T}/folder/file', ''],
])('get_url %s downloads each time, and reports changed only for different content', async (_, dest, path, more) => {
  let text = 'one\n';
  const server = createServer((_request, response) => response.end(text));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const p = project({ 'site.yml': play(`- get_url: {url: '${url}', ${more}dest: '${dest}'}`) });
  mkdirSync(p.path('folder'));
  const read = (): string => p.read(path.replace('{T}/', ''));
  expect([await statuses(p), read()]).toEqual([['changed'], 'one\n']);
  expect(await statuses(p)).toEqual(['ok']);
  text = 'two\n';
  expect([await statuses(p), read()]).toEqual([['changed'], 'two\n']);
});

test('get_url with force keeps the old file if the server answers with an error', async () => {
  const server = createServer((_request, response) => response.writeHead(404).end('not here'));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
  const p = project({ old: 'old\n', 'site.yml': play(`- get_url: {url: '${url}', force: true, dest: '{T}/old'}`) });
  expect([await statuses(p), p.read('old')]).toEqual([['failed'], 'old\n']);
});

test('get_url copies a file of the host, compared by its checksum', async () => {
  const sum = (of: string): string => `checksum: 'sha256:${of}'`;
  const task = (more: string): string => play(`- get_url: {url: 'file://{T}/a%20file', dest: '{T}/copy', ${more}}`);
  const p = project({ 'a file': 'x\n', 'site.yml': task(sum('0'.repeat(64))) });
  const [failed] = (await p.apply()).tasks;
  expect(failed?.diagnostic?.detail).toContain('the checksum is');
  p.write({ 'site.yml': task(sum('73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac')) });
  expect([await statuses(p), p.read('copy'), await statuses(p)]).toEqual([['changed'], 'x\n', ['ok']]);
});

test('get_url takes the checksum from a URL', async () => {
  let text = 'one\n';
  const sha256 = (of: string): string => createHash('sha256').update(of).digest('hex');
  let list = (): string => `${sha256('other')}  other\n${sha256(text)} *./file\n`;
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.end(request.url === '/file' ? text : list());
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const task = `- get_url: {url: '${base}/file', dest: '{T}/out', checksum: 'sha256:${base}/SHA256SUMS', mode: '0600'}`;
  const p = project({ 'site.yml': play(task) });
  expect([await statuses(p), p.read('out'), await statuses(p)]).toEqual([['changed'], 'one\n', ['ok']]);
  expect(asked.filter((url) => url === '/file')).toHaveLength(1);
  text = 'two\n';
  expect([await statuses(p), p.read('out')]).toEqual([['changed'], 'two\n']);
  list = () => sha256(text);
  expect(await statuses(p)).toEqual(['ok']);
  list = () => `${sha256('bad')}  file\n`;
  const [refused] = (await p.apply()).tasks;
  expect(refused?.diagnostic?.detail).toContain('the checksum is');
  list = () => 'nothing here\n';
  const [failed] = (await p.apply()).tasks;
  expect(failed?.diagnostic?.detail).toContain('there is no checksum of file');
  expect(p.read('out')).toBe('two\n');
});
