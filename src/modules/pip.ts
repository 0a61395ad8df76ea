import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh, verbatim } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { splitWords } from '../core/words.ts';
import { absolutePath, args, exclude, flag, oneOf, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';
import { join } from './shared/paths.ts';
import { canonicalName, parseRequirement, rejoined, satisfies } from './shared/python-version.ts';

const Args = args({
  name: Type.Optional(
    Type.Array(Type.String({ minLength: 1, pattern: '^[^-]', expected: 'a package: flask, flask>=2,<3' }), {
      description: 'The packages: flask, flask==3.0, git+https://…, or a path on the host.',
    }),
  ),
  version: text('The version of the package. For one package without a version in its name.'),
  requirements: text('A requirements file on the host.'),
  state: Type.Enum(['present', 'absent', 'latest', 'forcereinstall'], {
    default: 'present',
    description:
      'present: installed. latest: upgraded to the newest version. forcereinstall: installed again each time.',
  }),
  virtualenv: text('The virtual environment to work in. It is created if it does not exist.'),
  virtualenv_command: Type.String({
    default: 'virtualenv',
    minLength: 1,
    description: 'The command that creates it: virtualenv, python3 -m venv.',
  }),
  virtualenv_python: text('The Python of the virtual environment: python3.11. Only for virtualenv.'),
  virtualenv_site_packages: flag('The virtual environment sees the packages of the system.'),
  extra_args: text('More arguments for pip.'),
  editable: flag('Pass -e to pip: install from a directory without copying it.'),
  chdir: Type.Optional(absolutePath('The directory to run pip in.')),
  executable: text('The pip program: pip3.11, or its path.'),
  break_system_packages: flag('Install into the system although Debian manages its packages (PEP 668).'),
  umask: Type.Optional(
    Type.String({
      pattern: '^(0?[0-7]{3,4}|0[0-7]{1,2})$',
      expected: "an octal umask in quotes, as '0022'",
      description: 'The umask for new files.',
    }),
  ),
});
type Args = Static<typeof Args>;

export const pip = defineModule<typeof Args, Fields>({
  name: 'pip',
  summary: 'Python packages are installed, upgraded or removed.',
  args: Args,
  examples: [
    {
      title: 'In a virtual environment',
      args: { name: ['flask>=3,<4', 'gunicorn'], virtualenv: '/srv/app/venv', virtualenv_command: 'python3 -m venv' },
    },
    {
      title: 'From a requirements file',
      args: { requirements: '/srv/app/requirements.txt', virtualenv: '/srv/app/venv' },
    },
    { title: 'In the system', args: { name: 'docker', break_system_packages: true } },
  ],
  verify: (given) => [
    ...exclude(given, 'name', 'requirements'),
    ...oneOf(given, 'name', 'requirements'),
    ...exclude(given, 'executable', 'virtualenv'),
    ...(given.version !== undefined && (given.name === undefined || wanted(given).length !== 1)
      ? [
          argError(['version'], 'E_ARGUMENT_CONFLICT', {
            problem: "'version' is for one package",
            hint: 'write the versions into `name`',
          }),
        ]
      : []),
    ...(given.version !== undefined && given.state === 'latest'
      ? [argError(['version'], 'E_ARGUMENT_CONFLICT', { problem: "'version' and state: latest exclude each other" })]
      : []),
    ...(given.version !== undefined &&
    given.name?.length === 1 &&
    parseRequirement(given.name[0] ?? '')?.clauses.length !== 0
      ? [argError(['version'], 'E_ARGUMENT_VALUE', { problem: 'the name is an address, or has a version already' })]
      : []),
    ...(given.virtualenv?.startsWith('/') === false && given.chdir === undefined
      ? [
          argError(['virtualenv'], 'E_ARGUMENT_VALUE', {
            problem: "'virtualenv' must begin with / where there is no 'chdir'",
          }),
        ]
      : []),
    ...(given.virtualenv_python !== undefined && isVenv(given)
      ? [
          argError(['virtualenv_python'], 'E_ARGUMENT_CONFLICT', {
            problem: "'virtualenv_python' is for virtualenv, not for venv",
            hint: 'write `virtualenv_command: python3.11 -m venv`',
          }),
        ]
      : []),
    ...(['extra_args', 'virtualenv_command'] as const)
      .filter((key) => splitWords(given[key] ?? '') === undefined)
      .map((key) => argError([key], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })),
  ],
  needs: (given) => [
    'package:*',
    ...[environment(given), given.requirements, given.chdir].flatMap((path) =>
      path?.startsWith('/') === true ? [`path:${path}`] : [],
    ),
    'path:/usr/local',
  ],
  touches: (given) => [`path:${environment(given) ?? '/usr/local'}`, 'live:*'],
  probe,
  parse: (stdout) => fields(stdout),
  plan,
  data: (_, given, _ctx, ran) => ({
    name: given.name ?? null,
    version: given.version ?? null,
    requirements: given.requirements ?? null,
    virtualenv: given.virtualenv ?? null,
    state: given.state,
    ...(ran !== undefined && { stdout: ran.stdout, stderr: ran.stderr }),
  }),
});

