import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, exclude, flag, oneOf, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  command: text('The command that runs once, later.'),
  script_file: Type.Optional(absolutePath('A file on the host with the commands that run, instead of command.')),
  count: Type.Optional(Type.Integer({ minimum: 1, description: 'In how many units it runs.' })),
  units: Type.Optional(Type.Enum(['minutes', 'hours', 'days', 'weeks'], { description: 'The unit of count.' })),
  state: Type.Enum(['present', 'absent'], {
    default: 'present',
    description: 'present: add the job. absent: remove all jobs with this command.',
  }),
  unique: flag('Add no job if there is one with this command.'),
  chdir: Type.Optional(absolutePath('The directory in which the command runs.')),
});
type Args = Static<typeof Args>;

export const at = defineModule<typeof Args, Fields>({
  name: 'at',
  summary: 'A command that runs once, later. Without `unique`, each run adds a job.',
  args: Args,
  examples: [
    { title: 'In 20 minutes', args: { command: 'systemctl restart app', count: 20, units: 'minutes', unique: true } },
    { title: 'Not any more', args: { command: 'systemctl restart app', state: 'absent' } },
  ],
  verify: (given) => [
    ...exclude(given, 'command', 'script_file'),
    ...oneOf(given, 'command', 'script_file'),
    ...(given.command?.trim() === ''
      ? [argError(['command'], 'E_ARGUMENT_VALUE', { problem: 'no command is given' })]
      : []),
    ...(given.state === 'present'
      ? (['count', 'units'] as const)
          .filter((name) => given[name] === undefined)
          .map((name) => argError([], 'E_MISSING_ARGUMENT', { name: `'${name}'` }))
      : []),
  ],
  needs: ({ script_file, chdir }) => [
    'package:at',
    'live:at',
    ...[script_file, chdir].flatMap((path) => (path === undefined ? [] : [`path:${path}`])),
  ],
  touches: () => ['live:at'],
  probe: (given) => sh`command -v at >/dev/null || { echo 'at missing'; exit 0; }
${given.chdir === undefined ? sh`:` : sh`[ -d ${given.chdir} ] || echo 'folder missing'`}
${wanted(given)}
[ -z "$s" ] || for j in $(atq | cut -f 1); do case $(at -c "$j" 2>/dev/null) in *"$s"*) printf 'job %s\n' "$j" ;; esac; done`,
  parse: fields,
  plan(f, given, { user }): Steps {
    const { command, script_file, count = 0, units = '', chdir, state, unique } = given;
    if (f.get('at') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'at', hint: 'install the package at in an earlier task' });
    }
    if (f.get('file') !== undefined) return blocked('E_PATH_MISSING', { path: script_file ?? '' });
    if (f.get('folder') !== undefined && state === 'present') return blocked('E_PATH_MISSING', { path: chdir ?? '' });
    const jobs = f.all('job');
    const what = command?.trim() ?? script_file ?? '';
    if (state === 'absent') {
      if (jobs.length === 0) return [];
      return [
        {
          what: `remove ${jobs.length === 1 ? 'the job' : `${jobs.length} jobs`}: ${what}`,
          diff: { of: `jobs of ${user}`, before: `${what}\n`, after: null },
          run: sh`atrm ${jobs}`,
        },
      ];
    }
    if (unique && jobs.length > 0) return [];
    const input: Script = command === undefined ? sh`<${script_file ?? ''}` : sh``;
    return [
      {
        what: `in ${count} ${units}: ${what}`,
        diff: { of: `jobs of ${user}`, before: null, after: `${what}\n` },
        run: sh`set -e
${chdir === undefined ? sh`:` : sh`cd -- ${chdir}`}
${command === undefined ? sh`` : sh`printf '%s\n' ${command} |`} at now + ${count} ${units} ${input}`,
        ...(!unique && { action: true as const }),
      },
    ];
  },
  data: (_, { state, script_file, count, units }) => ({
    state,
    ...(state === 'present' && { script_file: script_file ?? null, count: count ?? null, units: units ?? null }),
  }),
});

/** Sets s to the text by which a job is found. */
function wanted({ command, script_file = '' }: Args): Script {
  if (command !== undefined) return sh`s=${command.trim()}`;
  return sh`[ -r ${script_file} ] || { echo 'file missing'; exit 0; }
s=$(cat -- ${script_file})`;
}
