import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { defineModule } from '../core/module.ts';
import { absolutePath, args, flag, text } from './shared/args.ts';
import { fileEdits, joinLines, messageData, parseText, planEdit, probeText, splitLines } from './shared/edit.ts';
import { type Seen, textOf } from './shared/path-state.ts';
import { join } from './shared/paths.ts';
import { backupData } from './shared/place.ts';

const TYPES = ['account', '-account', 'auth', '-auth', 'password', '-password', 'session', '-session'] as const;

const Args = args({
  name: Type.String({
    pattern: '^[^/]+$',
    expected: 'the name of a file',
    description: 'The service: its file in path.',
  }),
  type: Type.Enum(TYPES, { description: 'The type of the rule. A rule is found by type, control and module_path.' }),
  control: Type.String({
    minLength: 1,
    description: 'The control of the rule: required, or [success=1 default=ignore].',
  }),
  module_path: Type.String({
    pattern: '^\\S+$',
    expected: 'a module, as pam_unix.so',
    description: 'The module of the rule.',
  }),
  new_type: Type.Optional(Type.Enum(TYPES, { description: 'The type that the rule gets, or that of a new rule.' })),
  new_control: text('The control that the rule gets, or that of a new rule.'),
  new_module_path: text('The module that the rule gets, or that of a new rule.'),
  module_arguments: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'The arguments of the module. updated replaces them, args_present and args_absent add and remove some.',
    }),
  ),
  state: Type.Enum(['absent', 'before', 'after', 'args_absent', 'args_present', 'updated'], {
    default: 'updated',
    description:
      'updated: change the rule. before, after: insert a new rule beside it. args_present, args_absent: change its arguments. absent: remove it.',
  }),
  path: { ...absolutePath('The directory of the services.'), default: '/etc/pam.d' },
  backup: flag('Keep the old file beside the new one, with the date in its name.'),
});
type Args = Static<typeof Args>;
type Rule = Readonly<{ type: string; control: string; module: string; args: readonly string[] }>;

/** From pam.conf(5). */
const SIMPLE = ['required', 'requisite', 'sufficient', 'optional', 'include', 'substack', 'definitive'];
const RESULTS = new Set(
  `success open_err symbol_err service_err system_err buf_err perm_denied auth_err cred_insufficient authinfo_unavail
  user_unknown maxtries new_authtok_reqd acct_expired session_err cred_unavail cred_expired cred_err no_module_data
  conv_err authtok_err authtok_recover_err authtok_recovery_err authtok_lock_busy authtok_disable_aging try_again ignore
  abort authtok_expired module_unknown bad_item conv_again incomplete default`.split(/\s+/),
);

export const pamd = defineModule<typeof Args, Seen>({
  name: 'pamd',
  summary: 'Rules of PAM: changes, inserts and removes them.',
  args: Args,
  examples: [
    {
      title: 'Lock accounts after failed logins',
      args: {
        name: 'common-auth',
        type: 'auth',
        control: '[success=1 default=ignore]',
        module_path: 'pam_unix.so',
        state: 'before',
        new_type: 'auth',
        new_control: 'required',
        new_module_path: 'pam_faillock.so',
        module_arguments: ['preauth', 'deny=5'],
      },
    },
    {
      title: 'Set an argument',
      args: {
        name: 'common-password',
        type: 'password',
        control: '[success=1 default=ignore]',
        module_path: 'pam_unix.so',
        state: 'args_present',
        module_arguments: ['minlen=12'],
      },
    },
  ],
  verify: (given) => [
    ...missing(given),
    ...controlErrors(given.new_control),
    ...(given.state === 'args_present' && words(given).some((one) => one.startsWith('['))
      ? [
          argError(['module_arguments'], 'E_ARGUMENT_VALUE', {
            problem: 'an argument in brackets cannot be added',
            hint: 'set all arguments with `state: updated`',
          }),
        ]
      : []),
  ],
  needs: (given) => [`path:${fileOf(given).path}`],
  touches: (given) => [`path:${fileOf(given).path}`],
  edits: {
    of: (given) => fileEdits.of(fileOf(given)),
    seeing: (stdout, text, given) => fileEdits.seeing(stdout, text, fileOf(given)),
  },
  probe: (given) => probeText(fileOf(given)),
  parse: (stdout, given) => parseText(stdout, fileOf(given)),
  plan: (now, given, ctx) =>
    planEdit(
      now,
      fileOf(given),
      ctx,
      (before) => edit(before, given).text,
      false,
      (before) => String(edit(before, given).count),
    ),
  data(now, given, _ctx, ran) {
    const { backup_file: backupdest = '' } = backupData(ran?.stdout);
    const count = ran === undefined ? edit(textOf(now) ?? '', given).count : Number(messageData(ran).msg ?? 0);
    return { change_count: count, backupdest };
  },
});

function fileOf({ path, name, backup }: Args) {
  return { path: join(path, name), backup };
}

