import { Type } from 'typebox';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { noSelinux, PROBE_SELINUX } from './shared/selinux.ts';

const Args = args({
  name: Type.String({
    pattern: '^\\w+$',
    expected: 'the name of a boolean',
    description: 'The boolean of the policy.',
  }),
  state: Type.Boolean({ description: 'Its value.' }),
  persistent: flag('Keep the value after a reboot.'),
  ignore_selinux_state: flag('Work although SELinux is disabled. Needs `persistent`.'),
});

export const seboolean = defineModule<typeof Args, Fields>({
  name: 'seboolean',
  summary: 'Sets a boolean of the SELinux policy.',
  args: Args,
  examples: [
    { title: 'Let web servers connect', args: { name: 'httpd_can_network_connect', state: true, persistent: true } },
  ],
  needs: () => ['package:*', 'path:/etc/selinux', 'path:/var/lib/selinux', 'live:selinux'],
  touches: () => ['path:/etc/selinux', 'path:/var/lib/selinux', 'live:selinux'],
  probe: ({ name }) => sh`command -v setsebool >/dev/null || { echo 'tool missing'; exit 0; }
${PROBE_SELINUX}
f=/sys/fs/selinux/booleans/${name}
if [ -r "$f" ]; then read -r v _ <"$f" || :; printf 'now %s\n' "$v"; fi
for f in /var/lib/selinux/"$t"/active/booleans.local /etc/selinux/"$t"/modules/active/booleans.local; do
  if [ -r "$f" ]; then sed -n ${`s/^${name} *= *\\(1\\|0\\|true\\|false\\) *$/lasting \\1/p`} "$f"; break; fi
done`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const { name, state, persistent } = given;
    const wrong = noSelinux(f, 'setsebool', given.ignore_selinux_state && persistent);
    if (wrong !== undefined) return wrong;
    const isOff = f.get('mode') === 'disabled';
    const now = f.get('now');
    if (!isOff && now === undefined) {
      return blocked('E_NOT_ON_HOST', {
        what: 'boolean of SELinux',
        name,
        hint: 'correct the name: getsebool -a lists all',
      });
    }
    const lasting = f.all('lasting').at(-1);
    const isNow = isOff || now === (state ? '1' : '0');
    const isLasting = !persistent || (lasting !== undefined && /^(1|true)$/.test(lasting) === state);
    if (isNow && isLasting) return [];
    const is = persistent ? lasting : now;
    const onOff = (on: boolean): string => (on ? 'on' : 'off');
    return [
      {
        what: `turn ${name} ${onOff(state)}`,
        diff: {
          of: 'booleans of SELinux',
          before: is === undefined ? null : `${name} ${onOff(/^(1|true)$/.test(is))}\n`,
          after: `${name} ${onOff(state)}\n`,
        },
        run: sh`setsebool ${persistent ? ['-P'] : []} ${name} ${onOff(state)}`,
      },
    ];
  },
  data: (_, { name, state, persistent }) => ({ name, state, persistent }),
});