function environment({ virtualenv, chdir }: Args): string | undefined {
  return virtualenv === undefined || virtualenv.startsWith('/') ? virtualenv : join(chdir ?? '/', virtualenv);
}

function isVenv({ virtualenv_command }: Args): boolean {
  return /\bpyvenv|-m\s+venv\b/.test(virtualenv_command);
}

/** The packages as pip takes them. */
function wanted({ name = [], version }: Args): readonly string[] {
  const all = rejoined(name);
  if (version === undefined) return all;
  return all.map((one) => `${one}${/^[<>=!~]/.test(version) ? '' : '=='}${version}`);
}

/** pip itself has to say what it would install. */
function asksPip(given: Args): boolean {
  if (given.state === 'absent' || given.state === 'forcereinstall' || given.editable) return false;
  return (
    given.state === 'latest' ||
    given.requirements !== undefined ||
    wanted(given).some((one) => parseRequirement(one)?.hasMarker === true)
  );
}

/** Installed anew each time: an address or a directory may hold anything. */
function isOpen(given: Args): boolean {
  return given.editable || wanted(given).some((one) => parseRequirement(one) === undefined);
}

const QUIET = sh`export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore LC_ALL=C.UTF-8`;

/** Sets \`$pip\`. */
function findPip(given: Args): Script {
  const env = environment(given);
  if (env !== undefined) return sh`pip=${`${env}/bin/pip`}`;
  if (given.executable !== undefined) return sh`pip=${given.executable}`;
  return sh`pip=pip3; command -v pip3 >/dev/null || pip=pip`;
}

