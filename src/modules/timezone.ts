import { Type } from 'typebox';
import { blocked, type Change, type Context, defineModule, type Steps } from '../core/module.ts';
import { sh, staged } from '../core/sh.ts';
import { args, oneOf } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { stageOf } from './shared/paths.ts';

const Args = args({
  name: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$',
      expected: 'a time zone, as Europe/Berlin',
      description: 'The time zone.',
    }),
  ),
  hwclock: Type.Optional(
    Type.Enum(['UTC', 'local'], { description: 'Whether the hardware clock keeps UTC or the local time.' }),
  ),
});

export const timezone = defineModule<typeof Args, Fields>({
  name: 'timezone',
  summary: 'Sets the time zone of the host.',
  args: Args,
  aliases: { rtc: 'hwclock' },
  examples: [
    { title: 'Set the time zone', args: { name: 'Europe/Berlin' } },
    { title: 'A hardware clock with UTC', args: { name: 'Etc/UTC', hwclock: 'UTC' } },
  ],
  verify: (given) => oneOf(given, 'name', 'hwclock'),
  needs: () => ['path:/etc/localtime', 'path:/etc/timezone', 'path:/etc/adjtime', 'path:/usr/share/zoneinfo'],
  touches: () => ['path:/etc/localtime', 'path:/etc/timezone', 'path:/etc/adjtime'],
  probe: ({ name, hwclock }) => sh`printf 'link %s\n' "$(readlink -- /etc/localtime)"
${name === undefined ? sh`:` : sh`if [ -e ${`/usr/share/zoneinfo/${name}`} ]; then echo 'zone yes'; fi`}
if [ -r /etc/timezone ]; then read -r z </etc/timezone; printf 'file %s\n' "\${z-}"; fi
${hwclock === undefined ? sh`:` : sh`printf 'clock %s\n' "$(sed -n 3p /etc/adjtime 2>/dev/null)"`}`,
  parse: (stdout) => fields(stdout),
  plan(f, { name, hwclock }, ctx): Steps {
    const zone = name === undefined ? [] : planZone(f, name, ctx);
    if ('blocked' in zone) return zone;
    return [...zone, ...(hwclock === undefined ? [] : planClock(f, hwclock, ctx))];
  },
});

function planZone(f: Fields, name: string, ctx: Context): Steps {
  const now = (f.get('link') ?? '').replace(/^.*\/zoneinfo\//, '');
  const file = f.get('file');
  if (now === name && (file === undefined || file === name)) return [];
  if (f.get('zone') !== 'yes') return blocked('E_TIME_ZONE', { name });
  const change: Change = {
    what: `time zone ${name}`,
    diff: { of: 'time zone', before: `${now}\n`, after: `${name}\n` },
    run: sh`set -e
l=${staged(stageOf('/etc/localtime', ctx))}
f=${staged(stageOf('/etc/timezone', ctx))}
trap 'rm -f -- "$l" "$f"' EXIT
trap 'exit 1' HUP INT TERM
ln -s -- ${`/usr/share/zoneinfo/${name}`} "$l"
if [ -e /etc/timezone ]; then (set -C; printf '%s\n' ${name} >"$f"); chmod 0644 "$f"; sync -- "$f"; mv -fT -- "$f" /etc/timezone; fi
mv -fT -- "$l" /etc/localtime`,
  };
  return [change];
}

/** The third line of /etc/adjtime: hwclock(8). Without the file, the clock keeps UTC. */
function planClock(f: Fields, hwclock: 'UTC' | 'local', ctx: Context): readonly Change[] {
  const now = f.get('clock') === 'LOCAL' ? 'local' : 'UTC';
  if (now === hwclock) return [];
  return [
    {
      what: `hardware clock ${hwclock}`,
      diff: { of: 'hardware clock', before: `${now}\n`, after: `${hwclock}\n` },
      // timedated tells the kernel too. Without it, the file counts from the next boot on.
      run: sh`set -e
if [ -d /run/systemd/system ] && timedatectl set-local-rtc ${hwclock === 'local' ? '1' : '0'} 2>/dev/null; then exit 0; fi
a=${staged(stageOf('/etc/adjtime', ctx))}
trap 'rm -f -- "$a"' EXIT
trap 'exit 1' HUP INT TERM
if [ -s /etc/adjtime ]; then (set -C; sed 2q /etc/adjtime >"$a"); else (set -C; printf '0.0 0 0.0\n0\n' >"$a"); fi
echo ${hwclock === 'local' ? 'LOCAL' : 'UTC'} >>"$a"
chmod 0644 "$a"
sync -- "$a"
mv -fT -- "$a" /etc/adjtime`,
    },
  ];
}
