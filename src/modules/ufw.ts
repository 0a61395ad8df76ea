import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { lines, type Script, sh } from '../core/sh.ts';
import { args, flag, text } from './shared/args.ts';
import { arm, disarm, oldCopyOf, rollback, settle } from './shared/deadman.ts';
import { type Fields, fields } from './shared/fields.ts';
import { refusal } from './shared/judged-file.ts';

const ADDRESS = { pattern: '^[\\w.:/-]+$', expected: 'an address, a network, or any' } as const;
const PORT = { pattern: '^[\\w,:-]+$', expected: 'a port, a range as 6000:6007, or the name of a service' } as const;
const INTERFACE = { pattern: '^[\\w.@:+!-]+$', expected: 'the name of an interface' } as const;

const Args = args({
  state: Type.Optional(
    Type.Enum(['enabled', 'disabled', 'reloaded', 'reset'], {
      description:
        'enabled: active now and at boot. disabled: neither. reloaded: reload it. reset: disable it and delete all rules.',
    }),
  ),
  default: Type.Optional(
    Type.Enum(['allow', 'deny', 'reject'], { description: 'The default policy of the direction (incoming).' }),
  ),
  direction: Type.Optional(
    Type.Enum(['in', 'incoming', 'out', 'outgoing', 'routed'], {
      description: 'in or out for a rule; incoming, outgoing or routed for a default policy.',
    }),
  ),
  logging: Type.Optional(
    Type.Union([Type.Boolean(), Type.Enum(['on', 'off', 'low', 'medium', 'high', 'full'])], {
      expected: 'one of on, off, low, medium, high, full',
      description: 'The log level: on, off, low, medium, high or full. on is low, unless another level is set.',
    }),
  ),
  rule: Type.Optional(
    Type.Enum(['allow', 'deny', 'reject', 'limit'], { description: 'What happens to packets that match.' }),
  ),
  route: flag('The rule is for forwarded packets.'),
  from_ip: Type.String({ ...ADDRESS, default: 'any', description: 'The source.' }),
  from_port: Type.Optional(Type.String({ ...PORT, description: 'The source port.' })),
  to_ip: Type.String({ ...ADDRESS, default: 'any', description: 'The destination.' }),
  to_port: Type.Optional(Type.String({ ...PORT, description: 'The destination port.' })),
  proto: Type.Optional(
    Type.Enum(['any', 'tcp', 'udp', 'ipv6', 'esp', 'ah', 'gre', 'igmp', 'vrrp'], { description: 'The protocol.' }),
  ),
  interface: Type.Optional(Type.String({ ...INTERFACE, description: 'The interface of the direction.' })),
  interface_in: Type.Optional(Type.String({ ...INTERFACE, description: 'The interface that packets come in by.' })),
  interface_out: Type.Optional(Type.String({ ...INTERFACE, description: 'The interface that packets leave by.' })),
  name: text('An application profile of /etc/ufw/applications.d.'),
  log: flag('Log new connections that match the rule.'),
  delete: flag('Delete the rule.'),
  insert: Type.Optional(Type.Integer({ minimum: 0, description: 'Insert a new rule at this number.' })),
  insert_relative_to: Type.Enum(['zero', 'first-ipv4', 'last-ipv4', 'first-ipv6', 'last-ipv6'], {
    default: 'zero',
    description: 'What the number counts from.',
  }),
  comment: Type.Optional(
    Type.String({ pattern: "^[^'\\n]*$", expected: 'one line without a quote', description: 'A comment on the rule.' }),
  ),
  rollback: rollback('restores the old firewall'),
});
type Args = Static<typeof Args>;