function missing(given: Args): readonly ArgError[] {
  const needed = {
    before: ['new_type', 'new_control', 'new_module_path'],
    after: ['new_type', 'new_control', 'new_module_path'],
    args_present: ['module_arguments'],
    args_absent: ['module_arguments'],
    updated: [],
    absent: [],
  } as const;
  return needed[given.state]
    .filter((name) => given[name] === undefined)
    .map((name) => argError([], 'E_MISSING_ARGUMENT', { name: `'${name}'` }));
}

function controlErrors(control: string | undefined): readonly ArgError[] {
  if (control === undefined) return [];
  const inside = /^\[(.*)\]$/.exec(control.trim())?.[1];
  const isValid =
    inside === undefined
      ? SIMPLE.includes(control)
      : inside
          .trim()
          .split(/\s+/)
          .every((part) => {
            const [result = '', action = ''] = part.split('=');
            return RESULTS.has(result) && /^(ignore|bad|die|ok|done|reset|\d+)$/.test(action);
          });
  if (isValid) return [];
  return [
    argError(['new_control'], 'E_ARGUMENT_VALUE', {
      problem: `'${control}' is no control of PAM`,
      expected: `${SIMPLE.join(', ')}, or as [success=1 default=ignore]`,
    }),
  ];
}

/** The arguments of the module. One in brackets may have blanks. */
function words({ module_arguments = [] }: Pick<Args, 'module_arguments'>): readonly string[] {
  return module_arguments.flatMap((one) => one.match(/\[.*\]|\S+/g) ?? []);
}

function ruleIn(line: string): Rule | undefined {
  const [, type = '', control = '', module = '', rest = ''] =
    /^\s*(-?(?:auth|account|session|password))\s+(\[.*?\]|\S+)\s+(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
  return type === '' ? undefined : { type, control: plain(control), module, args: words({ module_arguments: [rest] }) };
}

/** Controls are the same if they differ in blanks only. */
function plain(control: string): string {
  return control
    .replace(/\s*=\s*/g, '=')
    .replace(/\s+/g, ' ')
    .replace(/^\[ /, '[')
    .replace(/ \]$/, ']');
}

function written({ type, control, module, args: rest }: Rule): string {
  return [type.padEnd(10), control, module, ...rest].join(' ');
}

type Edited = Readonly<{ text: string; count: number }>;

/** The text after the change, and how many rules it changed. */
export function edit(before: string, given: Args): Edited {
  const was = splitLines(before);
  const fresh: Rule = {
    type: given.new_type ?? given.type,
    control: plain(given.new_control ?? given.control),
    module: given.new_module_path ?? given.module_path,
    args: words(given),
  };
  let count = 0;
  const out = was.list.flatMap((line, at): readonly string[] => {
    const rule = ruleIn(line);
    if (rule === undefined || !isOf(rule, given.type, plain(given.control), given.module_path)) return [line];
    const lines = changed(rule, fresh, given, neighbour(was.list, at, given.state === 'before' ? -1 : 1));
    if (lines === undefined) return [line];
    count++;
    return lines.map((one) => (typeof one === 'string' ? line : written(one)));
  });
  return { text: count === 0 ? before : joinLines(out, { eol: was.eol, final: true }), count };
}

const isOf = (rule: Rule, type: string, control: string, module: string): boolean =>
  rule.type === type && rule.control === control && rule.module === module;

/** The next line that is neither empty nor a comment. */
function neighbour(list: readonly string[], at: number, step: 1 | -1): Rule | undefined {
  for (let i = at + step; i >= 0 && i < list.length; i += step) {
    const line = list[i] ?? '';
    if (!/^\s*(#|$)/.test(line)) return ruleIn(line);
  }
  return undefined;
}

/** What replaces the rule's line; 'same' stands for the line itself. undefined: nothing changes. */
function changed(
  rule: Rule,
  fresh: Rule,
  given: Args,
  beside: Rule | undefined,
): readonly (Rule | 'same')[] | undefined {
  const { state } = given;
  if (state === 'absent') return [];
  if (state === 'before' || state === 'after') {
    if (beside !== undefined && isOf(beside, fresh.type, fresh.control, fresh.module)) return undefined;
    return state === 'before' ? [fresh, 'same'] : ['same', fresh];
  }
  const next =
    state === 'updated'
      ? { ...fresh, args: given.module_arguments === undefined ? rule.args : fresh.args }
      : {
          ...rule,
          args:
            state === 'args_absent'
              ? rule.args.filter((one) => !fresh.args.includes(one))
              : added(rule.args, fresh.args),
        };
  return written(next) === written(rule) ? undefined : [next];
}

function added(present: readonly string[], more: readonly string[]): readonly string[] {
  const out = [...present];
  for (const one of more) {
    const key = /^[^=]+=/.exec(one)?.[0];
    const at = out.findIndex((old) => old === one || (key !== undefined && old.startsWith(key)));
    if (at < 0) out.push(one);
    else out[at] = one;
  }
  return out;
}
