import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule, isBlocked, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args, text } from './shared/args.ts';
import { editTouches, joinLines, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import { fields } from './shared/fields.ts';
import type { Seen } from './shared/path-state.ts';
import { PROBE_SELINUX } from './shared/selinux.ts';

const Args = args({
  state: Type.Enum(['enforcing', 'permissive', 'disabled'], { description: 'The mode of SELinux.' }),
  policy: text('The policy, for example targeted. Needed unless state is disabled.'),
  configfile: Type.String({ ...absolutePath('The configuration of SELinux.'), default: '/etc/selinux/config' }),
});
type Args = Static<typeof Args>;
type Current = Readonly<{ file: Seen; mode: string }>;

export const selinux = defineModule<typeof Args, Current>({
  name: 'selinux',
  summary: 'Sets the mode of SELinux and its policy. To turn it on or off takes a reboot.',
  args: Args,
  aliases: { conf: 'configfile', file: 'configfile' },
  examples: [
    { title: 'Enforce the policy', args: { state: 'enforcing', policy: 'targeted' } },
    { title: 'Turn SELinux off', args: { state: 'disabled' } },
  ],
  verify: ({ state, policy }) => [
    ...(state !== 'disabled' && policy === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'policy'" })] : []),
  ],
  needs: ({ configfile }) => [`path:${configfile}`, 'live:selinux'],
  touches: ({ configfile }) => [...editTouches({ path: configfile }), 'live:selinux'],
  probe: ({ configfile }) => sh`${PROBE_SELINUX}
${probeText(file(configfile))}`,
  parse: (stdout, { configfile }) => ({
    file: parseText(stdout, file(configfile)),
    mode: fields(stdout).get('mode') ?? 'disabled',
  }),
  plan(now, given, ctx): Steps {
    const steps = planEdit(now.file, file(given.configfile), ctx, (before) => edited(before, given), false);
    if (isBlocked(steps)) return steps;
    const wanted = modeNow(now.mode, given);
    if (wanted === now.mode) return steps;
    return [
      ...steps,
      {
        what: `set the mode of SELinux to ${wanted}`,
        diff: { of: 'mode of SELinux', before: `${now.mode}\n`, after: `${wanted}\n` },
        run: sh`setenforce ${wanted === 'enforcing' ? 1 : 0}`,
        touches: ['live:selinux'],
      },
    ];
  },
  data: ({ mode }, { configfile, policy, state }) => ({
    configfile,
    policy: policy ?? null,
    state,
    reboot_required: (mode === 'disabled') !== (state === 'disabled'),
  }),
});

const file = (path: string) => ({ path, backup: false, unsafe_writes: false });

/** The mode that SELinux can have without a reboot. */
function modeNow(mode: string, { state }: Args): string {
  if (mode === 'disabled') return mode;
  return state === 'disabled' ? 'permissive' : state;
}

function edited(before: string, { state, policy }: Args): string {
  const { list, eol, final } = splitLines(before);
  const set = (lines: readonly string[], key: string, value: string | undefined): readonly string[] => {
    if (value === undefined) return lines;
    const at = lines.findLastIndex((line) => line.startsWith(`${key}=`));
    return at < 0 ? [...lines, `${key}=${value}`] : lines.with(at, `${key}=${value}`);
  };
  const lines = set(set(list, 'SELINUX', state), 'SELINUXTYPE', policy);
  return lines.every((line, i) => line === list[i]) && lines.length === list.length
    ? before
    : joinLines(lines, { eol, final });
}
