import { type Static, Type } from 'typebox';
import { type Context, defineModule, type RenderOptions } from '../core/module.ts';
import { absolutePath, args, flag, placing } from './shared/args.ts';
import { ownerNeeds } from './shared/attributes.ts';
import { type Destination, destination, probeDestination } from './shared/dest.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData } from './shared/path-state.ts';
import { basename } from './shared/paths.ts';
import { backupData, contentSums, place, sumData } from './shared/place.ts';

const NEWLINES = { '\\n': '\n', '\\r': '\r', '\\r\\n': '\r\n' } as const;

const Args = args({
  src: Type.String({
    minLength: 1,
    description: "The template on the controller, in the role's templates/ or beside the playbook.",
  }),
  dest: absolutePath("The path on the host. If it is a directory or ends in /, the template's name is appended."),
  force: flag('Replace a file that differs. false: only create it.', true),
  trim_blocks: flag('Remove the newline after a block tag.', true),
  lstrip_blocks: flag('Remove blanks before a block tag.'),
  newline_sequence: Type.Enum(['\\n', '\\r', '\\r\\n', '\n', '\r', '\r\n'], {
    default: '\n',
    description: 'The line ending.',
  }),
  variable_start_string: Type.String({ default: '{{', description: 'The start of an expression.' }),
  variable_end_string: Type.String({ default: '}}', description: 'The end of an expression.' }),
  block_start_string: Type.String({ default: '{%', description: 'The start of a block.' }),
  block_end_string: Type.String({ default: '%}', description: 'The end of a block.' }),
  comment_start_string: Type.Optional(Type.String({ description: 'The start of a comment.' })),
  comment_end_string: Type.Optional(Type.String({ description: 'The end of a comment.' })),
  follow: flag('Follow a symlink at dest and write to its target. false: replace the link.', true),
  ...placing,
});
type Args = Static<typeof Args>;

export const template = defineModule<typeof Args, Destination>({
  name: 'template',
  summary: 'Renders a template to a file on the host.',
  args: Args,
  aliases: { name: 'src' },
  // Other marks than Jinja2's own are not looked into before the run.
  sources: ({ src, ...given }) => {
    const isTemplate = !Object.keys(given).some((name) => /_(start|end)_string$/.test(name));
    return [{ path: src, folder: 'templates', isTemplate }];
  },
  examples: [
    {
      title: 'Validate a config before it is replaced',
      args: { src: 'haproxy.cfg.j2', dest: '/etc/haproxy/haproxy.cfg', validate: 'haproxy -c -q -f %s' },
    },
    {
      title: 'Set owner and mode',
      args: { src: 'app.env.j2', dest: '/etc/app.env', owner: 'root', group: 'www-data', mode: '0640' },
    },
  ],
  verify: (given) => modeErrors(given.mode),
  needs: (given) => [`path:${given.dest}`, ...ownerNeeds(given)],
  touches: ({ dest }) => [`path:${dest}`],
  probe: (given, ctx) =>
    probeDestination(given.dest, nameOf(given), given, {
      content: 'differs',
      unless: ctx.sha256(rendered(given, ctx)),
      follow: given.follow,
    }),
  parse: (stdout, given) => destination(stdout, given.dest, nameOf(given), given),
  plan({ path, now, inDirectory }, given, ctx) {
    if (now.stat !== undefined && !given.force) return [];
    const text = rendered(given, ctx);
    const parents = inDirectory && given.dest.endsWith('/');
    const same = now.sha256 === ctx.sha256(text);
    return place(now, { path, source: { text }, same, parents, follow: given.follow }, given, ctx);
  },
  data: ({ path, now }, given, ctx, ran) => ({
    ...fileData(path, now),
    dest: path,
    src: given.src,
    ...sumData(now, ran, () => contentSums(rendered(given, ctx), ctx)),
    ...backupData(ran?.stdout),
  }),
});

function nameOf({ src }: Args): string {
  return basename(src);
}

function rendered({ src, newline_sequence, ...given }: Args, ctx: Context): string {
  const options: RenderOptions = {
    destination: given.dest,
    trim_blocks: given.trim_blocks,
    lstrip_blocks: given.lstrip_blocks,
    variable_start_string: given.variable_start_string,
    variable_end_string: given.variable_end_string,
    block_start_string: given.block_start_string,
    block_end_string: given.block_end_string,
    ...(given.comment_start_string !== undefined && { comment_start_string: given.comment_start_string }),
    ...(given.comment_end_string !== undefined && { comment_end_string: given.comment_end_string }),
  };
  const eol = NEWLINES[newline_sequence as keyof typeof NEWLINES] ?? newline_sequence;
  const text = ctx.render(src, options);
  return eol === '\n' ? text : text.replaceAll('\n', eol);
}
