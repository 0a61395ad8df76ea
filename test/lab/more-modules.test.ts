import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both, moduleLab, troubles } from './support/converge.ts';

const { lab, everywhere, tasks, converges } = moduleLab('10.83.171');
const rsync = spawnSync('rsync', ['--version']).status === 0;

describe('more modules of public roles on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    await everywhere('apt-get update -qq');
  });
  afterAll(() => lab.down());

  it.skipIf(!rsync)('synchronize, as root and as another user, if this machine has rsync', async () => {
    mkdirSync(join(lab.folder, 'files/site/deep'), { recursive: true });
    writeFileSync(join(lab.folder, 'files/site/index.html'), 'hello\n');
    writeFileSync(join(lab.folder, 'files/site/deep/.git'), 'x');
    writeFileSync(join(lab.folder, 'files/site/deep/large'), Buffer.alloc(3_000_000, 'some text\n'));
    const copy = `- synchronize: {src: site/, dest: /srv/www, delete: true, owner: false, group: false, rsync_opts: [--exclude=.git]}`;
    const missing = await lab.apply(tasks(copy));
    for (const { diagnostic } of missing.tasks) expect(diagnostic?.message).toBe('the host has no rsync');
    const first = await lab.plan(tasks(`- apt: {name: rsync}\n${copy}`));
    expect(first.tasks.map((e) => e.status)).toEqual(both('changed', 'unknown'));
    expect(troubles(await lab.apply(tasks('- apt: {name: rsync}')))).toEqual([]);
    const state = 'find /srv/www -printf "%P %u %s\\n" 2>/dev/null | sort | grep -v "^ \\|^deep root 4" || :';
    expect(await converges(copy, state)).toEqual(both('deep/large root 3000000\nindex.html root 6'));
    await everywhere('echo old >/srv/www/old; echo other >/srv/www/index.html; install -d -o nobody /srv/nobody');
    expect(await converges(copy, state)).toEqual(both('deep/large root 3000000\nindex.html root 6'));
    const nobody = `${copy.replace('/srv/www', '/srv/nobody/www')}\n  become_user: nobody`;
    expect(await converges(nobody, state.replace('/srv/www', '/srv/nobody/www'))).toEqual(
      both('deep/large nobody 3000000\nindex.html nobody 6').map((one) => expect.stringContaining(one)),
    );
    const here = `- synchronize: {src: /srv/www/, dest: /srv/copy}\n  delegate_to: "{{ inventory_hostname }}"`;
    expect(await converges(here, 'cat /srv/copy/index.html 2>/dev/null || :')).toEqual(both('hello'));
    const pull = `- synchronize: {mode: pull, src: /etc/hostname, dest: "from-{{ inventory_hostname }}/"}`;
    const pulled = await lab.apply(tasks(pull));
    expect(pulled.tasks.map((e) => e.status)).toEqual(both('changed'));
    expect((await lab.apply(tasks(pull))).tasks.map((e) => e.status)).toEqual(both('ok'));
  });
});
