import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { type Blocked, blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { args, flag } from './shared/args.ts';
import { arm, disarm, keep, oldCopyOf, rollback, settle } from './shared/deadman.ts';
import { type Fields, fields } from './shared/fields.ts';

const word = (description: string) =>
  Type.Optional(Type.String({ pattern: '^[^-\\s]\\S*$', expected: 'one word', description }));
const onOff = (description: string) => Type.Optional(Type.Boolean({ description }));

const Args = args({
  service: word('A service, as `firewall-cmd --get-services` lists it.'),
  protocol: word('A protocol, as gre.'),
  port: Type.Optional(
    Type.String({
      pattern: '^\\d+(-\\d+)?/(tcp|udp|sctp|dccp)$',
      expected: 'a port or a range with its protocol, as 8080/tcp',
      description: 'A port or a range with its protocol.',
    }),
  ),
  port_forward: Type.Optional(
    Type.Array(
      Type.Object(
        {
          port: Type.String({ description: 'The port that is forwarded.' }),
          proto: Type.Enum(['tcp', 'udp'], { description: 'Its protocol.' }),
          toport: Type.String({ description: 'The port that it is forwarded to.' }),
          toaddr: Type.Optional(Type.String({ description: 'The address that it is forwarded to.' })),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 1, description: 'A port that is forwarded.' },
    ),
  ),
  rich_rule: Type.Optional(
    Type.String({
      pattern: '^rule\\b',
      expected: 'a rule, as in firewalld.richlanguage(5)',
      description: 'A rich rule.',
    }),
  ),
  source: word('An address, a network or an ipset whose packets the zone handles.'),
  interface: word('An interface whose packets the zone handles.'),
  icmp_block: word('A type of ICMP to block.'),
  icmp_block_inversion: onOff('Whether only the blocked types of ICMP pass.'),
  masquerade: onOff('Whether the zone masquerades.'),
  forward: onOff('Whether packets pass between the interfaces of the zone.'),
  target: Type.Optional(
    Type.Enum(['default', 'ACCEPT', 'DROP', '%%REJECT%%'], {
      description: 'What happens to packets that no rule matches.',
    }),
  ),
  default: onOff('The zone is the default zone.'),
  zone: word('The zone. Default: the default zone of firewalld.'),
  permanent: flag('Change what firewalld reads when it starts.'),
  immediate: flag('Change the running firewall too. Without `permanent`, it is always changed.'),
  state: Type.Enum(['enabled', 'disabled', 'present', 'absent'], {
    description: 'Whether the setting is on. present and absent: of a zone, or of the target.',
  }),
  timeout: Type.Integer({
    default: 0,
    minimum: 0,
    description: 'Seconds after which the running firewall forgets the setting.',
  }),
  offline: flag('If firewalld does not run, change only what is permanent.'),
  rollback: rollback('undoes a change that may block SSH'),
});
type Args = Static<typeof Args>;

const KINDS = [
  'service',
  'protocol',
  'port',
  'port_forward',
  'rich_rule',
  'source',
  'interface',
  'icmp_block',
  'icmp_block_inversion',
  'masquerade',
  'forward',
  'target',
  'default',
] as const;
type Kind = (typeof KINDS)[number];

export const firewalld = defineModule<typeof Args, Fields>({
  name: 'firewalld',
  summary: 'Sets or removes a setting of a zone of firewalld. A change that blocks SSH is undone by the host.',
  args: Args,
  examples: [
    {
      title: 'Open HTTPS, now and after a reboot',
      args: { service: 'https', state: 'enabled', permanent: true, immediate: true },
    },
    { title: 'Create a zone', args: { zone: 'rack', state: 'present', permanent: true } },
  ],
  verify,
  needs: () => ['package:*', 'unit:firewalld.service', 'path:/etc/firewalld', 'live:firewalld'],
  touches: () => ['path:/etc/firewalld', 'live:firewalld'],
  probe: (given) => sh`command -v firewall-cmd >/dev/null || { echo 'tool missing'; exit 0; }
if systemctl is-active --quiet firewalld; then echo 'state running'; p='firewall-cmd --permanent'; else echo 'state stopped'; p=firewall-offline-cmd; fi
d=$(sed -n 's/^DefaultZone=//p' /etc/firewalld/firewalld.conf 2>/dev/null | tail -n1); d=\${d:-public}
z=${given.zone ?? ''}; z=\${z:-$d}
printf 'default %s\nzone %s\n' "$d" "$z"
${asked(given)}`,
  parse: (stdout) => fields(stdout),
  plan: planFirewalld,
  data: (_, given) => ({
    msg: given.permanent ? 'Permanent operation' : 'Non-permanent operation',
    state: given.state,
  }),
});

/** The settings that the task is about. */
function kindsOf(given: Args): readonly Kind[] {
  return KINDS.filter((kind) => given[kind] !== undefined && !(kind === 'default' && given.default === false));
}

function verify(given: Args): readonly ArgError[] {
  const { state, zone, permanent, immediate, timeout } = given;
  const [kind, second] = kindsOf(given);
  const conflict = (path: string, problem: string, hint?: string): ArgError =>
    argError([path], 'E_ARGUMENT_CONFLICT', { problem, ...(hint !== undefined && { hint }) });
  const isOfZone = state === 'present' || state === 'absent';
  return [
    ...(second !== undefined
      ? [conflict(second, `'${kind}' and '${second}' exclude each other`, 'write a task for each')]
      : []),
    ...(kind === undefined && (!isOfZone || zone === undefined)
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'service', 'port' or another setting" })]
      : []),
    ...(kind !== undefined && kind !== 'target' && isOfZone
      ? [conflict('state', `state: ${state} is for zones and targets`, 'use enabled or disabled')]
      : []),
    ...((kind === undefined || kind === 'target') && (!permanent || immediate)
      ? [
          conflict(
            'permanent',
            'zones and targets are permanent only',
            'set `permanent: true`, and reload firewalld after the task',
          ),
        ]
      : []),
    ...(kind === 'default' && (!permanent || state !== 'enabled' || zone === undefined)
      ? [conflict('default', "'default' needs a zone, permanent: true and state: enabled")]
      : []),
    ...(timeout > 0 && (permanent || state !== 'enabled')
      ? [conflict('timeout', "'timeout' is for settings of the running firewall that are enabled")]
      : []),
  ];
}

/** The setting as firewall-cmd's options name it after --query-, --add- and --remove-. */
function optionOf(given: Args): string {
  const [kind = 'service'] = kindsOf(given);
  const name = kind === 'port_forward' ? 'forward-port' : kind.replaceAll('_', '-');
  const [to] = given.port_forward ?? [];
  if (to !== undefined) {
    const address = to.toaddr === undefined ? '' : `:toaddr=${to.toaddr}`;
    return `${name}=port=${to.port}:proto=${to.proto}:toport=${to.toport}${address}`;
  }
  const value = given[kind];
  return typeof value === 'boolean' ? name : `${name}=${String(value)}`;
}

function asked(given: Args): Script {
  const [kind] = kindsOf(given);
  if (kind === 'default') return sh`:`;
  if (kind === undefined) return sh`printf 'zones %s\n' "$($p --get-zones 2>/dev/null)"`;
  if (kind === 'target') return sh`printf 'lasting %s\n' "$($p --zone="$z" --get-target 2>&1 | tail -n1)"`;
  const query = `--query-${optionOf(given)}`;
  return sh`${given.permanent ? sh`printf 'lasting %s\n' "$($p --zone="$z" ${query} 2>&1 | tail -n1)"` : sh`:`}
${isOfNow(given) ? sh`case $p in *permanent) printf 'now %s\n' "$(firewall-cmd --zone="$z" ${query} 2>&1 | tail -n1)" ;; esac` : sh`:`}`;
}

/** Whether the task is about the running firewall. */
function isOfNow({ immediate, permanent }: Args): boolean {
  return immediate || !permanent;
}

/** Whether the setting shall be there. `masquerade: false` with state: enabled means that it shall not. */
function isOn({ state, icmp_block_inversion, masquerade, forward }: Args): boolean {
  const value = icmp_block_inversion ?? masquerade ?? forward ?? true;
  return (state === 'enabled') === value;
}

function planFirewalld(f: Fields, given: Args): Steps {
  if (f.get('tool') !== undefined) {
    return blocked('E_TOOL_MISSING', {
      tool: 'firewall-cmd',
      hint: 'install the package firewalld in an earlier task',
    });
  }
  const isRunning = f.get('state') === 'running';
  const [kind] = kindsOf(given);
  const zone = f.get('zone') ?? '';
  const permanent = isRunning ? sh`firewall-cmd --permanent` : sh`firewall-offline-cmd`;
  const touchesNow = isOfNow(given);
  if (touchesNow && !isRunning && !(given.permanent && given.offline)) {
    const detail =
      'firewalld is not running: start it in an earlier task, or set `permanent: true` and `offline: true`';
    return blocked('E_TOOL_REFUSED', { tool: 'firewall-cmd', detail });
  }
  if (kind === undefined) return planZone(f, given, permanent);
  if (kind === 'default') {
    if (f.get('default') === zone) return [];
    const made = {
      what: `make ${zone} the default zone`,
      diff: { of: 'default zone', before: `${f.get('default')}\n`, after: `${zone}\n` },
      run: sh`${isRunning ? sh`firewall-cmd` : sh`firewall-offline-cmd`} ${`--set-default-zone=${zone}`}`,
    };
    const undo = sh`firewall-cmd ${`--set-default-zone=${f.get('default')}`}`;
    return [isRunning ? guarded(given, made, undo, '/etc/firewalld/firewalld.conf') : made];
  }
  const lasting = f.get('lasting') ?? '';
  if (kind === 'target') {
    const wanted = given.state === 'enabled' || given.state === 'present' ? given.target : 'default';
    const wrong = refusal(lasting, ['default', 'ACCEPT', 'DROP', '%%REJECT%%', 'REJECT']);
    if (wrong !== undefined) return wrong;
    if (lasting === wanted) return [];
    return [
      {
        what: `set the target of the zone ${zone} to ${wanted}`,
        diff: { of: `target of ${zone}`, before: `${lasting}\n`, after: `${wanted}\n` },
        run: sh`${permanent} ${[`--zone=${zone}`, `--set-target=${wanted}`]}`,
      },
    ];
  }
  const now = f.get('now') ?? '';
  const wrong =
    (given.permanent ? refusal(lasting, ['yes', 'no']) : undefined) ??
    (touchesNow && isRunning ? refusal(now, ['yes', 'no']) : undefined);
  if (wrong !== undefined) return wrong;
  const wanted = isOn(given);
  const differs = (is: string): boolean => (is === 'yes') !== wanted;
  const isNow = touchesNow && isRunning && differs(now);
  const isLasting = given.permanent && differs(lasting);
  if (!isNow && !isLasting) return [];
  const option = optionOf(given);
  const timeout = given.timeout > 0 ? [`--timeout=${given.timeout}`] : [];
  const lastingVerb =
    !isRunning && kind === 'service' && !wanted
      ? `--remove-service-from-zone=${given.service}`
      : verb(kind, option, wanted);
  const run = sh`${isNow ? sh`firewall-cmd ${[`--zone=${zone}`, ...timeout, verb(kind, option, wanted)]}` : sh`:`}
${isLasting ? sh`${permanent} ${[`--zone=${zone}`, lastingVerb]}` : sh`:`}`;
  const [before, after] = wanted ? [null, `${option}\n`] : [`${option}\n`, null];
  const made = {
    what: `${wanted ? 'enable' : 'disable'} ${option} in the zone ${zone}`,
    diff: { of: `zone ${zone}`, before, after },
    run: sh`set -e
${run}`,
  };
  const opens = wanted && ['service', 'protocol', 'port'].includes(kind);
  if (!isNow || opens) return [made];
  // firewalld keeps what is permanent in memory, so a restored file alone would not count.
  const back = [`--zone=${zone}`, verb(kind, option, !wanted)];
  const undo = sh`firewall-cmd ${back}
${isLasting ? sh`firewall-cmd --permanent ${back}` : sh`:`}`;
  return [guarded(given, made, undo, `/etc/firewalld/zones/${zone}.xml`)];
}

/** An interface or a source moves from the zone that it belongs to. */
function verb(kind: Kind, option: string, isAdded: boolean): string {
  if (!isAdded) return `--remove-${option}`;
  return kind === 'interface' || kind === 'source' ? `--change-${option}` : `--add-${option}`;
}

function planZone(f: Fields, { zone = '', state }: Args, permanent: Script): Steps {
  const has = (f.get('zones') ?? '').split(' ').includes(zone);
  if (has === (state === 'present')) return [];
  const [what, option] =
    state === 'present' ? [`create the zone ${zone}`, '--new-zone'] : [`delete the zone ${zone}`, '--delete-zone'];
  const [before, after] = state === 'present' ? [null, `${zone}\n`] : [`${zone}\n`, null];
  return [{ what, diff: { of: 'zones', before, after }, run: sh`${permanent} ${`${option}=${zone}`}` }];
}

/** Why firewalld did not answer the question. */
function refusal(said: string, answers: readonly string[]): Blocked | undefined {
  return answers.includes(said) ? undefined : blocked('E_TOOL_REFUSED', { tool: 'firewall-cmd', detail: said });
}

const NAME = 'firewalld';

/** A change of the running firewall that may block SSH. Its permanent part is restored from a copy of `file`. */
function guarded({ permanent, rollback }: Args, made: Change, undo: Script, file: string): Change {
  const old = oldCopyOf(NAME);
  const restore = sh`if [ -f ${old} ]; then cp -p -- ${old} ${file}; else rm -f -- ${file}; fi`;
  return {
    ...made,
    confirm: { seconds: rollback, script: disarm(NAME) },
    run: sh`set -e
${settle(NAME)}
${permanent ? keep(NAME, file) : sh`:`}
${arm(NAME, rollback, { ...(permanent && { restore }), activate: undo })}
${made.run}`,
  };
}
