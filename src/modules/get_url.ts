import { type Static, Type } from 'typebox';
import { type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, placing, text } from './shared/args.ts';
import { fixAttributes, ownerNeeds } from './shared/attributes.ts';
import { type Destination, destination, probeDestination } from './shared/dest.ts';
import type { Fields } from './shared/fields.ts';
import { credentials, curl, headersOf, probeClient, type Request, requestHeaders, wget } from './shared/http.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData } from './shared/path-state.ts';
import { basename } from './shared/paths.ts';
import { backupData, place, type Source } from './shared/place.ts';

const Args = args({
  url: Type.String({
    pattern: '^((https?|ftp)://|file:///)',
    expected: 'an address that begins with http://, https:// or file:///',
    description: 'The URL to download. file:///PATH is a file on the host.',
  }),
  dest: absolutePath('The path on the host. If it is a directory, the name in the URL is appended.'),
  checksum: Type.Optional(
    Type.String({
      pattern: '^(md5|sha1|sha224|sha256|sha384|sha512):[0-9a-fA-F]+$',
      expected: "'sha256:' and the digits",
      description: 'The expected checksum: sha256:… A file that differs is downloaded again.',
    }),
  ),
  force: flag(
    'Download each time. Otherwise only if the file is missing, its checksum differs, or dest is a directory.',
  ),
  headers: requestHeaders,
  timeout: Type.Integer({
    default: 10,
    minimum: 1,
    description:
      'The time limit of the connection in seconds. The whole transfer may take ten times as long, and at least 600 seconds.',
  }),
  ...credentials,
  http_agent: text('Ignored.'),
  ...placing,
});
type Args = Static<typeof Args>;

export const get_url = defineModule<typeof Args, Destination>({
  name: 'get_url',
  summary: 'Downloads a file by HTTP. If the host has neither curl nor wget, the controller downloads and sends it.',
  args: Args,
  aliases: { username: 'url_username', password: 'url_password' },
  examples: [
    {
      title: 'Download with a checksum',
      args: {
        url: 'https://example.com/app-1.2.tar.gz',
        dest: '/opt/app.tar.gz',
        checksum: `sha256:${'0'.repeat(64)}`,
        mode: '0644',
      },
    },
  ],
  verify: (given) => modeErrors(given.mode),
  needs: (given) => [
    `path:${given.dest}`,
    ...(given.url.startsWith('file:') ? [`path:${given.url.slice(7)}`] : []),
    'package:*',
    ...ownerNeeds(given),
  ],
  touches: ({ dest }) => [`path:${dest}`],
  probe: (given) => sh`${probeDestination(given.dest, nameOf(given), given, { content: 'none' })}
${given.checksum === undefined ? sh`:` : sh`if [ -f "$r" ]; then s=$(${`${given.checksum.split(':')[0] ?? ''}sum`} <"$r"); printf 'check %s\n' "\${s%% *}"; fi`}
${probeClient()}`,
  parse: (stdout, given) => destination(stdout, given.dest, nameOf(given), given),
  plan({ path, now, fields }, given, ctx): Steps {
    const wanted = given.checksum?.split(':')[1]?.toLowerCase();
    // A file in a directory, under the name from the URL, may come from another URL, so it does not count as already
    // fetched.
    const isFetched = given.force || path !== given.dest;
    const isGood = now.stat !== undefined && (wanted === undefined ? !isFetched : fields.get('check') === wanted);
    if (isGood) return fixAttributes(now, path, given, ctx);
    const steps = place(
      now,
      {
        path,
        source: source(given, clientOf(given, fields)),
        same: false,
        what: `fetch ${path} from ${given.url}`,
        before: now.stat === undefined ? null : '(the old file)\n',
      },
      given,
      ctx,
    );
    if ('blocked' in steps || wanted !== undefined || now.stat === undefined) return steps;
    return steps.map((step) => ({
      ...step,
      ...toldByContent(now.real, step.run),
      action: true as const,
      excused: true as const,
    }));
  },
  data: ({ path, now }, { url }, _ctx, ran) => ({
    ...fileData(path, now),
    dest: path,
    url,
    ...backupData(ran?.stdout),
  }),
});

const SAME = 'bringup: the same content';

/** A download that brings the content that is already there reports no change. */
function toldByContent(path: string, run: Script): Pick<Change, 'run' | 'unaltered'> {
  const seen = sh`{ sha256sum <${path}; stat -c '%a %u %g' -- ${path}; }`;
  return {
    run: sh`was=$(${seen})
( ${run}
) || exit
if [ "$was" = "$(${seen})" ]; then echo ${SAME}; fi`,
    unaltered: SAME,
  };
}

function nameOf({ url }: Args): string {
  return basename(url.replace(/[?#].*$/, '').replace(/^[a-z]+:\/\/[^/]+\/?$/, 'index.html'));
}

/** Without CA certificates the host cannot verify https, so the controller fetches the file. */
function clientOf({ url, validate_certs }: Args, fields: Fields): string | undefined {
  return url.startsWith('https:') && validate_certs && fields.get('ca') !== 'yes' ? undefined : fields.get('client');
}

function source(given: Args, client: string | undefined): Source {
  const request: Request = {
    url: given.url,
    ...(given.headers !== undefined && { headers: given.headers }),
    timeout: Math.max(600, given.timeout * 10),
    validate_certs: given.validate_certs,
    user: given.url_username,
    password: given.url_password,
  };
  const [, local] = /^file:\/\/(\/.*)$/.exec(given.url) ?? [];
  if (local !== undefined) {
    return {
      fill: sh`cat -- ${decodeURIComponent(local)} >"$s" || exit 1
${checked(given)}`,
    };
  }
  if (client === 'curl') {
    return {
      fill: sh`{ ${curl(request, [['connect-timeout', String(given.timeout)]], ['fail'])}
} >"$s" || exit 1
${checked(given)}`,
    };
  }
  if (client === 'wget')
    return {
      fill: sh`{ ${wget(request, [`--connect-timeout=${given.timeout}`, '-O', '/dev/fd/5'])}
} 5>"$s" || exit 1
${checked(given)}`,
    };
  return { fetched: { url: given.url, headers: headersOf(request) }, finish: checked(given) };
}

function checked({ checksum }: Args): Script {
  if (checksum === undefined) return sh`:`;
  const [algorithm = 'sha256', wanted = ''] = checksum.split(':');
  return sh`sum=$(${`${algorithm}sum`} <"$s"); sum=\${sum%% *}
if [ "$sum" != ${wanted.toLowerCase()} ]; then printf 'the checksum is %s, not %s; nothing was changed\n' "$sum" ${wanted} >&2; exit 1; fi`;
}
