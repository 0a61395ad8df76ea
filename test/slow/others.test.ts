// Package managers of other systems. Debian has their programs, so they work on packages of a local repository here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oneDebian } from '../lab/support/one-debian.ts';

const { lab, file, statuses, converge } = oneDebian('10.83.179');

beforeAll(async () => {
  await lab.up();
  await lab.root(
    'd13',
    `set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
apt-get -qy install --no-install-recommends dnf rpm createrepo-c gpg gpg-agent zypper pacman-package-manager makepkg libarchive-tools zstd firewalld >/dev/null 2>&1
mkdir -p /srv/rpm /root/b; cd /root/b
make() {
  printf 'Name: %s\\nVersion: %s\\nRelease: 1\\nSummary: x\\nLicense: x\\nBuildArch: noarch\\n%s\\n%%description\\nx\\n%%files\\n' "$1" "$2" "$3" >"$1.spec"
  rpmbuild --quiet --define '_topdir /root/b' -bb "$1.spec" 2>/dev/null
  cp "RPMS/noarch/$1-$2-1.noarch.rpm" /srv/rpm/
}
make hello 1.0 ''; make hello 2.0 'Provides: greeter'; make dep 1.0 ''; make solo 1.0 ''; make needs 1.0 'Requires: dep'
createrepo_c -q /srv/rpm`,
  );
});
afterAll(() => lab.down());

describe('dnf', () => {
  it('reads repositories of yum_repository', async () => {
    const tasks = `- yum_repository: {name: local, description: Local, baseurl: "file:///srv/rpm", gpgcheck: false, reposdir: /etc/yum.repos.d}
- yum_repository: {name: other, file: local, description: Other, baseurl: ["file:///srv/no", "file:///srv/nope"], enabled: false}
- dnf: {name: solo}`;
    await lab.root('d13', 'mkdir -p /etc/yum.repos.d');
    expect(statuses(await lab.plan(file(tasks)))).toEqual(['changed', 'unknown', 'unknown']);
    expect(await converge(tasks)).toEqual(['changed', 'changed', 'changed']);
    expect(
      await lab.root(
        'd13',
        'cat /etc/yum.repos.d/local.repo; dnf -q repolist --all --releasever 1 | tail -n2 | tr -s " "',
      ),
    ).toBe(
      `[local]
baseurl = file:///srv/rpm
gpgcheck = 0
name = Local

[other]
baseurl = file:///srv/no
\tfile:///srv/nope
enabled = 0
name = Other
local Local enabled
other Other disabled
`,
    );
    expect(
      await converge('- yum_repository: {name: other, file: local, state: absent}\n- dnf: {name: solo, state: absent}'),
    ).toEqual(['changed', 'changed']);
  });

  it('rpm_key trusts a key once', async () => {
    const key = await lab.root(
      'd13',
      `export GNUPGHOME=/root/gpg; mkdir -p -m 700 $GNUPGHOME
gpg --batch --quiet --passphrase '' --quick-gen-key 'Test <t@example.com>' rsa2048 sign never 2>/dev/null
gpg --armor --export >/srv/key.asc; gpg --with-colons --list-keys | sed -n 's/^fpr:*//p' | tr -d :`,
    );
    expect(await converge(`- rpm_key: {key: /srv/key.asc, fingerprint: ${key.trim()}}`)).toEqual(['changed']);
    expect(await lab.root('d13', 'rpm -q gpg-pubkey')).toMatch(/^gpg-pubkey-/);
    expect(await converge(`- rpm_key: {key: "${key.trim().slice(-8)}", state: absent}`)).toEqual(['changed']);
    expect(await lab.root('d13', 'rpm -q gpg-pubkey || :')).toMatch(/not installed/);
  });

  it('installs, upgrades and removes', async () => {
    expect(await converge('- dnf: {name: hello-1.0, releasever: 1}')).toEqual(['changed']);
    expect(await converge('- yum: {name: [hello, "hel*"]}')).toEqual(['ok']);
    expect(await converge('- dnf: {name: hello, state: latest}')).toEqual(['changed']);
    expect(await lab.root('d13', 'rpm -q hello')).toBe('hello-2.0-1.noarch\n');
    expect(await converge('- dnf: {name: [greeter, hello-1.0]}')).toEqual(['ok']);
    expect(await converge('- dnf: {name: hello-1.0, allow_downgrade: true}')).toEqual(['changed']);
    expect(await converge('- dnf: {name: "*", state: latest}')).toEqual(['changed']);
    expect(await lab.root('d13', 'rpm -q hello')).toBe('hello-2.0-1.noarch\n');
    expect(
      await converge('- dnf: {name: hello, state: absent}\n- dnf: {name: hello, state: latest, update_only: true}'),
    ).toEqual(['changed', 'ok']);
  });

  it('installs files, and removes what nothing needs', async () => {
    expect(await converge('- dnf: {name: /srv/rpm/needs-1.0-1.noarch.rpm}')).toEqual(['changed']);
    expect(await converge('- dnf: {name: needs, state: absent}')).toEqual(['changed']);
    expect(await lab.root('d13', 'rpm -q dep')).toBe('dep-1.0-1.noarch\n');
    expect(await converge('- dnf: {autoremove: true}')).toEqual(['changed']);
    expect(await lab.root('d13', 'rpm -q dep || :')).toContain('not installed');
  });

  it('package uses it where it is asked to', async () => {
    expect(await converge('- package: {name: hello, use: dnf}')).toEqual(['changed']);
    expect(await converge('- package: {name: hello, use: yum, state: absent}')).toEqual(['changed']);
  });

  it('names what no repository has, before anything is changed', async () => {
    expect(statuses(await lab.apply(file('- dnf: {name: [hello, nope]}')))).toEqual([
      expect.stringContaining('no package nope'),
    ]);
    expect(await lab.root('d13', 'rpm -q hello || :')).toContain('not installed');
  });
});

