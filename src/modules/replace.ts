import { type Static, Type } from 'typebox';
import { defineModule } from '../core/module.ts';
import { absolutePath, args, placing, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { fileEdits, messageData, parseText, planEdit, probeText } from './shared/edit.ts';
import { LABEL_ALIASES, labels } from './shared/labels.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData, type Seen } from './shared/path-state.ts';
import { placedData } from './shared/place.ts';
import { expand, regex, regexErrors } from './shared/regex.ts';

const Args = args({
  path: absolutePath('The file on the host.'),
  regexp: Type.String({ description: 'The pattern to replace, wherever it matches. ^ and $ match at each line.' }),
  replace: Type.String({
    default: '',
    description: 'The replacement. \\1 and \\g<name> stand for groups of the pattern.',
  }),
  encoding: Type.String({
    default: 'utf-8',
    pattern: '^[uU][tT][fF][-_]?8$|^(us-)?ascii$',
    expected: 'utf-8, the only encoding that is supported',
    description: 'The encoding of the file. Only UTF-8 is supported.',
  }),
  after: text('Replace only after the first match of this pattern.'),
  before: text('Replace only before the first match of this pattern.'),
  ...placing,
  ...labels,
});
type Args = Static<typeof Args>;

export const replace = defineModule<typeof Args, Seen>({
  name: 'replace',
  summary: 'Replaces all matches of a pattern in a text file.',
  args: Args,
  aliases: { dest: 'path', destfile: 'path', name: 'path', ...LABEL_ALIASES },
  examples: [
    {
      title: 'Change a host name',
      args: { path: '/etc/hosts', regexp: '\\bold\\.example\\.com\\b', replace: 'new.example.com' },
    },
    {
      title: 'Replace in one section',
      args: { path: '/etc/app.conf', after: '\\[db\\]', before: '\\[', regexp: '^port=.*$', replace: 'port=3307' },
    },
  ],
  verify: (given) => [...modeErrors(given.mode), ...regexErrors(given, 'regexp', 'after', 'before')],
  needs: (given) => [`path:${given.path}`, ...ownerNeeds(given)],
  touches: ({ path }) => [`path:${path}`],
  edits: fileEdits,
  probe: probeText,
  parse: parseText,
  plan: (now, given, ctx) =>
    planEdit(
      now,
      given,
      ctx,
      (before) => edit(before, given),
      false,
      (before) => messageOf(before, given),
    ),
  data: (now, given, _ctx, ran) => ({
    ...fileData(given.path, now),
    ...messageData(ran),
    rc: 0,
    ...placedData(ran?.stdout),
  }),
});

function messageOf(before: string, given: Args): string {
  const [start, stop] = sectionOf(before, given) ?? [0, 0];
  return `${[...before.slice(start, stop).matchAll(regex(given.regexp, 'gm'))].length} replacements made`;
}

export function edit(whole: string, given: Pick<Args, 'regexp' | 'replace' | 'after' | 'before'>): string {
  const [start, stop] = sectionOf(whole, given) ?? [0, 0];
  let edited = '';
  let at = 0;
  const section = whole.slice(start, stop);
  for (const match of section.matchAll(regex(given.regexp, 'gm'))) {
    edited += section.slice(at, match.index) + expand(given.replace, match);
    at = match.index + match[0].length;
  }
  return whole.slice(0, start) + edited + section.slice(at) + whole.slice(stop);
}

/** As in Ansible, both patterns form one, in which a dot also matches newlines. undefined: no match. */
function sectionOf(whole: string, { after = '', before = '' }: Pick<Args, 'after' | 'before'>) {
  if (after === '' && before === '') return [0, whole.length] as const;
  const { flags, rest } = leadingFlags(before);
  const pattern = `${after}(?<subsection>.*${after === '' || before === '' ? '' : '?'})${rest}`;
  return regex(pattern, `ds${flags}`).exec(whole)?.indices?.groups?.['subsection'];
}

/** Python accepts flags only at the beginning of a pattern. Flags of one part apply to the whole pattern. */
function leadingFlags(pattern: string): Readonly<{ flags: string; rest: string }> {
  const [all = '', letters = ''] = /^\(\?([imsx]+)\)/.exec(pattern) ?? [];
  return { flags: ['i', 'm'].filter((letter) => letters.includes(letter)).join(''), rest: pattern.slice(all.length) };
}
