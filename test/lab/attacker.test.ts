import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeLab, type Ran } from './support/rack.ts';

const NET = '10.83.101';
/**
 * The number of rounds of root's tasks against the attacker: `BRINGUP_ATTACKS=1000 npx vitest run --project lab
 * test/lab/attacker.test.ts`.
 */
const ROUNDS = Number(process.env['BRINGUP_ATTACKS'] ?? 20);
const SECRET = 'only-root-may-know-this';
const lab = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: ${NET}.0/24}
  hosts:
    d13: {ansible_host: ${NET}.13, lab_image: debian-13}
`,
  NET,
);
const root = (command: string): Promise<string> => lab.root('d13', command);

/** All files of root: their attributes and content. */
const STATE = String.raw`
cd /
find etc root usr opt srv -xdev ! -path 'etc/.updated' -printf '%p %y %m %U %G %l\n' | LC_ALL=C sort
find etc/canary etc/canary.d root usr/local -xdev -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
find / -xdev -perm /6000 ! -type d ! -path '/proc/*' ! -path '/home/*' ! -user mallory -printf 'setuid %p %m %U %G\n' | LC_ALL=C sort
find /home -xdev -perm /6000 -type f ! -user mallory -exec grep -LE "^root's [0-9]+$" {} + | sed 's/^/setuid /'
find / -xdev \( -user mallory -o -group mallory \) ! -path '/home/mallory*' ! -path '/var/tmp/*' ! -path '/tmp/*' ! -path '/var/spool/*' -printf 'hers %p\n'
grep -rlF ${SECRET} /home /var/tmp /tmp 2>/dev/null | sed 's/^/leaked /' || :`;

const failures = (ran: Ran): readonly string[] =>
  ran.tasks
    .filter((e) => e.status === 'failed')
    .map((e) => `${e.task}: ${e.diagnostic?.message} ${e.diagnostic?.detail ?? ''}`);

function playbook(name: string, tasks: string, more = ''): string {
  const file = join(lab.folder, `${name}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  become: true\n  gather_facts: false\n${more}  tasks:\n${tasks.trim().replace(/^/gm, '    ')}\n`,
  );
  return file;
}

const MAKE = `su mallory -s /bin/sh -c 'cd && mkdir d d/sub d/tree d/un .ssh && chmod 0700 .ssh && echo port=1 >d/replaced && echo x >d/moded && echo y >d/sub/one && echo z >d/hardsrc'`;
/** Restores the attacker's home directory and stops the attacker's processes. */
const RESET = `
rm -rf /home/mallory; mkdir -m 0755 /home/mallory; chown mallory:mallory /home/mallory
su mallory -s /bin/sh -c 'mkdir /home/mallory/attic /home/mallory/stolen'
${MAKE}
rm -rf /var/tmp/.bringup-*`;

describe('an unprivileged user on a host', () => {
  beforeAll(async () => {
    mkdirSync(join(lab.folder, 'files/site/sub'), { recursive: true });
    writeFileSync(join(lab.folder, 'files/big'), 'big\n'.repeat(60_000));
    writeFileSync(join(lab.folder, 'files/site/a'), 'a\n');
    writeFileSync(join(lab.folder, 'files/site/sub/b'), 'b\n');
    writeFileSync(join(lab.folder, 't.j2'), 'round {{ round }}\n');
    execFileSync('tar', ['-cf', join(lab.folder, 'files/site.tar'), '-C', join(lab.folder, 'files'), 'site']);
    const whole = readFileSync(join(lab.folder, 'files/site.tar'));
    writeFileSync(join(lab.folder, 'files/cut.tar'), whole.subarray(0, 1536));
    await lab.up();
    await root(`useradd -m -s /bin/sh mallory
