import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { splitWords } from '../core/words.ts';
import { absolutePath, args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  command: Type.String({
    default: 'install',
    pattern: '^[a-z][a-z-]*$',
    expected: 'a command of composer, as install',
    description: 'The command: install, update, require.',
  }),
  arguments: text('Arguments of the command: the package for require.'),
  working_dir: Type.Optional(absolutePath('The directory of the project. Needed unless global_command is set.')),
  global_command: flag("Work in the user's own directory of composer (composer global)."),
  executable: text('The php program. Default: php.'),
  composer_executable: Type.Optional(absolutePath('The path of composer.')),
  no_dev: flag('Without packages for development.', true),
  no_scripts: flag('Do not run the scripts of the project.'),
  no_plugins: flag('Do not load plugins.'),
  prefer_source: flag('Prefer packages from repositories.'),
  prefer_dist: flag('Prefer archives of packages.'),
  optimize_autoloader: flag('Make the autoloader faster.', true),
  classmap_authoritative: flag('Load only the classes of the class map.'),
  apcu_autoloader: flag('Keep found classes in APCu.'),
  ignore_platform_reqs: flag('Install although the version or an extension of PHP does not fit.'),
});
type Args = Static<typeof Args>;

/** Options that a command takes. An unknown one would be an error. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  install: ['dev', 'autoloader', 'prefer', 'platform'],
  update: ['dev', 'autoloader', 'prefer', 'platform'],
  'create-project': ['dev', 'prefer', 'platform'],
  require: ['update-dev', 'autoloader', 'prefer', 'platform'],
  remove: ['update-dev', 'autoloader', 'platform'],
  'dump-autoload': ['dev', 'dump', 'platform'],
};

export const composer = defineModule<typeof Args, Fields>({
  name: 'composer',
  summary: 'Installs the packages of a PHP project with composer.',
  args: Args,
  aliases: {
    'working-dir': 'working_dir',
    'global-command': 'global_command',
    'prefer-source': 'prefer_source',
    'prefer-dist': 'prefer_dist',
    'no-dev': 'no_dev',
    'no-scripts': 'no_scripts',
    'no-plugins': 'no_plugins',
    'optimize-autoloader': 'optimize_autoloader',
    'classmap-authoritative': 'classmap_authoritative',
    'apcu-autoloader': 'apcu_autoloader',
    'ignore-platform-reqs': 'ignore_platform_reqs',
    php_path: 'executable',
  },
  examples: [
    { title: 'What composer.lock says', args: { working_dir: '/srv/app' } },
    { title: 'One more package', args: { command: 'require', arguments: 'monolog/monolog', working_dir: '/srv/app' } },
  ],
  verify: (given) => [
    ...(given.working_dir === undefined && !given.global_command
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'working_dir'" })]
      : []),
    ...(splitWords(given.arguments ?? '') === undefined
      ? [argError(['arguments'], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })]
      : []),
    ...(given.prefer_source && given.prefer_dist
      ? [
          argError(['prefer_dist'], 'E_ARGUMENT_CONFLICT', {
            problem: "'prefer_source' and 'prefer_dist' exclude each other",
          }),
        ]
      : []),
  ],
  needs: ({ working_dir }) => ['package:*', ...(working_dir === undefined ? [] : [`path:${working_dir}`])],
  touches: () => ['*'],
  probe: (given) => sh`${BEGIN}
command -v ${php(given)} >/dev/null || { echo 'php missing'; exit 0; }
composer=$(${find(given)}) || { echo 'composer missing'; exit 0; }
${given.working_dir === undefined ? sh`:` : sh`[ -d ${given.working_dir} ] || { echo 'folder missing'; exit 0; }`}
${canAsk(given) ? sh`out=$(${run(given, ['--dry-run'])} 2>&1) && printf 'would %s\n' "$(printf %s "$out" | base64 -w0)"` : sh`:`}
:`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    for (const [tool, hint] of [
      ['php', 'install the package php-cli in an earlier task'],
      ['composer', 'install composer in an earlier task'],
    ] as const) {
      if (f.get(tool) !== undefined) return blocked('E_TOOL_MISSING', { tool, hint });
    }
    if (f.get('folder') !== undefined && given.working_dir !== undefined) {
      return blocked('E_PATH_MISSING', { path: given.working_dir, hint: 'create it in an earlier task' });
    }
    const would = f.text('would');
    if (would !== undefined && isIdle(would)) return [];
    const where = given.working_dir ?? "the user's directory";
    return [
      {
        what: `composer ${[given.command, ...(splitWords(given.arguments ?? '') ?? [])].join(' ')} in ${where}`,
        diff: { of: where, before: null, after: `${operations(would ?? '').join('\n')}\n` },
        action: true,
        unaltered: SAME,
        run: sh`set -e
${BEGIN}
composer=$(${find(given)})
out=$(${run(given, [])} 2>&1) || { printf '%s\n' "$out" >&2; exit 1; }
printf '%s\n' "$out"
if printf '%s\n' "$out" | grep -q 'Nothing to install' && ! printf '%s\n' "$out" | grep -Eq ${OPERATION}; then echo ${SAME}; fi`,
      },
    ];
  },
  data: (_, _given, _ctx, ran) => ({
    ...(ran !== undefined && { stdout: ran.stdout, stdout_lines: ran.stdout.trimEnd().split('\n') }),
  }),
});

const SAME = 'bringup: the same packages';

/** Whether composer says that it would do nothing. */
function isIdle(out: string): boolean {
  return /Nothing to install/.test(out) && operations(out).length === 0;
}

