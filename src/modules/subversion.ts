import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { parentsOf } from '../core/resource.ts';
import { type Script, sh } from '../core/sh.ts';
import { Secret } from '../core/value.ts';
import { absolutePath, args, flag, text } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  repo: Type.String({
    pattern: '^[a-z+]+://',
    expected: 'an address, as https://…',
    description: 'The address of the directory in the repository.',
  }),
  dest: Type.Optional(absolutePath('The working copy. Not needed if nothing is checked out.')),
  revision: Type.String({
    pattern: '^(HEAD|\\d+|\\{.+\\})$',
    expected: 'HEAD, a number, or a {date}',
    default: 'HEAD',
    description: 'The revision.',
  }),
  force: flag('Discard local modifications.'),
  in_place: flag('Check out into a directory that has files already.'),
  username: text('The user at the server.'),
  password: Type.Optional(
    Type.String({ secret: true, pattern: '^[^\\n]*$', description: 'The password of username.' }),
  ),
  executable: Type.Optional(absolutePath('The program svn.')),
  checkout: flag('Check out if there is no working copy.', true),
  update: flag('Update a working copy.', true),
  export: flag('Write the files without a working copy, in each run.'),
  switch: flag('Move a working copy of another address to this one.', true),
  validate_certs: flag("Verify the server's certificate."),
});
type Args = Static<typeof Args>;

export const subversion = defineModule<typeof Args, Fields>({
  name: 'subversion',
  summary: 'A working copy of a Subversion repository.',
  args: Args,
  aliases: { name: 'repo', repository: 'repo', rev: 'revision', version: 'revision' },
  examples: [
    {
      title: 'A working copy',
      args: { repo: 'https://svn.foobar.com/app/trunk', dest: '/srv/app', validate_certs: true },
    },
    {
      title: 'A fixed revision',
      args: { repo: 'https://svn.foobar.com/app/trunk', dest: '/srv/app', revision: '1889' },
    },
  ],
  verify: (given) => [
    ...(given.dest === undefined && (given.checkout || given.update || given.export)
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'dest'" })]
      : []),
    ...(given.password !== undefined && given.username === undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'username'" })]
      : []),
  ],
  needs: ({ dest }) => ['package:*', ...(dest === undefined ? [] : [`path:${dest}`])],
  touches: ({ dest }) => (dest === undefined ? [] : [`path:${dest}`, ...parentsOf(dest)]),
  probe(given) {
    const { repo, dest = '', revision } = given;
    return sh`${svn(given)}
fail() { printf 'error %s\n' "$(printf %s "$1" | base64 -w0)"; exit 0; }
local_svn --version --quiet >/dev/null 2>&1 || { echo 'svn missing'; exit 0; }
now=; [ -z ${dest} ] || now=$(local_svn info --show-item revision -- ${`${dest}@`} 2>/dev/null)
[ -z ${dest} ] || [ ! -e ${dest} ] || echo 'there yes'
if [ -n "$now" ]; then
  printf 'url %s\nrevision %s\nchanges %s\n' "$(local_svn info --show-item url -- ${`${dest}@`})" "$now" "$(local_svn status --quiet --ignore-externals -- ${`${dest}@`} | grep '^[^?X]' | base64 -w0)"
fi
${
  needsServer(given)
    ? sh`out=$(svn_do info --show-item last-changed-revision -r ${revision} -- ${`${repo}@`} 2>&1) || fail "$out"
printf 'remote %s\n' "$out"
if [ -n "$now" ] && [ "$(local_svn info --show-item url -- ${`${dest}@`})" = ${repo.replace(/\/+$/, '')} ]; then
  out=$(svn_do diff --summarize -r "$now":${revision} -- ${`${dest}@`} 2>&1) || fail "$out"
  printf 'behind %s\n' "$(printf '%s' "$out" | base64 -w0)"
fi`
    : sh`:`
}`;
  },
  parse: fields,
  plan(f, given): Steps {
    const { repo, dest = '' } = given;
    if (f.get('svn') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'svn', hint: 'install subversion in an earlier task' });
    }
    const error = f.text('error');
    if (error !== undefined) {
      const hint = 'check the address, the network, the certificate and the credentials';
      return blocked('E_REPOSITORY_UNREACHABLE', { tool: 'svn', repo, detail: error, hint });
    }
    if (given.export)
      return [change(given, `export ${repo} to ${dest}`, ['export', ...forced(given), ...at(given)], null)];
    const revision = f.get('revision');
    if (revision === undefined) {
      if (f.get('there') === undefined) {
        return given.checkout ? [change(given, `check out ${repo} to ${dest}`, ['checkout', ...at(given)], null)] : [];
      }
      if (!given.update && !given.checkout) return [];
      if (!given.in_place) return blocked('E_NOT_A_REPOSITORY', { tool: 'Subversion', dest });
      const out = change(given, `check out ${repo} to ${dest}`, ['checkout', '--force', ...at(given)], null);
      return [
        given.force
          ? {
              ...out,
              run: sh`${out.run}
local_svn revert -q -R -- ${`${dest}@`}`,
            }
          : out,
      ];
    }
    if (!given.update) return [];
    const files = f.text('changes') ?? '';
    if (files !== '' && !given.force) return blocked('E_LOCAL_MODIFICATIONS', { dest, files });
    const isElsewhere = given.switch && f.get('url') !== repo.replace(/\/+$/, '');
    const behind = f.text('behind') ?? '';
    if (files === '' && behind === '' && !isElsewhere) return [];
    const words = isElsewhere
      ? ['switch', '--ignore-ancestry', ...at(given)]
      : ['update', '-r', given.revision, '--', `${dest}@`];
    const what = isElsewhere ? `switch ${dest} to ${repo}` : `update ${dest} to ${given.revision}`;
    const out = change(given, what, words, `${behind === '' ? files : behind}\n`);
    // Ansible reverts after the switch, so that nothing is lost if the server does not answer.
    return [
      files === ''
        ? out
        : {
            ...out,
            run: sh`${out.run}
local_svn revert -q -R -- ${`${dest}@`}`,
          },
    ];
  },
  data(f, given, _ctx, ran) {
    const { repo, dest = '' } = given;
    if (!given.export && !given.update && !given.checkout) return { after: `Revision: ${f.get('remote') ?? ''}` };
    const before = ran === undefined ? undefined : /^before (\S*) (.*)$/m.exec(ran.stdout);
    const now = [`Revision: ${f.get('revision') ?? ''}`, `URL: ${f.get('url') ?? repo}`];
    const was =
      before == null
        ? f.get('revision') === undefined
          ? null
          : now
        : before[1] === '-'
          ? null
          : [`Revision: ${before[1]}`, `URL: ${before[2]}`];
    return { dest, ...(!given.export && { before: was, after: now }) };
  },
});

/** Whether the task depends on what the server has. */
function needsServer(given: Args): boolean {
  return given.update || (!given.checkout && !given.export);
}

/** Defines `svn_do`, which runs svn with the credentials, the password on its stdin, and `local_svn` without them. */
function svn({ executable = 'svn', username, password, validate_certs }: Args): Script {
  const user = username === undefined ? [] : ['--username', username];
  const trust = validate_certs ? [] : ['--trust-server-cert'];
  const run = sh`LC_ALL=C ${executable} --non-interactive --no-auth-cache`;
  const asked = password === undefined ? sh`` : sh`printf '%s\n' ${new Secret(password)} |`;
  return sh`local_svn() { ${run} "$@"; }
svn_do() { c=$1; shift; ${asked} ${run} "$c" ${trust} ${user} ${password === undefined ? [] : ['--password-from-stdin']} "$@"; }`;
}

function at({ repo, dest = '', revision }: Args): readonly string[] {
  return ['-r', revision, '--', `${repo}@`, dest];
}

function forced({ force }: Args): readonly string[] {
  return force ? ['--force'] : [];
}

function change(given: Args, what: string, words: readonly string[], before: string | null): Change {
  const { dest = '' } = given;
  return {
    what,
    diff: { of: dest, before, after: before === null ? `${given.repo} at ${given.revision}\n` : null },
    run: sh`set -e
${svn(given)}
printf 'before %s %s\n' "$(local_svn info --show-item revision -- ${`${dest}@`} 2>/dev/null || echo -)" "$(local_svn info --show-item url -- ${`${dest}@`} 2>/dev/null || :)"
svn_do ${words} >/dev/null`,
    ...(given.export && { action: true as const }),
  };
}
