import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { tell } from '../core/errors/index.ts';
import { type Controller, type ControllerResult, defineModule, type Output } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { splitWords } from '../core/words.ts';
import { args, flag, names, optionalFlag, text } from './shared/args.ts';

const CONNECTION = 'No effect: rsync uses the connection of the run, with its user, keys and options.';

const Args = args({
  src: Type.String({
    minLength: 1,
    description:
      "What is copied. With `push`, a path on the controller (in the role's files/, or beside the playbook); with `pull`, a path on the host. If it ends in /, the content of the directory is copied.",
  }),
  dest: Type.String({
    minLength: 1,
    description: 'Where it is copied to. With `push`, a path on the host; with `pull`, a path on the controller.',
  }),
  mode: Type.Enum(['push', 'pull'], { default: 'push', description: 'push: to the host. pull: from the host.' }),
  archive: flag('Copy directories with everything in them, links, permissions, times, owners and devices.', true),
  checksum: flag('Compare files by checksum instead of time and size.'),
  compress: flag('Compress the data on the way.', true),
  existing_only: flag('Copy only what the destination has already.'),
  delete: flag('Remove what the source does not have, after the transfer.'),
  delay_updates: flag(
    'Put all files into their places at the end of the transfer. Also read .rsync-filter files.',
    true,
  ),
  dirs: flag('Copy directories without what is in them.'),
  recursive: optionalFlag('Copy directories with what is in them. Default: archive.'),
  links: optionalFlag('Copy links as links. Default: archive.'),
  copy_links: flag('Copy what links lead to.'),
  perms: optionalFlag('Keep permissions. Default: archive.'),
  times: optionalFlag('Keep times of modification. Default: archive.'),
  owner: optionalFlag('Keep the owner, if the task runs as root. Default: archive.'),
  group: optionalFlag('Keep the group. Default: archive.'),
  partial: flag('Keep a file that was transferred in part, so that the rest follows in the next run.'),
  link_dest: Type.Optional(names('Directories at the destination: a file that is the same there becomes a hard link.')),
  rsync_opts: Type.Array(Type.String({ minLength: 1, pattern: '\\S' }), {
    default: [],
    expected: 'options of rsync',
    description: 'More options of rsync, as --exclude=.git.',
  }),
  rsync_path: text('The command that starts rsync on the host. Default: rsync.'),
  rsync_timeout: Type.Integer({
    default: 0,
    minimum: 0,
    description: 'Give up if nothing was transferred for so many seconds. 0: never.',
  }),
  set_remote_user: flag(CONNECTION, true),
  use_ssh_args: flag(CONNECTION),
  ssh_connection_multiplexing: flag(CONNECTION),
  verify_host: flag('No effect: the host key is always verified.'),
});
type Args = Static<typeof Args>;

/** Options that change the connection, or hide what was changed. */
const REFUSED: Readonly<Record<string, string>> = {
  '-e': 'rsync uses the connection of the run',
  '--rsh': 'rsync uses the connection of the run',
  '-q': 'bringup reads what rsync prints',
  '--quiet': 'bringup reads what rsync prints',
  '--out-format': 'bringup reads what rsync prints',
  '--log-format': 'bringup reads what rsync prints',
  '-n': 'set `check_mode: true`',
  '--dry-run': 'set `check_mode: true`',
};
const MARK = '<<CHANGED>>';

export const synchronize = defineModule<typeof Args, null>({
  name: 'synchronize',
  summary: 'Copies a tree to the host or from it, with rsync on both sides, over the connection of the run.',
  args: Args,
  // What an absolute path names may be on the host, if the task is delegated to it.
  sources: ({ src, mode = 'push' }) =>
    mode === 'push' && typeof src === 'string' && !src.startsWith('/')
      ? [{ path: src, folder: 'files', staysSealed: true }]
      : [],
  examples: [
    { title: 'A directory, and nothing else in it', args: { src: 'site/', dest: '/srv/www', delete: true } },
    {
      title: 'Without some files, owned by root',
      args: { src: '/srv/build/', dest: '/srv/app', owner: false, group: false, rsync_opts: ['--exclude=.git'] },
    },
    { title: 'From the host', args: { mode: 'pull', src: '/var/log/nginx/', dest: 'logs/' } },
  ],
  verify(given) {
    const { src, dest, rsync_opts } = given;
    const strange = Object.entries({ src, dest }).filter(([, path]) => /^[^/]*:/.test(path));
    const isRecursive = given.recursive ?? given.archive;
    return [
      ...strange.map(([name, path]) =>
        argError([name], 'E_ARGUMENT_VALUE', {
          problem: `'${path}' names a server`,
          expected: 'a path',
          hint: 'the host of the task is the other side; for another server, use `command: rsync …`',
        }),
      ),
      ...(given.delete && !isRecursive && !given.dirs
        ? [argError(['delete'], 'E_ARGUMENT_CONFLICT', { problem: "'delete' needs 'recursive'" })]
        : []),
      ...rsync_opts.flatMap((one, at) => optionErrors(one, at)),
    ];
  },
  needs: ({ mode, src, dest }) => ['package:rsync', `path:${mode === 'push' ? dest : src}`],
  touches: ({ mode, dest }) => (mode === 'push' ? [`path:${dest}`] : []),
  parse: () => null,
  plan: () => [],
  controller: {
    when: 'always',
    async work(given, controller) {
      const { mode, src, dest } = given;
      if (controller.place === 'another') {
        return { failed: tell('E_SYNC_PLACE', { problem: 'rsync between two hosts is not supported', hint: BETWEEN }) };
      }
      if (controller.place === 'host') return onHost(given, controller);
      const there = mode === 'push' ? dest : src;
      if (!there.startsWith('/')) {
        const problem = `'${there}' is no absolute path on the host`;
        return { failed: tell('E_SYNC_PLACE', { problem, hint: 'begin it with /' }) };
      }
      const ends =
        mode === 'push' ? [controller.find(src, 'files'), `host:${dest}`] : [`host:${src}`, controller.resolve(dest)];
      const slash = mode === 'pull' && dest.endsWith('/') ? '/' : '';
      const options = optionsOf(given, controller.isPlan);
      const path = given.rsync_path === undefined ? [] : [`--rsync-path=${given.rsync_path}`];
      const paths = ['--', ends[0] ?? '', `${ends[1]}${slash}`];
      const words = ['rsync', ...options, ...path, ...paths];
      return judged(
        await controller.bridge((remoteShell) => ['rsync', `--rsh=${remoteShell}`, ...options, ...path, ...paths]),
        given,
        words,
      );
    },
  },
});

