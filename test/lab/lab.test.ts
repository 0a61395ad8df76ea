import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hierarchies, killBelow, labGroup } from '../../src/lab/cgroup.ts';
import type { LabEvent } from '../../src/lab/guard.ts';
import * as lab from '../../src/lab/lab.ts';
import { bridgeName, tableName } from '../../src/lab/names.ts';
import { requirements } from '../../src/lab/requirements.ts';

const name = `test-${process.pid}`;
const spec = {
  name,
  hosts: [
    { name: 'old', address: '10.79.77.12', image: 'debian-12' },
    { name: 'new', address: '10.79.77.13', image: 'debian-13' },
  ],
} as const;
const events: LabEvent[] = [];
const options = { progress: (event: LabEvent) => void events.push(event) };

const missing = process.getuid?.() === 0 ? await requirements() : [];
const why = process.getuid?.() === 0 ? missing.map((m) => m.what).join(', ') : 'root';

/** Everything that a lab may leave on this machine, as text to compare. */
function traces(): string {
  const sh = (command: string) => spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout;
  return [
    sh(`ps -eo args | grep -E '[s]ystemd-nspawn|[b]ringup-lab' | grep -F "${name}" || true`),
    sh(`grep -F "${name}" /proc/self/mounts || true`),
    sh(`ip -o link | grep -F "${bridgeName(name)}" || true`),
    sh(`nft list tables | grep -F "${tableName(name)}" || true`),
    sh(`find /sys/fs/cgroup -maxdepth 4 -path "*bringup/${name}*" || true`),
    sh(`ls -d "${process.env['BRINGUP_STATE'] ?? '/var/lib/bringup'}/labs/${name}" 2>/dev/null || true`),
  ].join('');
}

async function ssh(host: string, command: string): Promise<Readonly<{ code: number | null; out: string }>> {
  const at = await lab.connection(name, host);
  const ran = spawnSync(
    'ssh',
    [
      ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5', '-o', 'StrictHostKeyChecking=yes'],
      ...['-o', `UserKnownHostsFile=${at.knownHostsFile}`, '-o', 'GlobalKnownHostsFile=none'],
      ...['-i', at.privateKeyFile, `${at.user}@${at.address}`, command],
    ],
    { encoding: 'utf8', timeout: 120_000 },
  );
  return { code: ran.status, out: (ran.stdout + ran.stderr).trim() };
}

async function waitForSsh(host: string, wanted: (out: string) => boolean, command: string): Promise<string> {
  for (const until = Date.now() + 60_000; ; await sleep(200)) {
    const { code, out } = await ssh(host, command);
    if (code === 0 && wanted(out)) return out;
    if (Date.now() > until) throw new Error(`${host}: ${out}`);
  }
}

