// Keywords that say how a host is reached and how a task becomes another user.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, twoDebians } from './support/rack.ts';

const lab = twoDebians('10.83.163');

/** Runs tasks on d12 and returns what debug printed, and the failures. */
async function run(tasks: string, more = ''): Promise<Readonly<{ said: readonly string[]; ran: Ran }>> {
  const indented = tasks.replace(/^/gm, '    ');
  const file = join(lab.folder, 'play.yml');
  writeFileSync(
    file,
    `- hosts: d12\n  gather_facts: false\n${more.replace(/^(?=.)/gm, '  ')}\n  tasks:\n${indented}\n`,
  );
  const ran = await lab.apply(file);
  return { said: ran.events.flatMap((e) => (e.type === 'message' ? [e.text] : [])), ran };
}

const LOG = '- debug: {msg: "{{ r.stdout }}"}';

describe('on a lab host', () => {
  beforeAll(async () => {
    await lab.up();
    await lab.root(
      'd12',
      `set -e
me=$(awk -F: '$3 >= 1000 && $3 < 60000 {print $1; exit}' /etc/passwd)
useradd -m -s /bin/sh other
cp -r "$(getent passwd "$me" | cut -d: -f6)/.ssh" /home/other/.ssh
chown -R other: /home/other/.ssh
apt-get -q -y install doas >/dev/null
echo "permit nopass $me" >/etc/doas.conf
cat >/usr/local/bin/own-become <<'END'
#!/bin/sh
printf '%s\\n' "$*" >>/tmp/become.log
exec sudo "$@"
END
chmod 755 /usr/local/bin/own-become
touch /tmp/become.log
chmod 666 /tmp/become.log`,
    );
  });
  afterAll(() => lab.down());

  it('remote_user and user log in as another user', async () => {
    const who = '- command: id -un\n  register: r';
    expect((await run(`${who}\n  remote_user: other\n${LOG}`)).said).toEqual(['other']);
    expect((await run(`${who}\n${LOG}`, 'remote_user: other')).said).toEqual(['other']);
    expect((await run(`${who}\n${LOG}`, 'user: other')).said).toEqual(['other']);
  });

  it('what one way changes, the other one sees', async () => {
    const tasks = `- copy: {dest: /tmp/way, content: one, mode: '0666'}
- stat: {path: /tmp/way}
  register: before
- copy: {dest: /tmp/way2, content: two}
  remote_user: other
- stat: {path: /tmp/way2}
  register: after
- debug: {msg: "{{ before.stat.exists }} {{ after.stat.pw_name }}"}`;
    expect((await run(tasks)).said).toEqual(['True other']);
  });

  it('port is where sshd is asked', async () => {
    const { ran } = await run('- ping:', 'port: 9');
    const lost = ran.events.flatMap((e) => (e.type === 'unreachable' ? [e.diagnostic] : []));
    expect(JSON.stringify(lost)).toMatch(/:9\b|port 9\b/);
  });

  it('become_exe and become_flags are how a task becomes another user', async () => {
    const tasks = `- command: id -un
  become: true
  become_exe: /usr/local/bin/own-become
  become_flags: -H --preserve-env=LANG
  register: r
${LOG}`;
    expect((await run(tasks)).said).toEqual(['root']);
    expect(await lab.root('d12', 'cat /tmp/become.log')).toMatch(/^-n -H --preserve-env=LANG -u root /);
  });

  it('become_method takes another program', async () => {
    const tasks = `- shell: id -un; tr '\\0' ' ' </proc/$PPID/environ | grep -o 'DOAS_USER' || true
  become: true
  become_method: doas
  register: r
- debug: {msg: "{{ r.stdout_lines[0] }}"}`;
    expect((await run(tasks)).said).toEqual(['root']);
    const broken = await run('- command: id -un\n  become: true\n  become_method: doas', '');
    expect(broken.ran.recap.failed).toBe(false);
    await lab.root('d12', 'echo "deny nobody" >/etc/doas.conf');
    const refused = await run('- command: id -un\n  become: true\n  become_method: doas', '');
    expect(refused.ran.recap.failed).toBe(true);
  });

  it('connection: local works on this machine with the variables of the host', async () => {
    const { said } = await run(
      `- command: hostname\n  register: r\n- debug: {msg: "{{ r.stdout == '${(await import('node:os')).hostname()}' }} {{ inventory_hostname }}"}`,
      'connection: local',
    );
    expect(said).toEqual(['True d12']);
  });
});
