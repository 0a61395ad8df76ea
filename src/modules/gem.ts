import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { splitWords } from '../core/words.ts';
import { absolutePath, args, flag, optionalFlag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.String({ minLength: 1, pattern: '^[^-]', expected: 'the name of a gem', description: 'The gem.' }),
  state: Type.Enum(['present', 'absent', 'latest'], {
    default: 'present',
    description: 'present: installed. latest: in the newest version. absent: removed.',
  }),
  version: Type.Optional(
    Type.String({ pattern: '^[\\w.-]+$', expected: 'one version, as 3.2.0', description: 'The version.' }),
  ),
  gem_source: Type.Optional(absolutePath('A file on the host to install from.')),
  repository: text('The address to install from.'),
  include_dependencies: flag('Install what the gem needs too.', true),
  user_install: flag("Install for the user of the task only, in its home. 'false' is for the whole system.", true),
  executable: text('The gem program, or its path.'),
  install_dir: Type.Optional(absolutePath('The directory to install into. Needs user_install: false.')),
  bindir: Type.Optional(absolutePath('The directory for the programs of the gem.')),
  norc: flag('Do not read .gemrc files.', true),
  env_shebang: flag('Programs of the gem run the ruby of the PATH.'),
  pre_release: flag('Also versions before a release.'),
  include_doc: flag('Install the documentation too.'),
  build_flags: text('Arguments for the compilation of the gem.'),
  force: optionalFlag('Ignore conflicts of versions and of programs.'),
});
type Args = Static<typeof Args>;

export const gem = defineModule<typeof Args, Fields>({
  name: 'gem',
  summary: 'A gem of Ruby is installed, upgraded or removed.',
  args: Args,
  examples: [
    { title: 'For the whole system', args: { name: 'sass', version: '3.7.4', user_install: false } },
    { title: 'From a file', args: { name: 'rake', gem_source: '/root/rake-13.0.6.gem', state: 'present' } },
  ],
  verify: (given) => [
    ...(given.install_dir !== undefined && given.user_install
      ? [
          argError(['install_dir'], 'E_ARGUMENT_CONFLICT', {
            problem: "'install_dir' and 'user_install' exclude each other",
            hint: 'set `user_install: false`',
          }),
        ]
      : []),
    ...(given.version !== undefined && given.state === 'latest'
      ? [argError(['version'], 'E_ARGUMENT_CONFLICT', { problem: "'version' and state: latest exclude each other" })]
      : []),
    ...(given.gem_source !== undefined && given.state === 'latest'
      ? [argError(['gem_source'], 'E_ARGUMENT_CONFLICT', { problem: 'a file has one version, so it is no latest' })]
      : []),
    ...(splitWords(given.build_flags ?? '') === undefined
      ? [argError(['build_flags'], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })]
      : []),
  ],
  needs: ({ install_dir, gem_source }) => [
    'package:*',
    'path:/var/lib/gems',
    ...[install_dir, gem_source].flatMap((one) => (one === undefined ? [] : [`path:${one}`])),
  ],
  touches: ({ install_dir }) => [`path:${install_dir ?? '/var/lib/gems'}`, 'live:*'],
  probe: (given) => sh`command -v ${program(given)} >/dev/null || { echo 'gem missing'; exit 0; }
${home(given)}
${program(given)} list --local --exact ${given.name} 2>/dev/null | sed 's/^/local /'
${
  given.state === 'latest'
    ? sh`if out=$(${program(given)} list --remote --exact ${remote(given)} ${given.name} 2>&1); then printf '%s\n' "$out" | sed 's/^/remote /'; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi`
    : sh`:`
}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    const { name, state, version } = given;
    if (f.get('gem') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: program(given), hint: 'install the package ruby in an earlier task' });
    }
    const error = f.text('error');
    if (error !== undefined) return blocked('E_TOOL_REFUSED', { tool: program(given), detail: error });
    const is = versions(f, 'local', name);
    const before = is.length === 0 ? null : `${name} ${is.join(', ')}\n`;
    if (state === 'absent') {
      const old = version === undefined ? is : is.filter((one) => one === version);
      if (old.length === 0) return [];
      const rest = is.filter((one) => !old.includes(one));
      return [
        {
          what: `uninstall ${name} ${old.join(', ')}`,
          diff: { of: 'gem', before, after: rest.length === 0 ? null : `${name} ${rest.join(', ')}\n` },
          run: sh`set -e
${home(given)}
${program(given)} uninstall ${given.norc ? ['--norc'] : []} ${given.install_dir === undefined ? [] : ['--install-dir', given.install_dir]} ${given.bindir === undefined ? [] : ['--bindir', given.bindir]} ${version === undefined ? ['--all'] : ['--version', version]} --executables ${given.force === true ? ['--force'] : []} ${name}`,
        },
      ];
    }
    const newest = state === 'latest' ? versions(f, 'remote', name)[0] : version;
    if (state === 'latest' && newest === undefined) {
      return blocked('E_NOT_ON_HOST', { what: 'gem', name, hint: 'correct the name, or `repository`' });
    }
    if (newest === undefined ? is.length > 0 : is.includes(newest)) return [];
    return [
      {
        what: `install ${name}${newest === undefined ? '' : ` ${newest}`}`,
        diff: { of: 'gem', before, after: `${name}${newest === undefined ? '' : ` ${newest}`}\n` },
        run: sh`set -e
${home(given)}
${program(given)} install ${installArgs(given, newest)}`,
      },
    ];
  },
  data: (_, { name, state, version }) => ({ name, state, version: version ?? null }),
});

function program({ executable }: Args): string {
  return executable ?? 'gem';
}

/** gem looks into the directory of the task only. */
function home({ install_dir }: Args): Script {
  return install_dir === undefined ? sh`:` : sh`export GEM_HOME=${install_dir} GEM_PATH=${install_dir}`;
}

function remote({ repository, pre_release, norc }: Args): readonly string[] {
  return [
    ...(norc ? ['--norc'] : []),
    ...(pre_release ? ['--prerelease'] : []),
    ...(repository === undefined ? [] : ['--clear-sources', '--source', repository]),
  ];
}

function installArgs(given: Args, version: string | undefined): readonly string[] {
  const { install_dir, bindir, gem_source, name, build_flags } = given;
  const flags = splitWords(build_flags ?? '') ?? [];
  return [
    ...(given.norc ? ['--norc'] : []),
    ...(version === undefined ? [] : ['--version', version]),
    ...(given.repository === undefined ? [] : ['--source', given.repository]),
    ...(given.include_dependencies ? [] : ['--ignore-dependencies']),
    given.user_install ? '--user-install' : '--no-user-install',
    ...(install_dir === undefined ? [] : ['--install-dir', install_dir]),
    ...(bindir === undefined ? [] : ['--bindir', bindir]),
    ...(given.pre_release ? ['--pre'] : []),
    ...(given.include_doc ? [] : ['--no-document']),
    ...(given.env_shebang ? ['--env-shebang'] : []),
    ...(given.force === true ? ['--force'] : []),
    gem_source ?? name,
    ...(flags.length === 0 ? [] : ['--', ...flags]),
  ];
}

/** From a line of `gem list`: name (2.0.0, 1.1.0 ruby, default: 1.0.0). */
function versions(f: Fields, key: string, name: string): readonly string[] {
  const line = f.all(key).find((one) => one.startsWith(`${name} (`));
  return (/\((.*)\)/.exec(line ?? '')?.[1] ?? '')
    .split(', ')
    .map((one) => one.replace(/^default: /, '').split(' ')[0] ?? '')
    .filter((one) => one !== '');
}
