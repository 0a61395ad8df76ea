import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Context, defineModule, type LocalFile, type Steps, type TreeNode } from '../core/module.ts';
import { parentsOf } from '../core/resource.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, exclude, flag, oneOf, optionalFlag, placing, text } from './shared/args.ts';
import { ownerNeeds, ownerWord } from './shared/attributes.ts';
import { type Destination, destination, probeDestination } from './shared/dest.ts';
import { fields } from './shared/fields.ts';
import { pythonJson } from './shared/json.ts';
import { hasLabels, LABEL_ALIASES, labels, SELINUX } from './shared/labels.ts';
import { modeErrors, octal } from './shared/mode.ts';
import { fileData, type Stat, statOf } from './shared/path-state.ts';
import { basename, dirname, join, stageName } from './shared/paths.ts';
import { contentSums, place, placedData, type Sums, sumData } from './shared/place.ts';
import { parseTree, planTree, probeTree, type TreeSeen } from './shared/tree.ts';
import { making, stageWithin } from './shared/untrusted.ts';

const Args = args({
  src: text(
    "A file or directory on the controller (in the role's files/, or beside the playbook). If a directory ends in /, its content is copied, else the directory itself.",
  ),
  content: Type.Optional(
    Type.Unsafe<unknown>({
      description: 'The content of the file, instead of src. A list or dict is written as JSON.',
    }),
  ),
  dest: absolutePath("The path on the host. If it is a directory or ends in /, the source's name is appended."),
  remote_src: flag('src is on the host.'),
  force: flag('Replace a file that differs. false: only create it.', true),
  directory_mode: Type.Optional(
    Type.Union([Type.String(), Type.Integer()], { description: 'The mode of new directories.' }),
  ),
  checksum: text('The SHA-1 that src must have.'),
  follow: optionalFlag('Follow a symlink at dest and write to its target. false: replace the link. Default: true.'),
  decrypt: flag('Decrypt files that are encrypted with ansible-vault. false: copy them as they are.', true),
  local_follow: flag('Follow symlinks below a directory on the controller. false: copy them as links.', true),
  ...placing,
  ...labels,
  mode: Type.Optional(
    Type.Union(
      [Type.String({ pattern: '^\\s*(preserve|0?[0-7]{1,4}|0o[0-7]{1,4}|[ugoa]*[-+=].*)\\s*$' }), Type.Integer()],
      {
        expected: "a mode in quotes, as '0644' or 'u=rw,g=r,o=', or preserve",
        description: "Permissions: '0644', symbolic, or preserve (as on the controller).",
      },
    ),
  ),
});
type Args = Static<typeof Args>;

type Current = Readonly<
  | { kind: 'file'; at: Destination }
  | { kind: 'tree'; tree: TreeSeen; root: string; hasSelinux: boolean }
  | {
      kind: 'remote';
      at: Destination;
      source: Stat | undefined;
      sums: Sums;
      differs: boolean;
      root: string;
    }
>;

