import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { answer, sh } from '../core/sh.ts';
import { ACCOUNT, args, flag, text } from './shared/args.ts';
import { fileEdits, joinLines, splitLines, withField } from './shared/edit.ts';
import { type Fields, fields } from './shared/fields.ts';
import { noSuch } from './shared/missing.ts';
import { probePath, type Seen, seen, textOf } from './shared/path-state.ts';
import { join } from './shared/paths.ts';
import { place } from './shared/place.ts';

const SPECIAL = ['reboot', 'yearly', 'annually', 'monthly', 'weekly', 'daily', 'hourly'] as const;

const field = (what: string) =>
  Type.String({
    default: '*',
    pattern: '^[\\w*/,~-]+$',
    expected: 'as in a crontab: 5, 1-5, */10, *',
    description: what,
  });

import { CRONTAB, entry, PASSWD } from './shared/questions.ts';

const Args = args({
  name: Type.String({
    minLength: 1,
    pattern: '^[^\\n]+$',
    description: 'The name that identifies the job or, with env, the variable.',
  }),
  job: text('The command or, with env, the value.'),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'Whether the job or variable exists.' }),
  user: Type.Optional(
    Type.String({
      ...ACCOUNT,
      description:
        'The user whose crontab is changed or, with cron_file, the user that the job runs as. Default: the user of the task.',
    }),
  ),
  cron_file: text("A file in /etc/cron.d, instead of the user's crontab."),
  minute: field('The minute.'),
  hour: field('The hour.'),
  day: field('The day of the month.'),
  month: field('The month.'),
  weekday: field('The day of the week: 0 is Sunday.'),
  special_time: Type.Optional(Type.Enum(SPECIAL, { description: 'A keyword that replaces all of these.' })),
  disabled: flag('Keep the job as a comment.'),
  env: flag('Manage a variable of the crontab instead of a job.'),
  insertafter: text('With env: insert after this variable.'),
  insertbefore: text('With env: insert before this variable.'),
  backup: flag('With cron_file: keep the old file.'),
});
type Args = Static<typeof Args>;

type Current = Readonly<{ fields: Fields; now: Seen; path: string }>;

export const cron = defineModule<typeof Args, Current>({
  name: 'cron',
  summary: 'Manages a job or a variable in a crontab.',
  args: Args,
  aliases: { dom: 'day', dow: 'weekday', value: 'job' },
  examples: [
    {
      title: 'Run every night',
      args: { name: 'backup', minute: '30', hour: '2', job: '/usr/local/bin/backup', user: 'root' },
    },
    {
      title: 'Use a file in /etc/cron.d',
      args: { name: 'renew', special_time: 'daily', job: 'certbot -q renew', cron_file: 'certbot-renew', user: 'root' },
    },
    { title: 'Set a variable', args: { name: 'MAILTO', env: true, job: 'ops@foobar.com' } },
  ],
  verify({ state, job, cron_file, user, special_time, ...times }) {
    const isTimed = [times.minute, times.hour, times.day, times.month, times.weekday].some((one) => one !== '*');
    return [
      ...(state === 'present' && job === undefined ? [argError([], 'E_MISSING_ARGUMENT', { name: "'job'" })] : []),
      ...(job?.includes('\n') === true
        ? [
            argError(['job'], 'E_ARGUMENT_VALUE', {
              problem: "'job' has more than one line",
              hint: 'put the lines into a script, and name the script',
            }),
          ]
        : []),
      ...(special_time !== undefined && isTimed
        ? [
            argError(['special_time'], 'E_ARGUMENT_CONFLICT', {
              problem: "'special_time' excludes minute, hour, day, month and weekday",
            }),
          ]
        : []),
      ...(cron_file !== undefined && user === undefined && state === 'present'
        ? [argError([], 'E_ARGUMENT_CONFLICT', { problem: "with 'cron_file', 'user' is needed" })]
        : []),
    ];
  },
  needs: (given) => [
    given.cron_file === undefined ? `cron:${given.user ?? 'root'}` : `path:${fileOf(given.cron_file)}`,
    'package:*',
    ...(given.user === undefined ? [] : [`user:${given.user}`]),
  ],
  touches: (given) => [
    given.cron_file === undefined ? `cron:${given.user ?? 'root'}` : `path:${fileOf(given.cron_file)}`,
  ],
  edits: {
    of: ({ cron_file, user }) =>
      cron_file === undefined ? `crontab of ${user ?? 'whoever it is'}` : fileEdits.of({ path: fileOf(cron_file) }),
    seeing: (stdout, text, { cron_file }) => withField(stdout, cron_file === undefined ? 'table' : 'content', text),
  },
  probe: ({ cron_file, user }) =>
    cron_file !== undefined
      ? probePath(fileOf(cron_file), {}, { content: 'always', limit: 1_048_576 })
      : sh`if ! command -v crontab >/dev/null; then echo 'crontab missing'; exit 0; fi
${user === undefined ? sh`:` : sh`${entry(sh`e`, PASSWD, user)}; if [ -z "$e" ]; then echo 'nobody yes'; exit 0; fi`}
${user === undefined ? sh`t=` : sh`t=${answer(CRONTAB, user)}`}; [ -n "$t" ] || t=$(crontab ${user === undefined ? [] : ['-u', user]} -l 2>/dev/null | base64 -w0)
printf 'table %s\n' "$t"`,
  parse(stdout, { cron_file }) {
    const f = fields(stdout);
    const path = cron_file === undefined ? '' : fileOf(cron_file);
    return { fields: f, now: seen(f, path, {}), path };
  },
  plan({ fields: f, now, path }, given, ctx): Steps {
    const { name, user, cron_file, state, backup } = given;
    if (cron_file !== undefined) {
      const before = textOf(now);
      if (before === undefined) return blocked('E_NOT_TEXT', { path });
      if (now.stat === undefined && state === 'absent') return [];
      const after = edit(before, given);
      if (after.trim() === '' && state === 'absent')
        return [{ what: `remove ${path}`, diff: { of: path, before, after: null }, run: sh`rm -f -- ${path}` }];
      return place(
        now,
        { path, source: { text: after }, same: now.stat !== undefined && after === before },
        { mode: now.stat === undefined ? '0644' : undefined, backup },
        ctx,
      );
    }
    if (f.get('crontab') === 'missing')
      return blocked('E_TOOL_MISSING', { tool: 'crontab', hint: 'install cron in an earlier task' });
    if (f.get('nobody') === 'yes') return noSuch('user', user ?? '');
    const before = f.text('table') ?? '';
    const after = edit(before, given);
    if (after === before) return [];
    return [
      {
        what: `${state === 'absent' ? 'drop' : 'set'} ${given.env ? 'variable' : 'job'} '${name}' in the crontab of ${user ?? ctx.user}`,
        diff: { of: `crontab of ${user ?? ctx.user}`, before, after },
        leaves: after,
        run: sh`printf %s ${after} | crontab ${user === undefined ? [] : ['-u', user]} -`,
      },
    ];
  },
  data: (_, { name, cron_file }) => ({ jobs: [name], ...(cron_file !== undefined && { cron_file }) }),
});

