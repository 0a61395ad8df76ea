import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AdoptOptions, adopt } from '../../src/cli/adopt.ts';
import type { Machine } from '../../src/cli/discover.ts';
import { Failure } from '../../src/core/diagnostic.ts';
import { type RawVars, Secret } from '../../src/core/value.ts';
import { plain } from '../unit/support/command.ts';
import { bringup } from './support/command.ts';
import { makeLab } from './support/rack.ts';

const NET = '10.83.184';
const lab = makeLab(
  `all:\n  vars: {lab_name: x, lab_subnet: ${NET}.0/24}\n  hosts:\n    h: {ansible_host: ${NET}.13, lab_image: debian-13}\n`,
  NET,
);
const PASSWORD = 'secret-of-pi';
const YAML = '# my rack\nweb:\n  hosts:\n    # the first\n    web1: {ansible_host: 10.9.9.1}\ndb:\n  hosts: {db1: }\n';
let room = '';
let count = 0;

/** The test does not wait until a lab host answers at an address that another project knows: each has its own. */
function project(file = 'hosts.yml', text = YAML): Readonly<{ folder: string; file: string; read: () => string }> {
  const folder = join(room, `p${count++}`);
  mkdirSync(folder);
  const path = join(folder, file);
  writeFileSync(path, text);
  return { folder, file: path, read: () => readFileSync(path, 'utf8') };
}

async function run(inventory: string, more: Partial<AdoptOptions> = {}, given = `${NET}.13`) {
  let text = '';
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
    text += String(part);
    return true;
  });
  const options = {
    inventory,
    extraVars: [],
    name: 'web3',
    group: 'web',
    user: 'pi',
    fingerprint: fingerprint('ed25519'),
    ...more,
  };
  try {
    await adopt(given, options, new AbortController().signal);
    return { text: plain(text), codes: [] };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { text: plain(`${text}${error.message}`), codes: error.diagnostics.map((d) => d.code) };
  } finally {
    stdout.mockRestore();
  }
}
const password: RawVars = { ansible_password: new Secret(PASSWORD) };

let listed = '';
const fingerprint = (type: string): string =>
  listed
    .split('\n')
    .find((line) => line.toLowerCase().includes(`(${type})`))
    ?.split(' ')[1] ?? '';

