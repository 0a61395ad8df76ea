import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLab, type Ran } from './support/rack.ts';

const NET = '10.83.104';
const lab = makeLab(
  `all:
  vars: {lab_name: x, lab_subnet: ${NET}.0/24}
  hosts:
    d13: {ansible_host: ${NET}.13, lab_image: debian-13}
`,
  NET,
);
const root = async (command: string): Promise<string> => (await lab.root('d13', command)).trim();
const failures = (ran: Ran): readonly string[] =>
  ran.tasks
    .filter((e) => e.status === 'failed' || e.status === 'ignored')
    .map((e) => `${e.task}: ${e.diagnostic?.message} ${e.diagnostic?.detail ?? ''}`);
const changed = (ran: Ran): readonly string[] => ran.tasks.filter((e) => e.status === 'changed').map((e) => e.task);

function playbook(tasks: string, more = ''): string {
  const file = join(lab.folder, `tasks-${Math.random().toString(36).slice(2)}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  become: true\n  gather_facts: false\n${more}  tasks:\n${tasks.trim().replace(/^/gm, '    ')}\n`,
  );
  return file;
}
/** Runs tasks, and checks that a second run changes nothing. */
async function converges(tasks: string, more = ''): Promise<void> {
  const file = playbook(tasks, more);
  expect(failures(await lab.apply(file))).toEqual([]);
  const again = await lab.apply(file);
  expect([failures(again), changed(again)]).toEqual([[], []]);
}

