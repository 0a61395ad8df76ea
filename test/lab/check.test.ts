import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLab } from './support/rack.ts';

const NET = '10.83.191';
const lab = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: ${NET}.0/24, lab_image: debian-13}
  hosts:
    a: {ansible_host: ${NET}.11}
    b: {ansible_host: ${NET}.12}
`,
  NET,
);
const CHECKS = `- name: "{{ item }} answers ping"
  proves: network
  ping: {host: "{{ hostvars[item].ansible_host }}"}
  loop: [a, b]
- name: SSH runs on {{ item }}
  proves: services
  service: {host: "{{ item }}", name: ssh}
  loop: [a, b]
- name: The job runs on a
  proves: services
  service: {host: a, name: job}
`;
const check = (...argv: readonly string[]) => {
  const args = [resolve('dist/bringup.cjs'), 'check', '-i', 'inventory/lab.yml', ...argv];
  const env = { ...process.env, NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: lab.folder, encoding: 'utf8', env });
  return { status, out: stdout, said: stdout + stderr };
};
const power = (to: string) =>
  spawnSync(process.execPath, [resolve('dist/bringup.cjs'), 'lab', 'power', '-i', 'inventory/lab.yml', to, 'b'], {
    cwd: lab.folder,
  });

describe('check on real hosts', () => {
  beforeAll(async () => {
    writeFileSync(join(lab.folder, 'checks.yml'), CHECKS);
    await lab.up();
    const unit =
      "[Service]\\nExecStart=/bin/sh -c 'echo no disk for the job; exit 3'\\n[Install]\\nWantedBy=multi-user.target\\n";
    await lab.root(
      'a',
      `printf "${unit}" >/etc/systemd/system/job.service; systemctl enable -q job; systemctl start job; true`,
    );
  });
  afterAll(() => lab.down());

  it('shows the journal of a unit that does not run, and where the check stands', () => {
    const { status, out } = check('checks.yml', '--within', '20');
    expect(status).toBe(1);
    expect(out).toMatch(/✓ a, b answers ping {2}\(2 checks, /);
    expect(out).toMatch(
      /✗ The job runs on a .*\n {4}state of job: expected active, seen failed\n( {4}│ .*\n)* {4}│ .*no disk/,
    );
    expect(out).toMatch(/^ {4}checks\.yml:9$/m);
    expect(out).toMatch(/1 of 5 checks failed in [^;]*$/m);
  });

  it('names a host without power as the one cause of what it breaks', () => {
    power('cut');
    const { status, out } = check('checks.yml', '--within', '20');
    power('on');
    expect(status).toBe(1);
    expect(out).toMatch(/^b is unreachable: .*\n {4}✗ b answers ping/m);
    expect(out).toMatch(/✗ +network +failed +1 of 2 checks/);
    expect(out).toMatch(/3 of 5 checks failed in .*; 1 cause explains 2 of them/);
  });

  it('writes checks of what runs on a host, and they pass', async () => {
    await lab.root('a', 'systemctl disable -q --now job; systemctl reset-failed job; useradd -m keeper');
    const { status, out } = check('--generate', 'a');
    expect(status).toBe(0);
    for (const text of ['- ssh.service', '- keeper', '- 22']) expect(out).toContain(text);
    expect(out).not.toContain('job');
    writeFileSync(join(lab.folder, 'made.yml'), out);
    expect(check('made.yml')).toMatchObject({ status: 0 });
    await lab.root('a', 'userdel keeper');
    expect(check('made.yml', '--within', '20').out).toMatch(/✗ keeper has an account on a/);
  });

  it('refuses to read a host that the inventory does not have', () => {
    const { status, said } = check('--generate', 'c');
    expect(status).toBe(2);
    expect(said).toContain('E_UNKNOWN_HOST');
  });
});
