import { type Static, Type } from 'typebox';
import { argError } from '../core/bind.ts';
import { blocked, type Context, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, oneOf } from './shared/args.ts';
import { asText, encodeBase64 } from './shared/bytes.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({
  src: Type.String({
    minLength: 1,
    description: "The patch, a file on the controller (in the role's files/, or beside the playbook).",
  }),
  remote_src: flag('src is on the host.'),
  dest: Type.Optional(absolutePath('The file to patch, if the patch is for one file.')),
  basedir: Type.Optional(absolutePath('The directory that the names in the patch are relative to.')),
  strip: Type.Integer({ default: 0, minimum: 0, description: 'How many leading parts of the names are left out.' }),
  state: Type.Enum(['present', 'absent'], { default: 'present', description: 'absent: the patch is taken back.' }),
  backup: flag('Keep the old files, with numbers at the end of their names.'),
  binary: flag('Do not convert ends of lines.'),
  ignore_whitespace: flag('Lines may differ in blanks.'),
});
type Args = Static<typeof Args>;

export const patch = defineModule<typeof Args, Fields>({
  name: 'patch',
  summary: 'A patch is applied to files of the host, or taken back.',
  args: Args,
  aliases: { patchfile: 'src', originalfile: 'dest' },
  sources: ({ src, remote_src }) => (remote_src === undefined ? [{ path: src, folder: 'files' }] : []),
  examples: [
    { title: 'One file', args: { src: '/root/fix.patch', remote_src: true, dest: '/srv/app/index.php' } },
    { title: 'Several files', args: { src: '/root/fix.patch', remote_src: true, basedir: '/srv/app', strip: 1 } },
  ],
  verify: (given) => [
    ...oneOf(given, 'dest', 'basedir'),
    ...(given.remote_src && !given.src.startsWith('/')
      ? [argError(['src'], 'E_ARGUMENT_CONFLICT', { problem: "with 'remote_src', 'src' must begin with /" })]
      : []),
  ],
  needs: (given) => ['package:patch', ...target(given), ...(given.remote_src ? [`path:${given.src}`] : [])],
  touches: target,
  probe: (given, ctx) => sh`command -v patch >/dev/null || { echo 'patch missing'; exit 0; }
${given.remote_src ? sh`[ -r ${given.src} ] || { echo 'source missing'; exit 0; }` : sh`:`}
[ -e ${given.dest ?? given.basedir ?? ''} ] || { echo 'target missing'; exit 0; }
if ${command(given, ctx, ['--dry-run', '--reverse'])} >/dev/null 2>&1; then echo 'present yes'; fi
if out=$(${command(given, ctx, ['--dry-run'])} 2>&1); then echo 'absent yes'; else printf 'error %s\n' "$(printf %s "$out" | base64 -w0)"; fi`,
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const { state, src } = given;
    const place = given.dest ?? given.basedir ?? '';
    if (f.get('patch') !== undefined) {
      return blocked('E_TOOL_MISSING', { tool: 'patch', hint: 'install the package patch in an earlier task' });
    }
    if (f.get('source') !== undefined) return blocked('E_PATH_MISSING', { path: src });
    if (f.get('target') !== undefined) return blocked('E_PATH_MISSING', { path: place });
    const isPresent = f.get('present') !== undefined;
    const isAbsent = f.get('absent') !== undefined;
    if (state === 'present' ? isPresent : isAbsent && !isPresent) return [];
    if (state === 'present' ? !isAbsent : !isPresent) {
      return blocked('E_TOOL_REFUSED', { tool: 'patch', detail: f.text('error') ?? '' });
    }
    const text = given.remote_src ? `${src}\n` : (asText(ctx.file(src, 'files').read()) ?? '');
    return [
      {
        what: state === 'present' ? `apply ${src} to ${place}` : `take ${src} back from ${place}`,
        diff: {
          of: place,
          before: state === 'present' ? null : text,
          after: state === 'present' ? text : null,
        },
        run: sh`set -e
${command(given, ctx, state === 'present' ? [] : ['--reverse'])}`,
      },
    ];
  },
  data: (_, given) => ({ src: given.src, dest: given.dest ?? null }),
});

function target({ dest, basedir }: Args): readonly string[] {
  return [dest, basedir].flatMap((one) => (one === undefined ? [] : [`path:${one}`]));
}

/** patch reads from stdin. It writes no file of rejected parts, asks nothing, and does not guess the direction. */
function command(given: Args, ctx: Context, more: readonly string[]): Script {
  const { src, dest, basedir, strip } = given;
  const options = [
    '--quiet',
    '--batch',
    '--forward',
    '--reject-file=-',
    `--strip=${strip}`,
    ...(basedir === undefined ? [] : [`--directory=${basedir}`]),
    ...(given.binary ? ['--binary'] : []),
    ...(given.ignore_whitespace ? ['--ignore-whitespace'] : []),
    ...(given.backup && !more.includes('--dry-run') ? ['--backup', '--version-control=numbered'] : []),
    ...more,
    ...(dest === undefined ? [] : ['--', dest]),
  ];
  if (given.remote_src) return sh`patch ${options} <${src}`;
  return sh`printf %s ${encodeBase64(ctx.file(src, 'files').read())} | base64 -d | patch ${options}`;
}
