import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
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
import { expand, regex, regexErrors } from './shared/regex.ts';

const Args = args({
  path: absolutePath('The file on the host.'),
  line: text('The line, without its newline.'),
  regexp: text('Replace the last line that matches. With absent, remove all lines that match.'),
  search_string: text('Like regexp, but a plain text that the line contains.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the line is in the file.' }),
  backrefs: flag('Allow \\1 and \\g<name> in the line for groups of regexp. Without a match, nothing changes.'),
  insertafter: text(
    'Without a match, insert the line after the last line that matches this, or at EOF (the default), or at BOF.',
  ),
  insertbefore: text('Without a match, insert the line before the last line that matches this, or at BOF.'),
  firstmatch: flag('Use the first matching line instead of the last.'),
  create: flag('Create the file if it is missing.'),
  ...placing,
  ...labels,
});
type Args = Static<typeof Args>;

export const lineinfile = defineModule<typeof Args, Seen>({
  name: 'lineinfile',
  summary: 'Adds, replaces or removes one line of a text file.',
  args: Args,
  aliases: { dest: 'path', destfile: 'path', name: 'path', regex: 'regexp', value: 'line', ...LABEL_ALIASES },
  examples: [
    {
      title: 'Forbid root logins',
      args: { path: '/etc/ssh/sshd_config', regexp: '^#?PermitRootLogin', line: 'PermitRootLogin no' },
    },
    { title: 'Create a file', args: { path: '/etc/motd.d/site', line: 'Welcome', create: true } },
    { title: 'Remove a line', args: { path: '/etc/hosts', regexp: '\\bold\\.example\\.com$', state: 'absent' } },
    {
      title: 'Validate before replacing',
      args: {
        path: '/etc/sudoers',
        line: '%admin ALL=(ALL) NOPASSWD: ALL',
        regexp: '^%admin ',
        validate: 'visudo -cf %s',
      },
    },
  ],
  verify(given) {
    const wrong = [
      ...modeErrors(given.mode),
      ...regexErrors(given, 'regexp', 'insertafter', 'insertbefore'),
      ...exclude(given, 'regexp', 'search_string'),
      ...exclude(given, 'insertafter', 'insertbefore'),
      ...exclude(given, 'backrefs', 'search_string'),
    ];
    if (given.backrefs && given.regexp === undefined)
      wrong.push(argError(['backrefs'], 'E_ARGUMENT_CONFLICT', { problem: "'backrefs' needs 'regexp'" }));
    if (given.state === 'present' && given.line === undefined)
      wrong.push(argError([], 'E_MISSING_ARGUMENT', { name: "'line'" }));
    if (
      given.state === 'absent' &&
      given.line === undefined &&
      given.regexp === undefined &&
      given.search_string === undefined
    ) {
      wrong.push(argError([], 'E_MISSING_ARGUMENT', { name: "'line', 'regexp' or 'search_string'" }));
    }
    return wrong;
  },
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
      given.state === 'absent',
      (before, after) => messageOf(before, after, given),
    ),
  data(now, given, _ctx, ran) {
    const told = messageData(ran);
    const found = Number(/^(\d+) line\(s\) removed/.exec(told.msg ?? '')?.[1] ?? 0);
    return {
      ...fileData(given.path, now),
      ...told,
      backup: '',
      ...(given.state === 'absent' && { found }),
      ...placedData(ran?.stdout),
    };
  },
});

function messageOf(before: string, after: string, { state }: Args): string {
  const [was, is] = [splitLines(before).list.length, splitLines(after).list.length];
  if (state === 'absent') return `${was - is} line(s) removed`;
  return is > was ? 'line added' : 'line replaced';
}

/** The text with the line set or removed. The same text if nothing has to change. */
export function edit(
  before: string,
  given: Pick<
    Args,
    'line' | 'regexp' | 'search_string' | 'state' | 'backrefs' | 'insertafter' | 'insertbefore' | 'firstmatch'
  >,
): string {
  const was = splitLines(before);
  const line = (given.line ?? '').replace(/\n+$/, '');
  const pattern = given.regexp === undefined ? undefined : regex(given.regexp);
  const search = given.search_string;
  const isMeant = (candidate: string): boolean =>
    pattern !== undefined
      ? pattern.test(candidate)
      : search !== undefined
        ? candidate.includes(search)
        : candidate === line;

  if (given.state === 'absent') {
    const left = was.list.filter((candidate) => !isMeant(candidate));
    return left.length === was.list.length ? before : joinLines(left, was);
  }
  const at = given.firstmatch ? was.list.findIndex(isMeant) : was.list.findLastIndex(isMeant);
  if (at >= 0) {
    const old = was.list[at] ?? '';
    const match = given.backrefs ? pattern?.exec(old) : undefined;
    const wanted = match == null ? line : expand(line, match);
    return wanted === old ? before : joinLines(was.list.with(at, wanted), was);
  }
  // A `line` of several lines counts as present if these lines follow each other.
  if (given.backrefs || joinLines(['', ...was.list, ''], { eol: '\n', final: false }).includes(`\n${line}\n`))
    return before;
  const point = insertionPoint(was.list, {
    after: place(given.insertafter),
    before: place(given.insertbefore),
    first: given.firstmatch,
  });
  // a last line without a newline gets one before another line is added below it
  return joinLines(was.list.toSpliced(point, 0, line), { eol: was.eol, final: was.final || point === was.list.length });
}

function place(where: string | undefined): RegExp | 'EOF' | 'BOF' | undefined {
  return where === undefined || where === 'EOF' || where === 'BOF' ? where : regex(where);
}