const OPERATION = '^  - (Install|Updat|Upgrad|Downgrad|Remov|Lock)';

function operations(out: string): readonly string[] {
  return out
    .split('\n')
    .filter((line) => new RegExp(OPERATION).test(line))
    .map((line) => line.slice(4));
}

function canAsk({ command }: Args): boolean {
  return command === 'install' || command === 'update' || command === 'require' || command === 'remove';
}

const BEGIN = sh`export COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_NO_INTERACTION=1`;

function php({ executable }: Args): string {
  return executable ?? 'php';
}

function find({ composer_executable: own }: Args): Script {
  return own === undefined ? sh`PATH=$PATH:/usr/local/bin command -v composer` : sh`command -v ${own}`;
}

function run(given: Args, more: readonly string[]): Script {
  const takes = OPTIONS[given.command] ?? [];
  const options = [
    '--no-ansi',
    '--no-interaction',
    ...(canAsk(given) ? ['--no-progress'] : []),
    ...(given.no_plugins ? ['--no-plugins'] : []),
    ...(given.no_scripts ? ['--no-scripts'] : []),
    ...(given.no_dev && takes.includes('dev') ? ['--no-dev'] : []),
    ...(given.no_dev && takes.includes('update-dev') ? ['--update-no-dev'] : []),
    ...(takes.includes('prefer') && given.prefer_source ? ['--prefer-source'] : []),
    ...(takes.includes('prefer') && given.prefer_dist ? ['--prefer-dist'] : []),
    ...(takes.includes('platform') && given.ignore_platform_reqs ? ['--ignore-platform-reqs'] : []),
    ...(takes.includes('autoloader') && given.optimize_autoloader ? ['--optimize-autoloader'] : []),
    ...(takes.includes('dump') && given.optimize_autoloader ? ['--optimize'] : []),
    ...(takes.some((one) => one === 'autoloader' || one === 'dump') && given.classmap_authoritative
      ? ['--classmap-authoritative']
      : []),
    ...(takes.includes('autoloader') && given.apcu_autoloader ? ['--apcu-autoloader'] : []),
    ...(takes.includes('dump') && given.apcu_autoloader ? ['--apcu'] : []),
  ];
  return sh`${php(given)} "$composer" ${given.global_command ? ['global'] : []} ${given.command} ${options} ${given.working_dir === undefined ? [] : ['--working-dir', given.working_dir]} ${more} ${splitWords(given.arguments ?? '') ?? []}`;
}
