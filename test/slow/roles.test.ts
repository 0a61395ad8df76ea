// Roles in the style of public ones, on Debian 12 and 13. They use what such roles use: variables by distribution, defaults
// that are derived, files that are looked for, handlers with topics, results that decide.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { troubles } from '../lab/support/converge.ts';
import { twoDebians } from '../lab/support/rack.ts';

describe('sixteen roles', () => {
  const lab = twoDebians('10.83.181');
  const root = (command: string): Promise<readonly string[]> =>
    Promise.all(['d12', 'd13'].map(async (host) => (await lab.root(host, command)).trim()));
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  it('are planned without an error', async () => {
    const planned = await lab.plan('test/slow/roles.yml');
    expect(troubles(planned)).toEqual([]);
  });

  it('converge, and change nothing the second time', async () => {
    const first = await lab.apply('test/slow/roles.yml');
    expect(troubles(first).filter((one) => !one.includes('Get k3s installed version'))).toEqual([]);
    expect(first.recap.failed).toBe(false);
    const again = await lab.apply('test/slow/roles.yml');
    expect(troubles(again)).toEqual([]);
    expect(again.tasks.filter((e) => e.status === 'changed').map((e) => `${e.host} ${e.task}`)).toEqual([]);
  });

  it('leave the services running', async () => {
    const units = 'nginx postgresql php*-fpm smbd grafana-server k3s fail2ban restic-backup.timer';
    const [bookworm = '', trixie = ''] = await root(`systemctl is-active ${units} | sort | uniq -c`);
    expect([bookworm, trixie]).toEqual([expect.stringMatching(/^\d+ active$/), expect.stringMatching(/^\d+ active$/)]);
    expect(await root('curl -fs http://127.0.0.1:8099/sha256sums.txt | wc -l; sudo -u alice sudo -n id -un')).toEqual([
      '1\nroot',
      '1\nroot',
    ]);
  });
});
