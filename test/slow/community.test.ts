import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both, moduleLab, troubles } from '../lab/support/converge.ts';

const { lab, everywhere, tasks, converges } = moduleLab('10.83.160');

describe('modules of public roles on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    await everywhere('apt-get update -qq');
  });
  afterAll(() => lab.down());

  it('say which package is missing, until it is installed', async () => {
    const all = {
      git: ['{repo: /srv/repo, dest: /srv/app}', 'git'],
      pip: ['{name: x, break_system_packages: true}', 'python3-pip'],
      acl: ['{path: /srv, entity: nobody, etype: user, permissions: rx, state: present}', 'acl'],
      apache2_module: ['{name: rewrite}', 'apache2'],
      locale_gen: ['{name: de_CH.UTF-8}', 'locales'],
    } as const;
    const each = Object.entries(all).map(([name, [args]]) => `- ${name}: ${args}\n  ignore_errors: true`);
    const planned = await lab.plan(tasks(each.join('\n')));
    const hints = planned.tasks.filter((e) => e.host === 'd13').map((e) => e.diagnostic?.hint ?? '');
    expect(hints).toEqual(Object.values(all).map(([, name]) => expect.stringContaining(name)));
    const packages = 'python3-venv, libcap2-bin, gnupg, openssl, apache2-utils, make, patch, zip, ruby, composer';
    const names = `[${Object.values(all).map(([, name]) => name)}, ${packages}]`;
    expect(troubles(await lab.apply(tasks(`- apt: {name: ${names}, install_recommends: false}`)))).toEqual([]);
  });

  it('git', async () => {
    const make = `- shell: |
    git init -q -b main /srv/repo; cd /srv/repo; git config user.name x; git config user.email x@x
    echo one >file; git add .; git commit -qm one; git tag v1; echo two >file; git commit -qam two
  args: {creates: /srv/repo}`;
    expect(troubles(await lab.apply(tasks(make)))).toEqual([]);
    const setting = `- git_config: {name: pull.rebase, value: 'true'}
- git_config: {name: user.name, value: Ada, scope: global}`;
    expect(await converges(setting, 'git config --system pull.rebase; git config --global user.name || :')).toEqual(
      both('true\nAda'),
    );
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
    const wheel = `- shell: |
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

  it('mount', async () => {
    const state = 'cat /etc/fstab; findmnt -n -o FSTYPE,OPTIONS /srv/m; ls -d /srv/m* 2>/dev/null || :';
    const task = (more: string): string => `- ansible.posix.mount: {path: /srv/m, src: tmpfs, fstype: tmpfs, ${more}}`;
    for (const seen of await converges(task("opts: 'size=1m,nodev', state: mounted"), state)) {
      expect(seen).toMatch(/^tmpfs \/srv\/m tmpfs size=1m,nodev 0 0$/m);
      expect(seen).toMatch(/^tmpfs +rw,nodev.*size=1024k/m);
    }
    for (const seen of await converges(task("opts: 'size=2m,nosuid', state: mounted"), state)) {
      expect(seen).toMatch(/^tmpfs +rw,nosuid.*size=2048k/m);
    }
    for (const seen of await converges(task('state: unmounted'), state)) expect(seen).not.toMatch(/^tmpfs +rw/m);
    for (const seen of await converges(task("opts: 'size=2m,nosuid', state: mounted"), state)) {
      expect(seen).toMatch(/^tmpfs +rw,nosuid/m);
    }
    for (const seen of await converges('- mount: {path: /srv/m, state: absent}', state))
      expect(seen).not.toContain('/srv/m');
    // Nothing is written of what cannot be mounted.
    const before = await everywhere(state);
    const failed = await lab.apply(tasks('- mount: {path: /srv/m, src: /dev/nothing, fstype: ext4, state: mounted}'));
    expect(failed.tasks.map((e) => e.status)).toEqual(both('failed'));
    expect(await everywhere(state)).toEqual(before);
    const bind = "- mount: {path: '/srv/m n', src: /usr/share, fstype: none, opts: bind, state: mounted}";
    expect(
      await converges(bind, "ls '/srv/m n/perl5' >/dev/null 2>&1 && echo yes; grep -c 'm.040n' /etc/fstab || :"),
    ).toEqual(both('yes\n1'));
    expect(
      await converges("- mount: {path: '/srv/m n', state: absent}", 'ls /srv; grep -c 040 /etc/fstab || :'),
    ).toEqual(await everywhere('ls /srv; grep -c 040 /etc/fstab || :'));
  });

  it('debconf, dpkg_selections, dpkg_divert, alternatives and locale_gen', async () => {
    const answer = `- debconf: {name: tzdata, question: tzdata/Zones/Etc, vtype: select, value: UTC}
- debconf: {name: bringup, question: bringup/password, vtype: password, value: s3cret}`;
    await everywhere("echo 'tzdata tzdata/Zones/Etc select GMT' | debconf-set-selections");
    const answers =
      'debconf-show tzdata | grep Zones/Etc; grep -A2 "Name: bringup" /var/cache/debconf/passwords.dat || :';
    for (const seen of await converges(answer, answers)) expect(seen).toMatch(/Zones\/Etc: UTC\n(.*\n)*Value: s3cret/);
    const hold = '- dpkg_selections: {name: bash, selection: hold}';
    expect(await converges(hold, 'dpkg --get-selections bash | cut -f 2- | tr -d "\\t"')).toEqual(both('hold'));
    const divert = '- dpkg_divert: {path: /etc/bash.bashrc, rename: true, divert: /etc/bash.bashrc.package}';
    expect(await converges(divert, 'dpkg-divert --list /etc/bash.bashrc; ls /etc/bash.bashrc*')).toEqual(
      both('local diversion of /etc/bash.bashrc to /etc/bash.bashrc.package\n/etc/bash.bashrc.package'),
    );
    const group = `- community.general.alternatives: {name: demo, link: /usr/local/bin/demo, path: "{{ item }}", state: present, priority: 10}
  loop: [/bin/true, /bin/false]`;
    const query = 'update-alternatives --query demo 2>/dev/null | grep -v "^$" || :';
    for (const seen of await converges(group, query)) expect(seen).toContain('Alternative: /bin/false\nPriority: 10');
    for (const seen of await converges('- alternatives: {name: demo, path: /bin/false}', query)) {
      expect(seen).toMatch(/Status: manual\nBest: .*\nValue: \/bin\/false/);
    }
    for (const seen of await converges('- alternatives: {name: demo, path: /bin/false, state: absent}', query)) {
      expect(seen).not.toContain('/bin/false');
    }
    const locale = '- locale_gen: {name: de_CH.UTF-8}';
    expect(await converges(locale, 'locale -a | grep de_; grep -v "^#\\|^$" /etc/locale.gen || :')).toEqual(
      both('de_CH.utf8\nde_CH.UTF-8 UTF-8'),
    );
    const gone = locale.replace('}', ', state: absent}');
    expect(await converges(gone, 'locale -a | grep de_; grep -v "^#\\|^$" /etc/locale.gen || :')).toEqual(both(''));
  });

  it('pam_limits, capabilities, acl and apache2_module', async () => {
    await everywhere('mkdir -p /srv/acl; touch /srv/acl/file; cp /bin/true /srv/acl/program');
    const limit =
      "- community.general.pam_limits: {domain: '@web', limit_type: '-', limit_item: nofile, value: '65536'}";
    expect(await converges(limit, "grep -v '^#' /etc/security/limits.conf | grep web | tr '\\t' ' ' || :")).toEqual(
      both('@web - nofile 65536'),
    );
    const capability = '- capabilities: {path: /srv/acl/program, capability: cap_net_bind_service+ep}';
    expect(await converges(capability, '/sbin/getcap /srv/acl/program')).toEqual(
      both('/srv/acl/program cap_net_bind_service=ep'),
    );
    const more = capability.replace('bind_service', 'raw');
    expect(await converges(more, '/sbin/getcap /srv/acl/program')).toEqual(
      both('/srv/acl/program cap_net_bind_service,cap_net_raw=ep'),
    );
    expect(await converges(more.replace('}', ', state: absent}'), '/sbin/getcap /srv/acl/program')).toEqual(
      both('/srv/acl/program cap_net_bind_service=ep'),
    );
    const entry = '- acl: {path: /srv/acl, entity: nobody, etype: user, permissions: rx, state: present}';
    expect(await converges(entry, 'getfacl -cp /srv/acl | grep nobody || :')).toEqual(both('user:nobody:r-x'));
    const below = '- acl: {path: /srv/acl, entry: "default:user:nobody:rwx", state: present, recursive: true}';
    expect(await converges(below, 'getfacl -cp /srv/acl | grep default:user:nobody || :')).toEqual(
      both('default:user:nobody:rwx'),
    );
    const gone = '- acl: {path: /srv/acl, entity: nobody, etype: user, state: absent}';
    expect(await converges(gone, 'getfacl -cp /srv/acl | grep ^user:nobody || :')).toEqual(both(''));
    const module = '- apache2_module: {name: rewrite}';
    expect(await converges(module, 'apache2ctl -M 2>/dev/null | grep -c rewrite_module || :')).toEqual(both('1'));
    expect(
      await converges(
        '- apache2_module: {name: rewrite, state: absent}',
        'ls /etc/apache2/mods-enabled | grep -c rewrite || :',
      ),
    ).toEqual(both('0'));
  });

  it('apt_key, where the host still has it', async () => {
    const key =
      'apt-key adv --list-public-keys --with-colons 2>/dev/null | grep -c 4D64FEC119C2029067D6E791F8D2585B8783D481 || :';
    const file = '/usr/share/keyrings/debian-archive-keyring.gpg';
    const task = `- apt_key: {id: F8D2585B8783D481, state: absent}
  when: inventory_hostname == 'd12'
- apt_key: {file: ${file}, id: F8D2585B8783D481, keyring: /etc/apt/trusted.gpg.d/demo.gpg}`;
    await everywhere('rm -f /etc/apt/trusted.gpg.d/*');
    const ran = await lab.apply(tasks(task));
    expect(ran.tasks.filter((e) => e.host === 'd12').map((e) => e.status)).toEqual(['ok', 'changed']);
    const told = ran.tasks.find((e) => e.host === 'd13' && e.diagnostic !== undefined)?.diagnostic;
    expect(told?.message).toContain('no apt-key');
    expect((await lab.root('d12', key)).trim()).toBe('1');
    const again = await lab.apply(tasks(task.split('\n')[2] ?? ''));
    expect(again.tasks.filter((e) => e.host === 'd12').map((e) => e.status)).toEqual(['ok']);
    const gone = '- apt_key: {id: F8D2585B8783D481, keyring: /etc/apt/trusted.gpg.d/demo.gpg, state: absent}';
    const removed = await lab.apply(tasks(gone));
    expect(removed.tasks.filter((e) => e.host === 'd12').map((e) => e.status)).toEqual(['changed']);
    expect((await lab.root('d12', key)).trim()).toBe('0');
  });

  it('htpasswd', async () => {
    const task = (password: string): string =>
      `- htpasswd: {path: /srv/passwd, name: ada, password: ${password}, mode: '0640'}`;
    const check = (password: string): string =>
      `htpasswd -vb /srv/passwd ada ${password} 2>&1; stat -c %a /srv/passwd || :`;
    for (const seen of await converges(task('one'), `${check('one')} || :`)) {
      expect(seen).toBe('Password for user ada correct.\n640');
    }
    for (const seen of await converges(task('two'), check('two'))) expect(seen).toContain('correct');
    await everywhere('htpasswd -b /srv/passwd ada three 2>&1');
    const same = await lab.apply(tasks(task('three')));
    expect(same.tasks.map((e) => e.status)).toEqual(both('ok'));
    const gone = '- htpasswd: {path: /srv/passwd, name: ada, state: absent}';
    expect(await converges(gone, 'cat /srv/passwd')).toEqual(both(''));
  });

  it('openssl_privatekey, openssl_csr, x509_certificate, openssl_publickey and openssl_dhparam', async () => {
    const pki = `- openssl_privatekey: {path: /root/ca.key, size: 2048, passphrase: "ca's pass"}
- openssl_csr: {path: /root/ca.csr, privatekey_path: /root/ca.key, privatekey_passphrase: "ca's pass", common_name: CA, use_common_name_for_san: false, basic_constraints: ["CA:TRUE"], basic_constraints_critical: true}
- x509_certificate: {path: /root/ca.crt, provider: selfsigned, csr_path: /root/ca.csr, privatekey_path: /root/ca.key, privatekey_passphrase: "ca's pass"}
- openssl_privatekey: {path: /root/www.key, type: ECC, curve: secp256r1, owner: nobody}
- openssl_csr: {path: /root/www.csr, privatekey_path: /root/www.key, common_name: www.foobar.com, key_usage: [digitalSignature], extended_key_usage: [serverAuth]}
- x509_certificate: {path: /root/www.crt, provider: ownca, csr_path: /root/www.csr, ownca_path: /root/ca.crt, ownca_privatekey_path: /root/ca.key, ownca_privatekey_passphrase: "ca's pass", ownca_not_after: +90d}
- openssl_publickey: {path: /root/www.pub, privatekey_path: /root/www.key}
- openssl_dhparam: {path: /root/dh.pem, size: 512}`;
    const state = `[ -e /root/www.crt ] || exit 0; cd /root; openssl verify -CAfile ca.crt www.crt; openssl x509 -in www.crt -noout -subject -ext subjectAltName,extendedKeyUsage | tr -d ' \n'; openssl x509 -in www.crt -noout -pubkey | cmp - www.pub; stat -c '%U %a' www.key www.crt`;
    expect(await converges(pki, state)).toEqual(
      both(
        'www.crt: OK\nsubject=CN=www.foobar.comX509v3SubjectAlternativeName:DNS:www.foobar.comX509v3ExtendedKeyUsage:TLSWebServerAuthenticationnobody 600\nroot 644',
      ),
    );
    const absent =
      '- x509_certificate: {path: /root/www.crt, state: absent}\n- openssl_privatekey: {path: /root/ca.key, state: absent}';
    expect(await converges(absent, 'ls /root/www.crt /root/ca.key 2>/dev/null || :')).toEqual(both(''));
  });

  it('archive, openssh_keypair, patch and make', async () => {
    await everywhere('mkdir -p /srv/pack/deep; echo a >/srv/pack/a.txt; echo b >/srv/pack/deep/b.txt');
    const pack = `- archive: {path: /srv/pack, dest: /srv/pack.tgz, mode: "0600"}
- archive: {path: [/srv/pack/*], dest: /srv/pack.zip, format: zip, exclude_path: [/srv/pack/deep]}
- archive: {path: /srv/pack/a.txt, dest: /srv/a.bz2, format: bz2}
- openssh_keypair: {path: /root/pair, type: ed25519, passphrase: "it's mine", comment: pair}`;
    const state =
      '[ -e /srv/pack.zip ] || exit 0; stat -c %a /srv/pack.tgz; tar tzf /srv/pack.tgz | xargs; unzip -l /srv/pack.zip | grep -c txt; bzip2 -dc /srv/a.bz2; ssh-keygen -y -P "it\'s mine" -f /root/pair | cmp - /root/pair.pub';
    await everywhere('apt-get install -qqy --no-install-recommends unzip bzip2 2>&1');
    expect(await converges(pack, state)).toEqual(both('600\npack/a.txt pack/deep/ pack/deep/b.txt\n1\na'));
    await everywhere("printf 'out: in\\n\\tcp in $@\\n' >/srv/pack/Makefile; echo x >/srv/pack/in");
    const make = '- community.general.make: {chdir: /srv/pack}';
    expect(await converges(make, 'cat /srv/pack/out 2>/dev/null || :')).toEqual(both('x'));
    await everywhere("printf -- '--- in\\n+++ in\\n@@ -1 +1 @@\\n-x\\n+y\\n' >/srv/fix.patch");
    const patch = '- ansible.posix.patch: {src: /srv/fix.patch, remote_src: true, basedir: /srv/pack}';
    expect(await converges(patch, 'cat /srv/pack/in')).toEqual(both('y'));
  });

  it('gem and composer', async () => {
    const project = `mkdir -p /srv/gem /srv/php/log; cd /srv/gem
for v in 1.0.0 2.0.0; do
  printf 'Gem::Specification.new { |s| s.name = "demo"; s.version = "%s"; s.summary = s.authors = "x"; s.files = [] }' $v >demo.gemspec
  gem build -q demo.gemspec 2>/dev/null >&2
done
cd /srv/php; echo '{"name": "x/log", "version": "1.0.0"}' >log/composer.json
echo '{"repositories": [{"type": "path", "url": "log"}, {"packagist.org": false}], "require": {"x/log": "*"}}' >composer.json`;
    await everywhere(project);
    const install = `- gem: {name: demo, gem_source: /srv/gem/demo-1.0.0.gem, version: 1.0.0, user_install: false}
- composer: {working_dir: /srv/php}`;
    const state = 'gem list --exact demo | grep demo || :; ls /srv/php/vendor/x 2>/dev/null || :';
    expect(await converges(install, state)).toEqual(both('demo (1.0.0)\nlog'));
    const update = '- gem: {name: demo, gem_source: /srv/gem/demo-2.0.0.gem, version: 2.0.0, user_install: false}';
    expect(await converges(update, state)).toEqual(both('demo (2.0.0, 1.0.0)\nlog'));
    expect(await converges('- gem: {name: demo, state: absent}', state)).toEqual(both('log'));
  });
});