export const ufw = defineModule<typeof Args, Fields>({
  name: 'ufw',
  summary:
    'The firewall ufw: its state, default policies and rules. A change that may block SSH is undone unless a new connection gets through.',
  args: Args,
  aliases: {
    policy: 'default',
    from: 'from_ip',
    src: 'from_ip',
    dest: 'to_ip',
    to: 'to_ip',
    port: 'to_port',
    protocol: 'proto',
    if: 'interface',
    if_in: 'interface_in',
    if_out: 'interface_out',
    app: 'name',
  },
  examples: [
    { title: 'Allow SSH', args: { rule: 'allow', port: '22', proto: 'tcp' } },
    { title: 'Deny all else, and start', args: { state: 'enabled', policy: 'deny', direction: 'incoming' } },
    { title: 'From one network', args: { rule: 'allow', from_ip: '10.0.0.0/8', to_port: '3306', comment: 'database' } },
  ],
  verify: (given) => [
    ...(given.state === undefined &&
    given.default === undefined &&
    given.rule === undefined &&
    given.logging === undefined
      ? [argError([], 'E_ARGUMENT_CONFLICT', { problem: "one of 'state', 'default', 'rule' and 'logging' is needed" })]
      : []),
    ...(given.rule !== undefined && !['in', 'out', undefined].includes(given.direction)
      ? [argError(['direction'], 'E_ARGUMENT_CONFLICT', { problem: "the direction of a rule is 'in' or 'out'" })]
      : []),
    ...(given.default !== undefined && ['in', 'out'].includes(given.direction ?? '')
      ? [
          argError(['direction'], 'E_ARGUMENT_CONFLICT', {
            problem: "the direction of a default policy is 'incoming', 'outgoing' or 'routed'",
          }),
        ]
      : []),
    ...(given.interface !== undefined && given.direction === undefined
      ? [argError(['interface'], 'E_ARGUMENT_CONFLICT', { problem: "'interface' needs 'direction'" })]
      : []),
    ...(given.interface !== undefined && (given.interface_in ?? given.interface_out) !== undefined
      ? [
          argError(['interface'], 'E_ARGUMENT_CONFLICT', {
            problem: "'interface' excludes 'interface_in' and 'interface_out'",
          }),
        ]
      : []),
    ...(given.direction !== undefined &&
    given.rule !== undefined &&
    (given.interface_in ?? given.interface_out) !== undefined
      ? [
          argError(['direction'], 'E_ARGUMENT_CONFLICT', {
            problem: "'direction' excludes 'interface_in' and 'interface_out'",
          }),
        ]
      : []),
    ...(!given.route && given.interface_in !== undefined && given.interface_out !== undefined
      ? [
          argError(['interface_out'], 'E_ARGUMENT_CONFLICT', {
            problem: "only a rule with 'route' has both 'interface_in' and 'interface_out'",
          }),
        ]
      : []),
    ...(given.name !== undefined && given.proto !== undefined
      ? [argError(['proto'], 'E_ARGUMENT_CONFLICT', { problem: "'name' and 'proto' exclude each other" })]
      : []),
  ],
  needs: (given) => [
    'package:ufw',
    'path:/etc/ufw/ufw.conf',
    'path:/etc/default/ufw',
    ...(given.rule === undefined ? [] : ['path:/etc/ufw/applications.d', ruleResource(given)]),
    ...(given.insert === undefined ? [] : ['ufw-rule:*']),
  ],
  touches: (given) => [
    ...(given.state === undefined && given.logging === undefined ? [] : ['path:/etc/ufw/ufw.conf']),
    ...(given.default === undefined ? [] : ['path:/etc/default/ufw']),
    ...(given.rule === undefined ? [] : [ruleResource(given)]),
    ...(given.state === 'reset' ? ['ufw-rule:*', 'path:/etc/default/ufw'] : []),
    'path:/etc/ufw/user.rules',
    'path:/etc/ufw/user6.rules',
    'live:*',
  ],
  probe: (given) => sh`PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
command -v ufw >/dev/null || { echo 'ufw missing'; exit 0; }
s=$(ufw status verbose 2>&1) || { printf 'broken %s\n' "$(printf '%s\n' "$s" | base64 -w0)"; exit 0; }
case $s in *'Status: active'*) echo 'active yes' ;; esac
printf 'status %s\n' "$(printf '%s\n' "$s" | base64 -w0)"
sed -n 's/^ENABLED=\([a-z]*\).*/boot \1/p; s/^LOGLEVEL=\([a-z]*\).*/logging \1/p' /etc/ufw/ufw.conf
sed -n 's/^DEFAULT_\([A-Z]*\)_POLICY="\([A-Z]*\)".*/default \1 \2/p' /etc/default/ufw
${
  given.rule === undefined || given.state === 'reset'
    ? sh`:`
    : sh`${insertion(given)}
sed -n 's/^### tuple ###/v4/p' /etc/ufw/user.rules
sed -n 's/^### tuple ###/v6/p' /etc/ufw/user6.rules
${refusal(sh`ufw --dry-run ${ruleWords(given)}`)}
printf '%s\n' "$e" | sed -n 's/^### tuple ###/dry/p; s/^Skipping.*/skip &/p; s/^Could not delete non-existent rule.*/skip &/p'`
}
:`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const found = obstacle(f);
    if (found !== undefined) return found;
    const commands = commandsFor(f, given);
    if (commands.length === 0) return [];
    const change = changeOf(commands, given);
    return [isRisky(f, given, commands) ? guarded(change, given.rollback) : change];
  },
  data: (f) => ({ msg: f.text('status') ?? '' }),
});