function probe(given: Args): Script {
  const env = environment(given);
  const [command = '', ...rest] = splitWords(given.virtualenv_command) ?? [];
  return sh`${QUIET}
export PYTHONDONTWRITEBYTECODE=1
${findPip(given)}
${given.chdir === undefined ? sh`:` : sh`cd -- ${given.chdir} 2>/dev/null || { echo 'folder missing'; exit 0; }`}
${
  env === undefined
    ? sh`for f in /usr/lib/python3*/EXTERNALLY-MANAGED; do if [ -e "$f" ]; then case $(command -v "$pip") in /usr/bin/*) echo 'managed yes' ;; esac; fi; done`
    : sh`if [ ! -e ${`${env}/bin/activate`} ]; then
  echo 'environment missing'
  if ! command -v ${command} >/dev/null; then echo 'creator missing'
  ${isVenv(given) && rest.includes('-m') ? sh`elif ! ${command} -c 'import ensurepip' 2>/dev/null; then echo 'ensurepip missing'` : sh``}
  fi
  exit 0
fi`
}
command -v "$pip" >/dev/null || { echo 'pip missing'; exit 0; }
${
  given.requirements === undefined
    ? sh`:`
    : sh`if [ -f ${given.requirements} ]; then sed -n 's/^[[:space:]]*\([A-Za-z0-9][A-Za-z0-9._-]*\).*$/required \1/p' ${given.requirements}; else echo 'requirements missing'; exit 0; fi
if grep -Eq '^[[:space:]]*(-e|--editable|[./])|^[[:space:]]*[^-#].*://' ${given.requirements}; then echo 'open yes'; fi`
}
"$pip" list --format=freeze 2>/dev/null | sed 's/^/is /'
${isOpen(given) ? sh`"$pip" freeze 2>/dev/null | sed -n 's/^.* @ /from /p; s/^-e /from /p'` : sh`:`}
${
  asksPip(given)
    ? sh`${credentials(given)}
if e=$("$pip" install --dry-run --no-cache-dir ${installArgs(given)} 2>&1); then
  printf '%s\n' "$e" | sed -n 's/^Would install /would /p'
else case $e in *'no such option: --dry-run'*) echo 'would ?' ;; *) printf 'refused %s\n' "$(printf '%s\n' "$e" | base64 -w0)" ;; esac; fi`
    : sh`:`
}
:`;
}

/** Arguments without the addresses that hold a password: those go into the environment. */
function installArgs(given: Args): readonly string[] {
  const { state, editable, requirements } = given;
  return [
    ...(state === 'latest' ? ['--upgrade'] : []),
    ...(state === 'forcereinstall' ? ['--upgrade', '--force-reinstall'] : []),
    ...indexes(given).rest,
    ...(requirements === undefined
      ? wanted(given).flatMap((one) => (editable ? ['-e', one] : [one]))
      : ['-r', requirements]),
  ];
}

const INDEX: Readonly<Record<string, string>> = {
  '-i': 'PIP_INDEX_URL',
  '--index-url': 'PIP_INDEX_URL',
  '--extra-index-url': 'PIP_EXTRA_INDEX_URL',
};

function indexes({ extra_args = '' }: Args) {
  const words = splitWords(extra_args) ?? [];
  const rest: string[] = [];
  const secret: [string, string][] = [];
  for (let at = 0; at < words.length; at++) {
    const [, key = words[at] ?? '', joined] = /^(--(?:extra-)?index-url)=(.*)$/s.exec(words[at] ?? '') ?? [];
    const variable = INDEX[key];
    const value = joined ?? words[at + 1] ?? '';
    if (variable === undefined || !/^\w+:\/\/[^/]*@/.test(value)) rest.push(words[at] ?? '');
    else {
      secret.push([variable, value]);
      if (joined === undefined) at++;
    }
  }
  return { rest, secret };
}

function credentials(given: Args): Script {
  const { secret } = indexes(given);
  if (secret.length === 0) return sh`:`;
  const names = [...new Set(secret.map(([name]) => name))];
  const words = names.map((name) => {
    const value = secret.flatMap(([key, address]) => (key === name ? [address] : [])).join(' ');
    return sh`${verbatim(name)}=${new Secret(value)}`;
  });
  return sh`export ${words}`;
}

function obstacle(f: Fields, given: Args): Blocked | undefined {
  const { chdir = '', executable, requirements = '', virtualenv_command } = given;
  const env = environment(given);
  if (f.get('folder') === 'missing') {
    return blocked('E_PATH_MISSING', {
      path: chdir,
      what: 'the directory ',
      hint: `make it in an earlier task (file: path=${chdir} state=directory)`,
    });
  }
  if (f.get('creator') === 'missing') {
    const [command = ''] = splitWords(virtualenv_command) ?? [];
    return blocked('E_TOOL_MISSING', {
      tool: command,
      hint: `install ${isVenv(given) ? 'python3-venv' : 'the package virtualenv'} in an earlier task, or set \`virtualenv_command: python3 -m venv\``,
    });
  }
  if (f.get('ensurepip') === 'missing') {
    return blocked('E_TOOL_MISSING', {
      tool: `ensurepip for ${virtualenv_command}`,
      hint: 'install the package python3-venv in an earlier task',
    });
  }
  if (f.get('pip') === 'missing') {
    return env === undefined
      ? blocked('E_TOOL_MISSING', {
          tool: executable ?? 'pip',
          hint: 'install the package python3-pip in an earlier task',
        })
      : blocked('E_TOOL_MISSING', {
          tool: `pip in the virtual environment ${env}`,
          hint: 'remove it in an earlier task (file: state=absent)',
        });
  }
  if (f.get('requirements') === 'missing') {
    return blocked('E_PATH_MISSING', { path: requirements, hint: 'put it there in an earlier task (copy)' });
  }
  const refused = f.text('refused');
  return refused === undefined ? undefined : blocked('E_PIP_REFUSED', { detail: refused });
}

function plan(f: Fields, given: Args): Steps {
  const found = obstacle(f, given);
  if (found !== undefined) return found;
  const env = environment(given);
  const isFresh = f.get('environment') === 'missing';
  const create = env !== undefined && isFresh ? [createEnvironment(env, given)] : [];
  const change = isFresh ? (given.state === 'absent' ? undefined : install(given, undefined)) : changeOf(f, given);
  const isManaged = f.get('managed') !== undefined && !given.break_system_packages;
  if (
    change !== undefined &&
    isManaged &&
    !/--break-system-packages|--root|--target|--prefix/.test(given.extra_args ?? '')
  ) {
    return blocked('E_PYTHON_MANAGED', {});
  }
  return change === undefined ? create : [...create, change];
}

function changeOf(f: Fields, given: Args): Change | undefined {
  const { state } = given;
  const installed = new Map(
    f.all('is').flatMap((line): [string, string][] => {
      const [, name, version] = /^([^=]+)==(.+)$/.exec(line) ?? [];
      return name === undefined || version === undefined ? [] : [[canonicalName(name), version]];
    }),
  );
  if (state === 'absent') return uninstall(f, given, installed);
  if (state === 'forcereinstall') return { ...install(given, undefined), action: true };
  if (asksPip(given)) {
    const would = f.get('would');
    const isAny = isOpen(given) || f.get('open') !== undefined;
    if (would === undefined && !isAny) return undefined;
    const change = install(given, isAny ? undefined : would);
    return would === '?' || isAny ? untilSame(change) : change;
  }
  if (isOpen(given)) return isFrom(f, given) ? undefined : untilSame(install(given, undefined));
  const missing = wanted(given).filter((one) => {
    const requirement = parseRequirement(one);
    const version = installed.get(requirement?.name ?? '');
    return requirement === undefined || version === undefined || !satisfies(version, requirement);
  });
  return missing.length === 0 ? undefined : install(given, missing.join(' '));
}

/** Every package is installed from that very commit. */
function isFrom(f: Fields, given: Args): boolean {
  return wanted(given).every(
    (one) => /@[0-9a-f]{40}(#.*)?$/.test(one) && !given.editable && f.all('from').includes(one.replace(/#.*$/, '')),
  );
}

const SAME = 'bringup: the same packages';

/** Whether anything was altered shows in what is installed, and of a directory in what pip says. */
function untilSame(change: Change): Change {
  return { ...change, action: true, unaltered: SAME };
}

function begin(given: Args): Script {
  return sh`set -e
${QUIET}
${given.umask === undefined ? sh`:` : sh`umask ${given.umask}`}
${findPip(given)}
${given.chdir === undefined ? sh`:` : sh`cd -- ${given.chdir}`}
${given.break_system_packages ? sh`export PIP_BREAK_SYSTEM_PACKAGES=1` : sh`:`}`;
}

function install(given: Args, packages: string | undefined): Change {
  const { requirements, state } = given;
  const all = requirements ?? wanted(given).map(shown).join(' ');
  const named = packages === undefined || packages === '?' ? all : packages;
  const env = environment(given);
  const isVcs = wanted(given).every((one) => /^(git|hg|svn|bzr)\+/.test(one));
  return {
    what: `${state === 'latest' ? 'upgrade' : 'install'} ${named}${env === undefined ? '' : ` in ${env}`}`,
    diff: { of: env ?? 'pip', before: null, after: `${named.split(' ').join('\n')}\n` },
    run: sh`${begin(given)}
${credentials(given)}
was=$("$pip" freeze 2>/dev/null || :)
out=$("$pip" install ${installArgs(given)} 2>&1) || { printf '%s\n' "$out" >&2; exit 1; }
printf '%s\n' "$out"
${isOpen(given) || asksPip(given) ? sh`if [ "$was" = "$("$pip" freeze 2>/dev/null || :)" ]; then ${isVcs || requirements !== undefined ? sh`echo ${SAME}` : sh`case $out in *'Successfully installed'*) ;; *) echo ${SAME} ;; esac`}; fi` : sh`:`}`,
  };
}

/** Without a password in an address. */
function shown(name: string): string {
  return name.replace(/(\w+:\/\/)[^/@]*@/, '$1');
}

function uninstall(f: Fields, given: Args, installed: ReadonlyMap<string, string>): Change | undefined {
  const names = given.requirements === undefined ? wanted(given) : f.all('required');
  const gone = names
    .map((one) => parseRequirement(one)?.name ?? /#egg=([\w.-]+)/.exec(one)?.[1] ?? one)
    .filter((name) => installed.has(canonicalName(name)));
  if (gone.length === 0) return undefined;
  return {
    what: `uninstall ${gone.join(' ')}`,
    diff: {
      of: environment(given) ?? 'pip',
      before: `${gone.map((n) => `${n}==${installed.get(canonicalName(n))}`).join('\n')}\n`,
      after: null,
    },
    run: sh`${begin(given)}
"$pip" uninstall -y ${indexes(given).rest} ${gone}`,
  };
}

function createEnvironment(env: string, given: Args): Change {
  const { virtualenv_site_packages, virtualenv_python, virtualenv_command } = given;
  const options = [
    ...(virtualenv_site_packages ? ['--system-site-packages'] : []),
    ...(virtualenv_python === undefined ? [] : ['-p', virtualenv_python]),
  ];
  return {
    what: `create the virtual environment ${env}`,
    diff: { of: env, before: null, after: `${virtualenv_command}\n` },
    run: sh`${begin(given)}
${splitWords(virtualenv_command) ?? []} ${options} ${env}`,
  };
}
