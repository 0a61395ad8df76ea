import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import type { Resource } from '../core/resource.ts';
import { type Script, sh } from '../core/sh.ts';
import type { Vars } from '../core/value.ts';
import { args, flag, names, text } from './shared/args.ts';
import { arm, disarm, rollback, settle } from './shared/deadman.ts';
import { type Fields, fields } from './shared/fields.ts';

const WORD = { pattern: '^!?\\s*[^-\\s][^\\n]*$', expected: 'a word that does not begin with a dash' } as const;
const word = (description: string) => Type.Optional(Type.String({ ...WORD, description }));

const Args = args({
  table: Type.Enum(['filter', 'nat', 'mangle', 'raw', 'security'], { default: 'filter', description: 'The table.' }),
  chain: Type.Optional(
    Type.String({ pattern: '^[A-Za-z_][\\w.:-]*$', expected: 'the name of a chain', description: 'The chain.' }),
  ),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the rule is in the chain.' }),
  action: Type.Enum(['append', 'insert'], {
    default: 'append',
    description: 'append: a new rule goes to the end of the chain. insert: to its beginning, or to rule_num.',
  }),
  rule_num: Type.Optional(Type.Integer({ minimum: 1, description: 'With insert: the number of a new rule.' })),
  ip_version: Type.Enum(['ipv4', 'ipv6', 'both'], { default: 'ipv4', description: 'iptables, ip6tables, or both.' }),
  protocol: word('The protocol: tcp, udp, icmp. ! in front of a value negates it, here and below.'),
  source: word('The source: an address or a network.'),
  destination: word('The destination: an address or a network.'),
  match: Type.Array(Type.String(WORD), { default: [], description: 'Match extensions to load.' }),
  tcp_flags: Type.Optional(
    Type.Object(
      { flags: names('The flags to look at.'), flags_set: names('Those that are set.') },
      { additionalProperties: false, description: '{flags: [SYN, ACK], flags_set: [SYN]}' },
    ),
  ),
  jump: word('The target: ACCEPT, DROP, REJECT, LOG, a chain.'),
  goto: word('The chain in which processing continues.'),
  gateway: word('With jump: TEE, the host that gets the copies.'),
  log_prefix: text('With jump: LOG, what a line begins with.'),
  log_level: Type.Optional(
    Type.String({
      pattern: '^([0-7]|emerg|alert|crit|error|warning|notice|info|debug)$',
      expected: 'a number from 0 to 7, or emerg, alert, crit, error, warning, notice, info, debug',
      description: 'With jump: LOG, the level.',
    }),
  ),
  in_interface: word('The interface that packets come in by.'),
  out_interface: word('The interface that packets leave by.'),
  fragment: word('Fragments.'),
  set_counters: word('The counters of the rule.'),
  source_port: word('The source port, or a range: 1000:2000.'),
  destination_port: word('The destination port, or a range: 1000:2000.'),
  destination_ports: Type.Array(Type.String(WORD), { default: [], description: 'Several destination ports.' }),
  to_ports: word('With jump: REDIRECT or MASQUERADE, the new port.'),
  to_destination: word('With jump: DNAT, the new destination.'),
  to_source: word('With jump: SNAT, the new source.'),
  syn: Type.Enum(['ignore', 'match', 'negate'], {
    default: 'ignore',
    description: 'Packets that open a TCP connection.',
  }),
  set_dscp_mark: word('With jump: DSCP, the mark.'),
  set_dscp_mark_class: word('With jump: DSCP, the class.'),
  ctstate: Type.Array(Type.Enum(['DNAT', 'ESTABLISHED', 'INVALID', 'NEW', 'RELATED', 'SNAT', 'UNTRACKED']), {
    default: [],
    description: 'The states of the connection.',
  }),
  src_range: word('A range of source addresses.'),
  dst_range: word('A range of destination addresses.'),
  match_set: word('The name of a set of ipset.'),
  match_set_flags: Type.Optional(
    Type.Enum(['src', 'dst', 'src,dst', 'dst,src', 'src,src', 'dst,dst'], {
      description: 'What is looked up in the set.',
    }),
  ),
  limit: word('How often the rule matches: 10/second.'),
  limit_burst: word('How many packets may exceed the limit at first.'),
  uid_owner: word('The user whose packets match.'),
  gid_owner: word('The group whose packets match.'),
  reject_with: word('The error that is sent. Makes REJECT the target.'),
  icmp_type: word('The type of an ICMP packet.'),
  comment: text('A comment on the rule.'),
  policy: Type.Optional(Type.Enum(['ACCEPT', 'DROP', 'QUEUE', 'RETURN'], { description: 'The policy of the chain.' })),
  flush: flag('Remove all rules of the chain, or of the table.'),
  chain_management: flag('Create the chain for its first rule. Without a rule: create or delete the chain.'),
  wait: Type.Optional(
    Type.String({ pattern: '^\\d+$', expected: 'seconds', description: 'Seconds to wait for the lock.' }),
  ),
  numeric: flag('No effect: rules are never listed with the names of hosts.'),
  rollback: rollback('restores the old rules'),
});
type Args = Static<typeof Args>;