type Command = Readonly<{ kind: 'state' | 'default' | 'rule' | 'logging'; run: Script; what: string }>;

function obstacle(f: Fields): Blocked | undefined {
  if (f.get('ufw') === 'missing') {
    return blocked('E_TOOL_MISSING', { tool: 'ufw', hint: 'install the package ufw in an earlier task' });
  }
  const broken = f.text('broken');
  if (broken !== undefined) return blocked('E_FIREWALL_UNKNOWN', { detail: broken });
  const refused = f.text('refused');
  return refused === undefined
    ? undefined
    : blocked('E_CONFIG_REFUSED', { program: 'ufw', what: 'rule', detail: refused });
}

/** What is not as wanted. The firewall starts last, when its rules and policies are in place. */
function commandsFor(f: Fields, given: Args): readonly Command[] {
  const { state } = given;
  const logging = typeof given.logging === 'boolean' ? (given.logging ? 'on' : 'off') : given.logging;
  const isFresh = state === 'reset';
  const out: Command[] = [];
  if (state === 'reset') out.push({ kind: 'state', run: sh`ufw --force reset`, what: 'reset ufw' });
  if (state === 'disabled' && (f.get('active') !== undefined || f.get('boot') === 'yes')) {
    out.push({ kind: 'state', run: sh`ufw --force disable`, what: 'disable ufw' });
  }
  if (
    given.default !== undefined &&
    (isFresh ||
      f.all('default').find((line) => line.startsWith(`${chainOf(given)} `)) !==
        `${chainOf(given)} ${POLICIES[given.default]}`)
  ) {
    const direction = given.direction ?? 'incoming';
    out.push({
      kind: 'default',
      run: sh`ufw default ${given.default} ${direction}`,
      what: `default policy ${given.default} (${direction})`,
    });
  }
  if (given.rule !== undefined && (isFresh || isRuleMissing(f, given))) {
    const { before, rest } = ruleParts(given);
    out.push({
      kind: 'rule',
      run: sh`${insertion(given)}
ufw ${ruleWords(given)}`,
      what: [...before, ...rest].join(' '),
    });
  }
  const level = f.get('logging');
  if (logging !== undefined && (isFresh || (logging === 'on' ? level === 'off' : level !== logging))) {
    out.push({ kind: 'logging', run: sh`ufw logging ${logging}`, what: `logging ${logging}` });
  }
  if (state === 'enabled' && (f.get('active') === undefined || f.get('boot') !== 'yes')) {
    out.push({ kind: 'state', run: sh`ufw --force enable`, what: 'enable ufw' });
  }
  if (state === 'reloaded') out.push({ kind: 'state', run: sh`ufw reload`, what: 'reload ufw' });
  return out;
}

const POLICIES: Readonly<Record<string, string>> = { allow: 'ACCEPT', deny: 'DROP', reject: 'REJECT' };

function chainOf({ direction }: Args): string {
  return direction === 'outgoing' ? 'OUTPUT' : direction === 'routed' ? 'FORWARD' : 'INPUT';
}

/** A dry run prints the rules of the families that the rule is about, as they would be. */
function isRuleMissing(f: Fields, { from_ip, to_ip }: Args): boolean {
  const dry = f.all('dry');
  if (dry.length === 0 && f.all('skip').length > 0) return false;
  const isOf = (pattern: RegExp): boolean => [from_ip, to_ip].some((address) => pattern.test(address));
  const four = isOf(/:/) ? [] : f.all('v4');
  const six = isOf(/^\d+\./) ? [] : f.all('v6');
  return [...four, ...six].join('\n') !== dry.join('\n');
}

