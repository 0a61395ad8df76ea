import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { isDict } from '../core/value.ts';
import { absolutePath, args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  name: Type.Optional(
    Type.String({
      minLength: 1,
      pattern: '^[^-]',
      expected: 'a package: pm2, @scope/name',
      description: 'The package. Without one, those of package.json.',
    }),
  ),
  path: Type.Optional(absolutePath('The directory of the project. Needed unless global is set.')),
  version: text('The version of the package: 1.2.3, ^1.2.'),
  global: flag('Install for the whole system.'),
  executable: text('The npm program, or its path.'),
  state: Type.Enum(['present', 'absent', 'latest'], {
    default: 'present',
    description: 'present: installed. latest: also updated. absent: removed.',
  }),
  ci: flag('Install exactly what package-lock.json says (npm ci).'),
  production: flag('Without packages for development.'),
  no_optional: flag('Without optional packages.'),
  no_bin_links: flag('Without links to the programs of the packages.'),
  ignore_scripts: flag('Do not run the scripts of packages.'),
  unsafe_perm: flag('Pass --unsafe-perm, which npm 6 and older need to run the scripts of packages as root.'),
  force: flag('Pass --force: fetch anew, and overwrite what is there.'),
  registry: Type.Optional(
    Type.String({
      pattern: '^https?://[^@]*$',
      expected: 'an address without a password: https://registry.example.com/',
      description: 'The address of the registry.',
    }),
  ),
});
type Args = Static<typeof Args>;

export const npm = defineModule<typeof Args, Fields>({
  name: 'npm',
  summary: 'Packages of Node.js are installed, updated or removed with npm.',
  args: Args,
  examples: [
    { title: 'For the whole system', args: { name: 'pm2', global: true, version: '5.4.2' } },
    { title: 'What package-lock.json says', args: { path: '/srv/app', ci: true, production: true } },
  ],
  verify: (given) => [
    ...(given.path === undefined && !given.global ? [argError([], 'E_MISSING_ARGUMENT', { name: "'path'" })] : []),
    ...(given.state === 'absent' && given.name === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'name'" })]
      : []),
    ...(given.version !== undefined && given.name === undefined
      ? [argError(['version'], 'E_ARGUMENT_CONFLICT', { problem: "'version' needs 'name'" })]
      : []),
    ...(given.ci && (given.name !== undefined || given.state !== 'present')
      ? [
          argError(['ci'], 'E_ARGUMENT_CONFLICT', {
            problem: "'ci' installs the whole project",
            hint: 'remove `name`, and `state` if it is not present',
          }),
        ]
      : []),
  ],
  needs: ({ path }) => ['package:*', ...(path === undefined ? ['path:/usr/local'] : [`path:${path}`])],
  touches: ({ path, global }) => [`path:${global ? '/usr/local' : (path ?? '/')}`, 'live:*'],
  probe: (given) => sh`${begin(given)}
command -v ${program(given)} >/dev/null || { echo 'npm missing'; exit 0; }
${given.path === undefined || given.global ? sh`:` : sh`[ -d ${given.path} ] || { echo 'folder missing'; exit 0; }; cd -- ${given.path}`}
send() { printf '%s %s\n' "$1" "$(base64 -w0)"; }
${npmCommand(given, ['list', '--json', '--depth=0'])} 2>/dev/null | send list
${given.state === 'latest' ? sh`${npmCommand(given, ['outdated', '--json'])} 2>/dev/null | send outdated` : sh`:`}`,
  parse: (stdout) => fields(stdout),
  plan(f, given): Steps {
    if (f.get('npm') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: program(given), hint: 'install the package npm in an earlier task' });
    }
    if (f.get('folder') !== undefined && given.path !== undefined) {
      return blocked('E_PATH_MISSING', { path: given.path, hint: 'create it in an earlier task' });
    }
    const listed = parsed(f.text('list'));
    if (listed === undefined) {
      return blocked('E_TOOL_REFUSED', { tool: program(given), detail: f.text('list') ?? '' });
    }
    const dependencies = dictOf(listed['dependencies']);
    const { name, state, version } = given;
    const isThere = (dependency: unknown): boolean =>
      isDict(dependency) && !truthy(dependency['missing']) && !truthy(dependency['invalid']);
    const where = given.global ? 'for the whole system' : `in ${given.path}`;
    if (state === 'absent') {
      const old = name === undefined ? undefined : dependencies[name];
      if (name === undefined || !isThere(old)) return [];
      return [change(`uninstall ${name} ${where}`, given, ['uninstall', name], `${name}@${versionOf(old)}\n`, null)];
    }
    const missing =
      name === undefined
        ? Object.entries(dependencies).flatMap(([key, one]) => (isThere(one) ? [] : [key]))
        : isThere(dependencies[name]) && isVersion(versionOf(dependencies[name]), version)
          ? []
          : [name];
    const outdated = Object.keys(parsed(f.text('outdated')) ?? {}).filter(
      (key) => !missing.includes(key) && (name === undefined || key === name),
    );
    const label = name === undefined ? missing.join(' ') : named(given);
    return [
      ...(missing.length > 0
        ? [
            change(
              `install ${label} ${where}`,
              given,
              given.ci ? ['ci'] : ['install', ...(name === undefined ? [] : [named(given)])],
              null,
              `${name === undefined ? missing.join('\n') : named(given)}\n`,
            ),
          ]
        : []),
      ...(outdated.length > 0
        ? [
            change(
              `update ${outdated.join(' ')} ${where}`,
              given,
              name === undefined ? ['update'] : ['install', `${name}@${version ?? 'latest'}`],
              `${outdated.map((key) => `${key}@${versionOf(dependencies[key])}`).join('\n')}\n`,
              `${outdated.join('\n')}\n`,
            ),
          ]
        : []),
    ];
  },
  data: (_, given, _ctx, ran) => ({
    name: given.name ?? null,
    path: given.path ?? null,
    ...(ran !== undefined && { stdout: ran.stdout, stderr: ran.stderr }),
  }),
});

