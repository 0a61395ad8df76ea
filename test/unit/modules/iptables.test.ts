import { describe, expect, test } from 'vitest';
import { iptables, ruleOf } from '../../../src/modules/iptables.ts';
import { encodeBase64 } from '../../../src/modules/shared/bytes.ts';
import { bound, changes, context, refusal, words } from './harness.ts';

const rule = (args: Readonly<Record<string, unknown>>, version: 'ipv4' | 'ipv6' = 'ipv4'): string =>
  ruleOf(
    bound(iptables, { chain: 'INPUT', chain_management: true, ...args }).args as Parameters<typeof ruleOf>[0],
    version,
  ).join(' ');

describe('rules', () => {
  test.each([
    [{ protocol: 'tcp', destination_port: 8080, jump: 'ACCEPT' }, '-p tcp -j ACCEPT --destination-port 8080'],
    [{ source: '!10.0.0.0/8', in_interface: '! eth0', jump: 'DROP' }, '! -s 10.0.0.0/8 -j DROP ! -i eth0'],
    [{ ctstate: 'ESTABLISHED,RELATED', jump: 'ACCEPT' }, '-j ACCEPT -m conntrack --ctstate ESTABLISHED,RELATED'],
    [{ match: 'state', ctstate: ['NEW'] }, '-m state --state NEW'],
    [{ match: ['conntrack'], ctstate: ['NEW'] }, '-m conntrack --ctstate NEW'],
    [
      { protocol: 'tcp', destination_ports: ['80', '443', '8081:8083'], jump: 'ACCEPT' },
      '-p tcp -j ACCEPT -m multiport --dports 80,443,8081:8083',
    ],
    [{ limit: '10/second', limit_burst: 20 }, '-m limit --limit 10/second --limit-burst 20'],
    [{ reject_with: 'tcp-reset', protocol: 'tcp' }, '-p tcp -j REJECT --reject-with tcp-reset'],
    [{ log_prefix: 'DROP: ', log_level: 4 }, '-j LOG --log-prefix DROP:  --log-level 4'],
    [{ jump: 'DNAT', to_destination: '10.0.0.2:80' }, '-j DNAT --to-destination 10.0.0.2:80'],
    [{ jump: 'REDIRECT', to_ports: 8080 }, '-j REDIRECT --to-ports 8080'],
    [{ syn: 'negate', protocol: 'tcp' }, '-p tcp ! --syn'],
    [{ tcp_flags: { flags: ['ALL'], flags_set: ['ACK', 'SYN'] } }, '--tcp-flags ALL ACK,SYN'],
    [{ src_range: '10.0.0.1-10.0.0.9' }, '-m iprange --src-range 10.0.0.1-10.0.0.9'],
    [{ match_set: 'bad', match_set_flags: 'src', jump: 'DROP' }, '-j DROP -m set --match-set bad src'],
    [{ uid_owner: 'www-data' }, '-m owner --uid-owner www-data'],
    [{ comment: 'a web site', set_dscp_mark: '0x20' }, '--set-dscp 0x20 -j DSCP -m comment --comment a web site'],
  ] as const)('%j', (args, expected) => {
    expect(rule(args)).toBe(expected);
  });

  test('the types of ICMP have an option of each version', () => {
    expect(rule({ icmp_type: 'echo-request' })).toBe('--icmp-type echo-request');
    expect(rule({ icmp_type: 'echo-request' }, 'ipv6')).toBe('--icmpv6-type echo-request');
  });
});

const IS = 'ipv4-is yes\nipv4-chain yes\nipv4-policy ACCEPT\n';
const WEB = { chain: 'INPUT', protocol: 'tcp', destination_port: 80, jump: 'ACCEPT' };

