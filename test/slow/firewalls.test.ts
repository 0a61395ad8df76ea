import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { both, moduleLab, troubles } from '../lab/support/converge.ts';

const { lab, everywhere, tasks, converges } = moduleLab('10.83.161');

describe('firewalls on Debian 12 and 13', () => {
  beforeAll(async () => {
    await lab.up();
    await everywhere('apt-get update -qq');
  });
  afterAll(() => lab.down());

  it('say which package is missing, until it is installed', async () => {
    const each = `- ufw: {rule: allow, port: 22}
  ignore_errors: true
- iptables: {chain: INPUT, policy: DROP}
  ignore_errors: true`;
    const planned = await lab.plan(tasks(each));
    const hints = planned.tasks.filter((e) => e.host === 'd13').map((e) => e.diagnostic?.hint ?? '');
    expect(hints).toEqual([expect.stringContaining('package ufw'), expect.stringContaining('package iptables')]);
    expect(troubles(await lab.apply(tasks('- apt: {name: [ufw, iptables], install_recommends: false}')))).toEqual([]);
  });

  it('ufw', async () => {
    const state =
      "ufw status verbose | grep -v '^New\\|^--\\|^To\\|^$' | tr -s ' \\n' ' '; grep -h ENABLED /etc/ufw/ufw.conf";
    // Nothing lets this machine in: the host undoes it.
    const locked = await lab.apply(tasks('- ufw: {state: enabled, policy: deny, rollback: 8}'));
    for (const { diagnostic } of locked.tasks)
      expect(diagnostic?.message).toContain('the change shut this machine out');
    expect(await everywhere(state)).toEqual(both('Status: inactive ENABLED=no'));
    const rule = "- community.general.ufw: {rule: allow, port: '22', proto: tcp, comment: ssh}";
    expect(await converges(rule, 'grep -h "### tuple" /etc/ufw/user*.rules || :')).toEqual(
      both(
        '### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=737368\n### tuple ### allow tcp 22 ::/0 any ::/0 in comment=737368',
      ),
    );
    for (const seen of await converges(
      '- ufw: {state: enabled, policy: deny, direction: incoming, logging: off}',
      state,
    )) {
      expect(seen).toContain('Status: active Logging: off Default: deny (incoming), allow (outgoing)');
      expect(seen).toContain('ENABLED=yes');
    }
    const more = `- ufw: {rule: "{{ item.rule }}", from_ip: 10.9.0.0/16, to_port: "{{ item.port }}", insert: 1}
  loop: [{rule: allow, port: '3306'}, {rule: reject, port: '3307'}]`;
    expect(await converges(more, "ufw status | grep -c '10.9.0.0/16' || :")).toEqual(both('2'));
    const gone = '- ufw: {rule: allow, from_ip: 10.9.0.0/16, to_port: 3306, delete: true}';
    expect(await converges(gone, "ufw status | grep -c '10.9.0.0/16' || :")).toEqual(both('1'));
    // A rule that shuts SSH out, first of all.
    const shut = await lab.apply(
      tasks("- ufw: {rule: deny, from_ip: 10.83.161.0/24, port: '22', proto: tcp, insert: 1, rollback: 8}"),
    );
    for (const { diagnostic } of shut.tasks) expect(diagnostic?.message).toContain('the change shut this machine out');
    expect(await everywhere("ufw status | grep -c 'DENY' || :")).toEqual(both('0'));
    const off = await lab.apply(tasks('- ufw: {state: reset}'));
    expect(troubles(off)).toEqual([]);
    expect(await everywhere(state)).toEqual(both('Status: inactive ENABLED=no'));
  });

  it('iptables', async () => {
    const state = 'iptables -S | grep -v ufw-; iptables -t nat -S 2>/dev/null | grep -v "^-P" || :';
    const locked = await lab.apply(tasks('- iptables: {chain: INPUT, policy: DROP, rollback: 8}'));
    for (const { diagnostic } of locked.tasks)
      expect(diagnostic?.message).toContain('the change shut this machine out');
    for (const seen of await everywhere(state)) expect(seen).toContain('-P INPUT ACCEPT');
    const rules = `- iptables: {chain: INPUT, ctstate: [ESTABLISHED, RELATED], jump: ACCEPT}
- iptables: {chain: INPUT, protocol: tcp, destination_ports: ['22', '80'], jump: ACCEPT, comment: the ports}
- iptables: {chain: SIDE, protocol: udp, destination_port: '53', jump: ACCEPT, chain_management: true}
- iptables: {chain: INPUT, jump: SIDE}
- iptables: {chain: INPUT, policy: DROP}
- iptables: {table: nat, chain: PREROUTING, protocol: tcp, destination_port: '80', jump: REDIRECT, to_ports: '8080'}`;
    for (const seen of await converges(rules, state)) {
      expect(seen).toBe(`-P INPUT DROP
-P FORWARD ACCEPT
-P OUTPUT ACCEPT
-N SIDE
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80 -m comment --comment "the ports" -j ACCEPT
-A INPUT -j SIDE
-A SIDE -p udp -m udp --dport 53 -j ACCEPT
-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080`);
    }
    const shut = await lab.apply(tasks('- iptables: {chain: INPUT, flush: true, rollback: 8}'));
    for (const { diagnostic } of shut.tasks) expect(diagnostic?.message).toContain('the change shut this machine out');
    for (const seen of await everywhere(state)) expect(seen).toContain('--dports 22,80');
    const off = `- iptables: {chain: INPUT, policy: ACCEPT}
- iptables: {chain: INPUT, flush: true}
- iptables: {chain: SIDE, flush: true}
- iptables: {chain: SIDE, chain_management: true, state: absent}`;
    for (const seen of await converges(off, state)) expect(seen).not.toContain('SIDE');
  });
});