function named({ name = '', version, state }: Args): string {
  if (version !== undefined) return `${name}@${version}`;
  return state === 'latest' ? `${name}@latest` : name;
}

/** A range is compared by npm itself, when it installs. */
function isVersion(is: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  return is === wanted.replace(/^[v=]+/, '');
}

function change(what: string, given: Args, words: readonly string[], before: string | null, after: string | null) {
  const isRange = given.version !== undefined && !/^[v=]*\d+\.\d+\.\d+/.test(given.version);
  return {
    what,
    diff: { of: given.global ? 'npm' : (given.path ?? ''), before, after },
    ...(isRange && words[0] === 'install' && { action: true as const, unaltered: SAME }),
    run: sh`set -e
${begin(given)}
${given.path === undefined || given.global ? sh`:` : sh`cd -- ${given.path}`}
${isRange ? sh`was=$(${npmCommand(given, ['list', '--json', '--depth=0'])} 2>/dev/null || :)` : sh`:`}
${npmCommand(given, [...words, ...options(given)])}
${isRange ? sh`if [ "$was" = "$(${npmCommand(given, ['list', '--json', '--depth=0'])} 2>/dev/null || :)" ]; then echo ${SAME}; fi` : sh`:`}`,
  };
}
const SAME = 'bringup: the same packages';

function begin({ registry }: Args): Script {
  return sh`export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false ${registry === undefined ? [] : [sh`npm_config_registry=${registry}`]}`;
}

function program({ executable }: Args): string {
  return executable ?? 'npm';
}

function npmCommand(given: Args, words: readonly string[]): Script {
  const { production, no_optional } = given;
  const omit = [...(production ? ['--omit=dev'] : []), ...(no_optional ? ['--omit=optional'] : [])];
  return sh`${program(given)} ${words} ${given.global ? ['--global'] : []} ${omit}`;
}

function options(given: Args): readonly string[] {
  return [
    ...(given.no_bin_links ? ['--no-bin-links'] : []),
    ...(given.ignore_scripts ? ['--ignore-scripts'] : []),
    ...(given.unsafe_perm ? ['--unsafe-perm'] : []),
    ...(given.force ? ['--force'] : []),
  ];
}

function parsed(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text === undefined || text.trim() === '' ? '{}' : text);
    return isDict(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function dictOf(value: unknown): Readonly<Record<string, unknown>> {
  return isDict(value) ? value : {};
}

function truthy(value: unknown): boolean {
  return value !== undefined && value !== false && value !== '' && value !== null;
}

function versionOf(dependency: unknown): string {
  return String(dictOf(dependency)['version'] ?? '');
}
