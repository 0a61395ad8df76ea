import { type Static, Type } from 'typebox';
import { type ArgError, argError } from '../core/bind.ts';
import { blocked, type Change, type Context, defineModule, type Steps, type Upload } from '../core/module.ts';
import { type Script, sh, staged, verbatim } from '../core/sh.ts';
import type { Value } from '../core/value.ts';
import { absolutePath, args, exclude, flag, ownership, text } from './shared/args.ts';
import { fixAttributes, ownerNeeds } from './shared/attributes.ts';
import { type Destination, destination, probeDestination } from './shared/dest.ts';
import { type Fields, fields } from './shared/fields.ts';
import {
  credentials,
  curl,
  hasHeader,
  headersOf,
  probeClient,
  type Request,
  requestHeaders,
  transport,
  wget,
} from './shared/http.ts';
import { answerData } from './shared/http-answer.ts';
import { pythonJson } from './shared/json.ts';
import { LABEL_ALIASES, labels } from './shared/labels.ts';
import { modeErrors } from './shared/mode.ts';
import { fileData } from './shared/path-state.ts';
import { basename, dirname, spoolOf } from './shared/paths.ts';
import { place } from './shared/place.ts';

const Args = args({
  url: Type.String({
    pattern: '^https?://[^\\s/]',
    expected: 'an address that begins with http:// or https://',
    description: 'The URL.',
  }),
  method: Type.String({
    default: 'GET',
    pattern: '^[A-Za-z]+$',
    expected: 'a word such as GET or POST',
    description: 'The HTTP method.',
  }),
  status_code: Type.Array(Type.Integer(), { default: [200], description: 'The accepted status codes.' }),
  return_content: flag('Return the response body in `content`.'),
  body: Type.Optional(
    Type.Unsafe<Value>({ description: 'The body to send. A list or dict is encoded as body_format says.' }),
  ),
  body_format: Type.Enum(['raw', 'json', 'form-urlencoded'], {
    default: 'raw',
    description: 'The encoding of the body.',
  }),
  headers: requestHeaders,
  timeout: Type.Integer({ default: 30, minimum: 1, description: 'The time limit in seconds.' }),
  follow_redirects: Type.Union([Type.Enum(['all', 'no', 'none', 'safe', 'urllib2', 'yes']), Type.Boolean()], {
    default: 'safe',
    expected: 'one of all, none, safe',
    description: 'Whether to follow redirects. safe: only for GET and HEAD.',
  }),
  ...credentials,
  ca_path: text('A file with CAs on the host.'),
  ...transport,
  unix_socket: text('Connect through this socket on the host. It needs curl.'),
  src: text("A file to send as the body, instead of body. It is on the controller (in the role's files/)."),
  remote_src: flag('src is on the host.'),
  dest: Type.Optional(
    absolutePath('Write the response body to this file. If it is a directory, the name in the URL is appended.'),
  ),
  force: flag('With dest: ask caches for a new copy. Otherwise the server may answer 304, if dest is not older.'),
  creates: text('A path on the host. If it exists, nothing is sent.'),
  removes: text('A path on the host. If it does not exist, nothing is sent.'),
  ...ownership,
  ...labels,
});
type Args = Static<typeof Args>;

