import { blocked, defineModule, type Steps } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { absolutePath, args } from './shared/args.ts';
import { type Fields, fields } from './shared/fields.ts';

const Args = args({ src: absolutePath('The file on the host.') });

export const slurp = defineModule<typeof Args, Fields>({
  name: 'slurp',
  summary: 'Reads the content of a file in base64.',
  args: Args,
  aliases: { path: 'src' },
  examples: [{ title: 'Read a certificate', args: { src: '/etc/ssl/ca.crt' } }],
  needs: ({ src }) => [`path:${src}`],
  probe: ({ src }) =>
    sh`if [ -d ${src} ]; then echo 'folder yes'; elif [ -e ${src} ]; then printf 'content %s\n' "$(base64 -w0 <${src})"; fi`,
  parse: (stdout) => fields(stdout),
  plan(f, { src }): Steps {
    if (f.get('content') !== undefined) return [];
    return f.get('folder') === 'yes'
      ? blocked('E_PATH_KIND', { path: src, is: 'a directory', wanted: 'a file', hint: 'name a file' })
      : blocked('E_PATH_MISSING', { path: src });
  },
  data: (f, { src }) => ({ content: f.get('content') ?? '', encoding: 'base64', source: src }),
});