export const copy = defineModule<typeof Args, Current>({
  name: 'copy',
  summary: 'Copies a file, a directory or a given content to the host.',
  args: Args,
  aliases: LABEL_ALIASES,
  sources: ({ src, remote_src, decrypt }) =>
    remote_src === undefined ? [{ path: src, folder: 'files', staysSealed: decrypt === false }] : [],
  examples: [
    { title: 'Copy a file', args: { src: 'motd', dest: '/etc/motd', mode: '0644' } },
    { title: 'Write a given content', args: { content: 'vm.swappiness=10\n', dest: '/etc/sysctl.d/90-swap.conf' } },
    {
      title: 'Copy a directory',
      args: {
        src: 'site/',
        dest: '/srv/www',
        owner: 'www-data',
        group: 'www-data',
        mode: '0644',
        directory_mode: '0755',
      },
    },
    {
      title: 'Copy on the host',
      args: { src: '/etc/app.conf.default', dest: '/etc/app.conf', remote_src: true, force: false },
    },
  ],
  verify: (given) => [
    ...exclude(given, 'src', 'content'),
    ...oneOf(given, 'src', 'content'),
    ...(given.mode === 'preserve' ? [] : modeErrors(given.mode)),
    ...modeErrors(given.directory_mode, 'directory_mode'),
    ...(given.content !== undefined && given.dest.endsWith('/')
      ? [
          argError(['dest'], 'E_ARGUMENT_CONFLICT', {
            problem: "with 'content', 'dest' must be a file",
            hint: 'add the file name to dest',
          }),
        ]
      : []),
    ...(given.remote_src && given.src?.startsWith('/') === false
      ? [argError(['src'], 'E_ARGUMENT_CONFLICT', { problem: "with 'remote_src', 'src' must begin with /" })]
      : []),
  ],
  needs: (given) => [
    `path:${given.dest}`,
    ...(given.remote_src && given.src !== undefined ? [`path:${given.src}`] : []),
    ...ownerNeeds(given),
  ],
  touches: ({ dest }) => [`path:${dest}`, ...(dest.endsWith('/') ? parentsOf(dest) : [])],
  probe(given, ctx) {
    const { src, dest } = given;
    if (src === undefined) {
      return sh`echo kind file
${probeDestination(dest, undefined, given, { content: 'differs', unless: ctx.sha256(contentText(given)), ...following(given) })}`;
    }
    if (given.remote_src) return probeRemote(given, src);
    if (ctx.isFolder(src, 'files')) {
      return sh`echo kind tree
${hasLabels(given) ? sh`if ${SELINUX}; then echo 'selinux yes'; fi` : sh`:`}
${probeTree(treeRoot(src, dest), treeOf(src, given, ctx), given)}`;
    }
    return sh`echo kind file
${probeDestination(dest, basename(src), given, { content: 'differs', unless: fileOf(src, given, ctx).sha256, ...following(given) })}`;
  },
  parse(stdout, given): Current {
    const f = fields(stdout);
    const { src, dest } = given;
    const name = src === undefined ? undefined : basename(src);
    if (f.get('kind') === 'tree') {
      const root = treeRoot(src ?? '', dest);
      return { kind: 'tree', tree: parseTree(stdout, root, given), root, hasSelinux: f.get('selinux') === 'yes' };
    }
    const at = destination(f, dest, name, given);
    if (f.get('kind') !== 'remote') return { kind: 'file', at };
    return {
      kind: 'remote',
      at,
      source: statOf(f.get('srcstat')),
      sums: { sha256: f.get('srcsha256') ?? '', sha1: f.get('srcsha1') ?? '', md5: f.get('srcmd5') ?? '' },
      differs: f.get('treediff') !== undefined,
      root: treeRoot(src ?? '', dest),
    };
  },
  plan(current, given, ctx) {
    const { src = '', dest } = given;
    if (current.kind === 'tree') {
      if (isLabelled(given, current.hasSelinux)) return unlabelled(src);
      const how = { ...withoutPreserve(given), preserve: given.mode === 'preserve' };
      return planTree(current.tree, current.root, treeOf(src, given, ctx), how, ctx);
    }
    if (current.kind === 'remote') return planRemote(current, given, ctx);
    const { path, now, inDirectory } = current.at;
    const parents = inDirectory && dest.endsWith('/');
    if (given.src === undefined) {
      const content = contentText(given);
      if (now.stat !== undefined && now.stat.kind !== 'directory' && !given.force) return [];
      return place(
        now,
        { path, source: { text: content }, same: now.sha256 === ctx.sha256(content), ...following(given) },
        withoutPreserve(given),
        ctx,
      );
    }
    const local = fileOf(src, given, ctx);
    if (given.checksum !== undefined && given.checksum !== local.sha1) {
      return blocked('E_CHECKSUM', { path: local.path, seen: local.sha1, wanted: given.checksum });
    }
    if (now.stat !== undefined && !given.force) return [];
    const how = given.mode === 'preserve' ? { ...given, mode: local.mode & 0o7777 } : withoutPreserve(given);
    return place(
      now,
      { path, source: { file: local }, same: now.sha256 === local.sha256, parents, ...following(given) },
      how,
      ctx,
    );
  },
  data(current, given, ctx, ran) {
    if (current.kind === 'tree') return { dest: current.root, src: given.src ?? null };
    const { path, now } = current.at;
    return {
      ...fileData(path, now),
      dest: path,
      ...(given.src !== undefined && { src: given.src }),
      ...sumData(now, ran, () => sumsOf(current, given, ctx)),
      ...placedData(ran?.stdout),
    };
  },
});

/** Whether the files of a directory would get labels, which only a single file does. */
function isLabelled(given: Args, hasSelinux: boolean): boolean {
  return given.attributes !== undefined || (hasSelinux && hasLabels(given));
}

function unlabelled(path: string): Steps {
  return blocked('E_PATH_KIND', {
    path,
    is: 'a directory',
    wanted: 'a file, which alone can get attributes or an SELinux context',
    hint: 'run chattr -R or chcon -R with the module command',
  });
}

function sumsOf(current: Current, given: Args, ctx: Context): Sums {
  if (current.kind === 'remote') return current.sums;
  return given.src === undefined ? contentSums(contentText(given), ctx) : fileOf(given.src, given, ctx);
}

function fileOf(src: string, { decrypt }: Args, ctx: Context): LocalFile {
  const file = ctx.file(src, 'files');
  return decrypt ? file : (file.sealed ?? file);
}

