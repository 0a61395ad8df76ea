import { Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { absolutePath, args } from './shared/args.ts';
import { fileEdits, joinLines, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import type { Seen } from './shared/path-state.ts';

const Args = args({
  name: Type.String({
    pattern: '^\\w[\\w-]*$',
    expected: 'the name of a kernel module',
    description: 'The name of the kernel module.',
  }),
  state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'present: the module is not loaded at boot, nor for a device that it fits.',
  }),
  blacklist_file: {
    ...absolutePath('The file. modprobe reads those in /etc/modprobe.d whose names end in .conf.'),
    default: '/etc/modprobe.d/blacklist-ansible.conf',
  },
});

export const kernel_blacklist = defineModule<typeof Args, Seen>({
  name: 'kernel_blacklist',
  summary: 'Keeps a kernel module from being loaded by itself.',
  args: Args,
  examples: [{ title: 'No beeps', args: { name: 'pcspkr' } }],
  needs: ({ blacklist_file }) => [`path:${blacklist_file}`],
  touches: ({ blacklist_file }) => [`path:${blacklist_file}`],
  edits: {
    of: ({ blacklist_file: path }) => fileEdits.of({ path }),
    seeing: (stdout, text, { blacklist_file: path }) => fileEdits.seeing(stdout, text, { path }),
  },
  probe: ({ blacklist_file: path }) => probeText({ path }),
  parse: (stdout, { blacklist_file: path }) => parseText(stdout, { path }),
  plan: (now, { name, state, blacklist_file: path }, ctx) =>
    planEdit(now, { path, create: true }, ctx, (before) => edit(before, name, state), state === 'absent'),
  data: (_, { name, state }) => ({ name, state }),
});

function edit(before: string, name: string, state: string): string {
  const was = splitLines(before);
  const isOf = (line: string): boolean => new RegExp(`^\\s*blacklist\\s+${name}\\s*$`).test(line);
  if (was.list.some(isOf) === (state === 'present')) return before;
  const list = state === 'present' ? [...was.list, `blacklist ${name}`] : was.list.filter((line) => !isOf(line));
  return joinLines(list, { eol: was.eol, final: true });
}
