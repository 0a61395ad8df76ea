import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule, type Steps } from '../core/module.ts';
import { absolutePath, args, flag, placing, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { editTouches, fileEdits, parseText, planEdit, probeText } from './shared/edit.ts';
import { modeErrors } from './shared/mode.ts';
import { type Seen, textOf } from './shared/path-state.ts';
import { type HbaRule, parseHba, readRule, renderHba, ruleKey, sortedRules } from './shared/postgresql-hba.ts';

const METHODS = [
  'trust',
  'reject',
  'md5',
  'password',
  'gss',
  'sspi',
  'krb5',
  'ident',
  'peer',
  'ldap',
  'radius',
  'cert',
  'pam',
  'scram-sha-256',
] as const;
const TYPES = ['local', 'host', 'hostssl', 'hostnossl', 'hostgssenc', 'hostnogssenc'] as const;

const rule = {
  contype: Type.Optional(
    Type.Enum(TYPES, { description: 'The type of connection. Without it, the file is only read.' }),
  ),
  databases: text('The databases, separated by commas. Default: all.'),
  users: text('The users, separated by commas; +group for the members of a role. Default: all.'),
  address: text('The address or network of the client, or all, samehost, samenet. Not for local. Default: samehost.'),
  netmask: text('The netmask of address: 255.255.255.0.'),
  method: Type.Optional(Type.Enum(METHODS, { description: 'How the client proves who it is. Default: md5.' })),
  options: text('Options of the method.'),
  comment: text('A comment behind the rule. Needs keep_comments_at_rules.'),
  state: Type.Optional(
    Type.Enum(['present', 'absent'], { description: 'Whether the rule is in the file. Default: present.' }),
  ),
};

const Args = args({
  dest: absolutePath('The file: /etc/postgresql/15/main/pg_hba.conf.'),
  ...rule,
  rules: Type.Optional(
    Type.Array(Type.Object(rule, { additionalProperties: false }), {
      description: 'Several rules, each with the arguments of one.',
    }),
  ),
  rules_behavior: Type.Enum(['conflict', 'combine'], {
    default: 'conflict',
    description: 'combine: the other arguments are defaults for rules. conflict: they are refused beside rules.',
  }),
  overwrite: flag('Remove all rules that the task does not name.'),
  keep_comments_at_rules: flag('Keep comments behind rules. Otherwise they move to the top of the file.'),
  create: flag('Create the file if it does not exist.'),
  ...placing,
});
type Args = Static<typeof Args>;
type RuleArgs = NonNullable<Args['rules']>[number];
const RULE_KEYS = Object.keys(rule) as (keyof RuleArgs)[];

export const postgresql_pg_hba = defineModule<typeof Args, Seen>({
  name: 'postgresql_pg_hba',
  summary: 'Rules in pg_hba.conf, which says who may log in to PostgreSQL. Reload PostgreSQL with a handler.',
  args: Args,
  aliases: { source: 'address', src: 'address', path: 'dest' },
  examples: [
    {
      title: 'An application on another host',
      args: {
        dest: '/etc/postgresql/15/main/pg_hba.conf',
        contype: 'hostssl',
        databases: 'shop',
        users: 'app',
        address: '10.82.0.0/24',
        method: 'scram-sha-256',
      },
    },
  ],
  verify: (given) => [...modeErrors(given.mode), ...ruleErrors(given)],
  needs: (given) => [`path:${given.dest}`, ...ownerNeeds(given)],
  touches: (given) => editTouches(at(given)),
  edits: {
    of: (given) => fileEdits.of(at(given)),
    seeing: (stdout, content, given) => fileEdits.seeing(stdout, content, at(given)),
  },
  probe: (given) => probeText(at(given)),
  parse: (stdout, given) => parseText(stdout, at(given)),
  plan(now, given, ctx): Steps {
    const wanted = asked(given);
    if (wanted.length === 0 && !given.overwrite) return [];
    return planEdit(now, at(given), ctx, (content) => edited(content, given), false);
  },
  data(now, given) {
    const content = textOf(now) ?? '';
    const after = edited(content, given);
    const list = parseHba(typeof after !== 'string' ? content : after).rules;
    return { pg_hba: sortedRules(list).map(shown), msgs: [] };
  },
});

const at = (given: Args) => ({ ...given, path: given.dest });

function ruleErrors(given: Args): readonly ArgError[] {
  const beside = RULE_KEYS.find((key) => given[key] !== undefined);
  const wrong = asked(given).flatMap(({ rule, place }) => {
    const isMisplaced = rule.type === 'local' && place.address !== undefined && given.rules_behavior !== 'combine';
    const problem = isMisplaced ? "a rule of type local has no 'address'" : rule.problem;
    return problem === undefined ? [] : [argError([], 'E_ARGUMENT_VALUE', { problem })];
  });
  return [
    ...(given.rules !== undefined && given.rules_behavior === 'conflict' && beside !== undefined
      ? [
          argError([beside], 'E_ARGUMENT_CONFLICT', {
            problem: `'rules' and '${beside}' exclude each other`,
            hint: 'set `rules_behavior: combine` to make it a default for all rules',
          }),
        ]
      : []),
    ...(given.rules ?? []).flatMap((one, index) =>
      one.contype === undefined && (given.contype === undefined || given.rules_behavior === 'conflict')
        ? [argError(['rules', index], 'E_MISSING_ARGUMENT', { name: "'contype'" })]
        : [],
    ),
    ...(given.comment !== undefined && !given.keep_comments_at_rules
      ? [argError(['comment'], 'E_ARGUMENT_CONFLICT', { problem: "'comment' needs keep_comments_at_rules: true" })]
      : []),
    ...wrong,
  ];
}

type Asked = Readonly<{ rule: HbaRule; isAbsent: boolean; place: RuleArgs }>;

/** The rules that the task names, each for one database and one user. */
function asked(given: Args): readonly Asked[] {
  const list: readonly RuleArgs[] =
    given.rules === undefined
      ? given.contype === undefined
        ? []
        : [given]
      : given.rules.map((one) => (given.rules_behavior === 'combine' ? { ...pick(given), ...one } : one));
  return list
    .filter(({ contype }) => contype !== undefined)
    .map((one) => ({
      place: one,
      isAbsent: one.state === 'absent',
      rule: readRule({
        type: one.contype ?? 'host',
        db: sortedList(one.databases ?? 'all'),
        usr: sortedList(one.users ?? 'all'),
        src: one.address ?? 'samehost',
        mask: one.netmask,
        method: one.method ?? 'md5',
        options: one.options,
        comment: one.comment,
      }),
    }));
}

const sortedList = (text: string): string =>
  text
    .split(',')
    .map((one) => one.trim())
    .sort()
    .join(',');

function pick(given: Args): RuleArgs {
  return Object.fromEntries(
    RULE_KEYS.flatMap((key) => (given[key] === undefined ? [] : [[key, given[key]]])),
  ) as RuleArgs;
}

function edited(content: string, given: Args): string | Blocked {
  const file = parseHba(content);
  if (file.problem !== undefined) {
    return blocked('E_NOT_TEXT', { path: given.dest, problem: `has a rule that cannot be read: ${file.problem}` });
  }
  const rules = new Map((given.overwrite ? [] : file.rules).map((one) => [ruleKey(one), one]));
  for (const { rule: one, isAbsent } of asked(given)) {
    if (isAbsent) rules.delete(ruleKey(one));
    else rules.set(ruleKey(one), one);
  }
  const kept = given.keep_comments_at_rules;
  const before = new Map(file.rules.map((one) => [ruleKey(one), renderHba([], [one], kept)]));
  const isSame =
    before.size === rules.size && [...rules].every(([key, one]) => before.get(key) === renderHba([], [one], kept));
  if (isSame) return content;
  const moved = kept ? [] : file.rules.flatMap(({ comment }) => (comment === undefined ? [] : [`#${comment}`]));
  return renderHba([...file.comments, ...moved], sortedRules([...rules.values()]), kept);
}

function shown({ problem: _, comment, ...one }: HbaRule) {
  const { type, db, usr, src, mask, method, options } = one;
  return {
    type,
    db,
    usr,
    ...(src !== undefined && { src }),
    ...(mask !== undefined && { mask }),
    method,
    ...(options !== undefined && { options }),
    ...(comment !== undefined && { comment }),
  };
}
