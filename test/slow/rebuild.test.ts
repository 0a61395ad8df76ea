// Every host of the site is rebuilt while it serves reads and writes. Where a peer exists, no request may fail.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { underLoad } from '../lab/support/load.ts';
import { makeRack, type Rack } from '../lab/support/rack.ts';

const NET = '10.83.177';
const SITE = 'www.foobar.com';
const problems = async (run: ReturnType<Rack['apply']>): Promise<readonly string[]> =>
  (await run).recap.hosts.filter((one) => one.failed > 0 || one.unreachable).map((one) => one.host);

describe('the site', () => {
  const rack = makeRack('inventory/lab-pi.yml', NET);
  const rebuild = async (...hosts: readonly string[]) => {
    const argv = [resolve('dist/bringup.cjs'), 'rebuild', ...hosts, '-i', rack.inventory];
    const child = spawn(process.execPath, argv, { cwd: rack.folder, env: { ...process.env, NO_COLOR: '1' } });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        said += part.toString();
      });
    const [status] = await once(child, 'close');
    return { status, said };
  };

  beforeAll(async () => {
    // The load speaks plain HTTP, so that its requests reach the app.
    writeFileSync(rack.inventory, readFileSync(rack.inventory, 'utf8').replace('site_tls: ca', 'site_tls: none'));
    for (const part of ['playbooks', 'files']) symlinkSync(resolve(part), join(rack.folder, part));
    cpSync('inventory/group_vars', join(dirname(rack.inventory), 'group_vars'), { recursive: true });
    await rack.up();
    expect(await problems(rack.apply())).toEqual([]);
  });
  afterAll(() => rack.down());

  it.each(['web1', 'lb1', 'db1', 'db2', 'dns1'])('serves while %s is rebuilt', async (host) => {
    await rack.root(host, 'touch /srv/older');
    let ran: Awaited<ReturnType<typeof rebuild>> | undefined;
    const load = await underLoad([`${NET}.10`], SITE, async () => {
      ran = await rebuild(host);
    });
    expect(ran?.said).toContain(`rebuilt: ${host} in `);
    expect(ran?.status).toBe(0);
    expect(await rack.root(host, 'ls /srv')).not.toContain('older');
    expect(load.failed).toEqual([]);
    expect(load.sent).toBeGreaterThan(200);
  });

  it('refuses to rebuild the primary while no replica is in sync', async () => {
    const writes = 'mariadb -NBe "SELECT @@global.read_only"';
    const primary = (await rack.root('db1', writes)).trim() === '0' ? 'db1' : 'db2';
    const replica = primary === 'db1' ? 'db2' : 'db1';
    await rack.root(replica, 'systemctl stop db-guard mariadb');
    const { status, said } = await rebuild('web2', primary);
    expect(said).toContain('E_REBUILD_REFUSED');
    expect(said).toContain(`${primary} is the primary, and no replica is in sync`);
    expect(status).toBe(1);
    expect(await rack.root('web2', 'systemctl is-active nginx')).toBe('active\n'); // it was not touched either
    await rack.root(replica, 'systemctl start mariadb db-guard');
  });
});
