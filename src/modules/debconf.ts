import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { args, flag } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.String({
    pattern: '^[a-z0-9][a-z0-9.+-]*$',
    expected: 'the name of a package',
    description: 'The package.',
  }),
  question: Type.Optional(
    Type.String({ pattern: '^[^\\s]+$', expected: 'a question: tzdata/Areas', description: 'The question.' }),
  ),
  vtype: Type.Optional(
    Type.Enum(['boolean', 'error', 'multiselect', 'note', 'password', 'seen', 'select', 'string', 'text', 'title'], {
      description: 'The type of the value.',
    }),
  ),
  value: Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String())], {
      description: 'The answer; a list for multiselect. That to a question of the type password is not shown.',
    }),
  ),
  unseen: flag('The question is still asked when the package is configured.'),
});
type Args = Static<typeof Args>;

export const debconf = defineModule<typeof Args, Fields>({
  name: 'debconf',
  summary: 'A question that a Debian package asks is answered before the package is installed.',
  args: Args,
  aliases: { pkg: 'name', selection: 'question', setting: 'question', answer: 'value' },
  examples: [
    {
      title: 'Postfix for this host only',
      args: { name: 'postfix', question: 'postfix/main_mailer_type', vtype: 'select', value: 'Local only' },
    },
    {
      title: 'A license',
      args: {
        name: 'oracle-java17-installer',
        question: 'shared/accepted-oracle-license-v1-3',
        vtype: 'select',
        value: 'true',
      },
    },
  ],
  verify: ({ question, vtype, value }) =>
    question === undefined || (vtype !== undefined && value !== undefined && !textOf({ vtype, value }).includes('\n'))
      ? []
      : [argError([], 'E_ARGUMENT_CONFLICT', { problem: "'question' needs 'vtype' and a 'value' of one line" })],
  needs: ({ name }) => [`debconf:${name}`, `package:${name}`, 'package:debconf'],
  touches: ({ name }) => [`debconf:${name}`, 'path:/var/cache/debconf'],
  probe: ({ name, question = '', vtype, value }) => sh`PATH=$PATH:/usr/sbin:/sbin
command -v debconf-show >/dev/null || { echo 'debconf missing'; exit 0; }
debconf-show -- ${name} 2>/dev/null | sed -n 's/^[* ] \([^ :]*\):$/is \1 /p; s/^[* ] \([^ :]*\): \(.*\)$/is \1 \2/p'
${vtype === 'password' && value !== undefined ? samePassword(question, textOf({ vtype, value })) : sh`:`}
:`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const { name, question, vtype, unseen } = given;
    if (f.get('debconf') === 'missing') {
      return blocked('E_TOOL_MISSING', { tool: 'debconf', hint: 'install the package debconf in an earlier task' });
    }
    if (question === undefined || vtype === undefined) return [];
    const is = answers(f).get(question);
    const value = textOf(given);
    if (vtype === 'password' ? f.get('password') === 'same' : isSame(is, value, vtype)) return [];
    const shown = vtype === 'password' ? '(password)' : value;
    return [
      {
        what: `answer ${question} of ${name}`,
        diff: { of: question, before: is === undefined ? null : `${is}\n`, after: `${shown}\n` },
        run: sh`set -e
PATH=$PATH:/usr/sbin:/sbin
printf '%s %s %s %s\n' ${name} ${question} ${vtype} ${vtype === 'password' ? new Secret(value) : value} | debconf-set-selections ${unseen ? ['-u'] : []}`,
      },
    ];
  },
  data: (f) => ({ current: Object.fromEntries(answers(f)) }),
});

function textOf({ vtype, value }: Pick<Args, 'vtype' | 'value'>): string {
  const text = typeof value === 'string' ? value : (value ?? []).join(', ');
  return vtype === 'boolean' ? text.toLowerCase() : text;
}

function answers(f: Fields): ReadonlyMap<string, string> {
  return new Map(
    f.all('is').map((line): [string, string] => {
      const at = line.indexOf(' ');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** The order of a multiselect's answers says nothing. */
function isSame(is: string | undefined, value: string, vtype: string): boolean {
  if (is === undefined) return false;
  const sorted = (text: string): string =>
    text
      .split(/\s*,\s*/)
      .sort()
      .join(',');
  return vtype === 'multiselect' ? sorted(is) === sorted(value) : is === value;
}

/** debconf-show leaves passwords out. The one that is stored does not leave the host. */
function samePassword(question: string, wanted: string): Script {
  return sh`w=${new Secret(wanted)}; n=
while IFS= read -r l; do case $l in
'Name: '*) n=\${l#Name: } ;;
'Value: '*) if [ "$n" = ${question} ] && [ "\${l#Value: }" = "$w" ]; then echo 'password same'; fi ;;
esac; done 2>/dev/null </var/cache/debconf/passwords.dat`;
}
