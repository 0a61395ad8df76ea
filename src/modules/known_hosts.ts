import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { args, text } from './shared/args.ts';
import { fileEdits, joinLines, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import type { Seen } from './shared/look.ts';

const Args = args({
  name: Type.String({ pattern: '^[^\\s,]+$', expected: 'one host name, or [name]:port', description: 'The host.' }),
  key: text('Its line: name, type, key. Needed with present.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether it is to be there.' }),
  path: Type.String({
    default: '/etc/ssh/ssh_known_hosts',
    pattern: '^/',
    expected: 'a path on the host',
    description: 'The file.',
  }),
});
type Args = Static<typeof Args>;

export const known_hosts = defineModule<typeof Args, Seen>({
  name: 'known_hosts',
  summary: "A host's public key is known to ssh, or is not.",
  args: Args,
  aliases: { host: 'name' },
  examples: [
    {
      title: 'A host',
      args: {
        name: 'git.foobar.com',
        key: 'git.foobar.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
      },
    },
  ],
  verify: ({ state, key }) =>
    state === 'present' && key === undefined ? [{ path: [], message: "argument 'key' is missing" }] : [],
  needs: ({ path }) => [`path:${path}`],
  touches: ({ path }) => [`path:${path}`],
  edits: fileEdits,
  probe: ({ path }) => probeText({ path }),
  parse: (stdout, { path }) => parseText(stdout, { path }),
  plan: (now, given, ctx) =>
    planEdit(now, { path: given.path, create: true }, ctx, (before) => edit(before, given), given.state === 'absent'),
  data: (_, { name, state }) => ({ name, state }),
});

export function edit(before: string, { name, key = '', state }: Pick<Args, 'name' | 'key' | 'state'>): string {
  const was = splitLines(before);
  const isOf = (line: string): boolean =>
    (line.replace(/^@\S+\s+/, '').split(/\s+/)[0] ?? '').split(',').includes(name);
  if (state === 'absent') {
    const left = was.list.filter((line) => !isOf(line));
    return left.length === was.list.length ? before : joinLines(left, was);
  }
  const lines = key
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const types = new Set(lines.map((line) => line.split(/\s+/)[1]));
  const kept = was.list.filter((line) => !isOf(line) || lines.includes(line) || !types.has(line.split(/\s+/)[1]));
  const missing = lines.filter((line) => !kept.includes(line));
  return missing.length === 0 && kept.length === was.list.length
    ? before
    : joinLines([...kept, ...missing], { eol: was.eol, final: true });
}