export const iptables = defineModule<typeof Args, Fields>({
  name: 'iptables',
  summary:
    'A rule, a policy or a chain of iptables, in the running kernel. A change that may block SSH is undone unless a new connection gets through.',
  args: Args,
  examples: [
    {
      title: 'Allow established connections',
      args: { chain: 'INPUT', ctstate: ['ESTABLISHED', 'RELATED'], jump: 'ACCEPT' },
    },
    {
      title: 'Allow a port',
      args: { chain: 'INPUT', protocol: 'tcp', destination_port: '443', jump: 'ACCEPT', comment: 'https' },
    },
    { title: 'Deny all else', args: { chain: 'INPUT', policy: 'DROP' } },
    {
      title: 'Redirect a port',
      args: {
        table: 'nat',
        chain: 'PREROUTING',
        protocol: 'tcp',
        destination_port: '80',
        jump: 'REDIRECT',
        to_ports: '8080',
      },
    },
  ],
  verify: (given) => {
    const isLogging = given.log_prefix !== undefined || given.log_level !== undefined;
    return [
      ...(given.chain === undefined && !given.flush ? [argError([], 'E_MISSING_ARGUMENT', { name: "'chain'" })] : []),
      ...(given.flush && given.policy !== undefined
        ? [argError(['policy'], 'E_ARGUMENT_CONFLICT', { problem: "'flush' and 'policy' exclude each other" })]
        : []),
      ...(given.set_dscp_mark !== undefined && given.set_dscp_mark_class !== undefined
        ? [
            argError(['set_dscp_mark_class'], 'E_ARGUMENT_CONFLICT', {
              problem: "'set_dscp_mark' and 'set_dscp_mark_class' exclude each other",
            }),
          ]
        : []),
      ...(isLogging && given.jump !== undefined && given.jump !== 'LOG'
        ? [argError(['jump'], 'E_ARGUMENT_CONFLICT', { problem: "'log_prefix' and 'log_level' need jump: LOG" })]
        : []),
      ...(!given.flush && given.policy === undefined && !given.chain_management && ruleOf(given, 'ipv4').length === 0
        ? [
            argError([], 'E_ARGUMENT_VALUE', {
              problem: 'no rule is given',
              hint: 'set `chain_management: true` to create or delete a chain',
            }),
          ]
        : []),
    ];
  },
  needs: (given) => ['package:iptables', ...resources(given, true)],
  touches: (given) => [...resources(given, false), 'live:*'],
  series: (given) => (given.action === 'append' && isHarmless(given) ? 'iptables' : undefined),
  probe: (given) => sh`PATH=$PATH:/usr/sbin:/sbin
${versionsOf(given).map((version) => probeVersion(given, version))}:`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const steps: Change[] = [];
    for (const version of versionsOf(given)) {
      const told = f.get(`${version}-is`);
      if (told === undefined) {
        return blocked('E_TOOL_MISSING', {
          tool: PROGRAMS[version],
          hint: 'install the package iptables in an earlier task',
        });
      }
      const refused = f.text(`${version}-refused`);
      if (refused !== undefined) {
        return blocked('E_CONFIG_REFUSED', { program: PROGRAMS[version], what: 'rule', detail: refused });
      }
      const change = changeOf(f, given, version);
      if (change !== undefined) steps.push(isHarmless(given) ? change : guarded(change, given, version));
    }
    return steps;
  },
  data: (_, given): Vars => ({
    table: given.table,
    chain: given.chain ?? null,
    ip_version: given.ip_version,
    state: given.state,
    flush: given.flush,
    chain_management: given.chain_management,
    rule: ruleOf(given, versionsOf(given)[0] ?? 'ipv4').join(' '),
  }),
});

/** Rules do not depend on each other, but on the chains that they are in and that they name. */
function resources(given: Args, isRead: boolean): readonly Resource[] {
  const { table, chain, flush, policy, jump, goto, chain_management } = given;
  const of = (name: string | undefined): string => `iptables-chain:${table}/${name}`;
  if (flush) return ['iptables-rule:*'];
  if (policy !== undefined) return [`iptables-policy:${table}/${chain}`];
  const rule = ruleOf(given, 'ipv4');
  if (rule.length === 0) return [of(chain), ...(isRead ? ['iptables-rule:*'] : [])];
  return [
    `iptables-rule:${table} ${chain} ${rule.join(' ')}`,
    ...(isRead || chain_management ? [of(chain)] : []),
    ...(isRead ? [jump, goto].flatMap((name) => (name === undefined ? [] : [of(name)])) : []),
  ];
}

