import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { args, flag, text } from './shared/args.ts';
import { fileEdits, joinLines, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import { fileData, type Seen } from './shared/path-state.ts';
import { placedData } from './shared/place.ts';

const ITEMS = [
  'core',
  'data',
  'fsize',
  'memlock',
  'nofile',
  'rss',
  'stack',
  'cpu',
  'nproc',
  'as',
  'maxlogins',
  'maxsyslogins',
  'priority',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'chroot',
] as const;

const Args = args({
  domain: Type.String({
    pattern: '^[^\\s#]+$',
    expected: 'a user, @GROUP, or *',
    description: 'Whom the limit is for: a user, @GROUP, or *.',
  }),
  limit_type: Type.Enum(['hard', 'soft', '-'], { description: 'The kind of limit. -: both.' }),
  limit_item: Type.Enum(ITEMS, { description: 'What is limited.' }),
  value: Type.String({
    pattern: '^(-?\\d+|unlimited|infinity)$',
    expected: 'a number, unlimited or infinity',
    description: 'The limit.',
  }),
  use_max: flag('Keep the present limit if it is higher.'),
  use_min: flag('Keep the present limit if it is lower.'),
  comment: text('A comment at the end of the line.'),
  dest: Type.String({
    default: '/etc/security/limits.conf',
    pattern: '^/',
    expected: 'a path on the host',
    description: 'The file.',
  }),
  backup: flag('Keep the old file beside the new one, under a name with the date.'),
});
type Args = Static<typeof Args>;

export const pam_limits = defineModule<typeof Args, Seen>({
  name: 'pam_limits',
  summary: 'A limit of resources for users, in limits.conf.',
  args: Args,
  examples: [
    { title: 'Open files', args: { domain: 'www-data', limit_type: '-', limit_item: 'nofile', value: '65536' } },
  ],
  verify: ({ use_max, use_min, comment }) => [
    ...(use_max && use_min
      ? [argError(['use_min'], 'E_ARGUMENT_CONFLICT', { problem: "'use_max' and 'use_min' exclude each other" })]
      : []),
    ...(comment?.includes('\n') === true
      ? [argError(['comment'], 'E_ARGUMENT_VALUE', { problem: 'a comment is one line' })]
      : []),
  ],
  needs: ({ dest }) => [`path:${dest}`],
  touches: ({ dest }) => [`path:${dest}`],
  edits: {
    of: ({ dest }) => fileEdits.of({ path: dest }),
    seeing: (stdout, text, { dest }) => fileEdits.seeing(stdout, text, { path: dest }),
  },
  probe: ({ dest }) => probeText({ path: dest }),
  parse: (stdout, { dest }) => parseText(stdout, { path: dest }),
  plan: (now, given, ctx) =>
    planEdit(
      now,
      { path: given.dest, create: true, backup: given.backup },
      ctx,
      (before) => edit(before, given),
      false,
    ),
  data: (now, { dest }, _ctx, ran) => ({ ...fileData(dest, now), ...placedData(ran?.stdout) }),
});

export function edit(before: string, given: Args): string {
  const { domain, limit_type, limit_item, comment = '' } = given;
  const was = splitLines(before);
  let isFound = false;
  const list = was.list.map((line) => {
    const [, body = '', old = ''] = /^([^#]*)#?(.*)$/.exec(line) ?? [];
    const [who, type, item, is = ''] = body.trim().split(/\s+/);
    if (who !== domain || type !== limit_type || item !== limit_item) return line;
    isFound = true;
    const value = chosen(is, given);
    return value === is ? line : lineOf(given, value, comment === '' ? old.trim() : comment);
  });
  if (!isFound) list.push(lineOf(given, given.value, comment));
  return joinLines(list, { eol: was.eol, final: true });
}

function lineOf({ domain, limit_type, limit_item }: Args, value: string, comment: string): string {
  return `${[domain, limit_type, limit_item, value].join('\t')}${comment === '' ? '' : `\t#${comment}`}`;
}

/** Of the present value and the given one. */
function chosen(is: string, { value, use_max, use_min, limit_item }: Args): string {
  const size = (text: string): number => {
    const isUnlimited = /^(unlimited|infinity)$/.test(text) || (text === '-1' && !/^(nice|priority)$/.test(limit_item));
    return isUnlimited ? Number.POSITIVE_INFINITY : Number(text);
  };
  if (use_max) return size(is) >= size(value) ? is : value;
  if (use_min) return size(is) <= size(value) ? is : value;
  return value;
}
