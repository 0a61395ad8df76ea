import { Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  path: absolutePath('The program.'),
  capability: Type.String({
    pattern: '^[Cc][Aa][Pp]_[A-Za-z_]+([-+=][eip]*)?$',
    expected: 'a capability with its flags, as cap_net_bind_service+ep',
    description: 'The capability with its flags: cap_net_bind_service+ep. Flags are not needed with state: absent.',
  }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the program has it.' }),
});

export const capabilities = defineModule<typeof Args, Fields>({
  name: 'capabilities',
  summary: 'A program has a capability of Linux, or does not have it.',
  args: Args,
  aliases: { key: 'path', cap: 'capability' },
  examples: [
    { title: 'Ports below 1024', args: { path: '/usr/local/bin/app', capability: 'cap_net_bind_service+ep' } },
  ],
  verify: ({ state, capability }) =>
    state === 'present' && !/[+=][eip]+$/.test(capability)
      ? [
          argError(['capability'], 'E_ARGUMENT_VALUE', {
            problem: `'${capability}' has no flags`,
            hint: `write ${capability.replace(/[-+=].*$/, '')}+ep`,
          }),
        ]
      : [],
  needs: ({ path }) => [`path:${path}`, 'package:*'],
  touches: ({ path }) => [`path:${path}`],
  probe: ({ path }) => sh`PATH=$PATH:/usr/sbin:/sbin
command -v setcap >/dev/null || { echo 'setcap missing'; exit 0; }
if [ -f ${path} ]; then echo 'file yes'; c=$(getcap -- ${path} 2>/dev/null); printf 'is %s\n' "\${c#${path}}"; fi`,
  parse: (stdout) => fields(stdout),
  plan(f, { path, capability, state }): Steps {
    if (f.get('setcap') === 'missing') {
      return blocked('E_TOOL_MISSING', { tool: 'setcap', hint: 'install the package libcap2-bin in an earlier task' });
    }
    if (f.get('file') === undefined) {
      return blocked('E_PATH_MISSING', { path, hint: 'put it there in an earlier task' });
    }
    const is = parse(f.get('is') ?? '');
    const [, name = '', flags = ''] = /^([^-+=]*)[-+=]?(.*)$/.exec(capability.toLowerCase()) ?? [];
    const wanted = sorted(flags);
    const isSet = is.get(name) === wanted || (state === 'absent' && is.has(name));
    if (isSet === (state === 'present')) return [];
    const all = new Map(is);
    if (state === 'present') all.set(name, wanted);
    else all.delete(name);
    const written = (set: ReadonlyMap<string, string>): string =>
      [...set].map(([one, how]) => `${one}=${how}`).join(' ');
    return [
      {
        what: `${path}: ${state === 'present' ? 'set' : 'remove'} ${name}`,
        diff: {
          of: `capabilities of ${path}`,
          before: is.size === 0 ? null : `${written(is)}\n`,
          after: all.size === 0 ? null : `${written(all)}\n`,
        },
        run: sh`PATH=$PATH:/usr/sbin:/sbin
${all.size === 0 ? sh`setcap -r ${path}` : sh`setcap ${written(all)} ${path}`}`,
      },
    ];
  },
});

const sorted = (flags: string): string => [...flags].sort().join('');

/** 'cap_net_raw,cap_chown=ep cap_kill=i'; older versions of getcap write '= cap_net_raw+ep'. */
function parse(text: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const clause of text
    .replace(/^\s*=\s+/, '')
    .trim()
    .split(/\s+/)) {
    const [, names = '', flags = ''] = /^([^-+=]+)[+=]([eip]*)$/.exec(clause) ?? [];
    for (const name of names.split(',').filter((one) => one !== '')) out.set(name, sorted(flags));
  }
  return out;
}
