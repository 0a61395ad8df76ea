import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args, exclude, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  chdir: absolutePath('The directory with the Makefile.'),
  target: text('The target. Default: the first one of the Makefile.'),
  targets: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Several targets.' })),
  params: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]), {
      description: 'Variables for make: {PREFIX: /usr}. One without a value is a target or an option.',
    }),
  ),
  file: text('The Makefile, if it has another name.'),
  jobs: Type.Optional(Type.Integer({ minimum: 1, description: 'How many commands run at a time.' })),
  make: text('The make program. Default: gmake, else make.'),
});
type Args = Static<typeof Args>;

export const make = defineModule<typeof Args, Fields>({
  name: 'make',
  summary: 'Runs make, unless it says that everything is up to date.',
  args: Args,
  examples: [
    { title: 'The first target', args: { chdir: '/usr/src/app' } },
    { title: 'Install', args: { chdir: '/usr/src/app', target: 'install', params: { PREFIX: '/usr' }, jobs: 2 } },
  ],
  verify: (given) => [
    ...exclude(given, 'target', 'targets'),
    ...Object.keys(given.params ?? {})
      .filter((key) => key === '')
      .map(() => argError(['params'], 'E_ARGUMENT_VALUE', { problem: 'a variable has no name' })),
  ],
  needs: ({ chdir }) => ['package:*', `path:${chdir}`],
  touches: () => ['*'],
  probe: (given) => sh`${findMake(given)}
command -v "$make" >/dev/null || { echo 'make missing'; exit 0; }
printf 'make %s\n' "$(command -v "$make")"
cd -- ${given.chdir} 2>/dev/null || { echo 'folder missing'; exit 0; }
"$make" ${words(given)} -q >/dev/null 2>&1; printf 'question %s\n' "$?"`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    if (f.get('make') === 'missing') {
      return blocked('E_TOOL_MISSING', { tool: given.make ?? 'make', hint: 'install it in an earlier task' });
    }
    if (f.get('folder') !== undefined) {
      return blocked('E_PATH_MISSING', { path: given.chdir, hint: 'create it in an earlier task' });
    }
    if (f.get('question') === '0') return [];
    return [
      {
        what: `${['make', ...words(given)].join(' ')} in ${given.chdir}`,
        // A target that is no file is never up to date.
        action: true,
        run: sh`set -e
${findMake(given)}
cd -- ${given.chdir}
"$make" ${words(given)}`,
      },
    ];
  },
  data: (f, given, _ctx, ran) => ({
    chdir: given.chdir,
    command: [f.get('make') ?? 'make', ...words(given)].join(' '),
    file: given.file ?? null,
    jobs: given.jobs ?? null,
    params: given.params ?? null,
    target: given.target ?? null,
    targets: given.targets ?? null,
    stdout: ran?.stdout ?? '',
    stderr: ran?.stderr ?? '',
  }),
});

function words({ file, jobs, target, targets, params }: Args): readonly string[] {
  return [
    ...(file === undefined ? [] : ['-f', file]),
    ...(jobs === undefined ? [] : [`--jobs=${jobs}`]),
    ...(target === undefined ? [] : [target]),
    ...(targets ?? []),
    ...Object.entries(params ?? {}).map(([key, value]) => (value === null ? key : `${key}=${pythonText(value)}`)),
  ];
}

function pythonText(value: string | number | boolean): string {
  return typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
}

function findMake({ make: own }: Args) {
  if (own !== undefined) return sh`make=${own}`;
  return sh`make=gmake; command -v gmake >/dev/null || make=make`;
}