describe('zypper', () => {
  it('configures repositories, and installs, upgrades and removes from them', async () => {
    expect(
      await converge(`- zypper_repository: {name: own, repo: "file:///srv/rpm", disable_gpg_check: true, autorefresh: false}
- zypper: {name: [solo, "hello=1.0"]}`),
    ).toEqual(['changed', 'changed']);
    expect(await converge('- zypper: {name: ["hello>=1", "hello<2"]}')).toEqual(['ok']);
    expect(await converge('- zypper: {name: hello, state: latest}')).toEqual(['changed']);
    expect(await lab.root('d13', 'rpm -q hello')).toBe('hello-2.0-1.noarch\n');
    expect(await converge('- zypper: {name: "hello<2"}')).toEqual(['changed']);
    expect(statuses(await lab.plan(file('- zypper: {name: "*", state: dist-upgrade}')))).toEqual(['changed']);
    expect(await converge('- zypper: {name: "*", state: latest}')).toEqual(['changed']);
    expect(await converge('- zypper: {name: hello, state: absent}')).toEqual(['changed']);
    expect(statuses(await lab.apply(file('- zypper: {name: [hello, nope]}')))).toEqual([
      expect.stringContaining('no package nope'),
    ]);
    expect(
      await converge('- zypper_repository: {name: own, repo: "file:///srv/rpm", priority: 20, enabled: false}'),
    ).toEqual(['changed']);
    expect(await lab.root('d13', 'cat /etc/zypp/repos.d/own.repo')).toMatch(/enabled=0[\s\S]*priority=20/);
    expect(await converge('- zypper_repository: {name: own, state: absent}')).toEqual(['changed']);
  });
});