function fileOf(name: string): string {
  return name.startsWith('/') ? name : join('/etc/cron.d', name);
}

/** The crontab with the job or variable set or removed. A job is identified by the comment line above it. */
export function edit(
  before: string,
  given: Pick<
    Args,
    | 'name'
    | 'job'
    | 'state'
    | 'user'
    | 'cron_file'
    | 'minute'
    | 'hour'
    | 'day'
    | 'month'
    | 'weekday'
    | 'special_time'
    | 'disabled'
    | 'env'
    | 'insertafter'
    | 'insertbefore'
  >,
): string {
  const was = splitLines(before);
  const list = given.env ? editVariable(was.list, given) : editJob(was.list, given);
  const same = list.length === was.list.length && list.every((line, at) => line === was.list[at]);
  return same ? before : joinLines(list, { eol: '\n', final: true });
}

function editJob(list: readonly string[], given: Parameters<typeof edit>[1]): readonly string[] {
  const mark = `#Ansible: ${given.name}`;
  const at = list.findIndex((line) => line.trimEnd() === mark);
  if (given.state === 'absent') return at < 0 ? list : list.toSpliced(at, 2);
  const job = jobLine(given);
  return at < 0 ? [...list, mark, job] : list.toSpliced(at, 2, mark, job);
}

function jobLine({
  job = '',
  user,
  cron_file,
  special_time,
  disabled,
  minute,
  hour,
  day,
  month,
  weekday,
}: Parameters<typeof edit>[1]): string {
  const when = special_time === undefined ? `${minute} ${hour} ${day} ${month} ${weekday}` : `@${special_time}`;
  const account = cron_file === undefined ? '' : `${user ?? 'root'} `;
  return `${disabled ? '#' : ''}${when} ${account}${job}`;
}

function editVariable(
  list: readonly string[],
  { name, job = '', state, insertafter, insertbefore }: Parameters<typeof edit>[1],
): readonly string[] {
  const indexOf = (variable: string): number => list.findIndex((line) => line.trimStart().startsWith(`${variable}=`));
  const at = indexOf(name);
  if (state === 'absent') return at < 0 ? list : list.toSpliced(at, 1);
  const line = `${name}="${job}"`;
  if (at >= 0) return list.with(at, line);
  const near = indexOf(insertafter ?? insertbefore ?? '\n');
  return list.toSpliced(near < 0 ? 0 : insertafter === undefined ? near : near + 1, 0, line);
}
