import { type Static, Type } from 'typebox';
import { tell } from '../core/errors/index.ts';
import { type Controller, defineModule } from '../core/module.ts';
import { sh } from '../core/sh.ts';
import { args, flag } from './shared/args.ts';
import { concat, decodeBytes, hex } from './shared/bytes.ts';
import { fields } from './shared/fields.ts';
import { basename } from './shared/paths.ts';
import { sha1 } from './shared/sha1.ts';

const Args = args({
  src: Type.String({ pattern: '^/', expected: 'an absolute path', description: 'The file on the host.' }),
  dest: Type.String({
    minLength: 1,
    description: 'A directory on the controller, relative to the playbook. The file goes to dest/HOST/SRC.',
  }),
  flat: flag('The file goes to dest itself or, if dest ends in /, into dest under its own name.'),
  fail_on_missing: flag('Fail if the file does not exist.', true),
  validate_checksum: flag('Compare the checksum after the transfer.', true),
});
type Args = Static<typeof Args>;

/** Bytes of one round trip. What a script prints is kept up to a limit. */
const PART = 4 * 1024 * 1024;

export const fetch = defineModule<typeof Args, null>({
  name: 'fetch',
  summary: 'Copies a file of the host to the controller.',
  args: Args,
  examples: [
    { title: 'Keep a file of each host', args: { src: '/etc/hosts', dest: 'fetched' } },
    { title: 'Fetch one file', args: { src: '/etc/kubernetes/admin.conf', dest: 'secrets/', flat: true } },
  ],
  parse: () => null,
  plan: () => [],
  controller: {
    when: 'always',
    async work(given, controller) {
      const { src } = given;
      const seen = await controller.read(sh`if [ -d ${src} ]; then echo 'folder yes'; elif [ -f ${src} ]; then
  [ -r ${src} ] || { echo 'closed yes'; exit 0; }
  s=$(sha1sum <${src}); printf 'sum %s\nsize %s\n' "\${s%% *}" "$(wc -c <${src})"
fi`);
      const f = fields(seen.stdout);
      const sum = f.get('sum');
      if (sum === undefined) return missing(given, f.get('folder') === 'yes', f.get('closed') === 'yes');
      const to = targetOf(given, controller);
      const data = { src, dest: to, file: src, checksum: sum, remote_checksum: sum };
      if (controller.sha1Of(to) === sum) return { changed: false, data };
      if (controller.isPlan) return { changed: true, data };
      const parts: Uint8Array[] = [];
      for (let at = 0; at < Number(f.get('size')); at += PART) {
        const part = await controller.read(
          sh`dd if=${src} bs=${PART} skip=${at / PART} count=1 2>/dev/null | base64 -w0`,
        );
        parts.push(decodeBytes(part.stdout));
      }
      const content = concat(parts);
      const got = hex(sha1(content));
      if (given.validate_checksum && got !== sum)
        return { failed: tell('E_CHECKSUM', { path: to, seen: got, wanted: sum }) };
      controller.write(to, content);
      return { changed: true, data };
    },
  },
});

function missing({ src, fail_on_missing }: Args, isFolder: boolean, isClosed: boolean) {
  if (isFolder) {
    const more = { is: 'a directory', wanted: 'a file', hint: 'name a file' };
    return { failed: tell('E_PATH_KIND', { path: src, ...more }) };
  }
  if (!fail_on_missing) {
    const msg = isClosed
      ? 'the file cannot be read, ignored'
      : 'the remote file does not exist, not transferring, ignored';
    return { changed: false, data: { msg, file: src } };
  }
  const hint = isClosed ? { hint: 'add `become: true` to read it' } : {};
  return { failed: tell('E_PATH_MISSING', { path: src, ...hint }) };
}

function targetOf({ src, dest, flat }: Args, { host, isFolder }: Controller): string {
  if (!flat) return `${dest.replace(/\/+$/, '')}/${host}${src}`;
  return dest.endsWith('/') || isFolder(dest) ? `${dest.replace(/\/+$/, '')}/${basename(src)}` : dest;
}