/** What stands before and after the number of a rule. */
function ruleParts(given: Args): Readonly<{ before: readonly string[]; rest: readonly string[] }> {
  const words = (...pairs: readonly (readonly [string, string | undefined])[]): readonly string[] =>
    pairs.flatMap(([key, value]) => (value === undefined ? [] : [key, value]));
  const { direction, comment } = given;
  const rest = [
    given.rule ?? 'allow',
    ...(direction === undefined ? [] : [direction]),
    ...words(['on', given.interface]),
    ...(given.interface_in === undefined ? [] : ['in', 'on', given.interface_in]),
    ...(given.interface_out === undefined ? [] : ['out', 'on', given.interface_out]),
    ...(given.log ? ['log'] : []),
    ...words(['from', given.from_ip], ['port', given.from_port], ['to', given.to_ip], ['port', given.to_port]),
    ...words(['proto', given.proto], ['app', given.name], ['comment', comment === '' ? undefined : comment]),
  ];
  return { before: [...(given.route ? ['route'] : []), ...(given.delete ? ['delete'] : [])], rest };
}

/** Rules do not depend on each other: several can be planned and made together. */
function ruleResource(given: Args): string {
  const { before, rest } = ruleParts({ ...given, delete: false, comment: '' });
  return `ufw-rule:${[...before, ...rest].join(' ')}`;
}

/** The number is in the shell's arguments. */
function ruleWords(given: Args): Script {
  const { before, rest } = ruleParts(given);
  return sh`${before} "$@" ${rest}`;
}

/** Sets the shell's arguments to `insert` and a number: ufw refuses a number that no rule has. */
function insertion({ insert, insert_relative_to, delete: gone }: Args): Script {
  if (insert === undefined || gone) return sh`set --`;
  if (insert_relative_to === 'zero') return sh`set -- insert ${insert}`;
  const from = {
    'first-ipv4': sh`i=1`,
    'last-ipv4': sh`i=$a; [ "$i" != 0 ] || i=1`,
    'first-ipv6': sh`i=$((a + 1))`,
    'last-ipv6': sh`i=$((a + b)); [ "$b" != 0 ] || i=$((i + 1))`,
  }[insert_relative_to];
  return sh`a=$(grep -c '^### tuple ###' /etc/ufw/user.rules || :); b=$(grep -c '^### tuple ###' /etc/ufw/user6.rules || :)
${from}; i=$((i + ${insert})); set --; if [ "$i" -le $((a + b)) ]; then set -- insert "$i"; fi`;
}

function changeOf(commands: readonly Command[], { state }: Args): Change {
  const isAction = state === 'reset' || state === 'reloaded';
  return {
    what: commands.map(({ what }) => what).join(', '),
    diff: { of: 'ufw', before: null, after: `${commands.map(({ what }) => what).join('\n')}\n` },
    run: sh`set -e
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
${lines(commands.map(({ run }) => run))}`,
    ...(isAction && { action: true as const }),
  };
}

/** To allow something, to log or to stop shuts nobody out; nor does a rule of a firewall that stays off. */
function isRisky(f: Fields, given: Args, commands: readonly Command[]): boolean {
  const isOn =
    given.state === 'enabled' ||
    given.state === 'reloaded' ||
    (f.get('active') !== undefined && given.state !== 'disabled' && given.state !== 'reset');
  return (
    isOn &&
    commands.some(({ kind }) => {
      if (kind === 'logging') return false;
      if (kind === 'default') return given.default !== 'allow';
      return kind === 'state' || given.rule !== 'allow' || given.delete;
    })
  );
}

const NAME = 'ufw';
const FILES = ['etc/default/ufw', 'etc/ufw/ufw.conf', 'etc/ufw/user.rules', 'etc/ufw/user6.rules'];

/** Undone by the host itself, now and at its next boot, unless a new connection confirms it. */
function guarded(change: Change, seconds: number): Change {
  const old = oldCopyOf(NAME);
  const restore = sh`if [ -f ${old} ]; then tar -xf ${old} -C /; sync -- /etc/ufw /etc/default; fi`;
  const activate = sh`PATH=$PATH:/usr/sbin:/sbin
if grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw reload; else ufw --force disable; fi >/dev/null 2>&1`;
  return {
    ...change,
    run: sh`set -e
${settle(NAME)}
(umask 077; mkdir -p /var/lib/bringup/undo; rm -f -- ${old}; tar -cf ${old} -C / ${FILES})
sync -- ${old}
${arm(NAME, seconds, { restore, activate })}
${change.run}`,
    confirm: {
      seconds,
      script: sh`set -e
sync -- /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf /etc/default/ufw /etc/ufw
${disarm(NAME)}`,
    },
  };
}
