import { type Static, Type } from 'typebox';
import { blocked, type Change, defineModule } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { arm, disarm, keep, oldCopyOf, rollback, settle } from './shared/deadman.ts';
import { fields } from './shared/fields.ts';
import { differs, refusal, shown } from './shared/judged-file.ts';

const Args = args({
  name: Type.String({
    default: '10-bringup',
    pattern: '^[\\w-]+$',
    expected: 'a file name without its ending',
    description:
      'The file below /etc/ssh/sshd_config.d. The first file that contains a setting takes effect, so low numbers win.',
  }),
  settings: Type.Record(
    Type.String({ pattern: '^[A-Za-z]+$' }),
    Type.Union([Type.String({ pattern: '^[^\\n]*$' }), Type.Integer(), Type.Boolean()]),
    { minProperties: 1, description: "The settings by sshd's own names: PasswordAuthentication: false." },
  ),
  rollback: rollback('reverts the change'),
});
type Args = Static<typeof Args>;

type Current = Readonly<{
  sshd: boolean;
  before: string | undefined;
  refused: string | undefined;
  missed: readonly string[];
}>;

export const sshd_config = defineModule<typeof Args, Current>({
  name: 'sshd_config',
  summary:
    'Manages settings of sshd. Settings that no new connection confirms are undone, so that they cannot lock you out.',
  args: Args,
  examples: [
    {
      title: 'Allow keys only',
      args: { settings: { PasswordAuthentication: false, PermitRootLogin: 'prohibit-password', MaxAuthTries: 3 } },
    },
  ],
  needs: ({ name }) => ['package:openssh-server', `path:${fileOf(name)}`, 'path:/etc/ssh/sshd_config'],
  touches: ({ name }) => [`path:${fileOf(name)}`, 'unit:ssh.service', 'live:*'],
  probe,
  parse(stdout, given) {
    const f = fields(stdout);
    const effective = new Map(f.all('effective').map((line) => line.split(/ (.*)/s, 2) as [string, string]));
    const missed = Object.entries(given.settings).flatMap(([key, value]) => {
      const now = effective.get(key.toLowerCase());
      return now === undefined || sameWord(now, wordOf(value)) ? [] : [`${key} is ${now}`];
    });
    return { sshd: f.get('sshd') !== undefined, before: f.text('before'), refused: f.text('refused'), missed };
  },
  plan({ sshd, before, refused, missed }, given) {
    if (!sshd)
      return blocked('E_TOOL_MISSING', {
        tool: 'sshd with a folder sshd_config.d',
        hint: 'install openssh-server in an earlier task',
      });
    if (refused !== undefined)
      return blocked('E_CONFIG_REFUSED', { program: 'sshd', what: 'settings', detail: refused });
    if (before !== textOf(given)) return [change(before, given)];
    if (missed.length === 0) return [];
    return blocked('E_CONFIG_OVERRIDDEN', { file: fileOf(given.name), missed: missed.join(', ') });
  },
});

const fileOf = (name: string): string => `/etc/ssh/sshd_config.d/${name}.conf`;
const wordOf = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);

function textOf({ settings }: Args): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${wordOf(value)}\n`);
  return `# Written by bringup\n${lines.join('')}`;
}

/** sshd prints words in lower case, and one setting under its old name. */
function sameWord(now: string, wanted: string): boolean {
  const word = (text: string): string => text.toLowerCase().replace('without-password', 'prohibit-password');
  return word(now) === word(wanted);
}

/** Validates the settings as if they came first. The effective settings are read from the configuration on disk. */
function probe(given: Args): Script {
  const { name, settings } = given;
  const text = textOf(given);
  const keys = Object.keys(settings).map((key) => key.toLowerCase());
  return sh`PATH=$PATH:/usr/sbin:/sbin
command -v sshd >/dev/null && [ -d /etc/ssh/sshd_config.d ] || exit 0
echo sshd
${shown('before', fileOf(name))}
if ${differs(fileOf(name), text)}; then
  ${refusal(sh`printf %s ${text} | cat - /etc/ssh/sshd_config | sshd -t -f /dev/stdin`, sh`| tr -d '\r' `)}
else
  sshd -T 2>/dev/null | while read -r k v; do for w in ${keys}; do if [ "$k" = "$w" ]; then printf 'effective %s %s\n' "$k" "$v"; fi; done; done
fi
:`;
}

function change(before: string | undefined, given: Args): Change {
  const { name, rollback: seconds } = given;
  const file = fileOf(name);
  const timer = `sshd-${name}`;
  const old = oldCopyOf(timer);
  const text = textOf(given);
  const reload = sh`systemctl try-reload-or-restart ssh.service`;
  const restore = sh`if [ -f ${old} ]; then cp -p -- ${old} ${file}; else rm -f -- ${file}; fi
sync -- /etc/ssh/sshd_config.d`;
  return {
    what: `${before === undefined ? 'create' : 'update'} ${file}`,
    diff: { of: file, before: before ?? null, after: text },
    run: sh`set -e
${settle(timer)}
${keep(timer, file)}
${arm(timer, seconds, { restore, activate: reload })}
printf %s ${text} >${`${file}.new`}
chmod 600 ${`${file}.new`}
mv -f -- ${`${file}.new`} ${file}
sshd=$(command -v sshd || echo /usr/sbin/sshd)
"$sshd" -t
${reload}`,
    confirm: {
      seconds,
      script: sh`set -e
# Lasting before the way back is given up.
if [ -f ${file} ]; then sync -- ${file} /etc/ssh/sshd_config.d; fi
${disarm(timer)}`,
    },
  };
}
