import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Context, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, optionalFlag, placing, text } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { asText, concat, decodeBytes } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';
import { LABEL_ALIASES, labels } from './shared/labels.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData, probePath, type Seen, seen } from './shared/path-state.ts';
import { contentSums, place, placedData } from './shared/place.ts';
import { regex, regexErrors } from './shared/regex.ts';

const Args = args({
  src: Type.String({
    minLength: 1,
    description:
      "The directory with the fragments, on the host. With remote_src: false, on the controller (the role's files/, or beside the playbook).",
  }),
  dest: absolutePath('The file that is made of them, on the host.'),
  remote_src: flag('src is on the host. false: it is on the controller.', true),
  delimiter: text('A line between two fragments. \\n and \\t in it are a newline and a tab.'),
  regexp: text('Only fragments whose names match this pattern.'),
  ignore_hidden: flag('Leave out fragments whose names begin with a dot.'),
  decrypt: flag('Decrypt fragments of the controller that are encrypted with ansible-vault.', true),
  follow: optionalFlag('A link at dest is followed; false: the link is replaced. Default: true.'),
  ...placing,
  ...labels,
});
type Args = Static<typeof Args>;

type Fragment = Readonly<{ name: string; content: Uint8Array }>;
type Current = Readonly<{
  fields: Fields;
  now: Seen;
  /** Those of the host. */
  fragments: readonly Fragment[];
}>;

export const assemble = defineModule<typeof Args, Current>({
  name: 'assemble',
  summary: 'A file is made of the fragments in a directory, in the order of their names.',
  args: Args,
  aliases: LABEL_ALIASES,
  examples: [
    { title: 'Fragments on the host', args: { src: '/etc/app/conf.d', dest: '/etc/app/app.conf', mode: '0644' } },
    {
      title: 'Fragments on the controller, validated',
      args: {
        src: 'sshd/',
        dest: '/etc/ssh/sshd_config',
        remote_src: false,
        delimiter: '# next fragment',
        regexp: '\\.conf$',
        validate: '/usr/sbin/sshd -t -f %s',
        backup: true,
      },
    },
  ],
  verify: (given) => [
    ...modeErrors(given.mode),
    ...regexErrors(given, 'regexp'),
    ...(given.remote_src && !given.src.startsWith('/')
      ? [
          argError(['src'], 'E_ARGUMENT_VALUE', {
            problem: "'src' must begin with /",
            hint: 'set `remote_src: false` for fragments on the controller',
          }),
        ]
      : []),
  ],
  needs: (given) => [`path:${given.dest}`, ...(given.remote_src ? [`path:${given.src}`] : []), ...ownerNeeds(given)],
  touches: ({ dest }) => [`path:${dest}`],
  probe: (given) => sh`${given.remote_src ? probeFragments(given.src) : sh`:`}
${probePath(given.dest, given, { content: 'always', limit: LARGEST }, { follow: given.follow ?? true })}`,
  parse(stdout, given) {
    const f = fields(stdout);
    const fragments = f.all('fragment').map((line) => {
      const [name = '', content = ''] = line.split(' ');
      return { name: new TextDecoder().decode(decodeBytes(name)), content: decodeBytes(content) };
    });
    return { fields: f, now: seen(f, given.dest, given), fragments };
  },
  plan({ fields: f, now, fragments }, given, ctx): Steps {
    const { src, dest, remote_src, follow } = given;
    if (remote_src && f.get('source') !== 'yes') {
      return blocked('E_PATH_MISSING', {
        path: src,
        what: 'the directory ',
        hint: 'make it in an earlier task, or set `remote_src: false`',
      });
    }
    if (f.get('large') !== undefined) {
      return blocked('E_NOT_TEXT', { path: src, problem: 'has more than 8 MiB of fragments' });
    }
    if (!remote_src && !ctx.isFolder(src, 'files'))
      return blocked('E_PATH_KIND', { path: src, is: 'no directory of the controller', hint: 'correct `src`' });
    const content = joined(remote_src ? fragments : localFragments(given, ctx), given);
    const { sha256 } = contentSums(content, ctx);
    const is = now.content === undefined ? undefined : ctx.sha256(now.content);
    const readable = asText(content);
    const source =
      readable === undefined
        ? { file: { path: src, size: content.length, mode: 0o644, ...contentSums(content, ctx), read: () => content } }
        : { text: readable };
    return place(now, { path: dest, source, same: is === sha256, ...(follow !== undefined && { follow }) }, given, ctx);
  },
  data: ({ now }, given, ctx, ran) => ({
    ...fileData(given.dest, now),
    dest: given.dest,
    src: given.src,
    ...(now.content !== undefined && { checksum: ctx.sha1(now.content), md5sum: ctx.md5(now.content) }),
    msg: 'OK',
    ...placedData(ran?.stdout),
  }),
});

/** The fragments travel to the controller, which has the pattern and shows the difference. */
const LARGEST = 8_388_608;

function probeFragments(src: string): Script {
  return sh`if cd -- ${src} 2>/dev/null; then
  echo 'source yes'; z=0
  for f in ./* ./.[!.]* ./..?*; do
    if [ -f "$f" ]; then
      z=$((z + $(stat -L -c %s -- "$f"))); if [ "$z" -gt ${LARGEST} ]; then echo large; break; fi
      printf 'fragment %s %s\n' "$(printf %s "\${f#./}" | base64 -w0)" "$(base64 -w0 <"$f")"
    fi
  done
  cd /
fi`;
}

function localFragments({ src, decrypt }: Args, ctx: Context): readonly Fragment[] {
  return ctx.tree(src, 'files').flatMap((node) => {
    return 'file' in node && !node.path.includes('/')
      ? [{ name: node.path, content: (decrypt ? node.file : (node.file.sealed ?? node.file)).read() }]
      : [];
  });
}

/** As Ansible joins them: each fragment and the delimiter begin on a line of their own. */
export function joined(
  fragments: readonly Fragment[],
  { regexp, ignore_hidden, delimiter = '' }: Pick<Args, 'regexp' | 'ignore_hidden' | 'delimiter'>,
): Uint8Array {
  const pattern = regexp === undefined ? undefined : regex(regexp);
  const used = [...fragments]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .filter(({ name }) => (pattern?.test(name) ?? true) && !(ignore_hidden && name.startsWith('.')));
  const encoder = new TextEncoder();
  const text = delimiter.replace(/\\([nrt\\])/g, (_, letter: string) => ESCAPES[letter] ?? letter);
  const between = encoder.encode(text === '' || text.endsWith('\n') ? text : `${text}\n`);
  const newline = encoder.encode('\n');
  return concat(
    used.flatMap(({ content }, i) => {
      const last = used[i - 1]?.content;
      return [...(last === undefined || last.at(-1) === 10 ? [] : [newline]), ...(i === 0 ? [] : [between]), content];
    }),
  );
}
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };
