import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { type Blocked, blocked, defineModule, type Steps } from '../core/module.ts';
import { parentsOf } from '../core/resource.ts';
import { quote, type Script, sh } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { absolutePath, args, flag, text } from './shared/args.ts';
import { encodeBase64 } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';
import { verified } from './shared/git-verify.ts';

const Args = args({
  repo: Type.String({
    minLength: 1,
    pattern: '^[^-\\s][^\\n]*$',
    expected: 'the address of a repository',
    description:
      'The repository: https://…, ssh://…, git@HOST:PATH, or a path on the host. A password in an https address is sent as a header and is not stored on the host.',
  }),
  dest: absolutePath('The directory of the working copy, or of the repository with bare.'),
  version: Type.String({
    default: 'HEAD',
    pattern: '^[^-\\s][^\\s]*$',
    expected: 'a branch, a tag or a commit',
    description: "The branch, tag or commit to check out. HEAD is the repository's default branch.",
  }),
  remote: Type.String({
    default: 'origin',
    pattern: '^[^-\\s][^\\s]*$',
    expected: 'a name',
    description: 'The name of the remote.',
  }),
  clone: flag('Clone the repository if dest has none. false: only return its remote version.', true),
  update: flag('Fetch new commits. false: leave an existing clone as it is.', true),
  force: flag('Discard local modifications. Without it, a modified working copy is an error.'),
  depth: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'Fetch this many commits only. All of them are fetched if version is a commit.',
    }),
  ),
  refspec: Type.Optional(
    Type.String({ pattern: '^[^-\\s]', expected: 'a refspec', description: 'One more refspec to fetch.' }),
  ),
  bare: flag('Make a bare repository, without a working copy.'),
  single_branch: flag('Clone only the history of the version.'),
  verify_commit: flag('Verify the GPG signature of the version before it is checked out.'),
  gpg_whitelist: Type.Array(
    Type.String({
      pattern: '^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$',
      expected: 'the fingerprint of a key: 40 or 64 hexadecimal digits',
    }),
    {
      default: [],
      description: 'With verify_commit: only these keys may have signed it, by their whole fingerprints.',
    },
  ),
  recursive: flag('Check out submodules too.', true),
  track_submodules: flag('Check out the latest commit of the branch of each submodule.'),
  reference: text('A repository on the host to borrow objects from.'),
  accept_hostkey: flag('Add the host key of the server to known_hosts, and accept one that has changed.'),
  accept_newhostkey: flag('Add the host key of the server to known_hosts if the server has none there.'),
  key_file: Type.Optional(absolutePath('The private key for ssh, on the host.')),
  ssh_opts: text('More options for ssh, as one string for the shell.'),
  executable: Type.Optional(absolutePath('The git program.')),
  umask: Type.Optional(
    Type.String({
      pattern: '^(0?[0-7]{3,4}|0[0-7]{1,2})$',
      expected: "an octal umask in quotes, as '0022'",
      description: 'The umask for new files.',
    }),
  ),
});
type Args = Static<typeof Args>;

type Current = Readonly<{
  fields: Fields;
  /** The commit that is checked out. */
  head: string | undefined;
  /** The branch that is checked out. */
  branch: string | undefined;
  /** What the version means: a branch, a tag, or a commit that may not be on the host. */
  target: Readonly<{ kind: 'branch' | 'tag' | 'commit'; name: string; commit: string }> | undefined;
  modified: readonly string[];
  /** The address that the remote had before, if it is another one. */
  otherUrl: string | undefined;
}>;

export const git = defineModule<typeof Args, Current>({
  name: 'git',
  summary: 'A git repository is cloned, and a branch, a tag or a commit is checked out.',
  args: Args,
  aliases: { name: 'repo', gpg_allowlist: 'gpg_whitelist' },
  examples: [
    {
      title: 'A tag',
      args: { repo: 'https://github.com/foobar/app.git', dest: '/srv/app', version: 'v1.2.0', depth: 1 },
    },
    {
      title: 'With a deploy key',
      args: {
        repo: 'git@git.foobar.com:ops/app.git',
        dest: '/srv/app',
        version: 'main',
        key_file: '/root/.ssh/deploy',
        accept_newhostkey: true,
      },
    },
  ],
  verify: (given) => [
    ...(given.accept_hostkey && given.accept_newhostkey
      ? [
          argError(['accept_newhostkey'], 'E_ARGUMENT_CONFLICT', {
            problem: "'accept_hostkey' and 'accept_newhostkey' exclude each other",
          }),
        ]
      : []),
    ...(given.gpg_whitelist.length > 0 && !given.verify_commit
      ? [argError(['gpg_whitelist'], 'E_ARGUMENT_CONFLICT', { problem: "'gpg_whitelist' needs 'verify_commit'" })]
      : []),
    ...(given.bare && given.verify_commit
      ? [argError(['verify_commit'], 'E_ARGUMENT_CONFLICT', { problem: 'a bare repository has nothing to verify' })]
      : []),
    ...(given.track_submodules && !given.recursive
      ? [argError(['track_submodules'], 'E_ARGUMENT_CONFLICT', { problem: "'track_submodules' needs 'recursive'" })]
      : []),
  ],
  needs: ({ dest, repo, key_file }) => [
    `path:${dest}`,
    'package:*',
    'live:*',
    'path:/root/.ssh',
    'path:/etc/ssh/ssh_known_hosts',
    ...(localPath(repo) === undefined ? [] : [`path:${localPath(repo)}`]),
    ...(key_file === undefined ? [] : [`path:${key_file}`]),
  ],
  touches: ({ dest, accept_hostkey, accept_newhostkey }) => [
    `path:${dest}`,
    ...parentsOf(dest),
    ...(accept_hostkey || accept_newhostkey ? ['path:/root/.ssh/known_hosts'] : []),
  ],
  probe,
  parse,
  plan(now, given): Steps {
    const { dest, version, update } = given;
    const obstacle = obstacleOf(now, given);
    if (obstacle !== undefined) return obstacle;
    if (now.head === undefined && now.fields.get('repository') === undefined) {
      if (!given.clone) return [];
      return [
        {
          what: `clone ${addressOf(given)} to ${dest} (${version})`,
          diff: { of: dest, before: null, after: `${now.target?.commit ?? version}\n` },
          run: clone(given, now),
        },
      ];
    }
    if (!update) return [];
    const isBehind = given.bare ? now.fields.get('behind') !== undefined : !isCheckedOut(now);
    const isOther = now.otherUrl !== undefined;
    const submodules = now.fields.all('submodule');
    if (!isBehind && !isOther && now.modified.length === 0 && submodules.length === 0) return [];
    return [
      {
        what: wordsFor(now, given, isBehind),
        diff: {
          of: dest,
          before: `${[now.head ?? '', ...(isOther ? [now.otherUrl ?? ''] : []), ...now.modified].join('\n')}\n`,
          after: `${[now.target?.commit ?? version, ...(isOther ? [addressOf(given)] : [])].join('\n')}\n`,
        },
        run: pull(given, now),
      },
    ];
  },
  data(now, _given, _ctx, ran) {
    const told = ran === undefined ? undefined : fields(ran.stdout);
    const head = now.head ?? null;
    const isMissing = now.fields.get('repository') === undefined;
    const before = told === undefined ? head : (told.get('before') ?? '');
    return {
      before: before === '' ? null : before,
      after: told?.get('after') ?? (isMissing ? (now.target?.commit ?? null) : head),
      remote_url_changed: told?.get('remote_url_changed') !== undefined,
      ...(told?.get('submodules_changed') !== undefined && { submodules_changed: true }),
    };
  },
});

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

function localPath(repo: string): string | undefined {
  if (repo.startsWith('/')) return repo;
  return /^file:\/\/(\/.*)$/.exec(repo)?.[1];
}

type Address = Readonly<{ plain: string; site: string; login: string | undefined }>;

/** An http address is split into what may be shown and what may not. */
function parsed(repo: string): Address {
  const [, scheme = '', login, host = '', path = ''] = /^(https?:\/\/)(?:([^/]*)@)?([^/]+)(.*)$/s.exec(repo) ?? [];
  return scheme === ''
    ? { plain: repo, site: '', login: undefined }
    : { plain: scheme + host + path, site: `${scheme}${host}/`, login };
}