export const uri = defineModule<typeof Args, Fields>({
  name: 'uri',
  summary: 'Sends an HTTP request from the host and checks the response.',
  args: Args,
  aliases: { user: 'url_username', password: 'url_password', ...LABEL_ALIASES },
  sources: ({ src, remote_src }) =>
    src === undefined || remote_src !== undefined ? [] : [{ path: src, folder: 'files' }],
  examples: [
    { title: 'Check a page', args: { url: 'http://127.0.0.1:3000/healthz', return_content: true } },
    {
      title: 'Send JSON',
      args: {
        url: 'https://api.foobar.com/items',
        method: 'POST',
        body: { name: 'x' },
        body_format: 'json',
        status_code: [200, 201],
      },
    },
  ],
  verify: (given): readonly ArgError[] => [
    ...(given.body_format === 'raw' && typeof given.body === 'object' && given.body !== null
      ? [argError(['body'], 'E_ARGUMENT_VALUE', { problem: "'body' is not a text", hint: 'set `body_format: json`' })]
      : []),
    ...exclude(given, 'body', 'src'),
    ...(given.remote_src && given.src === undefined
      ? [argError(['src'], 'E_MISSING_ARGUMENT', { name: "'src'" })]
      : []),
    ...(given.dest === undefined && (given.mode ?? given.owner ?? given.group) !== undefined
      ? [argError([], 'E_MISSING_ARGUMENT', { name: "'dest'" })]
      : []),
    ...modeErrors(given.mode),
  ],
  needs: ({ dest, src, creates, removes, ...rest }) => [
    'live:*',
    'package:*',
    ...[dest, rest.remote_src ? src : undefined, creates, removes].flatMap((p) =>
      p === undefined ? [] : [`path:${p}`],
    ),
    ...ownerNeeds(rest),
  ],
  touches: ({ method, dest }) => [
    ...(/^(GET|HEAD|OPTIONS)$/i.test(method) ? [] : ['live:*']),
    ...(dest === undefined ? [] : [`path:${dest}`]),
  ],
  probe: (
    given,
  ) => sh`${given.creates === undefined ? sh`:` : sh`if [ -e ${given.creates} ]; then printf 'created %s exists\n' ${given.creates}; fi`}
${given.removes === undefined ? sh`:` : sh`if [ ! -e ${given.removes} ]; then printf 'removed %s does not exist\n' ${given.removes}; fi`}
${given.dest === undefined ? sh`:` : probeDestination(given.dest, nameOf(given), given, { content: 'none' })}
${probeClient()}`,
  parse: (stdout) => fields(stdout),
  plan(f, given, ctx): Steps {
    const { url, method, src, remote_src } = given;
    if (isOver(f) !== undefined) return [];
    const file = src === undefined || remote_src ? undefined : ctx.file(src, 'files');
    const spool = file === undefined ? undefined : spoolOf(`/uri/${file.sha256}`, url, ctx);
    const at = target(f, given);
    const client = f.get('client');
    const ask = asking(client, { ...given, headers: conditional(given, at) }, spool ?? src);
    if (ask === undefined) {
      return blocked('E_TOOL_MISSING', {
        tool: `curl and no wget${url.startsWith('https') ? ', and bash cannot speak https' : ''}`,
        hint: 'install curl in an earlier task, or `delegate_to: localhost`',
      });
    }
    const run = judged(ask, given, client, { spool, dest: at?.path });
    const upload: readonly Upload[] =
      file === undefined || spool === undefined ? [] : [{ to: spool, content: [file], isSpooled: true }];
    const what = `${method.toUpperCase()} ${url}`;
    // As in Ansible, a request changes nothing on the host, so the task is `ok`.
    if (at === undefined) return [{ what, ...(upload.length > 0 && { upload }), run, action: true, harmless: true }];
    const steps = place(at.now, { path: at.path, source: { fill: run }, same: false, what, ...hidden(at) }, given, ctx);
    if ('blocked' in steps) return steps;
    const [first, ...labelling] = steps;
    return first === undefined ? [] : [written(first, upload, at, given, ctx), ...labelling];
  },
  data(f, given, _ctx, ran) {
    const over = isOver(f);
    if (over !== undefined) return { stdout: `skipped, since '${over}'` };
    const at = target(f, given);
    return {
      ...(at !== undefined && fileData(at.path, at.now)),
      ...(ran === undefined ? { url: given.url } : answerData(ran, given)),
    };
  },
});

/** Why nothing is sent. */
function isOver(f: Fields): string | undefined {
  return f.get('created') ?? f.get('removed');
}

function nameOf({ url }: Args): string {
  return basename(new URL(url).pathname) || 'index.html';
}

function target(f: Fields, given: Args): Destination | undefined {
  return given.dest === undefined ? undefined : destination(f, given.dest, nameOf(given), given);
}

/** The response is not needed if the file at dest is as new. */
function conditional({ headers = {}, force }: Args, at: Destination | undefined): NonNullable<Args['headers']> {
  if (force) return { 'Cache-Control': 'no-cache', ...headers };
  const { stat } = at?.now ?? {};
  return stat?.kind === 'file'
    ? { 'If-Modified-Since': new Date(stat.mtime * 1000).toUTCString(), ...headers }
    : headers;
}

function hidden({ now }: Destination): Readonly<{ before: string | null }> {
  return { before: now.stat === undefined ? null : '(the old file)\n' };
}

/** As in Ansible, the file at dest counts as changed, unless the server said that it is up to date. */
function written(step: Change, upload: readonly Upload[], at: Destination, given: Args, ctx: Context): Change {
  return {
    ...step,
    ...(upload.length > 0 && { upload: [...(step.upload ?? []), ...upload] }),
    action: true,
    ...(fixAttributes(at.now, at.path, given, ctx).length === 0 && { unaltered: SAME }),
  };
}
const SAME = 'bringup: not modified';

function asking(client: string | undefined, given: Args, bodyFile: string | undefined): Script | undefined {
  const request = requestOf(given, bodyFile);
  if (client === 'curl') return curl(request, []);
  if (given.unix_socket !== undefined || given.ciphers !== undefined) return undefined;
  if (client === 'wget') return wget(request, []);
  return client === 'bash' && given.url.startsWith('http://') && bodyFile === undefined ? byBash(given) : undefined;
}