describe('replacing files', () => {
  beforeAll(async () => {
    const files = join(lab.folder, 'files');
    mkdirSync(join(files, 'site/sub'), { recursive: true });
    writeFileSync(join(files, 'site/a'), 'a'.repeat(9000));
    writeFileSync(join(files, 'site/sub/b'), 'b\n');
    writeFileSync(join(files, 'big'), 'big\n'.repeat(60_000));
    writeFileSync(join(lab.folder, 't.j2'), '{{ "line\\n" * 9000 }}');
    execFileSync('tar', ['-czf', join(files, 'site.tar.gz'), '-C', files, 'site']);
    symlinkSync('a', join(files, 'site/linked'));
    await lab.up();
    await root(
      'useradd -m -s /bin/sh ops; useradd -M -d /nonexistent -s /bin/sh nohome; useradd -M -d /srv/rootshome -s /bin/sh rootshome; mkdir /srv/rootshome',
    );
  });
  afterAll(() => lab.down());

  describe.each(['root', 'ops'])('as %s', (owner) => {
    const D = `/mnt/${owner}`;
    const EVERY = `
- copy: {content: "{{ 'text ' * 9000 }}", dest: ${D}/text}
- template: {src: t.j2, dest: ${D}/templated}
- lineinfile: {path: ${D}/lines, line: "{{ 'x' * 60000 }}", create: true}
- copy: {src: big, dest: ${D}/big}
- copy: {src: site, dest: ${D}/tree}
- unarchive: {src: site.tar.gz, dest: ${D}/un}
- file: {path: ${D}/made/deep, state: directory}`;

    it('names a full file system with its free space, and one run fixes everything', async () => {
      await root(
        `mkdir -p ${D}; mount -t tmpfs -o size=32k,mode=0755,uid=$(id -u ${owner}) none ${D}; mkdir ${D}/un; chown ${owner} ${D}/un; echo old >${D}/text; head -c 20000 /dev/zero >${D}/filler || :`,
      );
      const full = await lab.apply(playbook(EVERY, '  ignore_errors: true\n'));
      const told = failures(full);
      for (const name of ['text', 'templated', 'lines', 'big'])
        expect(told.find((line) => line.includes(`${D}/${name}`))).toMatch(
          new RegExp(`the file system ${D} \\(none\\) has \\d+ KiB free`),
        );
      expect(await root(`cat ${D}/text; find ${D} /var/tmp -name '.bringup*'`)).toBe('old');
      await root(`mount -o remount,size=10m ${D}`);
      await converges(EVERY);
      expect(await root(`find ${D} /var/tmp -name '.bringup*'; cat ${D}/tree/site/sub/b ${D}/un/site/sub/b`)).toBe(
        'b\nb',
      );
    });

    it('names a file system that became read-only, and one run fixes everything', async () => {
      await root(`mount -o remount,ro ${D}`);
      const task = `- copy: {content: newer, dest: ${D}/text}\n- lineinfile: {path: ${D}/other, line: new, create: true}`;
      const told = failures(await lab.apply(playbook(task, '  ignore_errors: true\n')));
      expect(told).toHaveLength(2);
      for (const line of told) expect(line).toMatch(/Read-only file system[\s\S]*the file system \/mnt/);
      await root(`mount -o remount,rw ${D}`);
      await converges(task);
      await root(`umount ${D}`);
    });
  });

  it.each(['nohome', 'rootshome', 'ops'])("as %s, without touching the user's home", async (user) => {
    await root(`rm -rf /srv/of; mkdir /srv/of; chown ${user} /srv/of`);
    const before = await root('find /home/ops /srv/rootshome /nonexistent 2>/dev/null || :');
    await converges(
      `
- copy: {content: text, dest: /srv/of/text, mode: '0640'}
- copy: {src: big, dest: /srv/of/big}
- copy: {src: site, dest: /srv/of/tree}
- unarchive: {src: site.tar.gz, dest: /srv/of}
- lineinfile: {path: /srv/of/lines, line: a, create: true}
- file: {path: /srv/of/made/deep, state: directory, mode: '0700'}`,
      `  become_user: ${user}\n`,
    );
    expect(
      await root(
        `stat -c '%U %G' /srv/of/text /srv/of/big /srv/of/tree/site/a /srv/of/site/sub/b /srv/of/made/deep | uniq`,
      ),
    ).toBe(`${user} ${user}`);
    expect(await root("find /srv/of /var/tmp -name '.bringup*'")).toBe('');
    expect(await root('find /home/ops /srv/rootshome /nonexistent 2>/dev/null || :')).toBe(before);
  });

  it('replaces a link with the file if follow is false', async () => {
    await root(
      'mkdir -p /srv/f; cd /srv/f; echo kept >target; ln -s target copied; ln -s target templated; ln -s target followed',
    );
    await converges(`
- copy: {content: new, dest: /srv/f/copied, follow: false}
- template: {src: t.j2, dest: /srv/f/templated, follow: false}`);
    expect(await root('cd /srv/f; cat target; stat -c %F copied templated')).toBe('kept\nregular file\nregular file');
    await converges('- copy: {content: new, dest: /srv/f/followed}');
    expect(await root('cd /srv/f; cat target; stat -c %F followed')).toBe('newsymbolic link');
  });

  it('probes the target of a link again after writing through the link', async () => {
    await root('mkdir -p /srv/l/d; cd /srv/l; echo x >t; chmod 0600 t; ln -s t l; ln -s d dl');
    const ran = await lab.apply(
      playbook(`
- stat: {path: /srv/l/t}
- file: {path: /srv/l/l, mode: '0640', follow: true}
- stat: {path: /srv/l/t}
  register: t
- unarchive: {src: site.tar.gz, dest: /srv/l/dl}
- stat: {path: /srv/l/d/site/a}
  register: d
- assert: {that: [t.stat.mode == '0640', d.stat.exists]}`),
    );
    expect(failures(ran)).toEqual([]);
  });

  it('creates a file in a directory that is missing', async () => {
    await converges(`
- lineinfile: {path: /srv/m/a/lines, line: a, create: true}
- blockinfile: {path: /srv/m/b/block, block: b, create: true}
- file: {path: /srv/m/link, src: a, state: link}
- file: {path: /srv/m/link, src: a, state: link, mode: '0755'}`);
    expect(await root('cat /srv/m/a/lines; readlink /srv/m/link')).toBe('a\na');
  });

  it('copies a directory on the host below dest with the given modes', async () => {
    await root('mkdir -p /srv/src/sub; echo x >/srv/src/sub/f');
    await converges(`
- copy: {src: /srv/src, dest: /srv/dst, remote_src: true, mode: '0640', directory_mode: '0750', owner: ops}
- copy: {src: /srv/src/, dest: /srv/dst2, remote_src: true}`);
    expect(await root('cd /srv; stat -c "%n %a %U" dst/src dst/src/sub dst/src/sub/f; cat dst2/sub/f')).toBe(
      'dst/src 750 ops\ndst/src/sub 750 ops\ndst/src/sub/f 640 ops\nx',
    );
  });

  it('copies a tree with its empty directories, and with its links or their targets', async () => {
    const tree = join(lab.folder, 'files/linked');
    mkdirSync(join(tree, 'empty/deep'), { recursive: true });
    mkdirSync(join(tree, 'real'));
    writeFileSync(join(tree, 'real/f'), 'f\n');
    symlinkSync('real', join(tree, 'folder'));
    symlinkSync(`real/${'./'.repeat(60)}f`, join(tree, 'file'));
    await converges(`
- copy: {src: linked/, dest: /srv/t/followed, owner: ops, directory_mode: '0750'}
- copy: {src: linked/, dest: /srv/t/kept, local_follow: false}`);
    expect(
      await root(
        `cd /srv/t; stat -c '%n %A %U' followed followed/empty/deep followed/folder followed/folder/f followed/file; cat kept/file; stat -c %F kept/folder kept/file kept/empty/deep`,
      ),
    ).toBe(
      [
        'followed drwxr-x--- ops',
        'followed/empty/deep drwxr-x--- ops',
        'followed/folder drwxr-x--- ops',
        'followed/folder/f -rw-r--r-- ops',
        'followed/file -rw-r--r-- ops',
        'f',
        'symbolic link',
        'symbolic link',
        'directory',
      ].join('\n'),
    );
    symlinkSync('nowhere', join(tree, 'dangling'));
    const ran = await lab.apply(playbook('- copy: {src: linked/, dest: /srv/t/more}'));
    expect(failures(ran).join('\n')).toMatch(/the link '.*\/dangling' leads to nothing: nowhere/);
    await converges('- copy: {src: linked/, dest: /srv/t/kept, local_follow: false}');
  });

  it('keeps newer files on the host with keep_newer', async () => {
    await root("mkdir -p /srv/k/site; echo newer >/srv/k/site/a; touch -d '2090-01-01' /srv/k/site/a");
    await converges('- unarchive: {src: site.tar.gz, dest: /srv/k, keep_newer: true}');
    expect(await root('cat /srv/k/site/a /srv/k/site/sub/b')).toBe('newer\nb');
  });
});