function treeOf(src: string, { decrypt, local_follow }: Args, ctx: Context): readonly TreeNode[] {
  const nodes = ctx.tree(src, 'files', local_follow);
  if (decrypt) return nodes;
  return nodes.map((node) => ('file' in node ? { ...node, file: node.file.sealed ?? node.file } : node));
}

function contentText({ content }: Args): string {
  if (typeof content === 'string') return content;
  if (typeof content === 'number') return String(content);
  if (typeof content === 'boolean') return content ? 'True' : 'False';
  return content === null || content === undefined ? '' : pythonJson(content);
}

function following({ follow }: Args): Readonly<{ follow?: boolean }> {
  return follow === undefined ? {} : { follow };
}

function withoutPreserve<T extends Args>(given: T): Omit<T, 'mode'> & { mode?: string | number } {
  const { mode, ...rest } = given;
  return mode === undefined || mode === 'preserve' ? rest : { ...rest, mode };
}

/** A directory whose name has no trailing slash is itself created below dest, which may be missing. */
function treeRoot(src: string, dest: string): string {
  const root = dest.replace(/(.)\/+$/, '$1');
  return src.endsWith('/') ? root : join(root, basename(src));
}

function probeRemote(given: Args, src: string): Script {
  return sh`echo kind remote
st=$(stat -L -c '%f/%u/%g/%s/%Y/%X/%Z/%h/%i/%d/%U/%G' -- ${src} 2>/dev/null) && printf 'srcstat %s\n' "$st"
if [ -d ${src} ]; then
  x=${treeRoot(src, given.dest)}
  d=$(LC_ALL=C diff -rq --no-dereference -- ${src} "$x" 2>/dev/null | grep -v ${`^Only in ${treeRoot(src, given.dest)}`} | head -n 1)
  if [ -n "$d" ] || [ ! -d "$x" ]; then echo 'treediff yes'; fi
else
  for k in sha256 sha1 md5; do s=$("$k"sum <${src}) && printf 'src%s %s\n' "$k" "\${s%% *}"; done
fi 2>/dev/null
${probeDestination(given.dest, basename(src), given, { content: 'sum', ...following(given) })}`;
}

function planRemote(
  { at, source, sums, differs, root }: Current & { kind: 'remote' },
  given: Args,
  ctx: Context,
): Steps {
  const { src = '' } = given;
  if (source === undefined)
    return blocked('E_PATH_MISSING', { path: src, hint: 'create it in an earlier task, or remove `remote_src`' });
  if (source.kind === 'directory') {
    if (isLabelled(given, at.now.labels?.context !== undefined)) return unlabelled(src);
    if (!differs) return [];
    return [{ what: `copy ${src} to ${root}`, run: copyOnHost(given, src, root, ctx) }];
  }
  if (at.now.stat !== undefined && !given.force) return [];
  const how = given.mode === 'preserve' ? { ...given, mode: source.mode } : withoutPreserve(given);
  const parents = at.inDirectory && given.dest.endsWith('/');
  return place(
    at.now,
    { path: at.path, source: { copyOf: src }, same: at.now.sha256 === sums.sha256, parents, ...following(given) },
    how,
    ctx,
  );
}

/**
 * Copies to a staging directory with the wanted owner and modes, then merges it, so that nobody sees a partial copy.
 */
function copyOnHost(given: Args, src: string, root: string, ctx: Context): Script {
  const { mode, directory_mode } = given;
  const chown = ownerWord(given);
  const word = (value: string | number): string => (typeof value === 'number' ? octal(value) : value.trim());
  // Only the root itself takes over owner and mode. The directories above it are new.
  const grants = [
    chown === undefined ? sh`{ chown --reference=${src} . 2>/dev/null || [ "$me" != 0 ]; }` : sh`chown -- ${chown} .`,
    directory_mode === undefined ? sh`chmod --reference=${src} .` : sh`chmod -- ${word(directory_mode)} .`,
  ];
  const before = sh`if [ ! -d ${root} ]; then made=newdir; p=${root}; walk ${dirname(root)}; ${making(root, grants, ctx)}; fi`;
  return sh`${stageWithin(root, stageName(root, ctx), ctx, before)}
mkdir -m 0700 ./in
cp -a -- ${join(src, '.')} ./in
cd -P ./in; exec 7<.
${chown === undefined ? sh`:` : sh`chown -hR -- ${chown} .`}
${mode === undefined || mode === 'preserve' ? sh`:` : sh`find . -type f -exec chmod -- ${word(mode)} '{}' +`}
${directory_mode === undefined ? sh`:` : sh`find . -mindepth 1 -type d -exec chmod -- ${word(directory_mode)} '{}' +`}
cd -P ../..
merge .`;
}
