import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { power } from '../../src/lab/lab.ts';
import { makeRack, type Rack, type Ran } from './support/rack.ts';
import { slow } from './support/slow.ts';

const failures = (ran: Ran): readonly string[] =>
  ran.tasks.filter((e) => e.status === 'failed').map((e) => `${e.host} ${e.task}: ${e.diagnostic?.message}`);
const changed = (ran: Ran): readonly string[] =>
  ran.tasks.filter((e) => e.status === 'changed').map((e) => `${e.host} ${e.task}`);

const PEBBLE = `set -e
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pebble curl openssl >/dev/null
mkdir -p /srv/pebble && cd /srv/pebble
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9'
openssl req -x509 $key -subj '/CN=test ACME' -keyout ca.key -out ca.crt 2>/dev/null
openssl req -x509 -CA ca.crt -CAkey ca.key $key -subj /CN=pebble -addext subjectAltName=DNS:dns1.foobar.com \
  -addext basicConstraints=CA:FALSE -keyout server.key -out server.crt 2>/dev/null
cat >config.json <<'END'
{"pebble": {"listenAddress": "0.0.0.0:14000", "managementListenAddress": "127.0.0.1:15000", "httpPort": 80, "tlsPort": 443,
  "certificate": "/srv/pebble/server.crt", "privateKey": "/srv/pebble/server.key"}}
END
systemd-run --quiet --unit=pebble --setenv=PEBBLE_VA_NOSLEEP=1 pebble -config /srv/pebble/config.json -dnsserver 127.0.0.1:53
for n in 1 2 3 4 5 6 7 8 9; do curl -fsk https://127.0.0.1:15000/roots/0 >root.crt && break; sleep 1; done
cat ca.crt`;

const opens = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(2000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('connect', () => end(true));
  });