for f in /etc/canary /root/canary; do echo '${SECRET}' >$f; chmod 0600 $f; done
cp /usr/bin/id /usr/local/bin/canary; chmod 4755 /usr/local/bin/canary
for d in /etc/canary.d /root/canary.d; do mkdir -m 0755 $d; echo '${SECRET}' >$d/one; chmod 0640 $d/one; mkdir $d/sub; done`);
  });
  afterAll(() => lab.down());
  beforeEach(async () => {
    await root(RESET);
  });

  it.each([
    ['copy through a link to a file', 'ln -s /etc/canary d/x', `copy: {content: new, dest: /home/mallory/d/x}`],
    [
      'lineinfile through a link to a file',
      'ln -s /etc/canary d/x',
      `lineinfile: {path: /home/mallory/d/x, line: new}`,
    ],
    ['a mode through a link', 'ln -s /etc/canary d/x', `file: {path: /home/mallory/d/x, mode: '0666'}`],
    ['an owner through a link', 'ln -s /etc/canary d/x', `file: {path: /home/mallory/d/x, owner: mallory}`],
    [
      'a mode of a directory through a link',
      'ln -s /root/canary.d d/x',
      `file: {path: /home/mallory/d/x, state: directory, owner: mallory}`,
    ],
    ['copy below a link', 'ln -s /etc d/x', `copy: {content: new, dest: /home/mallory/d/x/new}`],
    [
      'copy through links of many steps',
      'ln -s y d/x; ln -s ../../../etc d/y',
      `copy: {content: new, dest: /home/mallory/d/x/new}`,
    ],
    [
      'a directory below a link',
      'ln -s /etc d/x',
      `file: {path: /home/mallory/d/x/new/newer, state: directory, owner: mallory}`,
    ],
    ['removal below a link', 'ln -s /etc d/x', `file: {path: /home/mallory/d/x/canary, state: absent}`],
    ['touch below a link', 'ln -s /etc d/x', `file: {path: /home/mallory/d/x/new, state: touch, owner: mallory}`],
    ['a link below a link', 'ln -s /etc d/x', `file: {path: /home/mallory/d/x/new, src: /etc/passwd, state: link}`],
    [
      'a hard link of what a link leads to',
      'ln -s /root d/x',
      `file: {path: /home/mallory/d/new, src: /home/mallory/d/x/canary, state: hard, owner: mallory}`,
    ],
    [
      'recursion through a link',
      'ln -s /root/canary.d d/x',
      `file: {path: /home/mallory/d/x, recurse: true, owner: mallory}`,
    ],
    ['a tree below a link', 'ln -s /etc d/x', `copy: {src: site, dest: /home/mallory/d/x/, owner: mallory}`],
    [
      'a tree into a link',
      'mkdir d/site; ln -s /etc/canary.d d/site/sub',
      `copy: {src: site, dest: /home/mallory/d, owner: mallory}`,
    ],
    [
      'an archive below a link',
      'ln -s /etc/canary.d d/x',
      `unarchive: {src: site.tar, dest: /home/mallory/d/x, owner: mallory}`,
    ],
    [
      'an archive into a link',
      'mkdir d/un/site; ln -s /etc/canary.d d/un/site/sub',
      `unarchive: {src: site.tar, dest: /home/mallory/d/un, owner: mallory}`,
    ],
    ['a big upload below a link', 'ln -s /etc d/x', `copy: {src: big, dest: /home/mallory/d/x/new, owner: mallory}`],
    [
      'keys in a linked folder',
      'rmdir .ssh; ln -s /root/canary.d .ssh',
      `authorized_key: {user: mallory, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl m'}`,
    ],
    [
      'keys in a folder that a link leads to',
      'rmdir .ssh; ln -s /root/new .ssh',
      `authorized_key: {user: mallory, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl m'}`,
    ],
  ])("cannot redirect root's task: %s", async (_, plant, task) => {
    await root(`su mallory -s /bin/sh -c ${JSON.stringify(`cd && ${plant}`)}`);
    const before = await root(STATE);
    const ran = await lab.apply(playbook('planted', `- ${task}`));
    expect(failures(ran).join('\n')).toMatch(
      /is a symbolic link that can be changed by mallory|: there is no new in \/root/,
    );
    expect(await root(STATE)).toBe(before);
    expect(await root('find /home/mallory /var/tmp -name ".bringup*"')).toBe('');
  });

  it("can use links that lead to the user's own directories", async () => {
    await root(`su mallory -s /bin/sh -c 'cd && ln -s d/sub current && ln -s sub/one d/one'`);
    const ran = await lab.apply(
      playbook(
        'own',
        `- copy: {content: new, dest: /home/mallory/current/new}
- lineinfile: {path: /home/mallory/d/one, line: added}
- file: {path: /home/mallory/d/one, mode: '0600'}
- file: {path: /home/mallory/current/made/deep, state: directory, owner: mallory, mode: '0750'}
- unarchive: {src: site.tar, dest: /home/mallory/current, owner: mallory}
- copy: {src: site, dest: /home/mallory/current/, owner: mallory, mode: '0640'}`,
      ),
    );
    expect(failures(ran)).toEqual([]);
    expect(
      await root(
        'cd /home/mallory/d; cat sub/new sub/one; stat -c "%A %U" sub/one sub/made sub/made/deep sub/site/sub/b; readlink one; find . -name ".bringup*"',
      ),
    ).toBe('newy\nadded\n-rw------- mallory\ndrwxr-x--- mallory\ndrwxr-x--- mallory\n-rw-r----- mallory\nsub/one\n');
  });

  it('cannot predict the name of a staged file from another one', async () => {
    // Creates two staged files in one run. Their names must share only the parts that all names share.
    await root(`su mallory -s /bin/sh -c 'cd && mkdir seen'`);
    const ran = await lab.apply(
      playbook(
        'names',
        `- copy: {content: a, dest: /home/mallory/d/a, validate: 'sh -c "pwd -P >/home/mallory/seen/a; test -f %s"'}
- copy: {content: b, dest: /home/mallory/d/b, validate: 'sh -c "pwd -P >/home/mallory/seen/b; test -f %s"'}`,
      ),
    );
    expect(failures(ran)).toEqual([]);
    const [a = '', b = ''] = (await root('cat /home/mallory/seen/a /home/mallory/seen/b')).trim().split('\n');
    expect(a).toMatch(/^\/home\/mallory\/d\/\.bringup-[0-9a-f]{20}$/);
    expect(b).toMatch(/^\/home\/mallory\/d\/\.bringup-[0-9a-f]{20}$/);
    expect([...a].filter((c, i) => c === b[i]).length).toBeLessThan(a.length - 10);
  });

  it('cannot access an archive while it is unpacked', async () => {
    await root(`echo 'stat -c "%F %A %U" /var/tmp/.bringup-* /home/mallory/d/un/.bringup-* >/tmp/seen' >/root/spy`);
    const ran = await lab.apply(
      playbook(
        'spied',
        `- unarchive: {src: site.tar, dest: /home/mallory/d/un, extra_opts: ['--checkpoint=1', '--checkpoint-action=exec=sh /root/spy']}`,
      ),
    );
    expect(failures(ran)).toEqual([]);
    expect(await root('cat /tmp/seen; rm /tmp/seen /root/spy')).toBe(
      'directory drwx------ root\ndirectory drwx------ root\n',
    );
  });

  it('cannot make root accept an archive that was cut off between two blocks', async () => {
    for (const dest of ['/home/mallory/d/un', '/srv']) {
      const ran = await lab.apply(playbook('cut', `- unarchive: {src: cut.tar, dest: ${dest}}`));
      expect(failures(ran).join('\n')).toContain('the archive is cut off');
      expect(await root(`ls -A ${dest}`)).toBe('');
    }
  });

  it(`gains nothing in ${ROUNDS} rounds of swapping files`, async () => {
    const server = createServer((request, response) => response.end(`fetched ${request.url}\n`));
    await new Promise<void>((resolve) => server.listen(0, `${NET}.1`, resolve));
    const url = `http://${NET}.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(join(lab.folder, 'round.yml'), roundOf(url));
    await root(`cat >/usr/bin/attack.pl <<'END'\n${readFileSync('test/lab/support/attack.pl', 'utf8')}\nEND`);
    const before = await root(STATE);
    const attackers = ['attack1', 'attack2', 'attack3'];
    for (const unit of attackers)
      await root(`systemd-run --unit=${unit} --uid=mallory --gid=mallory perl /usr/bin/attack.pl /home/mallory`);
    try {
      const ran = await lab.apply(
        playbook(
          'rounds',
          `- include_tasks: round.yml\n  loop: "{{ range(0, ${ROUNDS}) | list }}"\n  loop_control: {loop_var: round}`,
          '  ignore_errors: true\n',
        ),
      );
      for (const unit of attackers) expect((await root(`systemctl is-active ${unit} || :`)).trim()).toBe('active');
      const made = ran.tasks.filter((e) => e.status === 'changed').length;
      if (process.env['BRINGUP_ATTACKS_LOG'])
        writeFileSync(
          process.env['BRINGUP_ATTACKS_LOG'],
          ran.tasks
            .map((e) => `${e.status} ${e.task} ${e.diagnostic?.message ?? ''} ${e.diagnostic?.detail ?? ''}`)
            .join('\n'),
        );
      expect(made).toBeGreaterThan(ROUNDS);
    } finally {
      for (const unit of attackers) await root(`systemctl stop ${unit}`);
      server.close();
    }
    expect((await root(STATE)).split('\n').filter((line) => !before.split('\n').includes(line))).toEqual([]);
    expect(await root(STATE)).toBe(before);
  }, 7_200_000);
});

function roundOf(url: string): string {
  const D = '/home/mallory/d';
  const parity = (even: string, odd: string): string => `"{{ '${even}' if round is even else '${odd}' }}"`;
  return `
- copy: {content: "round {{ round }}", dest: ${D}/copied, mode: ${parity('0640', '0644')}}
- copy: {content: "root's {{ round }}", dest: ${D}/roots, owner: root, group: root, mode: '4755'}
- template: {src: t.j2, dest: ${D}/templated, owner: mallory}
- lineinfile: {path: ${D}/lines, line: "round {{ round }}", create: true}
- blockinfile: {path: ${D}/block, block: "round {{ round }}", create: true}
- replace: {path: ${D}/replaced, regexp: '^port=.*', replace: "port={{ round }}"}
- ini_file: {path: ${D}/ini, section: s, option: o, value: "{{ round }}"}
- file: {path: ${D}/moded, mode: ${parity('0640', '0644')}}
- file: {path: ${D}/moded, owner: ${parity('root', 'mallory')}}
- file: {path: ${D}/link, src: ${parity('copied', 'moded')}, state: link, force: true}
- file: {path: "${D}/hard{{ round }}", src: ${D}/hardsrc, state: hard, owner: mallory}
- file: {path: "${D}/touched{{ round }}", state: touch, owner: mallory, mode: '0666'}
- file: {path: "${D}/sub/new{{ round }}/deep", state: directory, owner: mallory, mode: '0777'}
- file: {path: ${D}/sub, recurse: true, owner: ${parity('mallory', 'root')}, mode: ${parity('u=rwX,go=rX', 'u=rwX,go=rwX')}}
- file: {path: "${D}/sub/new{{ round }}", state: absent}
- copy: {src: site, dest: ${D}/tree, owner: mallory, mode: ${parity('0640', '0666')}, directory_mode: '0777'}
- file: {path: ${D}/tree/site, state: absent}
- unarchive: {src: site.tar, dest: ${D}/un, owner: mallory, mode: ${parity('u=rwX,go=', 'a=rwX')}}
- copy: {src: big, dest: "${D}/big{{ round }}", owner: mallory, mode: '0666'}
- get_url: {url: "${url}/{{ round }}", dest: "${D}/fetched{{ round }}", owner: mallory}
- authorized_key: {user: mallory, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl m', key_options: "from=\\"10.0.0.{{ round % 250 }}\\""}
- shell: rm -rf /home/mallory/.ssh
- authorized_key: {user: mallory, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl m'}
- shell: "rm -rf ${D} /home/mallory/.ssh /home/mallory/attic/* /home/mallory/stolen/*; ${MAKE}"
`;
}
