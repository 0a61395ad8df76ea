import { describe, expect, it } from 'vitest';
import { readSettings, type Settings } from '../../../src/config/settings.ts';
import type { Diagnostic } from '../../../src/core/diagnostic.ts';
import { play, project } from '../support/project.ts';

function read(
  text: string,
  env: Readonly<Record<string, string>> = {},
): Settings & Readonly<{ problems: Diagnostic[] }> {
  const problems: Diagnostic[] = [];
  return { ...readSettings({ path: '/p/ansible.cfg', text }, env, problems), problems };
}
const D = '[defaults]\n';
const B = '[privilege_escalation]\n';
const S = '[ssh_connection]\n';

describe('ansible.cfg', () => {
  it.each<[string, Partial<Settings>]>([
    [`${D}inventory = hosts.ini,more`, { inventory: ['/p/hosts.ini', '/p/more'] }],
    [`${D}inventory: /etc/hosts.ini ; the old one`, { inventory: ['/etc/hosts.ini'] }],
    [`${D}inventory = web1,web2,`, { inventory: ['web1,web2,'] }],
    [`${D}roles_path = roles:../shared:/usr/r`, { rolesPath: ['/p/roles', '/shared', '/usr/r'] }],
    [`${D}roles_path = roles:\n   more`, { rolesPath: ['/p/roles', '/p/more'] }],
    [`${D}collections_paths = c`, { collectionsPath: ['/p/c'] }],
    [`${D}forks = 50`, { forks: 50 }],
    [`[diff]\nalways = yes`, { diff: true }],
    [`${D}vault_password_file = pw`, { vaultIds: ['/p/pw'] }],
    [`${D}vault_identity_list = dev@dev.txt, prod@prompt`, { vaultIds: ['dev@/p/dev.txt', 'prod@prompt'] }],
    [
      `${D}remote_user = pi\ntimeout=30\nremote_port=2222`,
      { connection: { ansible_user: 'pi', ansible_timeout: 30, ansible_port: 2222 } },
    ],
    [
      `${D}private_key_file = key\ntransport = local`,
      { connection: { ansible_ssh_private_key_file: '/p/key', ansible_connection: 'local' } },
    ],
    [
      `${S}ssh_args = -o Port=2222\nssh_common_args = -J jump`,
      { connection: { ansible_ssh_common_args: '-o Port=2222 -J jump' } },
    ],
    [`${S}ssh_extra_args = "-J jump"`, { connection: { ansible_ssh_extra_args: '-J jump' } }],
    [`${B}become = True\nbecome_user = app`, { play: { become: true, become_user: 'app' } }],
    [
      `${B}become_method = su\nbecome_exe = /bin/su\nbecome_flags = -l`,
      { connection: { ansible_become_method: 'su', ansible_become_exe: '/bin/su', ansible_become_flags: '-l' } },
    ],
    [`${D}gathering = explicit`, { play: { gather_facts: false } }],
    [`${D}gathering = smart`, { play: {} }],
    [`${D}force_handlers = yes\nany_errors_fatal = on`, { play: { force_handlers: true, any_errors_fatal: true } }],
    [
      `${D}ask_pass = yes\nask_vault_pass = 1\n${B}become_ask_pass = true`,
      { asks: { password: true, vaultPassword: true, becomePassword: true } },
    ],
  ])('%j', (text, expected) => {
    const settings = read(text);
    expect(settings.problems).toEqual([]);
    expect(settings).toMatchObject(expected);
  });

  it('is overridden by the environment, whose paths start in the working directory', () => {
    const { inventory, forks, connection } = read(`${D}inventory = a\nforks = 5\nremote_user = pi`, {
      ANSIBLE_INVENTORY: 'b',
      ANSIBLE_FORKS: '7',
      ANSIBLE_REMOTE_USER: '',
    });
    expect({ inventory, forks, connection }).toEqual({
      inventory: ['b'],
      forks: 7,
      connection: { ansible_user: 'pi' },
    });
  });

  it.each([
    [`${D}forks = many`, 'E_SETTING', 2],
    [`${D}become = yes\n\n${B}become = perhaps`, 'E_SETTING', 5],
    [`${B}become_method = pfexec`, 'E_SETTING', 2],
    [`${D}gathering = never`, 'E_SETTING', 2],
    [`${D}hash_behaviour = merge`, 'E_SETTING_MERGE', 2],
    [`${D}forks 20`, 'E_SETTING_LINE', 2],
    ['forks = 20', 'E_SETTING_LINE', 1],
  ])('%j is a mistake', (text, code, line) => {
    const [first] = read(text).problems;
    expect([first?.code, first?.at?.line]).toEqual([code, line]);
  });

  it.each([
    [`${D}host_key_checking = False`, ['E_SETTING_HOST_KEYS'], []],
    [`${D}host_key_checking = True`, [], []],
    [`${D}error_on_undefined_vars = False`, ['E_SETTING_NO_EFFECT'], []],
    [
      `${D}stdout_callback = yaml\n${S}pipelining = True\n[galaxy]\nserver = x`,
      [],
      Array(3).fill('E_SETTING_NO_EFFECT'),
    ],
    [`# only\n; comments\n${D}`, [], []],
  ])('%j is told', (text, warnings, notes) => {
    const read_ = read(text);
    expect([read_.problems, read_.warnings.map((d) => d.code), read_.notes.map((d) => d.code)]).toEqual([
      [],
      warnings,
      notes,
    ]);
  });
});

