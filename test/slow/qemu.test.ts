import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureRequirements, openLab } from '../../src/cli/lab.ts';
import { cut, heal, logs, power, reset, restore, snapshot, status } from '../../src/lab/lab.ts';
import { portName, socketOf } from '../../src/lab/names.ts';
import { troubles } from '../lab/support/converge.ts';
import { makeLab } from '../lab/support/rack.ts';

const lab = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: 10.83.173.0/24, lab_image: debian-13}
  hosts:
    box: {ansible_host: 10.83.173.11}
    metal: {ansible_host: 10.83.173.12, lab_machine: qemu, lab_memory: 640}
`,
  '10.83.173',
);
const quiet = { progress: () => {} };
const metal = async (command: string): Promise<string> => (await lab.root('metal', command)).trim();

describe('a lab host with a kernel of its own', () => {
  beforeAll(async () => {
    await ensureRequirements(true, undefined, openLab(lab.inventory).hosts);
    await lab.up();
  });
  afterAll(() => lab.down());

  it('is listed as one, beside a container', async () => {
    const state = await status(lab.name);
    expect(state?.hosts.map((h) => `${h.name} ${h.machine} ${h.power}`)).toEqual(['box nspawn on', 'metal qemu on']);
  });

  it('has its own kernel, modules, settings and memory', async () => {
    const here = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(await metal('cat /proc/sys/kernel/random/boot_id')).not.toBe(here);
    expect(await metal('modprobe dummy && lsmod | grep -c ^dummy')).toBe('1');
    expect(await metal('sysctl -qw kernel.panic=7; cat /proc/sys/kernel/panic')).toBe('7');
    expect(readFileSync('/proc/sys/kernel/panic', 'utf8').trim()).not.toBe('7');
    const memory = Number(await metal("awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo"));
    expect(memory).toBeGreaterThan(540);
    expect(memory).toBeLessThan(640);
    expect(await metal('hostname; systemctl is-system-running --wait')).toBe('metal\nrunning');
  });

  it('keeps its key out of argv', () => {
    const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
    const line = stdout.split('\n').find((one) => one.startsWith('qemu-system') && one.includes(lab.name)) ?? '';
    expect(line).toContain('fw_cfg');
    expect(line).not.toMatch(/PRIVATE|ssh_host|LS0tLS1CRUdJTi/);
  });

  it('converges together with a container, and changes nothing the second time', async () => {
    const playbook = lab.inventory.replace(/inventory.*/, 'play.yml');
    const tasks = `- hosts: all
  become: true
  tasks:
    - apt: {name: nginx-light, update_cache: true, install_recommends: false}
    - copy: {dest: /etc/nginx/conf.d/x.conf, content: "map_hash_max_size 4096;\\n", mode: '0644'}
      notify: Reload
    - service: {name: nginx, state: started, enabled: true}
  handlers:
    - name: Reload
      service: {name: nginx, state: reloaded}
`;
    writeFileSync(playbook, tasks);
    expect(troubles(await lab.apply(playbook))).toEqual([]);
    const again = await lab.apply(playbook);
    expect(troubles(again)).toEqual([]);
    expect(again.recap.hosts.map((h) => `${h.host} ${h.changed}`)).toEqual(['box 0', 'metal 0']);
  });

  it('is cut off from a neighbour, and healed', async () => {
    const ping = 'ping -c 3 -W 2 10.83.173.11 >/dev/null && echo yes || echo no';
    await cut(lab.name, ['metal'], { from: ['box'], direction: 'both' }, quiet);
    expect(await metal(ping)).toBe('no');
    await heal(lab.name, ['metal'], quiet);
    expect(await metal(ping)).toBe('yes');
  });

  it('loses what it has not synced when its power is cut, and keeps the rest', async () => {
    await metal(
      'echo kept >/root/kept; sync; sysctl -qw vm.dirty_writeback_centisecs=0 vm.dirty_expire_centisecs=360000',
    );
    await metal('echo lost >/root/lost');
    await power(lab.name, 'metal', 'cut', quiet);
    expect((await status(lab.name))?.hosts.map((h) => h.power)).toEqual(['on', 'off']);
    await power(lab.name, 'metal', 'on', quiet);
    expect(await metal('cat /root/kept /root/lost 2>/dev/null || :')).toBe('kept');
  });

  it('shuts down cleanly, and reboots from inside', async () => {
    const boot = await metal('cat /proc/sys/kernel/random/boot_id; journalctl --flush');
    await power(lab.name, 'metal', 'off', quiet);
    expect((await logs(lab.name, 'metal')).console).toMatch(/Power(ing)? (down|off)|reboot: Power down/i);
    await power(lab.name, 'metal', 'on', quiet);
    expect(await metal('cat /proc/sys/kernel/random/boot_id')).not.toBe(boot);
    const reboot = lab.inventory.replace(/inventory.*/, 'reboot.yml');
    const play = '- hosts: metal\n  become: true\n  gather_facts: false\n  tasks: [reboot: {reboot_timeout: 600}]\n';
    writeFileSync(reboot, play);
    const before = await metal('cat /proc/sys/kernel/random/boot_id');
    expect(troubles(await lab.apply(reboot))).toEqual([]);
    expect(await metal('cat /proc/sys/kernel/random/boot_id')).not.toBe(before);
  });

  it('returns to a snapshot, and to a fresh disk with the same host key', async () => {
    const key = await metal('cat /etc/ssh/ssh_host_ed25519_key.pub');
    await metal('echo one >/root/state; sync');
    await snapshot(lab.name, 'one', quiet);
    await metal('echo two >/root/state; sync');
    await restore(lab.name, 'one', quiet);
    expect(await metal('cat /root/state')).toBe('one');
    await reset(lab.name, ['metal'], quiet);
    expect(await metal('ls /root; cat /etc/ssh/ssh_host_ed25519_key.pub')).toBe(key);
  });

  it('leaves nothing behind', async () => {
    await lab.down();
    const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
    expect(stdout.split('\n').filter((one) => one.includes(portName(lab.name, 'metal')))).toEqual([]);
    expect(existsSync(socketOf(lab.name, 'metal', 'qmp'))).toBe(false);
    expect(existsSync(`/sys/class/net/${portName(lab.name, 'metal')}`)).toBe(false);
  });
});