// Balancers, a name server and a web server: the hosts in front of the database.
describe('the edge of the site', () => {
  let rack: Rack;
  const owner = async (): Promise<readonly string[]> => {
    const seen = await Promise.all(
      ['lb1', 'lb2'].map(async (host) => [host, await rack.root(host, 'ip -o address show to 10.88.3.10')] as const),
    );
    return seen.filter(([, said]) => said !== '').map(([host]) => host);
  };
  const within = async (seconds: number, ask: () => Promise<boolean>): Promise<boolean> => {
    for (let n = 0; n < seconds * 4; n++) {
      if (await ask()) return true;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    return false;
  };
  beforeAll(async () => {
    rack = makeRack('inventory/lab-pi.yml', '10.88.3');
    await rack.up();
    expect(failures(await rack.apply())).toEqual([]);
  });
  afterAll(() => rack.down());

  it('moves the address when a balancer loses its power, and does not move it back when the balancer returns', async () => {
    const [first = '', ...more] = await owner();
    expect(more).toEqual([]);
    const other = first === 'lb1' ? 'lb2' : 'lb1';
    await power(rack.name, first, 'cut', { progress: () => {} });
    expect(await within(15, async () => (await rack.root(other, 'ip -o address show to 10.88.3.10')) !== '')).toBe(
      true,
    );
    await power(rack.name, first, 'on', { progress: () => {} });
    expect(
      await within(30, async () => (await rack.root(first, 'systemctl is-active keepalived || :')) === 'active\n'),
    ).toBe(true);
    expect(await owner()).toEqual([other]);
    expect((await rack.check()).filter((c) => c.status !== 'passed').map((c) => c.check)).toEqual([]);
  });

  it('hands the address over on purpose without cutting a connection', async () => {
    const [first = ''] = await owner();
    const ca = readFileSync(join(rack.folder, 'inventory', '.secrets', rack.name, 'pki', 'ca.crt'));
    const agent = new Agent({ keepAlive: true, maxSockets: 4, ca, servername: 'www.foobar.com' });
    const failed: string[] = [];
    let sent = 0;
    const ask = () =>
      new Promise<void>((resolve) => {
        sent++;
        const asked = get({
          host: '10.88.3.10',
          agent,
          path: '/static/hello.txt',
          headers: { host: 'www.foobar.com' },
        });
        asked.on('response', (answer) => answer.resume().on('end', resolve));
        asked.on('error', (error) => resolve(void failed.push(error.message)));
      });
    const clients = { stop: false };
    const client = async (): Promise<void> => {
      while (!clients.stop && sent < 5000) {
        await ask();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const all = Promise.all([client(), client(), client(), client()]);
    const other = first === 'lb1' ? 'lb2' : 'lb1';
    // the host stops it itself, because waiting for ssh would also delay the clients
    await rack.root(first, 'systemd-run --quiet --on-active=1 systemctl stop keepalived');
    expect(await within(30, async () => (await owner()).includes(other))).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    clients.stop = true;
    await all;
    agent.destroy();
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(20);
    expect(await owner()).toEqual([other]);
    await rack.root(first, 'systemctl start keepalived; ! nft list table inet site-leave 2>/dev/null');
  });

  it('restarts HAProxy after kill -9 before a client is refused', async () => {
    await rack.root('lb1', 'systemctl kill -s KILL haproxy; /usr/local/lib/site/check-haproxy /lb-health');
  });

  // A port on which nothing listens cannot be open, so only the ports on which any host listens are tried.
  it('accepts connections only from hosts that need them', async () => {
    const hosts = ['dns1', 'lb1', 'lb2', 'web1', 'web2', 'db1', 'db2'];
    const address = Object.fromEntries(
      [...readFileSync(rack.inventory, 'utf8').matchAll(/(\w+): \{ansible_host: ([\d.]+)\}/g)].map((m) => [m[1], m[2]]),
    );
    const outside: Record<string, readonly number[]> = {};
    const fromWeb1: Record<string, readonly number[]> = {};
    for (const host of hosts) {
      const at = address[host] ?? '';
      const heard = await rack.root(host, `ss -Htln | awk '{ print $4 }' | grep -v -e '^127\\.' -e '^\\[::1\\]'`);
      const ports = [
        ...new Set(
          heard
            .trim()
            .split('\n')
            .map((line) => Number(line.split(':').at(-1))),
        ),
      ].sort((a, b) => a - b);
      outside[host] = (await Promise.all(ports.map(async (port) => ((await opens(at, port)) ? [port] : [])))).flat();
      const tried = ports.map((port) => `timeout 2 bash -c '</dev/tcp/${at}/${port}' 2>/dev/null && echo ${port} || :`);
      fromWeb1[host] = (await rack.root('web1', tried.join('\n'))).split('\n').filter(Boolean).map(Number);
    }
    const site = { dns1: [22, 53, 9090], lb1: [22, 80, 443], lb2: [22, 53, 80, 443] };
    expect(outside).toEqual({ ...site, web1: [22], web2: [22], db1: [22], db2: [22] });
    expect(fromWeb1).toEqual({
      ...site,
      web1: expect.arrayContaining([22, 80, 443]),
      web2: [22],
      db1: [22, 3306],
      db2: [22, 3306],
    });
  });

  it('reverts firewall rules that lock bringup out, and reports it', async () => {
    const file = join(rack.folder, 'lockout.yml');
    writeFileSync(
      file,
      `- hosts: [web1, web2, lb1]
  become: true
  gather_facts: false
  tasks:
    - nftables: {name: site, rollback: 6, rules: "chain input {\\n\\ttype filter hook input priority filter; policy drop;\\n}"}
      when: inventory_hostname == 'web1'
    - sshd_config: {name: 00-wrong, rollback: 6, settings: {AllowUsers: nobody}}
      when: inventory_hostname == 'web2'
    - nftables: {name: site, rules: "chain input { nonsense }"}
      when: inventory_hostname == 'lb1'
`,
    );
    const before = await rack.root('web1', 'nft -s list ruleset');
    const ran = await rack.apply(file);
    expect([...failures(ran)].sort()).toEqual([
      expect.stringMatching(/^lb1 .*nft refuses the rules; nothing was changed$/),
      expect.stringMatching(/^web1 .*shut this machine out.*The host has undone the change, and is as it was before$/),
      expect.stringMatching(/^web2 .*shut this machine out.*The host has undone the change, and is as it was before$/),
    ]);
    expect(await rack.root('web1', 'nft -s list ruleset')).toBe(before);
    expect(await rack.root('web2', 'ls /etc/ssh/sshd_config.d')).not.toContain('00-wrong');
    expect(changed(await rack.apply())).toEqual([]);
  });

  it('restores rules that were changed or flushed in the kernel', async () => {
    await rack.root('web1', 'nft add rule inet site input tcp dport 9999 accept');
    await rack.root('web2', 'nft flush ruleset');
    expect([...changed(await rack.apply())].sort()).toEqual([
      'web1 Load the firewall rules',
      'web2 Load the firewall rules',
    ]);
  });

  it('renews a certificate before it expires, and no other', async () => {
    const pki = join(rack.folder, 'inventory', '.secrets', rack.name, 'pki');
    const old = readFileSync(join(pki, 'web1.crt'), 'utf8');
    const short = await rack.apply(undefined, { limit: 'web', tags: ['web'], extraVars: ['pki_renew_days=396'] });
    expect(failures(short)).toEqual([]);
    // 397 days less a few minutes are left, which is 396 whole days: 396 renews nothing, one more renews
    expect(changed(short)).toEqual([]);
    const renewed = await rack.apply(undefined, {
      limit: 'web',
      tags: ['web'],
      extraVars: ['pki_days=500', 'pki_renew_days=398'],
    });
    expect(failures(renewed)).toEqual([]);
    expect(readFileSync(join(pki, 'web1.crt'), 'utf8')).not.toBe(old);
    expect(changed(renewed)).toContain('web1 Reload Nginx');
    expect((await rack.check()).filter((c) => c.status !== 'passed').map((c) => c.check)).toEqual([]);
  });

  slow('gets certificates by ACME on both balancers, and takes one round trip once they exist', async () => {
    const ca = join(rack.folder, 'acme-ca.crt');
    writeFileSync(ca, await rack.root('dns1', PEBBLE));
    writeFileSync(join(rack.folder, 'root.crt'), await rack.root('dns1', 'cat /srv/pebble/root.crt'));
    const text = readFileSync(rack.inventory, 'utf8');
    writeFileSync(
      rack.inventory,
      text.replace(
        'site_tls: ca',
        [
          'site_tls: acme',
          'acme_directory: https://dns1.foobar.com:14000/dir',
          'acme_email: ops@foobar.com',
          `acme_ca: ${ca}`,
          'firewall_rules: [tcp dport 14000 accept]',
          `site_ca: ${join(rack.folder, 'root.crt')}`,
        ].join('\n    '),
      ),
    );
    expect(failures(await rack.apply())).toEqual([]);
    const again = await rack.apply();
    expect(changed(again)).toEqual([]);
    expect(again.recap.hosts.filter((h) => h.trips !== 1).map((h) => h.host)).toEqual([]);
    const seen = await rack.check();
    expect(seen.filter((c) => c.status !== 'passed').map((c) => c.check)).toEqual([]);
    expect(seen.filter((c) => /issued by Pebble/.test(c.seen)).length).toBe(2);
    const serial = () => rack.root('lb1', 'openssl x509 -in /etc/haproxy/certs/site.pem -noout -serial');
    const first = await serial();
    await rack.root(
      'lb1',
      "sed -i 's/--days [0-9]*/--days 4000/' /usr/local/lib/site/acme-renew; systemctl start site-acme",
    );
    expect(await serial()).not.toBe(first);
  });
});