describe('a machine becomes a host', () => {
  beforeAll(async () => {
    room = mkdtempSync(join(tmpdir(), 'bringup-adopt-test-'));
    mkdirSync(join(room, '.ssh'), { mode: 0o700 });
    vi.stubEnv('HOME', room);
    vi.stubEnv('SSH_AUTH_SOCK', undefined);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(room, '.ssh/id_ed25519')]);
    await lab.up();
    await lab.root(
      'h',
      `for u in pi bare; do useradd -m -s /bin/sh $u; echo "$u:${PASSWORD}" | chpasswd; done
echo 'pi ALL=(ALL:ALL) ALL' >/etc/sudoers.d/pi
echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/00-password.conf
ssh-keygen -A >/dev/null && systemctl reload ssh`,
    );
    listed = await lab.root('h', 'for f in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $f; done');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await lab.down();
    rmSync(room, { recursive: true, force: true });
  });

  it('refuses a wrong password, and changes nothing', async () => {
    const p = project();
    const wrong = { connection: { ansible_password: new Secret('wrong') } };
    expect((await run(p.file, wrong)).codes).toEqual(['E_AUTH']);
    expect(p.read()).toBe(YAML);
    expect(existsSync(join(p.folder, 'known_hosts'))).toBe(false);
  });
  it('refuses a user who may not use sudo, and changes neither inventory nor known_hosts', async () => {
    const p = project();
    const { codes } = await run(p.file, { user: 'bare', connection: password });
    expect(codes[0]).toMatch(/^E_SUDO_(REFUSED|PASSWORD_WRONG)$/);
    expect(p.read()).toBe(YAML);
    expect(existsSync(join(p.folder, 'known_hosts'))).toBe(false);
    expect(await lab.root('h', 'ls /etc/sudoers.d')).not.toContain('bringup');
  });
  it('adopts by password: key, sudo, pin, inventory; a second time changes nothing', async () => {
    const p = project();
    const first = await run(p.file, { connection: password });
    expect(first.codes, first.text).toEqual([]);
    for (const said of ['installed the login key for pi', 'allowed pi to use sudo', 'added to web'])
      expect(first.text).toContain(said);
    expect(p.read()).toBe(
      YAML.replace('10.9.9.1}\n', `10.9.9.1}\n    web3: {ansible_host: ${NET}.13, ansible_user: pi}\n`),
    );
    const pins = readFileSync(join(p.folder, 'known_hosts'), 'utf8');
    expect(pins).toMatch(new RegExp(`^${NET}\\.13 ssh-ed25519 `));
    const rules = await lab.root('h', 'cat /etc/sudoers.d/zz-bringup-pi; stat -c %a /etc/sudoers.d/zz-bringup-pi');
    expect(rules).toContain('pi ALL=(ALL:ALL) NOPASSWD: ALL');
    expect(rules).toContain('440');
    const keys = 'cat /home/pi/.ssh/authorized_keys; stat -c %a /home/pi/.ssh/authorized_keys';
    const before = await lab.root('h', keys);
    expect(before).toMatch(/^ssh-ed25519 \S+ .*\n600\n$/);

    const again = await run(p.file, { fingerprint: undefined });
    expect(again.codes).toEqual([]);
    expect(again.text).toContain('is known');
    expect(again.text).toContain('already in the inventory');
    expect(p.read().match(/web3/g)).toHaveLength(1);
    expect(readFileSync(join(p.folder, 'known_hosts'), 'utf8')).toBe(pins);
    expect(await lab.root('h', keys)).toBe(before);

    const env = { HOME: room, SSH_AUTH_SOCK: '' };
    const used = bringup(['run', 'web3', '-i', p.file, '-b', '-m', 'command', '-a', 'id -un'], env);
    expect(await used.ended, used.said()).toBe(0);
    expect(used.said()).toContain('root');
  });
  it('adds to an INI inventory, and takes the fingerprint of another key', async () => {
    const p = project('hosts', '# rack\n[web]\nweb1 ansible_host=10.9.9.1 # first\n\n[db]\ndb1\n');
    const { codes } = await run(p.file, { fingerprint: fingerprint('ecdsa') });
    expect(codes).toEqual([]);
    expect(p.read()).toContain(`# first\nweb3 ansible_host=${NET}.13 ansible_user=pi\n\n[db]`);
    expect(readFileSync(join(p.folder, 'known_hosts'), 'utf8')).toContain('ecdsa-sha2-nistp256 ');
  });
  it('is found before and after on the network of its interface', async () => {
    const p = project();
    const name = Object.entries(networkInterfaces()).find(([, list]) =>
      list?.some(({ address }) => address.startsWith(`${NET}.`)),
    )?.[0];
    const found = async (inventory: string): Promise<readonly Machine[]> => {
      const ran = bringup(['discover', name ?? '', '-i', inventory, '-o', 'json'], { HOME: room, SSH_AUTH_SOCK: '' });
      expect(await ran.ended, ran.said()).toBe(0);
      const lines = ran
        .said()
        .split('\n')
        .filter((line) => line.startsWith('{'));
      return lines.map((line) => JSON.parse(line) as Machine);
    };
    const own = (all: readonly Machine[]) => all.find(({ address }) => address === `${NET}.13`);
    const before = own(await found(p.file));
    expect(before).toMatchObject({ what: 'Debian with SSH', key: fingerprint('ed25519') });
    expect(before?.host).toBeUndefined();
    expect(before?.mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    expect(own(await found(lab.inventory))?.host).toBe('h');
  });
  it('tells its health: what a container cannot measure is never good', async () => {
    const ran = bringup(['health', '-i', lab.inventory, '-o', 'json']);
    await ran.ended;
    const [line = ''] = ran
      .said()
      .split('\n')
      .filter((one) => one.startsWith('{'));
    const { findings } = JSON.parse(line) as { findings: readonly { probe: string; verdict: string }[] };
    expect(findings.filter(({ probe }) => probe === 'temperature').map(({ verdict }) => verdict)).toEqual([
      'unmeasured',
    ]);
    expect(findings.map(({ probe }) => probe)).toContain('filesystems');
    const file = join(lab.folder, 'checks.yml');
    writeFileSync(file, '- name: hot\n  within: 20\n  health: {hosts: [h], probes: [temperature]}\n');
    const checked = bringup(['check', file, '-i', lab.inventory]);
    expect(await checked.ended, checked.said()).toBe(1);
    expect(checked.said()).toContain('nothing is measured');
  });
  it('is examined by the doctor, who finds a held lock and changes nothing', async () => {
    const examined = async (): Promise<Readonly<{ code: unknown; said: string }>> => {
      const ran = bringup(['doctor', '-v', '-i', lab.inventory]);
      return { code: await ran.ended, said: ran.said() };
    };
    const before = await lab.root('h', 'find /etc /tmp /var/tmp -newermt @0 -printf "%p %T@\\n" | sort | sha256sum');
    expect((await examined()).said).toContain('packages: no lock');
    expect(await lab.root('h', 'find /etc /tmp /var/tmp -newermt @0 -printf "%p %T@\\n" | sort | sha256sum')).toBe(
      before,
    );
    await lab.root(
      'h',
      'systemd-run -q --unit holder perl -e \'use Fcntl; open F, "+>>", "/var/lib/dpkg/lock-frontend"; my $l = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0); fcntl F, F_SETLK, $l or die; sleep 600\'; sleep 1',
    );
    expect((await examined()).said).toMatch(/dpkg is locked by process \d+, .*perl/);
    await lab.root('h', 'systemctl stop holder');
  });
});