function addressOf({ repo }: Pick<Args, 'repo'>): string {
  return parsed(repo).plain;
}

/** The password goes into the environment: every user of the host can read the arguments of a process. */
function credentials({ repo }: Args): Script {
  const { site, login } = parsed(repo);
  if (login === undefined) return sh`:`;
  const [user = '', password = ''] = login.split(/:(.*)/s).map(decoded);
  const header = `Authorization: Basic ${encodeBase64(`${user}:${password}`)}`;
  return sh`export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=${`http.${site}.extraHeader`} GIT_CONFIG_VALUE_0=${new Secret(header)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** How git calls ssh. A probe writes no known_hosts: it reads the user's as the global one and writes to /dev/null. */
function sshCommand({ accept_hostkey, accept_newhostkey, key_file, ssh_opts }: Args, isProbe: boolean): Script {
  const accepts = accept_hostkey || accept_newhostkey;
  const own = [
    'ssh',
    ...['-o', 'BatchMode=yes'],
    ...(accepts ? ['-o', `StrictHostKeyChecking=${accept_hostkey ? 'no' : 'accept-new'}`] : []),
    ...(accepts && isProbe ? ['-o', 'UserKnownHostsFile=/dev/null'] : []),
    ...(accepts && isProbe ? ['-o', 'GlobalKnownHostsFile=/etc/ssh/ssh_known_hosts ~/.ssh/known_hosts'] : []),
    ...(accepts && isProbe ? ['-o', 'LogLevel=ERROR'] : []),
    ...(key_file === undefined ? [] : ['-i', key_file, '-o', 'IdentitiesOnly=yes']),
  ].map(quote);
  return sh`export GIT_SSH_COMMAND=${[...own, ssh_opts ?? ''].join(' ').trim()}`;
}

function setUp(given: Args, isProbe: boolean): Script {
  return sh`export GIT_TERMINAL_PROMPT=0 LC_ALL=C
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
${sshCommand(given, isProbe)}
${credentials(given)}
git=${given.executable ?? 'git'}
g() { "$git" "$@"; }`;
}

/** Prints the output of a command that failed. */
function failedAs(key: string): Script {
  return sh`{ printf ${`${key} %s\\n`} "$(printf '%s\n' "$e" | base64 -w0)"; exit 0; }`;
}

function probe(given: Args): Script {
  const { dest, bare, remote, version, update, recursive, track_submodules } = given;
  const url = addressOf(given);
  const isThere = bare ? sh`[ -e ${`${dest}/HEAD`} ] && [ -d ${`${dest}/objects`} ]` : sh`[ -e ${`${dest}/.git`} ]`;
  const refs =
    version === 'HEAD'
      ? sh`"refs/heads/$d"`
      : sh`${[`refs/heads/${version}`, `refs/tags/${version}`, `refs/tags/${version}^{}`]}`;
  return sh`${setUp(given, true)}
export GIT_OPTIONAL_LOCKS=0
h=; d=HEAD
command -v "$git" >/dev/null || { echo 'git missing'; exit 0; }
if ${isThere}; then
  echo 'repository yes'
  cd -- ${dest} || exit 0
  e=$(g rev-parse --git-dir 2>&1) || ${failedAs('refused')}
  if h=$(g rev-parse --verify -q HEAD); then printf 'head %s\n' "$h"; fi
  if b=$(g symbolic-ref -q --short HEAD); then printf 'branch %s\n' "$b"; fi
  if d=$(g symbolic-ref -q ${`refs/remotes/${remote}/HEAD`}); then d=\${d#${`refs/remotes/${remote}/`}}; printf 'default %s\n' "$d"; else d=HEAD; fi
  u=$(g config --get ${`remote.${remote}.url`}) || u=
  printf 'url %s\n' "$(printf %s "$u" | base64 -w0)"
  ${bare ? sh`:` : sh`g status --porcelain --untracked-files=no ${track_submodules ? ['--ignore-submodules=all'] : []} | sed 's/^/modified /'`}
  if c=$(g rev-parse --verify -q ${`${version}^{commit}`}); then printf 'local %s\n' "$c"; fi
  ${recursive && !bare ? sh`if [ -f .gitmodules ]; then ${submoduleState(track_submodules)}; fi` : sh`:`}
elif [ -e ${dest} ] && [ -n "$(ls -A ${dest} 2>/dev/null || echo x)" ]; then
  echo 'occupied yes'
fi
${update ? sh`:` : sh`[ -z "$h" ] || exit 0`}
${COMMIT.test(version) && !bare ? sh`[ "$h" != ${version} ] || exit 0` : sh`:`}
cd /
e=$(g ls-remote --symref -- ${url} HEAD ${refs} 2>&1) || ${failedAs('unreachable')}
printf '%s\n' "$e" | sed -n -E 's/^ref: refs\/heads\/(.*)	HEAD$/remotehead \1/p; s/^([0-9a-f]{40,64})	(.*)$/remote \1 \2/p'
${bare ? sh`if [ -n "$h" ] || [ -d ${`${dest}/refs`} ]; then ${behindRefs(dest, url)}; fi` : sh`:`}
:`;
}

/** A submodule that is missing, in conflict, or (unless each follows its branch) at another commit than the version says. */
function submoduleState(isTracking: boolean): Script {
  if (!isTracking) return sh`g submodule status --recursive | sed -n -E 's/^[-+U][0-9a-f]+ ([^ ]+).*$/submodule \1/p'`;
  return sh`g submodule status --recursive | sed -n -E 's/^[-U][0-9a-f]+ ([^ ]+).*$/submodule \1/p'
  g submodule --quiet foreach --recursive 'b=$(git config -f "$toplevel/.gitmodules" "submodule.$name.branch" || echo HEAD); r=$(git ls-remote origin "$b" | head -n 1 | cut -f 1); [ "$r" = "$(git rev-parse HEAD)" ] || printf "submodule %s\n" "$displaypath"'`;
}

/** A bare repository is a mirror: all its branches and tags count. */
function behindRefs(dest: string, url: string): Script {
  return sh`l=$(g -C ${dest} for-each-ref '--format=%(objectname)	%(refname)' refs/heads refs/tags)
  g ls-remote --heads --tags --refs -- ${url} | while IFS= read -r r; do case "
$l
" in *"
$r
"*) ;; *) echo behind; break ;; esac; done`;
}

function parse(stdout: string, given: Args): Current {
  const f = fields(stdout);
  const remote = new Map(
    f.all('remote').map((line): [string, string] => {
      const at = line.indexOf(' ');
      return [line.slice(at + 1), line.slice(0, at)];
    }),
  );
  const url = f.text('url');
  const isOther = f.get('head') !== undefined && url !== undefined && url !== '' && !isSame(url, given.repo);
  return {
    fields: f,
    head: f.get('head'),
    branch: f.get('branch'),
    target: targetOf(f, remote, given.version),
    modified: f.all('modified'),
    otherUrl: isOther ? addressOf({ repo: url ?? '' }) : undefined,
  };
}

function isSame(url: string, repo: string): boolean {
  const plain = (one: string): string => addressOf({ repo: localPath(one) ?? one }).replace(/(.)\/+$/, '$1');
  return plain(url) === plain(repo);
}

function targetOf(f: Fields, remote: ReadonlyMap<string, string>, version: string): Current['target'] {
  if (version === 'HEAD') {
    const own = f.get('default');
    const name = own !== undefined && remote.has(`refs/heads/${own}`) ? own : f.get('remotehead');
    const commit = remote.get(`refs/heads/${name}`) ?? remote.get('HEAD');
    return commit === undefined ? undefined : { kind: 'branch', name: name ?? 'HEAD', commit };
  }
  const branch = remote.get(`refs/heads/${version}`);
  if (branch !== undefined) return { kind: 'branch', name: version, commit: branch };
  const tag = remote.get(`refs/tags/${version}^{}`) ?? remote.get(`refs/tags/${version}`);
  if (tag !== undefined) return { kind: 'tag', name: version, commit: tag };
  const commit = f.get('local') ?? (COMMIT.test(version) ? version : undefined);
  return { kind: 'commit', name: version, commit: commit ?? version };
}

function isCheckedOut({ head, branch, target }: Current): boolean {
  if (target === undefined || head !== target.commit) return false;
  return target.kind !== 'branch' || target.name === 'HEAD' || branch === target.name;
}

function obstacleOf({ fields: f, head, modified }: Current, given: Args): Blocked | undefined {
  const { dest, executable, force, update } = given;
  if (f.get('git') === 'missing') {
    return blocked('E_TOOL_MISSING', { tool: executable ?? 'git', hint: 'install the package git in an earlier task' });
  }
  const refused = f.text('refused');
  if (refused !== undefined) {
    return blocked('E_GIT_REFUSED', { dest, detail: refused });
  }
  if (f.get('occupied') === 'yes') {
    return blocked('E_NOT_A_REPOSITORY', { dest });
  }
  if (head !== undefined && !update) return undefined;
  if (modified.length > 0 && !force) {
    return blocked('E_LOCAL_MODIFICATIONS', { dest, files: modified.join('\n') });
  }
  const unreachable = f.text('unreachable');
  if (unreachable === undefined) return undefined;
  const isUnknown = /Host key verification failed/.test(unreachable);
  return blocked('E_REPOSITORY_UNREACHABLE', {
    repo: addressOf(given),
    detail: unreachable,
    hint: isUnknown
      ? 'add its host key in an earlier task (known_hosts), or set `accept_newhostkey: true`'
      : 'check the address, the network and the credentials of the host',
  });
}

function wordsFor({ head, otherUrl, modified, target }: Current, given: Args, isBehind: boolean): string {
  const { dest, version, remote } = given;
  if (isBehind) {
    const [from, to] = [head, target?.commit].map((commit) => (commit ?? '').slice(0, 8));
    return `${dest}: check out ${version}${from === to || given.bare ? '' : ` (${from} → ${to})`}`;
  }
  if (modified.length > 0) return `${dest}: discard local modifications`;
  if (otherUrl !== undefined) return `${dest}: set the address of ${remote} to ${addressOf(given)}`;
  return `${dest}: check out submodules`;
}

function begin(given: Args): Script {
  return sh`set -e
${given.umask === undefined ? sh`:` : sh`umask ${given.umask}`}
${setUp(given, false)}`;
}

/** A shallow fetch can name a branch or a tag, and no commit. */
function depthOf({ depth, refspec }: Args, { target }: Current): readonly string[] {
  return depth === undefined || (target?.kind === 'commit' && refspec === undefined) ? [] : [`--depth=${depth}`];
}

function clone(given: Args, now: Current): Script {
  const { dest, bare, remote, single_branch, refspec, reference, version } = given;
  const isNamed = version !== 'HEAD' && now.target?.kind !== 'commit';
  const depth = depthOf(given, now);
  const options = [
    ...(bare ? ['--bare'] : [`--origin=${remote}`]),
    ...(given.verify_commit ? ['--no-checkout'] : []),
    ...depth,
    ...(single_branch ? ['--single-branch'] : []),
    ...(isNamed && (depth.length > 0 || single_branch) ? [`--branch=${version}`] : []),
    ...(reference === undefined ? [] : ['--reference', reference]),
  ];
  return sh`${begin(given)}
g clone --quiet ${options} -- ${addressOf(given)} ${dest}
cd -- ${dest}
${bare && remote !== 'origin' ? sh`g remote rename origin ${remote} 2>/dev/null || g remote add ${remote} ${addressOf(given)}` : sh`:`}
${refspec === undefined ? sh`:` : sh`g fetch --quiet ${depth} ${remote} ${refspec}`}
${bare ? sh`:` : checkOut(given, now, sh`rm -rf -- ${`${dest}/.git`}`)}
printf 'after %s\n' "$(g rev-parse HEAD)"`;
}

function pull(given: Args, now: Current): Script {
  const { dest, bare, remote, force, refspec, depth } = given;
  const shallow = depthOf(given, now);
  const { kind, name } = now.target ?? { kind: 'commit', name: given.version };
  const minimal = bare || shallow.length === 0 ? undefined : refspecFor(kind, name, remote);
  const refspecs = [
    ...(bare ? ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'] : []),
    ...(minimal === undefined ? [] : [minimal]),
    ...(refspec === undefined ? [] : [refspec]),
  ];
  const tags = bare || minimal !== undefined ? [] : ['--tags'];
  // Without a refspec of its own git fetches what the remote is set up for; one on the command line replaces that.
  const all = !bare && minimal === undefined && refspec !== undefined;
  return sh`${begin(given)}
cd -- ${dest}
printf 'before %s\n' "$(g rev-parse --verify -q HEAD || :)"
${now.modified.length > 0 ? sh`g reset --quiet --hard HEAD` : sh`:`}
if u=$(g config --get ${`remote.${remote}.url`}); then
  if [ "$u" != ${addressOf(given)} ]; then g remote set-url ${remote} ${addressOf(given)}; ${now.otherUrl === undefined ? sh`:` : sh`echo remote_url_changed`}; fi
else g remote add ${remote} ${addressOf(given)}; fi
s=; ${depth === undefined ? sh`if [ "$(g rev-parse --is-shallow-repository)" = true ]; then s=--unshallow; fi` : sh`:`}
${all ? sh`g fetch --quiet $s --tags ${force ? ['--force'] : []} ${remote}` : sh`:`}
g fetch --quiet ${all ? sh`` : sh`$s`} ${shallow} ${tags} ${force ? ['--force'] : []} ${bare && given.version === 'HEAD' ? ['--prune'] : []} ${remote} ${refspecs}
${bare ? sh`:` : checkOut(given, now, sh`:`)}
printf 'after %s\n' "$(g rev-parse HEAD)"`;
}

function refspecFor(kind: string, name: string, remote: string): string | undefined {
  if (kind === 'branch') return `+refs/heads/${name}:refs/remotes/${remote}/${name}`;
  return kind === 'tag' ? `+refs/tags/${name}:refs/tags/${name}` : undefined;
}

/**
 * A branch follows the remote one; local commits of it are left behind, as Ansible does. `undo` runs if the version is
 * not signed as wanted.
 */
function checkOut(given: Args, { target }: Current, undo: Script): Script {
  const { remote, recursive, track_submodules, force, version } = given;
  const { kind, name } = target ?? { kind: 'commit' as const, name: version };
  const there = `refs/remotes/${remote}/${name}`;
  const branch = sh`g rev-parse --verify -q ${there} >/dev/null || g fetch --quiet ${remote} ${`+refs/heads/${name}:${there}`}
${verified(given, there, undo)}
g checkout --quiet --force -B ${name} ${there} --
g branch --quiet ${`--set-upstream-to=${remote}/${name}`} 2>/dev/null || :`;
  // A single commit may be out of what the remote is set up to send: then it is asked for by its name.
  const commit = sh`g rev-parse --verify -q ${`${version}^{commit}`} >/dev/null || g fetch --quiet ${remote} ${version}
${verified(given, version, undo)}
g checkout --quiet --force ${version} --`;
  const isHead = kind === 'branch' && name === 'HEAD';
  const options = ['--init', '--recursive', ...(track_submodules ? ['--remote'] : []), ...(force ? ['--force'] : [])];
  return sh`${
    isHead
      ? sh`${verified(given, 'FETCH_HEAD', undo)}
g checkout --quiet --force --detach FETCH_HEAD 2>/dev/null || :`
      : kind === 'branch'
        ? branch
        : kind === 'tag'
          ? sh`${verified(given, `refs/tags/${name}`, undo)}
g checkout --quiet --force ${`refs/tags/${name}`} --`
          : commit
  }
${
  recursive
    ? sh`if [ -f .gitmodules ]; then
  was=$(g submodule status --recursive)
  g submodule --quiet sync --recursive
  g submodule --quiet update ${options}
  [ "$was" = "$(g submodule status --recursive)" ] || echo submodules_changed
fi`
    : sh`:`
}`;
}
