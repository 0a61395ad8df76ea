import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, twoDebians } from './support/rack.ts';

const HOSTS = ['d12', 'd13'];
const lab = twoDebians('10.83.160');
const both = <T>(...all: readonly T[]): readonly T[] => all.flatMap((one) => [one, one]);
const everywhere = async (command: string): Promise<readonly string[]> =>
  Promise.all(HOSTS.map(async (h) => (await lab.root(h, command)).trim()));
const troubles = (ran: Ran): readonly string[] =>
  ran.tasks.flatMap((e) =>
    e.diagnostic === undefined
      ? []
      : [`${e.host} ${e.item ?? e.task}: ${e.diagnostic.message} ${e.diagnostic.detail ?? ''}`],
  );
function tasks(text: string): string {
  const file = join(lab.folder, `tasks-${Math.random().toString(36).slice(2)}.yml`);
  writeFileSync(
    file,
    `- hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n${text.trim().replace(/^/gm, '    ')}\n`,
  );
  return file;
}

/** The task is planned as a change that touches nothing, made once, and found as wanted after that. */
async function converges(task: string, state: string): Promise<readonly string[]> {
  const playbook = tasks(task);
  const before = await everywhere(state);
  const planned = await lab.plan(playbook);
  expect(troubles(planned)).toEqual([]);
  expect([...new Set(planned.tasks.map((e) => e.status))]).toEqual(['changed']);
  expect(await everywhere(state)).toEqual(before);
  const first = await lab.apply(playbook);
  expect(troubles(first)).toEqual([]);
  expect([...new Set(first.tasks.map((e) => e.status))]).toEqual(['changed']);
  const after = await everywhere(state);
  const again = await lab.apply(playbook);
  expect(troubles(again)).toEqual([]);
  expect([...new Set(again.tasks.map((e) => e.status))]).toEqual(['ok']);
  expect(await everywhere(state)).toEqual(after);
  return after;
}

describe('modules of public roles on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    await everywhere('apt-get update -qq');
  });
  afterAll(() => lab.down());

  it('git', async () => {
    const missing = await lab.plan(tasks('- git: {repo: /srv/repo, dest: /srv/app}'));
    for (const { diagnostic } of missing.tasks) expect(diagnostic?.message).toContain('git is not installed');
    const make = `- apt: {name: git, install_recommends: false}
- shell: |
    git init -q -b main /srv/repo; cd /srv/repo; git config user.name x; git config user.email x@x
    echo one >file; git add .; git commit -qm one; git tag v1; echo two >file; git commit -qam two
  args: {creates: /srv/repo}`;
    expect(troubles(await lab.apply(tasks(make)))).toEqual([]);
    const state = 'cat /srv/app/file; git -C /srv/app rev-parse --abbrev-ref HEAD; ls -A /srv';
    const clone = '- ansible.builtin.git: {repo: /srv/repo, dest: /srv/app, version: main, umask: "0077"}';
    expect(await converges(clone, `${state} || :`)).toEqual(both('two\nmain\napp\nrepo'));
    expect(await everywhere('stat -c %a /srv/app')).toEqual(both('700'));
    await everywhere('cd /srv/repo; echo three >file; git commit -qam three');
    expect(await converges(clone, state)).toEqual(both('three\nmain\napp\nrepo'));
    expect(await converges(clone.replace('main', 'v1'), state)).toEqual(both('one\nHEAD\napp\nrepo'));
    await everywhere('echo mine >/srv/app/file');
    const refused = await lab.apply(tasks(clone));
    for (const { diagnostic } of refused.tasks) expect(diagnostic?.message).toContain('local modifications');
    expect(await converges(clone.replace('umask', 'force: true, umask'), state)).toEqual(
      both('three\nmain\napp\nrepo'),
    );
  });

  it('pip', async () => {
    const wheel = `- apt: {name: [python3-pip, python3-venv], install_recommends: false}
- shell: |
    mkdir -p /srv/wheels
    python3 - <<'END'
    import zipfile
    for v in ('1.0', '2.0'):
        with zipfile.ZipFile(f'/srv/wheels/demo_app-{v}-py3-none-any.whl', 'w') as z:
            d = f'demo_app-{v}.dist-info/'
            z.writestr('demo_app.py', f'v = {v}')
            z.writestr(d + 'METADATA', f'Metadata-Version: 2.1\\nName: demo-app\\nVersion: {v}\\n')
            z.writestr(d + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
            z.writestr(d + 'RECORD', ''.join(f'{n},,\\n' for n in ('demo_app.py', d + 'METADATA', d + 'WHEEL', d + 'RECORD')))
    END
    echo 'demo-app>=1.0' >/srv/requirements.txt
  args: {creates: /srv/requirements.txt}`;
    expect(troubles(await lab.apply(tasks(wheel)))).toEqual([]);
    const more = 'extra_args: --no-index --find-links /srv/wheels';
    const refused = await lab.plan(tasks(`- pip: {name: demo-app, ${more}}`));
    for (const { diagnostic } of refused.tasks) expect(diagnostic?.message).toContain('PEP 668');
    const into = `virtualenv: /srv/venv, virtualenv_command: python3 -m venv, ${more}`;
    const state = '/srv/venv/bin/pip list --format=freeze 2>/dev/null | grep demo || :';
    expect(await converges(`- pip: {name: 'Demo_App>=0.9,<2', ${into}}`, state)).toEqual(both('demo-app==1.0'));
    const same = await lab.apply(tasks(`- pip: {requirements: /srv/requirements.txt, ${into}}`));
    expect(same.tasks.map((e) => e.status)).toEqual(both('ok'));
    expect(await converges(`- pip: {name: demo-app, state: latest, ${into}}`, state)).toEqual(both('demo-app==2.0'));
    expect(await converges('- pip: {name: demo-app, state: absent, virtualenv: /srv/venv}', state)).toEqual(both(''));
    expect(await converges(`- pip: {requirements: /srv/requirements.txt, ${into}}`, state)).toEqual(
      both('demo-app==2.0'),
    );
    const system = 'pip3 list --format=freeze 2>/dev/null | grep demo || :';
    const broken = `- pip: {name: demo-app, version: '1.0', break_system_packages: true, ${more}}`;
    expect(await converges(broken, system)).toEqual(both('demo-app==1.0'));
  });

  it('assemble', async () => {
    await everywhere(
      "mkdir /etc/parts; printf 'b' >/etc/parts/20; printf 'a\\n' >/etc/parts/10; echo x >/etc/parts/.x",
    );
    const task = "- assemble: {src: /etc/parts, dest: /etc/whole, delimiter: '#', ignore_hidden: true, mode: '0640'}";
    const state = 'cat /etc/whole 2>/dev/null; stat -c %a /etc/whole 2>/dev/null || :';
    expect(await converges(task, state)).toEqual(both('a\n#\nb640'));
    await everywhere('echo c >/etc/parts/30');
    expect(await converges(task, state)).toEqual(both('a\n#\nb\n#\nc\n640'));
    const refused = await lab.apply(tasks(task.replace('mode:', "regexp: 10, validate: 'grep -q c %s', mode:")));
    for (const { diagnostic } of refused.tasks) expect(diagnostic?.detail).toContain('the new content is refused by');
    expect(await everywhere(state)).toEqual(both('a\n#\nb\n#\nc\n640'));
  });
});
