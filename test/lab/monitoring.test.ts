import { cpSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { power } from '../../src/lab/lab.ts';
import { makeLab } from './support/rack.ts';

const NET = '10.88.5';
const INVENTORY = `
rack:
  vars:
    lab_name: mon
    lab_subnet: ${NET}.0/24
    lab_image: debian-13
    db_engine: mariadb
    site_monitoring: true
    monitoring_interval: 1s
    monitoring_timeout: 1s
    monitoring_rate: 8s
    monitoring_for_soon: 1s
    monitoring_for_down: 3s
    monitoring_for_slow: 1s
    monitoring_group_wait: 1s
    monitoring_group_interval: 1s
    monitoring_lag_seconds: 2
    monitoring_rebooted_seconds: 20
    monitoring_ntfy_token: a-token-nobody-sees
    exporters_look_every: 2s
  children:
    dns: {hosts: {dns1: {ansible_host: ${NET}.41}}}
    mon: {hosts: {dns1: }}
    lb: {hosts: {lb1: {ansible_host: ${NET}.11}}}
    web: {hosts: {web1: {ansible_host: ${NET}.21}}}
    db:
      children:
        db_primary: {hosts: {db1: {ansible_host: ${NET}.31}}}
        db_replica: {hosts: {db2: {ansible_host: ${NET}.32}}}
    quorum: {hosts: {dns1: }}
`;

type Told = Readonly<{ alert: string; host: string | undefined; status: string; runbook: string | undefined }>;
type Drill = Readonly<{
  what: string;
  /** The alerts that must reach the receiver, and for which host. */
  alerts: readonly (readonly [alert: string, host?: string])[];
  fault: readonly [host: string, command: string];
  mend: readonly [host: string, command: string];
}>;

const DRILLS: readonly Drill[] = [
  {
    what: 'an exporter that stops',
    alerts: [['TargetDown', 'web1']],
    fault: ['web1', 'systemctl stop prometheus-node-exporter'],
    mend: ['web1', 'systemctl start prometheus-node-exporter'],
  },
  {
    what: 'the only web host without Nginx',
    alerts: [['WebServerOut', 'web1'], ['SiteDown'], ['SiteErrors']],
    fault: ['web1', 'systemctl stop nginx'],
    mend: ['web1', 'systemctl start nginx'],
  },
  {
    what: 'a balancer that stops',
    alerts: [['TargetDown', 'lb1'], ['SiteDown']],
    fault: ['lb1', 'systemctl stop haproxy.socket haproxy'],
    mend: ['lb1', 'systemctl start haproxy.socket haproxy'],
  },
  {
    what: 'a replica that no longer follows',
    alerts: [['ReplicaBroken', 'db2']],
    fault: ['db2', `mariadb -e 'STOP SLAVE'`],
    mend: ['db2', `mariadb -e 'START SLAVE'`],
  },
  {
    what: 'a replica that lags',
    alerts: [['ReplicaLag', 'db2']],
    fault: [
      'db2',
      `mariadb -e 'STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 600; START SLAVE; SELECT SLEEP(1)'
       mariadb -e "SHOW SLAVE STATUS" >/dev/null`,
    ],
    mend: ['db2', `mariadb -e 'STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 0; START SLAVE'`],
  },
  {
    what: 'two databases that take writes',
    alerts: [['WritablePrimaries']],
    fault: ['db2', `mariadb -e 'SET GLOBAL read_only = OFF'`],
    mend: ['db2', `mariadb -e 'SET GLOBAL read_only = ON'`],
  },
  {
    what: 'no database that takes writes',
    alerts: [['WritablePrimaries']],
    fault: ['db1', `mariadb -e 'SET GLOBAL read_only = ON'`],
    mend: ['db1', `mariadb -e 'SET GLOBAL read_only = OFF'`],
  },
  {
    what: 'a database that stops',
    alerts: [['DatabaseDown', 'db2']],
    fault: ['db2', 'systemctl stop mariadb'],
    mend: ['db2', 'systemctl start mariadb'],
  },
  {
    what: 'a name server that leads elsewhere',
    alerts: [['DnsWrong', 'dns1'], ['SiteDown']],
    fault: [
      'dns1',
      `cp /etc/dnsmasq.d/site.conf /root; sed -i 's/^host-record=www.*/host-record=www.foobar.com,${NET}.99/' /etc/dnsmasq.d/site.conf; systemctl restart dnsmasq`,
    ],
    mend: ['dns1', 'cp /root/site.conf /etc/dnsmasq.d/; systemctl restart dnsmasq'],
  },
  {
    what: 'a full disk, little memory, a certificate that ends and a unit that fails',
    alerts: [
      ['DiskFull', 'db2'],
      ['LowMemory', 'db2'],
      ['CertExpiresSoon', 'db2'],
      ['UnitFailed', 'db2'],
    ],
    fault: [
      'db2',
      `mount -t tmpfs -o size=1m tmpfs /mnt; head -c 1000000 /dev/zero >/mnt/full
       sed 's/^MemAvailable:.*/MemAvailable: 1000 kB/' /proc/meminfo >/root/meminfo; mount --bind /root/meminfo /proc/meminfo
       openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=drill -keyout /dev/null -out /etc/mysql/tls/drill.crt 2>/dev/null
       systemd-run -q --unit=drill false`,
    ],
    mend: ['db2', 'umount /mnt /proc/meminfo; rm /etc/mysql/tls/drill.crt; systemctl reset-failed drill'],
  },
  {
    what: 'hardware that fails',
    alerts: [
      ['HardwareHot', 'web1'],
      ['UnderVoltage', 'web1'],
      ['DiskFailing', 'web1'],
      ['FileSystemBroken', 'web1'],
      ['MemoryErrors', 'web1'],
      ['PowerSupplyOrFanFailed', 'web1'],
    ],
    // The labels are those that bringup-health prints. Lab hosts have no sensors of their own.
    fault: [
      'web1',
      `cat >/var/lib/prometheus/node-exporter/drill.prom <<'END'
bringup_health_temperature_celsius{sensor="cpu-thermal",chip="drill"} 97
bringup_health_throttled{what="under-voltage",when="now"} 1
bringup_health_disk_failing{disk="drill"} 1
bringup_health_filesystem_errors{mountpoint="/drill",device="/dev/drill"} 3
bringup_health_memory_errors_total{controller="mc9",kind="uncorrected"} 1
bringup_health_bmc_sensor_ok{sensor="PSU 2",says="Power Supply AC lost"} 0
END`,
    ],
    mend: ['web1', 'rm /var/lib/prometheus/node-exporter/drill.prom'],
  },
];

describe('monitoring', () => {
  const rack = makeLab(INVENTORY, NET);
  const told: Told[] = [];
  const requests: Readonly<{ url: string; headers: IncomingHttpHeaders }>[] = [];
  const drilled = new Set<string>();
  let receiver: Server;
  let hooks: readonly string[] = [];

  beforeAll(async () => {
    cpSync('inventory/group_vars', join(dirname(rack.inventory), 'group_vars'), { recursive: true });
    await rack.up();
    receiver = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      requests.push({ url: request.url ?? '', headers: request.headers });
      if (request.url === '/hook') told.push(...alertsIn(Buffer.concat(chunks).toString()));
      response.end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, `${NET}.1`, resolve));
    const at = `http://${NET}.1:${(receiver.address() as AddressInfo).port}`;
    hooks = [
      `monitoring_webhook_url=${at}/hook`,
      `monitoring_ntfy_url=${at}/topic`,
      `monitoring_heartbeat_url=${at}/heartbeat`,
    ];
    const { recap, tasks } = await rack.apply(undefined, { extraVars: hooks });
    expect(tasks.filter((e) => e.status === 'failed').map((e) => `${e.host} ${e.task}`)).toEqual([]);
    expect(recap.hosts.length).toBe(5);
  });
  afterAll(async () => {
    receiver?.close();
    await rack.down();
  });

  /** Waits until the receiver got the alert. Alerts before `from` do not count. */
  async function heard(from: number, status: 'firing' | 'resolved', alert: string, host?: string): Promise<void> {
    const isIt = (t: Told) => t.alert === alert && t.status === status && (host === undefined || t.host === host);
    for (const end = Date.now() + 60_000; !told.slice(from).some(isIt); await sleep(200))
      if (Date.now() > end)
        throw new Error(`${alert} ${host ?? ''} is not ${status}; heard: ${JSON.stringify(told.slice(from))}`);
    drilled.add(alert);
  }

  it('passes the smoke checks, and no alert fires', async () => {
    const checks = await rack.check();
    expect(
      checks.filter((c) => c.status !== 'passed').map((c) => `${c.check}: ${JSON.stringify(c.mismatches)}`),
    ).toEqual([]);
    expect(checks.map((c) => c.check)).toContain('No alerts are firing');
  });

  it.each(DRILLS)('reports $what, and that it is over', async ({ alerts, fault, mend }) => {
    const from = told.length;
    await rack.root(...fault);
    if (alerts.some(([alert]) => alert === 'ReplicaLag'))
      await rack.root('db1', `mariadb -e "INSERT INTO foobar.items (name) VALUES ('late')"`);
    await Promise.all(alerts.map(([alert, host]) => heard(from, 'firing', alert, host)));
    const mended = told.length;
    await rack.root(...mend);
    await Promise.all(alerts.map(([alert, host]) => heard(mended, 'resolved', alert, host)));
  });

  it('reports a dead host with one message, and its return', async () => {
    const from = told.length;
    await power(rack.name, 'db2', 'cut', { progress: () => {} });
    await heard(from, 'firing', 'HostDown', 'db2');
    const inhibited = 'amtool alert query --inhibited --alertmanager.url=http://127.0.0.1:9093 alertname=TargetDown';
    await expect.poll(() => rack.root('dns1', inhibited), { timeout: 30_000, interval: 500 }).toContain('db2');
    expect(told.slice(from).filter((t) => t.alert === 'TargetDown')).toEqual([]);
    await power(rack.name, 'db2', 'on', { progress: () => {} });
    await heard(from, 'firing', 'Rebooted', 'db2');
    await heard(from, 'resolved', 'HostDown', 'db2');
    await heard(from, 'resolved', 'Rebooted', 'db2');
  });

  it('sends each alert with its runbook to all receivers, and keeps their secrets', async () => {
    expect(told.filter((t) => !t.runbook)).toEqual([]);
    const pushed = requests.find((r) => r.url.startsWith('/topic?'));
    expect(new URLSearchParams(pushed?.url.split('?')[1]).get('m')).toContain('.annotations.runbook');
    expect(pushed?.headers.authorization).toBe('Bearer a-token-nobody-sees');
    expect(requests.some((r) => r.url === '/heartbeat')).toBe(true);
    expect(await rack.root('dns1', 'stat -c "%a %U" /etc/prometheus/secrets/* | sort -u')).toBe('600 prometheus\n');
    expect(
      await rack.root('dns1', 'grep -rl a-token-nobody-see[s] /etc /proc/[0-9]*/cmdline /var/log 2>/dev/null || :'),
    ).toBe('/etc/prometheus/secrets/ntfy-token\n');
  });

  it('has no alert rule without a test', async () => {
    const rules = (await (await fetch(`http://${NET}.41:9090/api/v1/rules`)).json()) as {
      data: { groups: { rules: { name: string }[] }[] };
    };
    const names = rules.data.groups.flatMap((g) => g.rules.map((r) => r.name));
    expect(names.filter((name) => !drilled.has(name) && name !== 'Heartbeat')).toEqual([]);
    expect(names.length).toBeGreaterThan(12);
  });
});

function alertsIn(body: string): readonly Told[] {
  const { alerts } = JSON.parse(body) as {
    alerts: { status: string; labels: Record<string, string>; annotations: Record<string, string> }[];
  };
  return alerts.map(({ status, labels, annotations }) => ({
    alert: labels['alertname'] ?? '',
    host: labels['host'],
    status,
    runbook: annotations['runbook'],
  }));
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
