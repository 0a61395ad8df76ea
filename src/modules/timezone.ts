import { Type } from 'typebox';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { sh, staged } from '../core/sh.ts';
import { args } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { stageOf } from './shared/paths.ts';

const Args = args({
  name: Type.String({
    pattern: '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$',
    expected: 'a time zone, as Europe/Berlin',
    description: 'The time zone.',
  }),
});

export const timezone = defineModule<typeof Args, Fields>({
  name: 'timezone',
  summary: 'Sets the time zone of the host.',
  args: Args,
  examples: [{ title: 'Set the time zone', args: { name: 'Europe/Berlin' } }],
  needs: () => ['path:/etc/localtime', 'path:/etc/timezone', 'path:/usr/share/zoneinfo'],
  touches: () => ['path:/etc/localtime', 'path:/etc/timezone'],
  probe: ({ name }) => sh`printf 'link %s\n' "$(readlink -- /etc/localtime)"
if [ -e ${`/usr/share/zoneinfo/${name}`} ]; then echo 'zone yes'; fi
if [ -r /etc/timezone ]; then read -r z </etc/timezone; printf 'file %s\n' "\${z-}"; fi`,
  parse: (stdout) => fields(stdout),
  plan(f, { name }, ctx): Steps {
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
  },
});
