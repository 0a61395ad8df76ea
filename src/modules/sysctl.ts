import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, defineModule } from '../core/module.ts';
import { answer, sh } from '../core/sh.ts';
import { absolutePath, args, flag } from './shared/args.ts';
import { fileEdits, joinLines, splitLines } from './shared/edit.ts';
import { fields } from './shared/fields.ts';
import { probePath, type Seen, seen, textOf } from './shared/path-state.ts';
import { place } from './shared/place.ts';
import { KERNEL } from './shared/questions.ts';

const Args = args({
  name: Type.String({
    pattern: '^[\\w.*/:@-]+$',
    expected: 'a kernel setting, as net.ipv4.ip_forward',
    description: 'The name of the setting.',
  }),
  value: Type.Optional(Type.String({ description: 'The value.' })),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the setting is in the file.' }),
  sysctl_file: Type.Optional(absolutePath('The file. Default: /etc/sysctl.conf.')),
  sysctl_set: flag('Set the value in the running kernel too.'),
  reload: flag('Load the file if it changed.', true),
  ignoreerrors: flag('Ignore settings that the kernel does not know.'),
});
type Args = Static<typeof Args>;

type Current = Readonly<{ now: Seen; running: string | undefined }>;

export const sysctl = defineModule<typeof Args, Current>({
  name: 'sysctl',
  summary: 'Manages a kernel setting in a file for the next boot and in the running kernel.',
  args: Args,
  aliases: { key: 'name', val: 'value' },
  examples: [
    {
      title: 'Set now and permanently',
      args: {
        name: 'net.ipv4.ip_nonlocal_bind',
        value: '1',
        sysctl_set: true,
        sysctl_file: '/etc/sysctl.d/90-vip.conf',
      },
    },
    { title: 'Remove a setting', args: { name: 'vm.swappiness', state: 'absent' } },
  ],
  verify: ({ state, value }) =>
    state === 'present' && (value === undefined || value.trim() === '')
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'value'" })]
      : [],
  needs: ({ name, sysctl_file }) => [`sysctl:${name}`, `path:${sysctl_file ?? FILE}`],
  touches: ({ name, sysctl_file }) => [`sysctl:${name}`, `path:${sysctl_file ?? FILE}`, 'live:*'],
  edits: {
    of: ({ sysctl_file = FILE }) => fileEdits.of({ path: sysctl_file }),
    seeing: (stdout, text, { sysctl_file = FILE }) => fileEdits.seeing(stdout, text, { path: sysctl_file }),
  },
  probe: ({ name, sysctl_file = FILE }) => sh`v=${answer(KERNEL, kernelFile(name))}
if [ -n "$v" ] || v=$(cat -- ${kernelFile(name)} 2>/dev/null); then printf 'running %s\n' "$v"; fi
${probePath(sysctl_file, {}, { content: 'always', limit: 1_048_576 })}`,
  parse(stdout, { sysctl_file = FILE }) {
    const f = fields(stdout);
    return { now: seen(f, sysctl_file, {}), running: f.get('running')?.replaceAll('\t', ' ') };
  },
  plan({ now, running }, given, ctx) {
    const { name, sysctl_file = FILE, sysctl_set, state, reload, ignoreerrors } = given;
    const value = wordOf(given.value);
    const before = textOf(now);
    if (before === undefined) return blocked('E_NOT_TEXT', { path: sysctl_file });
    const isMissing = now.stat === undefined && state === 'absent';
    const after = edit(before, given);
    const steps = isMissing
      ? []
      : place(
          now,
          {
            path: sysctl_file,
            source: { text: after },
            same: now.stat !== undefined && after === before,
            parents: true,
          },
          {},
          ctx,
        );
    if ('blocked' in steps) return steps;
    const set: Change[] = [];
    const differs = state === 'present' && clean(running ?? '') !== clean(value);
    if (sysctl_set && running === undefined && state === 'present' && !ignoreerrors) {
      return blocked('E_KERNEL_SETTING', { name });
    }
    if (differs && running !== undefined && (sysctl_set || (reload && steps.length > 0))) {
      const tolerated = ignoreerrors ? sh` || :` : sh``;
      set.push({
        what: `sysctl ${name} = ${value}`,
        diff: { of: name, before: `${running}\n`, after: `${value}\n` },
        run: sh`f=${kernelFile(name)}
{ printf '%s\n' ${value} >"$f"; } 2>/dev/null || {
  if [ -w "$f" ]; then printf 'the kernel refuses the value %s\n' ${value} >&2; else printf '%s: Permission denied\n' "$f" >&2; fi
  false
}${tolerated}`,
      });
    }
    return [...steps, ...set];
  },
  data: ({ running }, { name, value }) => ({
    name,
    value: value === undefined ? null : wordOf(value),
    ...(running !== undefined && { running }),
  }),
});

const FILE = '/etc/sysctl.conf';

/** For net.ipv4.conf.eth0/1.x: dots and slashes are swapped. */
function kernelFile(name: string): string {
  const slashFirst = name.indexOf('/') >= 0 && (name.indexOf('.') < 0 || name.indexOf('/') < name.indexOf('.'));
  return `/proc/sys/${slashFirst ? name : name.replace(/[./]/g, (c) => (c === '.' ? '/' : '.'))}`;
}

/** Converts a YAML boolean to the kernel's 1 or 0. */
function wordOf(value = ''): string {
  if (/^(true|yes|on|y|t)$/i.test(value)) return '1';
  return /^(false|no|off|n|f)$/i.test(value) ? '0' : value;
}

function clean(value: string): string {
  return value.trim().replace(/\s+/g, ' ');
}

export function edit(before: string, { name, value: given, state }: Pick<Args, 'name' | 'value' | 'state'>): string {
  const value = wordOf(given);
  const was = splitLines(before);
  const isMeant = (line: string): boolean =>
    /^\s*[#;]/.test(line) === false &&
    line.includes('=') &&
    line.slice(0, line.indexOf('=')).trim().replace(/^-/, '') === name;
  const last = was.list.findLastIndex(isMeant);
  const kept = was.list.flatMap((line, at) => {
    if (!isMeant(line)) return [line];
    if (state === 'absent' || at !== last) return [];
    return clean(line.slice(line.indexOf('=') + 1)) === clean(value) ? [line] : [`${name}=${value}`];
  });
  if (state === 'present' && last < 0) kept.push(`${name}=${value}`);
  const same = kept.length === was.list.length && kept.every((line, at) => line === was.list[at]);
  return same ? before : joinLines(kept, { eol: was.eol, final: true });
}