type Version = 'ipv4' | 'ipv6';
const PROGRAMS = { ipv4: 'iptables', ipv6: 'ip6tables' } as const;

function versionsOf({ ip_version }: Args): readonly Version[] {
  return ip_version === 'both' ? ['ipv4', 'ipv6'] : [ip_version];
}

/** The words of the rule, in Ansible's order. */
export function ruleOf(given: Args, version: Version): readonly string[] {
  const { match, tcp_flags, syn, ctstate, destination_ports, match_set, match_set_flags, comment } = given;
  const isLogging = given.log_prefix !== undefined || given.log_level !== undefined;
  const jump = given.jump ?? (isLogging ? 'LOG' : undefined);
  const implied =
    given.reject_with !== undefined
      ? 'REJECT'
      : (given.set_dscp_mark ?? given.set_dscp_mark_class) !== undefined
        ? 'DSCP'
        : undefined;
  const load = (name: string, isNeeded: boolean): readonly string[] =>
    isNeeded && !match.includes(name) ? ['-m', name] : [];
  const states = ctstate.join(',');
  return [
    ...param('-p', given.protocol),
    ...param('-s', given.source),
    ...param('-d', given.destination),
    ...match.flatMap((one) => param('-m', one)),
    ...(tcp_flags === undefined ? [] : ['--tcp-flags', tcp_flags.flags.join(','), tcp_flags.flags_set.join(',')]),
    ...param('-j', jump),
    ...(jump?.toLowerCase() === 'tee' ? param('--gateway', given.gateway) : []),
    ...plain('--log-prefix', given.log_prefix),
    ...plain('--log-level', given.log_level),
    ...param('--to-destination', given.to_destination),
    ...param('--to-source', given.to_source),
    ...param('-g', given.goto),
    ...param('-i', given.in_interface),
    ...param('-o', given.out_interface),
    ...param('-f', given.fragment),
    ...param('-c', given.set_counters),
    ...param('--source-port', given.source_port),
    ...param('--destination-port', given.destination_port),
    ...load('multiport', destination_ports.length > 0),
    ...(destination_ports.length > 0 ? ['--dports', destination_ports.join(',')] : []),
    ...param('--to-ports', given.to_ports),
    ...param('--set-dscp', given.set_dscp_mark),
    ...param('--set-dscp-class', given.set_dscp_mark_class),
    ...(syn === 'ignore' ? [] : syn === 'match' ? ['--syn'] : ['!', '--syn']),
    ...(states === ''
      ? []
      : match.includes('state') && !match.includes('conntrack')
        ? ['--state', states]
        : [...load('conntrack', true), '--ctstate', states]),
    ...load('iprange', (given.src_range ?? given.dst_range) !== undefined),
    ...param('--src-range', given.src_range),
    ...param('--dst-range', given.dst_range),
    ...load('set', match_set !== undefined),
    ...(match_set === undefined
      ? []
      : [...param('--match-set', match_set), ...(match_set_flags === undefined ? [] : [match_set_flags])]),
    ...load('limit', (given.limit ?? given.limit_burst) !== undefined),
    ...param('--limit', given.limit),
    ...param('--limit-burst', given.limit_burst),
    ...load('owner', (given.uid_owner ?? given.gid_owner) !== undefined),
    ...param('--uid-owner', given.uid_owner),
    ...param('--gid-owner', given.gid_owner),
    ...(jump === undefined ? param('-j', implied) : []),
    ...param('--reject-with', given.reject_with),
    ...param(version === 'ipv4' ? '--icmp-type' : '--icmpv6-type', given.icmp_type),
    ...load('comment', comment !== undefined),
    ...plain('--comment', comment),
  ];
}

function plain(key: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [key, value];
}

function param(key: string, value: string | undefined): readonly string[] {
  if (value === undefined) return [];
  return value.startsWith('!') ? ['!', key, value.slice(1).trim()] : [key, value];
}

/** The program with its table. */
function call({ table, wait }: Args, version: Version): Script {
  return sh`${PROGRAMS[version]} ${wait === undefined ? ['-w'] : ['-w', wait]} -t ${table}`;
}