describe.skipIf(why !== '')(`the lab${why && ` (skipped: this machine lacks ${why})`}`, () => {
  beforeAll(async () => {
    await lab.up(spec, options);
  });
  afterAll(async () => {
    await lab.down(name, options);
    expect(traces()).toBe('');
  });

  it('accepts logins with pinned host keys, and sudo', async () => {
    for (const [host, version] of [
      ['old', '12'],
      ['new', '13'],
    ] as const) {
      const { code, out } = await ssh(host, '. /etc/os-release; echo $VERSION_ID $(hostname) $(id -un) $(sudo id -un)');
      expect([code, out]).toEqual([0, `${version} ${host} ops root`]);
    }
  });

  it('boots completely: no failed unit, no python, no curl', async () => {
    for (const host of ['old', 'new']) {
      const { out } = await ssh(
        host,
        'systemctl is-system-running --wait; systemctl --failed --no-legend; command -v curl python3',
      );
      expect(out).toBe('running');
    }
  });

  it('reaches the package mirror, and its hosts reach each other', async () => {
    const [apt, ping] = await Promise.all([
      ssh(
        'old',
        'sudo apt-get -q update && sudo apt-get install -qy --no-install-recommends tree >/dev/null && tree --version',
      ),
      ssh('new', 'ping -c1 -W2 10.79.77.12'),
    ]);
    expect(apt.out).toMatch(/tree v/);
    expect(ping.code).toBe(0);
  });

  it('can neither set the clock nor load a kernel module', async () => {
    const { out } = await ssh('new', 'sudo date -s @0 2>&1; sudo modprobe dummy 2>&1; date +%Y');
    expect(out).toMatch(/cannot set date/);
    expect(out).toMatch(/20\d\d$/);
  });

  it('does nothing if it is already up', async () => {
    events.length = 0;
    const started = Date.now();
    const state = await lab.up(spec, options);
    expect(events).toEqual([]);
    expect(Date.now() - started).toBeLessThan(3000);
    expect(state.hosts.map((host) => host.power)).toEqual(['on', 'on']);
  });

  it('rejects a host whose spec changed', async () => {
    const changed = { name, hosts: [{ ...spec.hosts[0], image: 'debian-13' as const }] };
    await expect(lab.up(changed, options)).rejects.toThrow(
      /exists with debian-12, and the inventory asks for debian-13/,
    );
  });

  it('reboots a host from inside, with a new boot id', async () => {
    const command = 'cat /proc/sys/kernel/random/boot_id';
    const before = (await ssh('new', command)).out;
    await ssh('new', 'sudo systemctl reboot');
    const after = await waitForSsh('new', (out) => out !== before, command);
    expect(after).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('cuts the power without sending a packet, and keeps the disk', async () => {
    await ssh('new', 'echo kept > kept && sync');
    const socket = connect({ host: '10.79.77.13', port: 22 });
    let ended = '';
    socket.once('error', (error) => (ended = String(error))).once('close', () => (ended ||= 'closed'));
    await new Promise((resolve) => socket.once('data', resolve));
    await lab.power(name, 'new', 'cut', options);
    await sleep(1000);
    expect(ended).toBe('');
    socket.destroy();
    expect((await lab.status(name))?.hosts.find((h) => h.name === 'new')?.power).toBe('off');
    await lab.power(name, 'new', 'on', options);
    expect((await ssh('new', 'cat kept')).out).toBe('kept');
  });

  it('counts a host as off only when the kernel has released it, not when its pids are gone', async () => {
    const { unified } = await hierarchies();
    const held = path.join(labGroup(name), 'held');
    // A deleted file in many extents. Releasing it takes the kernel a tenth of a second. During that time cgroup.procs
    // may list no process (unless the main thread ends last) although the cgroup is busy.
    const script = `const fs = require('node:fs'); const fd = fs.openSync('/var/tmp/${name}', 'wx+'); fs.unlinkSync('/var/tmp/${name}');
      for (let i = 0; i < 300; i++) fs.writeSync(fd, Buffer.alloc(1 << 20, 1), 0, 1 << 20, i << 21);
      fs.fsyncSync(fd); console.log('written'); setInterval(() => {}, 1000);`;
    for (const _ of [1, 2, 3]) {
      await mkdir(path.join(unified, held));
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await writeFile(path.join(unified, held, 'cgroup.procs'), String(child.pid));
      await once(child.stdout, 'data');
      await killBelow(held);
      rmdirSync(path.join(unified, held));
    }
  });

  it('shuts down cleanly', async () => {
    events.length = 0;
    await lab.power(name, 'old', 'off', options);
    expect(events.map((e) => e.message)).toEqual(['powered off']);
    await lab.up(spec, options);
    expect((await ssh('old', 'tree --version')).code).toBe(0);
  });

  it('resets a host to a bare disk with the same host key', async () => {
    await lab.reset(name, ['old'], options);
    expect((await ssh('old', 'tree --version')).code).toBe(127);
  });

  it('restores a snapshot any number of times', async () => {
    await ssh('new', 'echo one > state; sudo rm /etc/issue');
    await lab.snapshot(name, 'one', options);
    for (const again of [1, 2]) {
      await ssh('new', `echo two${again} > state; sudo mkdir /etc/issue`);
      await lab.restore(name, 'one', options);
      expect((await ssh('new', 'cat state; ls /etc/issue')).out).toMatch(/^one\n.*No such file/);
    }
    await lab.snapshot(name, 'one', options);
    await lab.reset(name, ['new'], options);
    expect((await ssh('new', 'cat state')).code).toBe(1);
    await lab.restore(name, 'one', options);
    expect((await ssh('new', 'cat state')).out).toBe('one');
    await expect(lab.restore(name, 'noe', options)).rejects.toThrow(/no snapshot 'noe'/);
  });

  it('shows console and journal', async () => {
    const { console, journal } = await lab.logs(name, 'new');
    expect(console).toMatch(/--- power on /);
    expect(journal).toMatch(/sshd/);
  });

  it('continues after an `up` that was killed at any moment', async () => {
    await lab.down(name, options);
    expect(traces()).toBe('');
    for (const ms of [600, 1000, 1400]) {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', upScript()], {
        stdio: 'ignore',
        detached: true,
      });
      await sleep(ms);
      child.kill('SIGKILL');
    }
    await lab.up(spec, options);
    expect((await ssh('old', 'sudo id -un')).out).toBe('root');
    expect((await ssh('new', 'sudo id -un')).out).toBe('root');
  });

  it('takes down a lab that is incomplete or missing', async () => {
    await lab.power(name, 'old', 'cut', options);
    await lab.down(name, options);
    expect(traces()).toBe('');
    await lab.down(name, options);
    expect(await lab.status(name)).toBeUndefined();
    expect((await readFile('/proc/self/mounts', 'utf8')).includes(name)).toBe(false);
  });
});

function upScript(): string {
  const file = path.resolve(import.meta.dirname, '../../src/lab/lab.ts');
  return `import { up } from ${JSON.stringify(file)};
    await up(${JSON.stringify(spec)}, { progress: () => {} });`;
}
