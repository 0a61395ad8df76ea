import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule } from '../core/module.ts';
import { absolutePath, args, exclude, flag, placing, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import {
  editTouches,
  fileEdits,
  insertionPoint,
  joinLines,
  messageData,
  parseText,
  planEdit,
  probeText,
  splitLines,
} from './shared/edit.ts';
import { LABEL_ALIASES, labels } from './shared/labels.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData, type Seen } from './shared/path-state.ts';
import { placedData } from './shared/place.ts';
import { regex, regexErrors } from './shared/regex.ts';

const Args = args({
  path: absolutePath('The file on the host.'),
  block: Type.String({
    default: '',
    description: 'The lines between the markers. An empty text removes the block, as with state absent.',
  }),
  marker: Type.String({
    default: '# {mark} ANSIBLE MANAGED BLOCK',
    pattern: '\\{mark\\}',
    expected: 'a line with {mark} in it',
    description:
      'The lines around the block. {mark} is replaced with BEGIN or END. Several blocks in one file need different markers.',
  }),
  marker_begin: Type.String({ default: 'BEGIN', description: 'The word for {mark} above the block.' }),
  marker_end: Type.String({ default: 'END', description: 'The word for {mark} below the block.' }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the block is in the file.' }),
  insertafter: text('Insert a new block after the last line that matches, or at EOF (the default), or at BOF.'),
  insertbefore: text('Insert a new block before the last line that matches, or at BOF.'),
  append_newline: flag('Add an empty line below the block.'),
  prepend_newline: flag('Add an empty line above the block.'),
  create: flag('Create the file if it is missing.'),
  ...placing,
  ...labels,
});
type Args = Static<typeof Args>;

export const blockinfile = defineModule<typeof Args, Seen>({
  name: 'blockinfile',
  summary: 'Inserts, updates or removes a block of lines between markers in a text file.',
  args: Args,
  aliases: { dest: 'path', destfile: 'path', name: 'path', content: 'block', ...LABEL_ALIASES },
  examples: [
    {
      title: 'Add hosts by name',
      args: { path: '/etc/hosts', block: '10.82.0.11 lb1.foobar.com\n10.82.0.12 lb2.foobar.com\n' },
    },
    {
      title: 'Add a block with its own marker',
      args: { path: '/etc/hosts', marker: '# {mark} web tier', block: '10.82.0.21 web1' },
    },
    { title: 'Remove a block', args: { path: '/etc/hosts', state: 'absent' } },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...regexErrors(given, 'insertafter', 'insertbefore'),
    ...exclude(given, 'insertafter', 'insertbefore'),
    ...(given.marker_begin === given.marker_end
      ? [
          argError(['marker_end'], 'E_ARGUMENT_VALUE', {
            problem: "'marker_begin' and 'marker_end' are the same: the block could not be found again",
          }),
        ]
      : []),
  ],
  needs: (given) => [`path:${given.path}`, ...ownerNeeds(given)],
  touches: editTouches,
  edits: fileEdits,
  probe: probeText,
  parse: parseText,
  plan: (now, given, ctx) =>
    planEdit(
      now,
      given,
      ctx,
      (before) => edit(before, given),
      given.state === 'absent' || given.block === '',
      () =>
        now.stat === undefined
          ? 'File created'
          : given.state === 'absent' || given.block === ''
            ? 'Block removed'
            : 'Block inserted',
    ),
  data: (now, given, _ctx, ran) => ({
    ...fileData(given.path, now),
    ...messageData(ran),
    ...placedData(ran?.stdout),
  }),
});

type EditArgs = Omit<Args, 'path' | 'create' | keyof typeof placing>;

/** The text with the block set or removed. Blocked if its markers do not pair. */
export function edit(before: string, given: EditArgs): string | Blocked {
  const was = splitLines(before);
  const begin = given.marker.replaceAll('{mark}', given.marker_begin).replace(/\n+$/, '');
  const end = given.marker.replaceAll('{mark}', given.marker_end).replace(/\n+$/, '');
  const starts = indexes(was.list, begin);
  const ends = indexes(was.list, end);
  const [start, stop] = [starts[0], ends[0]];
  if (starts.length > 1 || ends.length > 1 || starts.length !== ends.length || (start ?? 0) > (stop ?? 0)) {
    return blocked('E_DAMAGED_BLOCK', { begin, starts: where(starts), end, ends: where(ends) });
  }
  const inner = given.block.replace(/\n$/, '');
  const wanted = given.state === 'absent' || inner === '' ? [] : [begin, ...inner.split(/\r?\n/), end];
  if (start !== undefined && stop !== undefined) {
    const next = padded(was.list.slice(0, start), wanted, was.list.slice(stop + 1), given);
    return equal(next, was.list) ? before : joinLines(next, was);
  }
  if (wanted.length === 0) return before;
  const point = pointIn(before, was.list, { after: place(given.insertafter), before: place(given.insertbefore) });
  const next = padded(was.list.slice(0, point), wanted, was.list.slice(point), given);
  return joinLines(next, { eol: was.eol, final: was.final || point === was.list.length });
}

type Target = RegExp | 'EOF' | 'BOF' | undefined;

/**
 * A pattern with the flag m is matched against the whole text and may span several lines. Any other pattern is matched
 * against each line.
 */
function pointIn(text: string, list: readonly string[], where: Readonly<{ after: Target; before: Target }>): number {
  const target = where.before ?? where.after;
  if (!(target instanceof RegExp) || !target.multiline) return insertionPoint(list, where);
  const match = target.exec(text);
  if (match === null) return list.length;
  const linesTo = (at: number): number => text.slice(0, at).split('\n').length - 1;
  return where.before === undefined ? linesTo(match.index + match[0].length) + 1 : linesTo(match.index);
}

function padded(
  above: readonly string[],
  block: readonly string[],
  below: readonly string[],
  given: EditArgs,
): readonly string[] {
  const top = given.prepend_newline && block.length > 0 && above.length > 0 && above.at(-1) !== '' ? [''] : [];
  const bottom = given.append_newline && block.length > 0 && below.length > 0 && below[0] !== '' ? [''] : [];
  return [...above, ...top, ...block, ...bottom, ...below];
}

function indexes(list: readonly string[], line: string): readonly number[] {
  return list.flatMap((candidate, at) => (candidate.trimEnd() === line.trimEnd() ? [at] : []));
}

function where(found: readonly number[]): string {
  return found.length === 0 ? 'none' : found.map((at) => at + 1).join(', ');
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, at) => line === b[at]);
}

function place(target: string | undefined): Target {
  return target === undefined || target === 'EOF' || target === 'BOF' ? target : regex(target);
}
