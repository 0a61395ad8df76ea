import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { authorized_key } from '../../../src/modules/authorized_key.ts';
import { play, project } from '../support/project.ts';
import { bound, context } from './harness.ts';

const ED = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada';

test('authorized_key takes the keys from a URL', async () => {
  let keys = `${ED}\n`;
  const server = createServer((_, response) => response.writeHead(keys === '' ? 404 : 200).end(keys));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ada.keys`;
  const task = `- authorized_key: {user: root, key: '${url}', path: '{T}/keys', manage_dir: false}`;
  const p = project({ keys: '# mine\n', 'site.yml': play(task) });
  const status = async (): Promise<string | undefined> => (await p.apply()).tasks[0]?.status;
  expect([await status(), p.read('keys'), await status()]).toEqual(['changed', `# mine\n${ED}\n`, 'ok']);
  keys = '<html>no keys</html>\n';
  expect((await p.apply()).tasks[0]?.diagnostic?.message).toContain('it brought no public key');
  keys = '';
  expect((await p.apply()).tasks[0]?.diagnostic?.message).toContain('404');
  expect(p.read('keys')).toBe(`# mine\n${ED}\n`);
});

test('authorized_key verifies the certificate unless told otherwise', () => {
  const probe = (more: object): string =>
    bound(authorized_key, { user: 'ada', key: 'https://x.invalid/k', ...more }).probe?.(context()).text ?? '';
  expect(probe({})).not.toMatch(/ -k |no-check-certificate/);
  expect(probe({ validate_certs: false })).toMatch(/ -k .*no-check-certificate/s);
});
