import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, type Context, defineModule } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { arm, disarm, rollback, settle } from './shared/deadman.ts';
import { fields } from './shared/fields.ts';
import { differs, refusal, shown } from './shared/judged-file.ts';

const Args = args({
  name: Type.String({
    pattern: '^[a-z][a-z0-9_]{0,30}$',
    expected: 'a short lower-case name',
    description: 'The table (inet NAME). Other tables in the kernel are not changed.',
  }),
  rules: Type.Optional(
    Type.String({ minLength: 1, description: "The content of the table in nft's syntax: sets, chains, rules." }),
  ),
  state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'present: load the rules now and at each boot, before the network is up. absent: remove them.',
  }),
  rollback: rollback('restores the old rules'),
});
type Args = Static<typeof Args>;

type Current = Readonly<{
  nft: boolean;
  /** The rules that are loaded at the next boot. */
  file: string | undefined;
  unit: string | undefined;
  enabled: boolean;
  table: boolean;
  /** The kernel's table is still as it was when it was confirmed. */
  untouched: boolean;
  refused: string | undefined;
}>;

export const nftables = defineModule<typeof Args, Current>({
  name: 'nftables',
  summary:
    'Manages a table of firewall rules. Rules that no new connection confirms are undone, so that they cannot lock you out.',
  args: Args,
  examples: [
    {
      title: 'Allow only ssh and web traffic',
      args: {
        name: 'site',
        rules:
          'chain input {\n\ttype filter hook input priority filter; policy drop;\n\tiif "lo" accept\n\tct state established,related accept\n\ttcp dport { 22, 80, 443 } accept\n}\n',
      },
    },
    { title: 'Remove a table', args: { name: 'site', state: 'absent' } },
  ],
  verify: ({ state, rules }) =>
    state === 'present' && rules === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'rules'" })] : [],
  needs: ({ name }) => [`nftables:${name}`, 'package:nftables', `path:${fileOf(name)}`, `path:${unitOf(name)}`],
  touches: ({ name }) => [`nftables:${name}`, `path:${fileOf(name)}`, `path:${unitOf(name)}`, 'live:*'],
  probe,
  parse(stdout) {
    const f = fields(stdout);
    return {
      nft: f.get('nft') !== undefined,
      file: f.text('file'),
      unit: f.text('unit'),
      enabled: f.get('enabled') !== undefined,
      table: f.get('table') !== undefined,
      untouched: f.get('untouched') !== undefined,
      refused: f.text('refused'),
    };
  },
  plan(now, given, ctx) {
    const { name, state } = given;
    if (state === 'absent') {
      const isGone = now.file === undefined && now.unit === undefined && !now.table;
      return isGone ? [] : [{ what: `no table inet ${name}`, run: remove(name) }];
    }
    if (!now.nft)
      return blocked('E_TOOL_MISSING', { tool: 'nft', hint: 'install the package nftables in an earlier task' });
    if (now.refused !== undefined)
      return blocked('E_CONFIG_REFUSED', { program: 'nft', what: 'rules', detail: now.refused });
    if (now.file !== textOf(given, ctx) || !now.table || !now.untouched) return [load(now, given, ctx)];
    if (now.unit === unitText(name) && now.enabled) return [];
    return [
      {
        what: `table inet ${name}: loaded at boot`,
        run: sh`set -e
${persist(name)}`,
      },
    ];
  },
});

const fileOf = (name: string): string => `/etc/nftables.d/${name}.nft`;
const serviceOf = (name: string): string => `nftables-${name}.service`;
const unitOf = (name: string): string => `/etc/systemd/system/${serviceOf(name)}`;
const stateOf = (name: string, ending: string): string => `/var/lib/bringup/nftables/${name}.${ending}`;

/** One transaction that replaces our table and no other. A comment in the table identifies the rules in the kernel. */
function textOf({ name, rules = '' }: Args, ctx: Context): string {
  const body = rules.trimEnd();
  return `#!/usr/sbin/nft -f
# Written by bringup. Only this table is replaced, in one transaction.
table inet ${name}
delete table inet ${name}
table inet ${name} {
	comment "bringup ${ctx.sha256(body).slice(0, 16)}"
${body}
}
`;
}

/** Loads the rules before the network is up, and again after Debian's nftables.service has flushed all rules. */
function unitText(name: string): string {
  return `# Written by bringup
[Unit]
Description=Firewall rules of the table inet ${name}
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f ${fileOf(name)}
ExecReload=/usr/sbin/nft -f ${fileOf(name)}

[Install]
WantedBy=sysinit.target
`;
}

/** The kernel's own listing without counters and contents of sets. It shows if somebody added or removed rules. */
const listing = (name: string): Script => sh`nft -s -t list table inet ${name} 2>/dev/null`;

function probe(given: Args, ctx: Context): Script {
  const { name, state } = given;
  const text = textOf(given, ctx);
  return sh`PATH=$PATH:/usr/sbin:/sbin
${shown('file', fileOf(name))}
${shown('unit', unitOf(name))}
if systemctl is-enabled --quiet ${serviceOf(name)} 2>/dev/null; then echo enabled; fi
command -v nft >/dev/null || exit 0
echo nft
if l=$(${listing(name)}); then
  echo table
  if [ "$(printf '%s\n' "$l" | sha256sum)" = "$(cat ${stateOf(name, 'confirmed')} 2>/dev/null)" ]; then echo untouched; fi
fi
${
  state === 'absent'
    ? sh`:`
    : sh`if ${differs(fileOf(name), text)}; then
  ${refusal(sh`printf %s ${text} | nft -c -f -`)}
fi
:`
}`;
}

function load(now: Current, given: Args, ctx: Context): Change {
  const { name, rollback: seconds } = given;
  const text = textOf(given, ctx);
  return {
    what: `load the table inet ${name}${now.file === text && now.table ? ': somebody changed it in the kernel' : ''}`,
    diff: { of: fileOf(name), before: now.file ?? null, after: text },
    run: sh`set -e
umask 077
mkdir -p /var/lib/bringup/nftables
${settle(name)}
printf %s ${text} >${stateOf(name, 'new')}
{ printf 'table inet %s\ndelete table inet %s\n' ${name} ${name}; nft list table inet ${name} 2>/dev/null || :; } >${stateOf(name, 'before')}
${arm(name, seconds, { activate: sh`/usr/sbin/nft -f ${stateOf(name, 'before')}` })}
nft -f ${stateOf(name, 'new')}`,
    confirm: {
      seconds,
      script: sh`set -e
${disarm(name)}
mkdir -p /etc/nftables.d
chmod 644 ${stateOf(name, 'new')}
sync -- ${stateOf(name, 'new')}
mv -f -- ${stateOf(name, 'new')} ${fileOf(name)}
rm -f -- ${stateOf(name, 'before')}
${persist(name)}
${listing(name)} | sha256sum >${stateOf(name, 'confirmed')}`,
    },
  };
}

function persist(name: string): Script {
  return sh`printf %s ${unitText(name)} >${unitOf(name)}
chmod 644 ${unitOf(name)}
systemctl daemon-reload
systemctl enable --quiet ${serviceOf(name)}
systemctl start ${serviceOf(name)}`;
}

function remove(name: string): Script {
  return sh`set -e
${settle(name)}
systemctl disable --quiet --now ${serviceOf(name)} 2>/dev/null || :
rm -f -- ${unitOf(name)} ${fileOf(name)} ${stateOf(name, 'confirmed')}
systemctl daemon-reload
if ${listing(name)} >/dev/null; then nft delete table inet ${name}; fi`;
}
