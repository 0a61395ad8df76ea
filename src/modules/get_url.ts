import { type Static, Type } from 'typebox';
import { type Blocked, blocked, type Change, defineModule, type Steps } from '../core/module.ts';
import { type Script, sh } from '../core/sh.ts';
import { absolutePath, args, flag, placing } from './shared/args.ts';
import { fixAttributes, ownerNeeds } from './shared/attributes.ts';
import { type Destination, destination, probeDestination } from './shared/dest.ts';
import { download, transferLimit } from './shared/download.ts';
import { type Fields, fields } from './shared/fields.ts';
import { credentials, probeClient, type Request, requestHeaders, transport } from './shared/http.ts';
import { LABEL_ALIASES, labels } from './shared/labels.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData } from './shared/path-state.ts';
import { basename } from './shared/paths.ts';
import { place, placedData, type Source } from './shared/place.ts';

const Args = args({
  url: Type.String({
    pattern: '^((https?|ftp)://|file:///)',
    expected: 'an address that begins with http://, https:// or file:///',
    description: 'The URL to download. file:///PATH is a file on the host.',
  }),
  dest: absolutePath('The path on the host. If it is a directory, the name in the URL is appended.'),
  checksum: Type.Optional(
    Type.String({
      pattern: '^(md5|sha1|sha224|sha256|sha384|sha512):([0-9a-fA-F]+|(https?|ftp)://.+|file:///.+)$',
      expected: "'sha256:' and the digits, or the URL of a file with them",
      description:
        'The expected checksum: sha256:… A file that differs is downloaded again. sha256:https://… is a file with the checksum, or with lines of checksums and names, as sha256sum writes them; it is fetched each time.',
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
  ...transport,
  tmp_dest: Type.Optional(
    absolutePath('No effect: the file is staged in the directory of dest, so that it appears there as a whole.'),
  ),
  ...placing,
  ...labels,
});
type Args = Static<typeof Args>;

export const get_url = defineModule<typeof Args, Destination>({
  name: 'get_url',
  summary: 'Downloads a file by HTTP. If the host has neither curl nor wget, the controller downloads and sends it.',
  args: Args,
  aliases: { username: 'url_username', password: 'url_password', ...LABEL_ALIASES },
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
${given.checksum === undefined ? sh`:` : sh`if [ -f "$r" ]; then s=$(${programOf(given.checksum)} <"$r"); printf 'check %s\n' "\${s%% *}"; fi`}
${probeClient()}`,
  parse: (stdout, given) => destination(fields(stdout), given.dest, nameOf(given), given),
  plan({ path, now, fields }, given, ctx): Steps {
    const wanted = isListed(given) ? undefined : given.checksum?.split(':')[1]?.toLowerCase();
    // A file in a directory, under the name from the URL, may come from another URL, so it does not count as already
    // fetched.
    const isFetched = given.force || isListed(given) || path !== given.dest;
    const isGood = now.stat !== undefined && (wanted === undefined ? !isFetched : fields.get('check') === wanted);
    if (isGood) return fixAttributes(now, path, given, ctx);
    const from = source(given, fields, now.stat === undefined ? undefined : now.real);
    if ('blocked' in from) return from;
    const steps = place(
      now,
      {
        path,
        source: from,
        same: false,
        what: `fetch ${path} from ${given.url}`,
        before: now.stat === undefined ? null : '(the old file)\n',
      },
      given,
      ctx,
    );
    if ('blocked' in steps || wanted !== undefined || now.stat === undefined) return steps;
    const [first, ...labelling] = steps;
    if (first === undefined) return [];
    const told = { ...first, ...toldByContent(now.real, first.run), action: true as const, excused: true as const };
    return [told, ...labelling];
  },
  data: ({ path, now }, { url }, _ctx, ran) => ({
    ...fileData(path, now),
    dest: path,
    url,
    ...placedData(ran?.stdout),
  }),
});

const SAME = 'bringup: the same content';

/** A download that brings the content that is already there reports no change. */
function toldByContent(path: string, run: Script): Pick<Change, 'run' | 'unaltered'> {
  const seen = sh`{ sha256sum <${path}; stat -c '%a %u %g' -- ${path}; }`;
  return {
    // The shell obeys `set -e` of a script only if its exit code is not asked for.
    run: sh`set -e
was=$(${seen})
( ${run}
)
if [ "$was" = "$(${seen})" ]; then echo ${SAME}; fi`,
    unaltered: SAME,
  };
}

function nameOf({ url }: Args): string {
  return basename(url.replace(/[?#].*$/, '').replace(/^[a-z]+:\/\/[^/]+\/?$/, 'index.html'));
}

function requestOf(given: Args, url: string): Request {
  const { headers, timeout, url_username: user, url_password: password } = given;
  return { ...given, url, ...(headers !== undefined && { headers }), timeout: transferLimit(timeout), user, password };
}

/** Writes "$s" from a URL, or says that the controller has to send it. */
function fetching(given: Args, url: string, f: Fields): ReturnType<typeof download> {
  const [, local] = /^file:\/\/(\/.*)$/.exec(url) ?? [];
  if (local !== undefined) return { fill: sh`cat -- ${decodeURIComponent(local)} >"$s" || exit 1` };
  return download(requestOf(given, url), given.timeout, f);
}

/** `old`: the file that is there. It is not fetched again if the list of checksums names it. */
function source(given: Args, f: Fields, old: string | undefined): Source | Blocked {
  const { checksum = '' } = given;
  const from = fetching(given, given.url, f);
  if ('blocked' in from) return from;
  if (!isListed(given)) {
    if ('fetched' in from) return { ...from, finish: checked(given) };
    return {
      fill: sh`${from.fill}
${checked(given)}`,
    };
  }
  const list = fetching(given, checksum.slice(checksum.indexOf(':') + 1), f);
  if ('blocked' in list) return list;
  if (!('fill' in from && 'fill' in list))
    return blocked('E_TOOL_MISSING', {
      tool: 'HTTP client that can verify and fetch the checksum',
      hint: 'install curl and ca-certificates in an earlier task',
    });
  const program = programOf(checksum);
  return {
    fill: sh`want=$(f=$(mktemp) || exit 1; trap 'rm -f -- "$f"' EXIT; s=$f
set +C
${list.fill}
awk -v n=${nameOf(given)} 'NF == 1 { only = $1 } NF > 1 { f = $2; gsub(/^[.*\/]+/, "", f); if (f == n && sum == "") sum = $1 } END { if (sum == "" && NR == 1) sum = only; print tolower(sum) }' "$f") || exit 1
case $want in '' | *[!0-9a-f]*) printf 'there is no checksum of %s in %s; nothing was changed\n' ${nameOf(given)} ${checksum} >&2; exit 1 ;; esac
if [ "$(${program} <${old ?? '/dev/null'})" = "$want  -" ]; then cat -- ${old ?? '/dev/null'} >"$s"; else
${from.fill}
${compared(program, sh`"$want"`)}
fi`,
  };
}

function checked(given: Args): Script {
  const { checksum } = given;
  if (checksum === undefined) return sh`:`;
  const wanted = checksum.split(':')[1]?.toLowerCase() ?? '';
  return compared(programOf(checksum), sh`${wanted}`);
}

function compared(program: string, wanted: Script): Script {
  return sh`sum=$(${program} <"$s"); sum=\${sum%% *}
if [ "$sum" != ${wanted} ]; then printf 'the checksum is %s, not %s; nothing was changed\n' "$sum" ${wanted} >&2; exit 1; fi`;
}

/** Whether the checksum stands in a file of its own, which is fetched first. */
function isListed({ checksum }: Args): boolean {
  return checksum !== undefined && /^\w+:[a-z]+:\/\//.test(checksum);
}

/** sha256sum for 'sha256:…'. */
function programOf(checksum: string): string {
  return `${checksum.slice(0, checksum.indexOf(':'))}sum`;
}
