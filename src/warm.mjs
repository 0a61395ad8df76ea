// setup.mjs runs this once. It takes the built command through an apply in check mode that uses many features, on this
// machine and over SSH to a server in this process. start.cjs then stores the code that V8 compiled. Nothing is
// changed.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ssh2 from 'ssh2';

const PLAYBOOK = {
  'site.yml': `
- hosts: all
  check_mode: true
  ignore_errors: true # a machine may have no cron, no systemd …
  vars: {names: [one, two], where: {folder: "{{ playbook_dir }}"}}
  roles: [warm]
  tasks:
    - import_tasks: roles/warm/tasks/more.yml
  handlers:
    - {name: Tell, debug: {msg: "told {{ inventory_hostname }}"}}
- hosts: all # all of it is as it should be
  gather_facts: false
  vars: {files: "{{ playbook_dir }}/roles/warm/files"}
  tasks:
    - name: several
      file:
        path: "{{ item.path }}"
        state: "{{ item.state | default('directory') }}"
      loop:
        - {path: "{{ playbook_dir }}"}
        - {path: "{{ files }}/text", state: file}
      notify: Never
    - {file: {src: text, dest: "{{ files }}/link", state: link, owner: "{{ ansible_facts.user_id }}"}}
    - copy: {src: "{{ item }}", dest: "{{ files }}/text"}
      loop: [roles/warm/files/text]
    - copy:
        dest: "{{ files }}/text"
        content: |
          {{ lookup('file', files ~ '/text') }}
    - blockinfile:
        path: "{{ item.path }}"
        block: |
          first

          last
      loop: [{path: "{{ files }}/block"}]
    - lineinfile: {path: "{{ files }}/block", regexp: '^fir', line: first}
    - unarchive: {src: text, dest: "{{ playbook_dir }}", creates: "{{ files }}/text"}
    - meta: flush_handlers
    - command: test -e /warm
      register: said
      changed_when: false
      failed_when: false
      check_mode: false
    - shell: echo
      when: said.rc == 0
  handlers:
    - {name: Never, debug: {msg: never}}
`,
  'roles/warm/defaults/main.yml': 'port: 80\n',
  'roles/warm/templates/text.j2':
    '{% for n in names | select("ne", "two") if n is defined %}\n{{ n | upper }} = {{ port | int + 1 }}\n{% endfor %}\n{% if port > 1 and x is not defined %}{{ names | join(",") | default("-") }}{% endif %}\n',
  'roles/warm/files/text': 'text\n',
  'roles/warm/files/block': '# BEGIN ANSIBLE MANAGED BLOCK\nfirst\n\nlast\n# END ANSIBLE MANAGED BLOCK\n',
  'roles/warm/tasks/main.yml': `
- apt: {name: [base-files, dpkg], state: present}
- {group: {name: nogroup}}
- user: {name: nobody, group: nogroup}
- authorized_key: {user: nobody, key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA warm"}
- file: {path: "{{ where.folder }}", state: directory, mode: "0700"}
- file: {path: "{{ where.folder }}/{{ item.n }}", state: directory}
  loop: [{n: a}, {n: b}]
  loop_control: {label: "{{ item.n }}"}
- file: {src: /etc, dest: "{{ where.folder }}/link", state: link}
- template: {src: text.j2, dest: "{{ where.folder }}/text", mode: "0644", validate: "true %s"}
  notify: Tell
- template: {src: text.j2, dest: "/etc/{{ item }}"}
  loop: "{{ names }}"
  when: ansible_facts.kernel is defined and ansible_facts['os_family'] == 'Debian'
- copy: {src: text, dest: /etc/warm}
  notify: [Tell]
- copy: {content: "{{ names | to_json }}\\n", dest: "{{ where.folder }}/copied"}
- import_tasks: more.yml
`,
  'roles/warm/tasks/more.yml': `
- lineinfile: {path: /etc/hosts, regexp: "^#warm", line: "#warm"}
- lineinfile: {path: /etc/fstab, line: "#warm"}
- blockinfile: {path: /etc/hosts, block: "{{ names | join }}", marker: "# {mark} warm"}
- ini_file: {path: /etc/os-release, section: warm, option: a, value: "1"}
- replace: {path: /etc/hosts, regexp: warm, replace: warmer}
- sysctl: {name: net.core.somaxconn, value: "4096"}
- cron: {name: warm, job: "true", minute: "5"}
- systemd: {name: ssh, state: started, enabled: true}
- service: {name: cron, state: started}
- {command: "true", args: {creates: /etc/hosts}}
- shell: "true"
  register: said
  changed_when: said.rc != 0
- stat: {path: /etc/hosts}
  register: there
- set_fact: {x: "{{ there.stat.exists | default(true) }}"}
- {assert: {that: [x is defined]}}
- block:
    - {debug: {msg: "{{ ansible_facts.hostname | default('?') }}"}}
  when: x
`,
};

/** @param command the file to run with node */
export async function keepCode(command) {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-setup-'));
  const write = (name, text, mode = 0o644) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode });
  };
  const server = await serve();
  try {
    for (const [name, text] of Object.entries(PLAYBOOK)) write(name, text);
    symlinkSync('text', join(folder, 'roles/warm/files/link'));
    write('key', server.clientKey, 0o600);
    write('known_hosts', `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
    const ssh = `ansible_host: 127.0.0.1, ansible_port: ${server.port}, ansible_user: warm`;
    const keys = `ansible_ssh_private_key_file: ${folder}/key, bringup_known_hosts_file: ${folder}/known_hosts`;
    write('hosts.yml', `all: {hosts: {here: {ansible_connection: local}, there: {${ssh}, ${keys}}}}\n`);
    const plan = spawn(process.execPath, [command, 'apply', 'site.yml', '-i', 'hosts.yml', '-o', 'json'], {
      cwd: folder,
      env: { ...process.env, HOME: folder, BRINGUP_KEEP_CODE: '1' }, // ignores the user's ~/.ssh/config
      stdio: process.env.BRINGUP_WARM_SHOWN === '1' ? 'inherit' : 'ignore',
      timeout: 30_000, // if this fails, the command works without the stored code
    });
    await new Promise((resolve) => plan.on('close', resolve));
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An SSH server on a free port of 127.0.0.1 that accepts only the key that it creates. */
async function serve() {
  const host = ssh2.utils.generateKeyPairSync('ed25519');
  const client = ssh2.utils.generateKeyPairSync('ed25519');
  const allowed = ssh2.utils.parseKey(client.public);
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
    connection.on('authentication', (ctx) => {
      if (ctx.method !== 'publickey' || !ctx.key.data.equals(allowed.getPublicSSH())) return ctx.reject(['publickey']);
      if (ctx.signature && allowed.verify(ctx.blob, ctx.signature, ctx.hashAlgo) !== true) return ctx.reject();
      ctx.accept();
    });
    connection.on('session', (accept) => accept().on('exec', (open, _refuse, { command }) => run(open(), command)));
    connection.on('error', () => {});
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    hostKey: host.public,
    clientKey: client.private,
    close: () => server.close(),
  };
}

function run(channel, command) {
  const shell = spawn('sh', ['-c', command]);
  channel.pipe(shell.stdin);
  shell.stdin.on('error', () => {});
  shell.stdout.pipe(channel, { end: false });
  shell.stderr.pipe(channel.stderr, { end: false });
  shell.on('close', (code) => {
    channel.exit(code ?? 255);
    channel.end();
  });
}