describe('settings in a run', () => {
  const SITE = play(
    '- command: id -un\n  register: r\n  changed_when: false\n- debug: {msg: "{{ r.stdout }} {{ ansible_config_file }}"}',
  );
  it('make every play become a user, unless it says otherwise', async () => {
    const p = project({
      'site.yml': `${SITE}${play('- command: id -un\n  register: r\n  changed_when: false\n- debug: {msg: "{{ r.stdout }}"}', 'become: false')}`,
    });
    const { said } = await p.apply({ settings: read(`${B}become = yes\nbecome_user = nobody`) });
    expect(said).toEqual(['a: nobody /p/ansible.cfg', 'a: root']);
  });

  it('are overridden by the command line', async () => {
    const p = project({ 'site.yml': SITE });
    const { said } = await p.apply({
      settings: read(`${B}become = yes\nbecome_user = nobody`),
      playDefaults: { become_user: 'daemon' },
    });
    expect(said).toEqual(['a: daemon /p/ansible.cfg']);
  });

  it('connect where neither the inventory nor the play says how', async () => {
    const files = { 'hosts.yml': 'all: {hosts: {a: }}', 'site.yml': play('- debug: {msg: here}\n- command: "true"') };
    const local = read(`${D}transport = local`);
    const { lines } = await project(files).apply({ settings: local });
    expect(lines.at(-1)).toMatch(/changed$/);
    const own = {
      ...files,
      'hosts.yml': 'all: {hosts: {a: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}}',
    };
    expect((await project(own).apply({ settings: local })).recap.hosts[0]?.unreachable).toBe(true);
  });

  it('gather no facts if gathering is explicit', async () => {
    const p = project({
      'site.yml': '- hosts: all\n  tasks:\n    - debug: {msg: "{{ ansible_facts | length > 0 }}"}\n',
    });
    expect((await p.apply({ settings: read(`${D}gathering = explicit`) })).said).toEqual(['a: False']);
    expect((await p.apply()).said).toEqual(['a: True']);
  });

  it('run handlers on failed hosts', async () => {
    const p = project({
      'site.yml': `${play('- command: "true"\n  notify: h\n- fail: {msg: x}')}  handlers: [{name: h, debug: {msg: ran}}]\n`,
    });
    expect((await p.apply({ settings: read(`${D}force_handlers = true`) })).said).toEqual(['a: ran']);
  });

  it('search roles where roles_path says', async () => {
    const p = project({
      'site.yml': '- hosts: all\n  gather_facts: false\n  roles: [far]\n',
      'else/far/tasks/main.yml': '- debug: {msg: far}',
    });
    expect((await p.mistakes()).map((d) => d.code)).toEqual(['E_UNKNOWN_ROLE']);
    expect((await p.apply({ settings: read(`${D}roles_path = ${p.path('else')}`) })).said).toEqual(['a: far']);
  });

  it('are told in the run: warnings at once, notes with -v', async () => {
    const p = project({ 'site.yml': SITE });
    const { events } = await p.apply({ settings: read(`${D}host_key_checking = no\nnocows = 1`) });
    const notes = events.flatMap((e) => (e.type === 'note' ? [[e.diagnostic.code, e.isWarning === true]] : []));
    expect(notes).toEqual([
      ['E_SETTING_HOST_KEYS', true],
      ['E_SETTING_NO_EFFECT', false],
    ]);
  });
});