const BETWEEN = 'delegate to this machine or to the host itself; between two hosts, use `command: rsync …`';

function optionErrors(option: string, at: number) {
  const words = splitWords(option);
  if (words === undefined)
    return [argError(['rsync_opts', at], 'E_ARGUMENT_VALUE', { problem: 'a quote is not closed' })];
  return words.flatMap((word) => {
    // Short options may be joined, up to one that takes a value.
    const [, long, short = ''] = /^(--[^=]+)|^-([^-@BMTf]*)/.exec(word) ?? [];
    const name = [...(long === undefined ? [] : [long]), ...[...short].map((letter) => `-${letter}`)].find(
      (one) => REFUSED[one] !== undefined,
    );
    const why = REFUSED[name ?? ''];
    return why === undefined
      ? []
      : [
          argError(['rsync_opts', at], 'E_ARGUMENT_VALUE', {
            problem: `'${name}' of rsync is not supported`,
            hint: why,
          }),
        ];
  });
}

/** The options in the order of Ansible's module. */
function optionsOf(given: Args, isPlan: boolean): readonly string[] {
  const kept = ['recursive', 'links', 'perms', 'times', 'owner', 'group'] as const;
  return [
    ...(given.delay_updates ? ['--delay-updates', '-F'] : []),
    ...(given.compress ? ['--compress'] : []),
    ...(given.rsync_timeout > 0 ? [`--timeout=${given.rsync_timeout}`] : []),
    ...(isPlan ? ['--dry-run'] : []),
    ...(given.delete ? ['--delete-after'] : []),
    ...(given.existing_only ? ['--existing'] : []),
    ...(given.checksum ? ['--checksum'] : []),
    ...(given.copy_links ? ['--copy-links'] : []),
    ...(given.archive ? ['--archive'] : []),
    ...kept.flatMap((name) => (given[name] === !given.archive ? [`--${given.archive ? 'no-' : ''}${name}`] : [])),
    ...(given.dirs ? ['--dirs'] : []),
    ...given.rsync_opts.flatMap((one) => splitWords(one) ?? []),
    ...(given.partial ? ['--partial'] : []),
    // Without -vv, rsync does not tell of a new hard link.
    ...(given.link_dest === undefined ? [] : ['-H', '-vv', ...given.link_dest.map((one) => `--link-dest=${one}`)]),
    `--out-format=${MARK}%i %n%L`,
  ];
}

/** Source and destination are on the host, because the task is delegated to it. */
async function onHost(given: Args, controller: Controller): Promise<ControllerResult> {
  const words = ['rsync', ...optionsOf(given, controller.isPlan), '--', given.src, given.dest];
  const run: Script = sh`${words}`;
  return judged(await (controller.isPlan ? controller.read(run) : controller.change(run)), given, words);
}

function judged(
  { code, stdout, stderr }: Output,
  { rsync_path, link_dest, dest }: Args,
  words: readonly string[],
): ControllerResult {
  if (code !== 0) {
    const program = (rsync_path ?? 'rsync').split(' ')[0] ?? '';
    return {
      failed:
        stderr.includes(`${program}: not found`) || stderr.includes(`${program}: command not found`)
          ? tell('E_TOOL_MISSING', { tool: program, hint: 'install rsync in an earlier task' })
          : tell('E_SYNC_FAILED', { exit: code, detail: stderr.trim() }),
    };
  }
  const marked = stdout.split('\n').filter((line) => line.startsWith(MARK));
  const changed = marked.filter((line) => link_dest === undefined || !line.startsWith(`${MARK}.`));
  const msg = stdout.replaceAll(MARK, '');
  const stdout_lines = msg.split('\n').filter((line) => line !== '');
  const after = `${changed.map((line) => line.slice(MARK.length)).join('\n')}\n`;
  return {
    changed: changed.length > 0,
    data: { cmd: words.join(' '), rc: 0, msg, stdout_lines },
    told: {
      what: `synchronize ${changed.length === 1 ? 'a path' : `${changed.length} paths`}`,
      diff: { of: dest, before: null, after },
    },
  };
}