function probeVersion(given: Args, version: Version): Script {
  const { chain, flush, policy } = given;
  const rule = ruleOf(given, version);
  const isRule = !flush && policy === undefined && rule.length > 0;
  const list = chain === undefined ? sh`-S` : sh`-S ${chain}`;
  return sh`if command -v ${PROGRAMS[version]} >/dev/null; then
echo ${`${version}-is yes`}
if l=$(${call(given, version)} ${list} 2>&1); then
  echo ${`${version}-chain yes`}
  case $l in *-A*) echo ${`${version}-rules yes`} ;; esac
  printf '%s\n' "$l" | sed -n ${`s/^-P [^ ]* /${version}-policy /p`}
  ${
    isRule
      ? sh`e=$(${call(given, version)} -C ${chain ?? ''} ${rule} 2>&1); rc=$?
  case $rc in 0) echo ${`${version}-rule yes`} ;; 1) ;; *) printf ${`${version}-refused %s\\n`} "$(printf '%s\n' "$e" | base64 -w0)" ;; esac`
      : sh`:`
  }
else case $l in
  *[Nn]'o chain/target/match'* | *'does not exist'* | *'No such file'* | *'incompatible'*) ;;
  *) printf ${`${version}-refused %s\\n`} "$(printf '%s\n' "$l" | base64 -w0)" ;;
esac; fi
fi
`;
}

function changeOf(f: Fields, given: Args, version: Version): Change | undefined {
  const { chain = '', table, flush, policy, state, action, rule_num, chain_management } = given;
  const has = (key: string): boolean => f.get(`${version}-${key}`) !== undefined;
  const program = PROGRAMS[version];
  const at = `${program} ${table}`;
  const rule = ruleOf(given, version);
  const make = (what: string, run: Script, before: string | null, after: string | null): Change => ({
    what: `${at}: ${what}`,
    diff: { of: at, before, after },
    run: sh`set -e
PATH=$PATH:/usr/sbin:/sbin
${run}`,
  });
  if (flush) {
    if (!has('rules')) return undefined;
    return make(
      `flush ${chain === '' ? 'all chains' : chain}`,
      sh`${call(given, version)} -F ${chain === '' ? [] : [chain]}`,
      'rules\n',
      null,
    );
  }
  if (policy !== undefined) {
    const is = f.get(`${version}-policy`);
    return is === policy
      ? undefined
      : make(
          `policy ${policy} for ${chain}`,
          sh`${call(given, version)} -P ${chain} ${policy}`,
          `${is ?? ''}\n`,
          `${policy}\n`,
        );
  }
  if (rule.length === 0) {
    if (has('chain') === (state === 'present')) return undefined;
    return state === 'present'
      ? make(`create the chain ${chain}`, sh`${call(given, version)} -N ${chain}`, null, `${chain}\n`)
      : make(`delete the chain ${chain}`, sh`${call(given, version)} -X ${chain}`, `${chain}\n`, null);
  }
  if (has('rule') === (state === 'present')) return undefined;
  const shown = `${chain} ${rule.join(' ')}`;
  if (state === 'absent') {
    return make(`delete ${shown}`, sh`${call(given, version)} -D ${chain} ${rule}`, `${shown}\n`, null);
  }
  const verb =
    action === 'append' ? ['-A', chain] : ['-I', chain, ...(rule_num === undefined ? [] : [String(rule_num)])];
  return make(
    `${action} ${shown}`,
    sh`${chain_management ? sh`${call(given, version)} -S ${chain} >/dev/null 2>&1 || ${call(given, version)} -N ${chain}` : sh`:`}
${call(given, version)} -C ${chain} ${rule} 2>/dev/null || ${call(given, version)} ${verb} ${rule}`,
    null,
    `${shown}\n`,
  );
}

/** Targets that drop no packet and send none elsewhere. */
const HARMLESS = /^(ACCEPT|LOG|NFLOG|MASQUERADE|SNAT|TCPMSS)$/;

function isHarmless(given: Args): boolean {
  const { flush, policy, state, jump, goto, log_prefix, log_level } = given;
  if (flush) return false;
  if (policy !== undefined) return policy === 'ACCEPT';
  if (ruleOf(given, 'ipv4').length === 0) return true;
  const target = jump ?? ((log_prefix ?? log_level) === undefined ? '' : 'LOG');
  return state === 'present' && goto === undefined && HARMLESS.test(target);
}

/** The old rules of the table come back by themselves, unless a new connection confirms the new ones. */
function guarded(change: Change, { table, rollback: seconds }: Args, version: Version): Change {
  const program = PROGRAMS[version];
  const saved = `/run/bringup-undo-${program}.save`;
  return {
    ...change,
    run: sh`set -e
PATH=$PATH:/usr/sbin:/sbin
${settle(program)}
(umask 077; ${`${program}-save`} -t ${table} >${saved})
${arm(program, seconds, {
  activate: sh`PATH=$PATH:/usr/sbin:/sbin
${`${program}-restore`} -w -T ${table} <${saved}
rm -f -- ${saved}`,
})}
${change.run}`,
    confirm: {
      seconds,
      script: sh`set -e
${disarm(program)}
rm -f -- ${saved}`,
    },
  };
}
