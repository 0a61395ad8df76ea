// Slow, because Debian compiles the policy when it is installed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oneDebian } from '../lab/support/one-debian.ts';

const { lab, file, statuses, converge } = oneDebian('10.83.180');

describe('the policy of SELinux, though the lab kernel has none', () => {
  beforeAll(async () => {
    await lab.up();
    await lab.root(
      'd13',
      'apt-get -q update >/dev/null; DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends selinux-policy-default selinux-utils policycoreutils policycoreutils-python-utils >/dev/null 2>&1',
    );
  });
  afterAll(() => lab.down());

  it('gets labels and booleans', async () => {
    const off = 'ignore_selinux_state: true';
    expect(statuses(await lab.apply(file('- seboolean: {name: ssh_sysadm_login, state: true}')))).toEqual([
      expect.stringContaining('the host has no SELinux'),
    ]);
    expect(
      await converge(`- sefcontext: {target: "/srv/web(/.*)?", setype: httpd_sys_content_t, ftype: d, ${off}}
- sefcontext: {target: /srv/www, substitute: /var/www, ${off}}
- seboolean: {name: ssh_sysadm_login, state: true, persistent: true, ${off}}
- selinux: {state: permissive, policy: default}`),
    ).toEqual(['changed', 'changed', 'changed', 'ok']);
    expect(await lab.root('d13', 'semanage fcontext -l -C; semanage boolean -l -C -n')).toMatch(
      /\/srv\/web\(\/\.\*\)\? +directory +system_u:object_r:httpd_sys_content_t:s0[\s\S]*\/srv\/www = \/var\/www[\s\S]*ssh_sysadm_login +\(on/,
    );
    expect(await converge(`- sefcontext: {target: "/srv/web(/.*)?", setype: var_t, ftype: d, ${off}}`)).toEqual([
      'changed',
    ]);
    expect(
      await converge(`- sefcontext: {target: "/srv/web(/.*)?", ftype: d, state: absent, ${off}}
- sefcontext: {target: /srv/www, state: absent, ${off}}`),
    ).toEqual(['changed', 'changed']);
    expect(await lab.root('d13', 'semanage fcontext -l -C -n')).toBe('');
  });
});
