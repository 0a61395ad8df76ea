import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';

/** A server that shows host keys and refuses every login. It notes who tried to log in, and how. */
export type Sshd = Readonly<{
  port: number;
  /** The fingerprint of its key of this type. */
  fingerprint: (type: string) => string;
  /** Its key of this type, as known_hosts has it. */
  key: (type: string) => string;
  attempts: string[];
  close: () => Promise<void>;
}>;

/** @param types of ssh-keygen -t. @param folder gets the keys */
export async function sshd(folder: string, types: readonly string[]): Promise<Sshd> {
  const attempts: string[] = [];
  const file = (type: string): string => join(folder, `host_${type}`);
  for (const type of types) execFileSync('ssh-keygen', ['-q', '-t', type, '-m', 'PEM', '-N', '', '-f', file(type)]);
  const server = new ssh2.Server({ hostKeys: types.map((type) => readFileSync(file(type))) }, (client) => {
    client.on('authentication', (asked) => {
      attempts.push(`${asked.username} ${asked.method}`);
      asked.reject();
    });
    client.on('error', () => {}); // clients leave before they log in
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listed = (type: string): string =>
    execFileSync('ssh-keygen', ['-lf', `${file(type)}.pub`], { encoding: 'utf8' });
  return {
    port: (server.address() as AddressInfo).port,
    fingerprint: (type) => listed(type).split(' ')[1] ?? '',
    key: (type) =>
      readFileSync(`${file(type)}.pub`, 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' '),
    attempts,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