describe('what is planned', () => {
  test.each([
    ['no iptables', '', WEB, 'the host has no iptables'],
    ['a new rule', IS, WEB, ['iptables filter: append INPUT -p tcp -j ACCEPT --destination-port 80']],
    ['a rule that is there', `${IS}ipv4-rule yes\n`, WEB, []],
    [
      'a rule to delete',
      `${IS}ipv4-rule yes\n`,
      { ...WEB, state: 'absent' },
      ['iptables filter: delete INPUT -p tcp -j ACCEPT --destination-port 80'],
    ],
    ['a rule that is gone', IS, { ...WEB, state: 'absent' }, []],
    ['a policy', IS, { chain: 'INPUT', policy: 'DROP' }, ['iptables filter: policy DROP for INPUT']],
    ['the policy already', IS, { chain: 'INPUT', policy: 'ACCEPT' }, []],
    ['flush', `${IS}ipv4-rules yes\n`, { flush: true, table: 'nat' }, ['iptables nat: flush all chains']],
    ['flushed', IS, { flush: true, chain: 'INPUT' }, []],
    [
      'a new chain',
      'ipv4-is yes\n',
      { chain: 'MINE', chain_management: true },
      ['iptables filter: create the chain MINE'],
    ],
    [
      'a chain to delete',
      IS,
      { chain: 'MINE', chain_management: true, state: 'absent' },
      ['iptables filter: delete the chain MINE'],
    ],
    [
      'nonsense',
      `${IS}ipv4-refused ${encodeBase64('Bad argument')}\n`,
      WEB,
      'iptables refuses the rule; nothing was changed',
    ],
    [
      'of both versions',
      `${IS}ipv4-rule yes\nipv6-is yes\nipv6-chain yes\n`,
      { ...WEB, ip_version: 'both' },
      ['ip6tables filter: append INPUT -p tcp -j ACCEPT --destination-port 80'],
    ],
  ] as const)('%s', (_, observed, args, expected) => {
    expect(words(bound(iptables, args).plan(observed, context()))).toEqual(expected);
  });

  test('a new rule is made once, in its place, in a chain that is made for it', () => {
    const step = bound(iptables, {
      ...WEB,
      chain: 'MINE',
      action: 'insert',
      rule_num: 3,
      chain_management: true,
      wait: 5,
    });
    const run = changes(step.plan('ipv4-is yes\n', context()))[0]?.run.text ?? '';
    const call = 'iptables -w 5 -t filter';
    const words = '-p tcp -j ACCEPT --destination-port 80';
    expect(run).toContain(`${call} -S MINE >/dev/null 2>&1 || ${call} -N MINE`);
    expect(run).toContain(`${call} -C MINE ${words} 2>/dev/null || ${call} -I MINE 3 ${words}`);
  });
});

describe('what may lock us out is confirmed', () => {
  test.each([
    ['allow', IS, WEB, false],
    ['drop', IS, { ...WEB, jump: 'DROP' }, true],
    ['a chain of the user', IS, { ...WEB, jump: 'MINE' }, true],
    ['redirect', IS, { ...WEB, table: 'nat', jump: 'REDIRECT' }, true],
    ['goto', IS, { chain: 'INPUT', goto: 'MINE' }, true],
    ['delete', `${IS}ipv4-rule yes\n`, { ...WEB, state: 'absent' }, true],
    ['a policy', IS, { chain: 'INPUT', policy: 'DROP' }, true],
    ['flush', `${IS}ipv4-rules yes\n`, { chain: 'INPUT', flush: true }, true],
    ['a new chain', 'ipv4-is yes\n', { chain: 'MINE', chain_management: true }, false],
    ['log', IS, { chain: 'INPUT', log_prefix: 'x' }, false],
  ] as const)('%s', (_, observed, args, isRisky) => {
    const step = bound(iptables, args);
    const [change] = changes(step.plan(observed, context()));
    expect(change?.confirm?.seconds).toBe(isRisky ? 30 : undefined);
    const run = change?.run.text ?? '';
    expect(run.includes('systemd-run')).toBe(isRisky);
    if (isRisky) expect(run.indexOf('iptables-save -t')).toBeLessThan(run.indexOf('systemd-run'));
    if (isRisky) expect(step.series).toBeUndefined();
  });
});

test.each([
  [{ jump: 'ACCEPT' }, /'chain' is missing/],
  [{ chain: 'INPUT' }, /no rule is given; set `chain_management: true`/],
  [{ chain: 'INPUT', flush: true, policy: 'DROP' }, /exclude each other/],
  [{ chain: 'INPUT', log_prefix: 'x', jump: 'DROP' }, /need jump: LOG/],
  [{ chain: 'INPUT', source: '--flush' }, /begin with a dash/],
  [{ chain: 'INPUT', jump: 'ACCEPT', ctstate: ['OLD'] }, /not valid/],
])('%j is refused', (args, message) => {
  expect(refusal(iptables, args)).toMatch(message);
});