function requestOf(given: Args, bodyFile?: string): Request {
  const { body, body_format, headers = {}, ...rest } = given;
  const type =
    body_format === 'json'
      ? 'application/json'
      : body_format === 'form-urlencoded'
        ? 'application/x-www-form-urlencoded'
        : undefined;
  return {
    ...rest,
    bodyFile,
    method: given.method.toUpperCase(),
    headers: { ...headers, ...(type !== undefined && !hasHeader(headers, 'content-type') && { 'Content-Type': type }) },
    ...(body !== undefined && body !== null && { body: bodyText(body, body_format) }),
    user: given.url_username,
    password: given.url_password,
    follow: isFollowed(given) ? 'all' : 'none',
  };
}

function bodyText(body: Value, format: Args['body_format']): string {
  if (typeof body === 'string') return body;
  if (format === 'json') return pythonJson(body);
  if (format === 'raw') return String(body);
  const pairs = Array.isArray(body) ? (body as readonly (readonly [Value, Value])[]) : Object.entries(body ?? {});
  return pairs
    .flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one) => [key, one] as const))
    .map(([key, value]) => `${formWord(String(key))}=${formWord(String(value))}`)
    .join('&');
}

/** Encodes a text as Python's urlencode does. */
function formWord(text: string): string {
  const code = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, code)
    .replaceAll('%20', '+');
}

/** `safe`: only requests that read are repeated at the new address; data is never sent twice. */
function isFollowed({ method, follow_redirects: follow }: Args): boolean {
  if (follow === 'safe') return /^(GET|HEAD)$/i.test(method);
  return follow !== 'no' && follow !== 'none' && follow !== false;
}

/** HTTP in a few lines of bash, which Debian has before anything is installed. */
function byBash(given: Args): Script {
  const request = requestOf(given);
  const { host, hostname, port, pathname, search } = new URL(given.url);
  const body = request.body ?? '';
  const head = [
    // A server answers HTTP/1.0 without chunks, which the host would have to join for a file.
    `${request.method} ${pathname}${search} HTTP/1.${given.dest === undefined ? 1 : 0}`,
    `Host: ${host}`,
    'Connection: close',
    ...Object.entries(headersOf(request)).map(([key, value]) => `${key}: ${value}`),
    ...(body === '' ? [] : [`Content-Length: ${new TextEncoder().encode(body).length}`]),
    '',
    body,
  ].join('\r\n');
  return sh`printf '%s\n' ${head} | timeout ${given.timeout} bash -c 'exec 9<>"/dev/tcp/$0/$1" && cat >&9 && cat <&9' ${hostname} ${port === '' ? '80' : port}`;
}

type Files = Readonly<{ spool: string | undefined; dest: string | undefined }>;

/** Prints the answer. `spool` is the upload that is sent as the body. With dest, the answer's body is written to "$s". */
function judged(run: Script, given: Args, client: string | undefined, { spool, dest }: Files): Script {
  const isBash = client === 'bash';
  const isCurl = client === 'curl';
  const ask = isBash
    ? sh`{ ${run}
} >"$d/all" || lost
tr -d '\r' <"$d/all" | sed '/^$/q' >"$d/head"
n=$(LC_ALL=C awk '{ n += length($0) + 1 } /^\r?$/ { print n; exit }' "$d/all")
tail -c "+$((n + 1))" "$d/all" >"$d/body"`
    : isCurl
      ? sh`{ ${verbatim(run.text.replace('curl -q -K -', 'curl -q -D "$d/head" -o "$d/body" -K -'))}
} || lost`
      : sh`{ ${verbatim(run.text.replace('wget ', 'wget -S --content-on-error -O "$d/body" '))}
} 2>"$d/err" || :
sed -n 's/^  //p' "$d/err" >"$d/head"`;
  const codes = given.status_code;
  // The script that replaces a file lets no redirection overwrite one; "$d" has files of its own.
  return sh`set +C; d=$(mktemp -d) || exit 1
u=${spool === undefined ? sh`` : sh`${staged(dirname(spool))}`}
trap 'rm -rf -- "$d"; [ -z "$u" ] || rm -rf -- "$u"' EXIT
: >"$d/body"
: >"$d/err"
lost() { cat "$d/err" >&2; printf 'no HTTP answer from %s\n' ${given.url} >&2; exit 1; }
${ask}
status=$(sed -n 's/^HTTP[^ ]* \([0-9][0-9]*\).*/\1/p' "$d/head" | tail -n 1)
[ -n "$status" ] || lost
printf 'status %s\n' "$status"
tr -d '\r' <"$d/head" | sed 's/^/header /'
${isBash ? sh`echo 'raw yes'` : sh`:`}
printf 'body %s\n' "$(base64 -w0 <"$d/body")"
case ${` ${codes.join(' ')} `} in *" $status "*) ;; *) printf 'the answer is %s, not %s\n' "$status" ${codes.join(' or ')} >&2; exit 1 ;; esac
${
  dest === undefined
    ? sh`:`
    : sh`set -C
if [ "$status" = 304 ]; then echo ${SAME}; cat -- ${dest} >"$s"; else cat -- "$d/body" >"$s"; fi`
}`;
}