describe('pacman', () => {
  beforeAll(() =>
    lab.root(
      'd13',
      `set -e
mkdir -p /srv/arch
make() {
  d=$(mktemp -d); mkdir -p "$d/usr/share/$1"; echo x >"$d/usr/share/$1/x"
  printf 'pkgname = %s\\npkgbase = %s\\npkgver = %s-1\\npkgdesc = x\\nurl = x\\nbuilddate = 1\\npackager = x\\nsize = 2\\narch = any\\n%s\\n' "$1" "$1" "$2" "$3" >"$d/.PKGINFO"
  (cd "$d" && tar -c --zstd -f "/srv/arch/$1-$2-1-any.pkg.tar.zst" .PKGINFO usr)
}
make hello 1.0 ''; make hello 2.0 'provides = greeter'; make member 1.0 'group = tools'
cd /srv/arch; repo-add -q own.db.tar.gz *.zst
printf '[options]\\nArchitecture = auto\\nSigLevel = Never\\nLocalFileSigLevel = Never\\n[own]\\nServer = file:///srv/arch\\n' >/etc/pacman.conf`,
    ),
  );

  it('installs, upgrades and removes packages, files and groups', async () => {
    expect(await converge('- pacman: {name: /srv/arch/hello-1.0-1-any.pkg.tar.zst, update_cache: true}')).toEqual([
      'changed',
    ]);
    expect(await converge('- pacman: {name: hello}\n- pacman: {name: tools}')).toEqual(['ok', 'changed']);
    expect(await converge('- pacman: {name: hello, state: latest}')).toEqual(['changed']);
    expect(await lab.root('d13', 'pacman -Q')).toBe('hello 2.0-1\nmember 1.0-1\n');
    expect(await converge('- pacman: {name: greeter}\n- pacman: {upgrade: true}')).toEqual(['ok', 'ok']);
    expect(await converge('- pacman: {name: [hello, tools], state: absent}')).toEqual(['changed']);
    expect(statuses(await lab.apply(file('- pacman: {name: [hello, nope]}')))).toEqual([
      expect.stringContaining('no package nope'),
    ]);
  });
});

describe('firewalld', () => {
  const HTTPS = '- firewalld: {service: https, state: enabled, permanent: true, immediate: true}';
  const queries = async (): Promise<string> =>
    lab.root(
      'd13',
      'for p in "" --permanent; do firewall-cmd $p --query-service=https; firewall-cmd $p --query-service=ssh; done || :',
    );

  it('changes the running firewall and what it starts with', async () => {
    await lab.root('d13', 'systemctl start firewalld');
    expect(await converge(HTTPS)).toEqual(['changed']);
    expect(await queries()).toBe('yes\nyes\nyes\nyes\n');
    expect(
      await converge(`- firewalld: {zone: rack, state: present, permanent: true}
- firewalld: {zone: rack, target: DROP, state: enabled, permanent: true}
- firewalld: {zone: rack, rich_rule: 'rule service name="ftp" accept', state: enabled, permanent: true}
- firewalld: {zone: rack, port_forward: [{port: 80, proto: tcp, toport: 8080}], state: enabled, permanent: true}
- firewalld: {zone: rack, interface: eth9, state: enabled, permanent: true}
- firewalld: {service: https, state: disabled, immediate: true, permanent: true}`),
    ).toEqual(Array(6).fill('changed'));
    expect(await lab.root('d13', 'firewall-cmd --permanent --info-zone=rack')).toMatch(
      /target: DROP[\s\S]*interfaces: eth9[\s\S]*port=80:proto=tcp:toport=8080[\s\S]*name="ftp"/,
    );
    expect(await converge('- firewalld: {zone: rack, state: absent, permanent: true}')).toEqual(['changed']);
  });

  it('does not lock the controller out', async () => {
    const closing = '- firewalld: {service: ssh, state: disabled, permanent: true, immediate: true, rollback: 5}';
    expect(statuses(await lab.apply(file(closing)))).toEqual([expect.not.stringMatching(/^(ok|changed)$/)]);
    expect(await queries()).toBe('no\nyes\nno\nyes\n');
  });

  it('works offline', async () => {
    await lab.root('d13', 'systemctl stop firewalld');
    expect(statuses(await lab.apply(file(HTTPS)))).toEqual([expect.stringContaining('firewalld is not running')]);
    expect(await converge(`${HTTPS.replace('}', ', offline: true}')}`)).toEqual(['changed']);
    expect(await converge('- firewalld: {service: https, state: disabled, permanent: true}')).toEqual(['changed']);
    expect(await lab.root('d13', 'firewall-offline-cmd --zone=public --query-service=https || :')).toBe('no\n');
  });
});
